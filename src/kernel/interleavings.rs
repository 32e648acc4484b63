//! All interleavings of a loop with the threads that send to it, tried by loom. The loop here is a thread that does
//! with its inbox what a loop does: it falls asleep, takes messages, refuses more, and is gone. Must not know what is
//! sent.

use std::iter;

use super::inbox::{EndSleep, Epoch, Inbox, Message, Sleeper};
use crate::base::TaskKey;
use crate::base::concurrency::{Arc, AtomicU64, Condvar, Mutex, Ordering, interleave, lock, thread, wait_while};

const EPOCH: Epoch = 1;

/// What a loop sleeps on. As the descriptor of a loop it counts: a ring that comes before the sleep ends it.
#[derive(Debug, Default)]
struct Bell {
    has_rung: Mutex<bool>,
    rings: Condvar,
}

impl EndSleep for Bell {
    fn end_sleep(&self) {
        *lock(&self.has_rung) = true;
        self.rings.notify_one();
    }
}

impl Bell {
    fn sleep(&self) {
        let mut has_rung = wait_while(&self.rings, lock(&self.has_rung), |has_rung| !has_rung);
        *has_rung = false;
    }
}

/// A loop and what reaches it.
struct TestLoop {
    inbox: Arc<Inbox<Bell>>,
    bell: Arc<Bell>,
    sleeper: Sleeper,
}

impl TestLoop {
    fn open() -> Self {
        let (inbox, bell) = (Arc::new(Inbox::default()), Arc::new(Bell::default()));
        assert_eq!(inbox.open(EPOCH, &bell), Some(0));
        Self { inbox, bell, sleeper: Sleeper::Loop }
    }

    fn hosted() -> Self {
        Self { sleeper: Sleeper::Host, ..Self::open() }
    }

    /// Runs `send` on another thread.
    fn send(&self, send: impl FnOnce(&Inbox<Bell>) + 'static) -> thread::JoinHandle<()> {
        let inbox = Arc::clone(&self.inbox);
        thread::spawn(move || send(&inbox))
    }

    /// Sleeps and takes messages until `receive` has what it waits for. A message that is slept over is a deadlock,
    /// which loom reports.
    fn run_until(&self, mut receive: impl FnMut(&Message) -> bool) {
        loop {
            if self.inbox.fall_asleep(self.sleeper) {
                self.bell.sleep();
            }
            self.inbox.wake_up();
            let messages = if self.inbox.is_empty() { Vec::new() } else { self.inbox.take(Vec::new()) };
            // all are looked at, also behind the one that is enough
            if messages.iter().fold(false, |is_enough, message| receive(message) | is_enough) {
                return;
            }
        }
    }
}

fn key(task: usize) -> TaskKey {
    TaskKey::from_word(task)
}

fn is_wake_of(message: &Message, task: usize) -> bool {
    matches!(message, Message::Wake(woken) if *woken == key(task))
}

/// Words that threads write before they wake a task, in no order of their own.
fn words<const N: usize>() -> Arc<[AtomicU64; N]> {
    Arc::new(std::array::from_fn(|_| AtomicU64::new(0)))
}

#[test]
fn two_threads_wake_two_tasks_and_each_finds_what_was_written_before() {
    interleave("two_threads_wake_two_tasks_and_each_finds_what_was_written_before", || {
        two_threads_wake_two_tasks(&TestLoop::open());
    });
}

#[test]
fn two_threads_wake_two_tasks_of_a_loop_in_whose_place_a_host_waits() {
    interleave("two_threads_wake_two_tasks_of_a_loop_in_whose_place_a_host_waits", || {
        two_threads_wake_two_tasks(&TestLoop::hosted());
    });
}

fn two_threads_wake_two_tasks(lp: &TestLoop) {
    let written = words::<2>();
    let threads = [0, 1].map(|n| {
        let written = Arc::clone(&written);
        lp.send(move |inbox| {
            written[n].store(1, Ordering::Relaxed);
            inbox.send_wake(key(n));
        })
    });
    let mut woken = [false; 2];
    lp.run_until(|message| {
        for n in [0, 1].into_iter().filter(|n| is_wake_of(message, *n)) {
            assert_eq!(written[n].load(Ordering::Relaxed), 1, "the task was woken and finds nothing");
            woken[n] = true;
        }
        woken == [true; 2]
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn two_threads_wake_one_task_which_finds_what_both_have_written_although_a_wake_may_be_left_out() {
    interleave("two_threads_wake_one_task_which_finds_what_both_have_written_although_a_wake_may_be_left_out", || {
        let (lp, written) = (TestLoop::open(), words::<2>());
        let threads = [0, 1].map(|n| {
            let written = Arc::clone(&written);
            lp.send(move |inbox| {
                written[n].store(1, Ordering::Relaxed);
                inbox.send_wake(key(7));
            })
        });
        lp.run_until(|message| is_wake_of(message, 7) && written.iter().all(|word| word.load(Ordering::Relaxed) == 1));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn one_thread_wakes_a_task_again_while_the_loop_takes_the_first_wake() {
    interleave("one_thread_wakes_a_task_again_while_the_loop_takes_the_first_wake", || {
        let (lp, written) = (TestLoop::open(), words::<1>());
        let waker = lp.send({
            let written = Arc::clone(&written);
            move |inbox| {
                for n in 1..=3 {
                    written[0].store(n, Ordering::Relaxed);
                    inbox.send_wake(key(7));
                }
            }
        });
        lp.run_until(|message| is_wake_of(message, 7) && written[0].load(Ordering::Relaxed) == 3);
        waker.join().unwrap();
    });
}

#[test]
fn messages_of_one_thread_come_in_their_order_beside_those_of_another() {
    interleave("messages_of_one_thread_come_in_their_order_beside_those_of_another", || {
        let lp = TestLoop::open();
        let first = lp.send(|inbox| (0..2).for_each(|n| inbox.send(EPOCH, Message::Arrived(n)).unwrap()));
        let second = lp.send(|inbox| inbox.send_wake(key(7)));
        let (mut arrived, mut is_woken) = (0, false);
        lp.run_until(|message| {
            match message {
                Message::Arrived(n) => {
                    assert_eq!(*n, arrived);
                    arrived += 1;
                }
                Message::Wake(_) => is_woken = true,
                Message::Run(_) => unreachable!("none was sent"),
            }
            arrived == 2 && is_woken
        });
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn a_message_to_a_loop_that_closes_is_taken_by_it_or_comes_back() {
    interleave("a_message_to_a_loop_that_closes_is_taken_by_it_or_comes_back", || {
        let (lp, came_back) = (TestLoop::open(), words::<1>());
        let sender = lp.send({
            let came_back = Arc::clone(&came_back);
            move |inbox| {
                if inbox.send(EPOCH, Message::Arrived(1)).is_err() {
                    came_back[0].store(1, Ordering::Relaxed);
                }
                inbox.send_wake(key(7)); // to whatever loop there is
            }
        });
        lp.inbox.refuse();
        let taken = lp.inbox.take(Vec::new()).into_iter().filter(|message| matches!(message, Message::Arrived(1)));
        let taken = taken.count() as u64;
        assert!(!lp.inbox.is_open(EPOCH));
        lp.inbox.retire(9);
        sender.join().unwrap();
        assert_eq!(taken + came_back[0].load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_message_to_a_loop_that_is_gone_never_reaches_the_next_one_with_its_inbox() {
    interleave("a_message_to_a_loop_that_is_gone_never_reaches_the_next_one_with_its_inbox", || {
        let lp = TestLoop::open();
        let sender = lp.send(|inbox| drop(inbox.send(EPOCH, Message::Arrived(1))));
        lp.inbox.refuse();
        lp.inbox.retire(9);
        assert_eq!(lp.inbox.open(EPOCH + 1, &lp.bell), Some(9));
        let taken = iter::repeat_with(|| lp.inbox.take(Vec::new())).take(2);
        assert_eq!(taken.flatten().count(), 0);
        sender.join().unwrap();
        assert_eq!(lp.inbox.take(Vec::new()).len(), 0);
    });
}
