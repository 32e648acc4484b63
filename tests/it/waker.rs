//! Wakers: numbers that may go to any thread, live for any time, and be used when nothing is left to wake.

use std::cell::{Cell, RefCell};
use std::future::{Future as _, pending, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt as _};
use oneloop::{EventLoop, StreamReader, Task, create_future, create_task, sleep, yield_now};

use crate::support::{Log, SECOND, real_loop, virtual_loop, waker_that_calls_when_cloned};

/// The waker of the running task.
async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

/// A task that counts its steps and ends when `over` is set; and its waker.
async fn counting(steps: &Rc<Cell<usize>>, over: &Rc<Cell<bool>>) -> (Task<()>, Waker) {
    let (sender, receiver) = mpsc::channel();
    let (steps, over) = (Rc::clone(steps), Rc::clone(over));
    let task = create_task(poll_fn(move |cx| {
        steps.set(steps.get() + 1);
        let _ = sender.send(cx.waker().clone()); // of the first step; later ones meet no task
        if over.get() { Poll::Ready(()) } else { Poll::Pending }
    }));
    yield_now().await;
    (task, receiver.recv().expect("it was polled"))
}

#[test]
fn a_wake_queues_one_step_however_often_it_is_repeated() {
    virtual_loop()
        .run_until_complete(async {
            let (steps, over) = Default::default();
            let (_task, waker) = counting(&steps, &over).await;
            for _ in 0..10 {
                waker.wake_by_ref();
                waker.wake_by_ref();
            }
            yield_now().await;
            yield_now().await;
            assert_eq!(steps.get(), 2);
        })
        .expect("it runs");
}

#[test]
fn a_wake_inside_poll_comes_in_the_next_iteration() {
    let lp = virtual_loop();
    let steps = Cell::new(0);
    lp.run_until_complete(poll_fn(|cx| {
        steps.set(steps.get() + 1);
        if steps.get() == 5 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }))
    .expect("it runs");
    assert_eq!(steps.get(), 5);
}

#[test]
fn a_wake_after_the_task_has_ended_does_nothing_also_to_the_task_in_its_slot() {
    virtual_loop()
        .run_until_complete(async {
            let (steps, over) = Default::default();
            let (task, stale) = counting(&steps, &over).await;
            over.set(true);
            stale.wake_by_ref();
            task.await;
            let (later_steps, never) = Default::default();
            let (_later, fresh) = counting(&later_steps, &never).await;
            stale.wake_by_ref();
            yield_now().await;
            assert_eq!((steps.get(), later_steps.get()), (2, 1));
            assert!(!fresh.will_wake(&stale));
            fresh.wake();
            yield_now().await;
            assert_eq!(later_steps.get(), 2);
        })
        .expect("it runs");
}

#[test]
fn a_wake_inside_the_step_that_ends_the_task_does_nothing() {
    let lp = virtual_loop();
    let value = lp.run_until_complete(async {
        create_task(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(3)
        }))
        .await
    });
    assert_eq!(value.ok(), Some(3));
}

#[test]
fn a_waker_outlives_its_loop_and_does_nothing_also_to_the_next_loop() {
    let lp = virtual_loop();
    let waker = lp.run_until_complete(own_waker()).expect("it runs");
    drop(lp);
    let next = virtual_loop();
    next.run_until_complete(async {
        let (steps, over) = Default::default();
        let (_task, _waker) = counting(&steps, &over).await;
        waker.wake_by_ref();
        yield_now().await;
        assert_eq!(steps.get(), 1);
    })
    .expect("it runs");
    waker.wake_by_ref();
    drop(waker);
}

#[test]
fn a_wake_outside_any_run_is_there_when_the_loop_runs_again() {
    let lp = virtual_loop();
    let (steps, over): (Rc<Cell<usize>>, Rc<Cell<bool>>) = Default::default();
    let (task, waker) = lp.run_until_complete(counting(&steps, &over)).expect("it runs");
    over.set(true);
    waker.wake();
    lp.run_until_complete(task).expect("it ends");
    assert_eq!(steps.get(), 2);
}

#[test]
fn a_wake_of_another_loops_task_inside_a_running_loop_reaches_it() {
    let (lp, other) = (virtual_loop(), virtual_loop());
    let (steps, over): (Rc<Cell<usize>>, Rc<Cell<bool>>) = Default::default();
    let (task, waker) = other.run_until_complete(counting(&steps, &over)).expect("it runs");
    over.set(true);
    lp.run_until_complete(async move { waker.wake() }).expect("it runs");
    other.run_until_complete(task).expect("it ends");
    assert_eq!(steps.get(), 2, "the first, and the one that it was woken for");
}

#[test]
fn a_wake_from_another_thread_ends_the_sleep_of_a_loop() {
    let lp = real_loop();
    let started = Instant::now();
    let woken = Arc::new(AtomicBool::new(false));
    lp.run_until_complete(async {
        let waker = own_waker().await;
        let note = Arc::clone(&woken);
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20)); // until the loop sleeps
            note.store(true, Ordering::Release);
            waker.wake();
        });
        poll_fn(|_| if woken.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }).await;
        thread.join().expect("it ends well");
    })
    .expect("it runs");
    assert!(started.elapsed() < 60 * SECOND);
}

#[test]
fn ten_thousand_wakes_from_another_thread_are_all_met() {
    const WAKES: usize = 10_000;
    let lp = real_loop();
    let (asked, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut polls = 0;
    lp.run_until_complete(async {
        let waker = own_waker().await;
        let (ask, answer) = (Arc::clone(&asked), Arc::clone(&answered));
        let thread = thread::spawn(move || {
            for i in 1..=WAKES {
                ask.store(i, Ordering::Release);
                waker.wake_by_ref();
                // every tenth wake waits for its answer, so that the loop falls asleep in between
                while i % 10 == 0 && answer.load(Ordering::Acquire) < i {
                    thread::yield_now();
                }
            }
        });
        poll_fn(|_| {
            polls += 1;
            let seen = asked.load(Ordering::Acquire);
            answered.store(seen, Ordering::Release);
            if seen == WAKES { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        thread.join().expect("it ends well");
    })
    .expect("it runs");
    // a poll at the most for each wake, and one at the least for each that waits for its answer
    assert!((WAKES / 10..=WAKES + 1).contains(&polls), "{polls} polls");
}

#[test]
fn many_threads_wake_many_tasks() {
    const TASKS: usize = 100;
    let lp = real_loop();
    lp.run_until_complete(async {
        let flags: Arc<Vec<AtomicBool>> = Arc::new((0..TASKS).map(|_| AtomicBool::new(false)).collect());
        let polls = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..TASKS)
            .map(|i| {
                let (flags, polls) = (Arc::clone(&flags), Rc::clone(&polls));
                create_task(poll_fn(move |cx| {
                    polls.borrow_mut().push((i, cx.waker().clone()));
                    if flags[i].load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
                }))
            })
            .collect();
        yield_now().await;
        let wakers = polls.take();
        assert_eq!(wakers.len(), TASKS);
        for part in wakers.chunks(TASKS / 4) {
            let (part, flags) = (part.to_vec(), Arc::clone(&flags));
            thread::spawn(move || {
                for (i, waker) in part {
                    flags[i].store(true, Ordering::Release);
                    waker.wake();
                }
            });
        }
        for task in tasks {
            task.await;
        }
        assert_eq!(polls.take().len(), TASKS, "a wake is a poll, and there is no other");
    })
    .expect("it runs");
}

#[test]
fn wakers_are_cloned_woken_and_dropped_on_another_thread_after_the_task_and_the_loop_are_gone() {
    let lp = virtual_loop();
    let (to_thread, wakers) = mpsc::channel::<Waker>();
    let (to_test, turns) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        for waker in wakers {
            let clones: Vec<Waker> = (0..10).map(|_| waker.clone()).collect();
            clones.iter().for_each(Waker::wake_by_ref);
            clones.into_iter().for_each(Waker::wake);
            drop(waker);
            to_test.send(()).expect("the test lives");
        }
    });
    let steps = Rc::new(Cell::new(0));
    let waker = lp
        .run_until_complete(async {
            let over = Rc::default();
            let (task, waker) = counting(&steps, &over).await;
            to_thread.send(waker.clone()).expect("the thread lives"); // while it is pending
            turns.recv().expect("the thread lives");
            over.set(true);
            task.await;
            to_thread.send(waker.clone()).expect("the thread lives"); // when it is gone
            turns.recv().expect("the thread lives");
            yield_now().await;
            waker
        })
        .expect("it runs");
    assert_eq!(steps.get(), 2);
    drop(lp);
    to_thread.send(waker).expect("the thread lives"); // when its loop is gone
    turns.recv().expect("the thread lives");
    drop(to_thread);
    thread.join().expect("it ends well");
}

/// Notes the thread on which it is dropped; not `Send`.
struct Local(Rc<Cell<Option<ThreadId>>>);

impl Drop for Local {
    fn drop(&mut self) {
        self.0.set(Some(thread::current().id()));
    }
}

#[test]
fn a_future_that_is_not_send_is_dropped_on_its_own_thread_though_the_last_waker_is_elsewhere() {
    let (dropped, lp) = (Rc::new(Cell::new(None)), virtual_loop());
    let local = Local(Rc::clone(&dropped));
    let (sender, receiver) = mpsc::channel();
    let task = lp.create_task(async move {
        let _local = local;
        sender.send(own_waker().await).expect("the test lives");
        pending::<()>().await;
    });
    lp.run_until_complete(yield_now()).expect("it runs");
    let waker = receiver.recv().expect("it was polled");
    let thread = thread::spawn(move || {
        waker.wake_by_ref();
        drop(waker);
    });
    task.cancel();
    lp.run_until_complete(yield_now()).expect("it runs");
    thread.join().expect("it ends well");
    drop(lp);
    assert_eq!(dropped.get(), Some(thread::current().id()));
}

#[test]
fn threads_that_wake_while_the_loop_closes_meet_nothing() {
    for _ in 0..50 {
        let lp = virtual_loop();
        let waker = lp.run_until_complete(own_waker()).expect("it runs");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                waker.wake_by_ref();
            }
        });
        let witness = Rc::new(());
        let held = Rc::clone(&witness);
        drop(lp.create_task(async move {
            pending::<()>().await;
            drop(held);
        }));
        lp.run_until_complete(yield_now()).expect("it runs");
        drop(lp);
        assert_eq!(Rc::strong_count(&witness), 1, "the loop has closed");
        stop.store(true, Ordering::Release);
        thread.join().expect("it ends well");
    }
}

#[test]
fn two_loops_on_two_threads_wake_each_other() {
    const TURNS: usize = 1000;
    let (turn, limit) = (Arc::new(AtomicUsize::new(0)), 2 * TURNS);
    let wakers: [Arc<std::sync::Mutex<Option<Waker>>>; 2] = Default::default();
    let player = |me: usize| {
        let (turn, wakers) = (Arc::clone(&turn), wakers.clone());
        move || {
            oneloop::run(poll_fn(|cx| {
                *wakers[me].lock().expect("no panic") = Some(cx.waker().clone());
                let now = turn.load(Ordering::SeqCst);
                if now % 2 == me && now < limit {
                    turn.store(now + 1, Ordering::SeqCst);
                }
                let other = wakers[1 - me].lock().expect("no panic").clone();
                if let Some(other) = other {
                    other.wake();
                }
                if now >= limit - 1 { Poll::Ready(()) } else { Poll::Pending }
            }))
        }
    };
    let (one, two) = (thread::spawn(player(0)), player(1)());
    two.expect("it runs");
    one.join().expect("it ends well").expect("it runs");
    assert_eq!(turn.load(Ordering::SeqCst), limit);
}

#[test]
fn a_waker_of_foreign_make_is_woken_by_timers_futures_and_tasks() {
    let lp = virtual_loop();
    let start = lp.time();
    lp.run_until_complete(async {
        let future = create_future();
        let setter = future.clone();
        EventLoop::current().call_later(2 * SECOND, move || setter.set_result(2));
        let mut all = FuturesUnordered::<std::pin::Pin<Box<dyn Future<Output = i32>>>>::new();
        all.push(Box::pin(async {
            sleep(3 * SECOND).await;
            3
        }));
        all.push(Box::pin(future));
        all.push(Box::pin(create_task(async {
            sleep(SECOND).await;
            1
        })));
        all.push(Box::pin(ready(0)));
        let mut order = Vec::new();
        while let Some(one) = all.next().await {
            order.push(one);
        }
        assert_eq!(order, [0, 1, 2, 3]);
    })
    .expect("it runs");
    assert_eq!(lp.time() - start, 3 * SECOND);
}

#[test]
fn a_foreign_waker_that_uses_the_loop_when_it_is_woken_meets_no_borrow() {
    struct Schedules(AtomicUsize);
    impl Wake for Schedules {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            let lp = EventLoop::current();
            lp.call_soon(|| ());
            lp.call_later(SECOND, || ()).cancel();
            drop(lp.create_task(async {}));
            assert!(lp.create_future::<()>().cancel());
        }
    }
    let lp = virtual_loop();
    let (future, witness) = (lp.create_future::<()>(), Arc::new(Schedules(AtomicUsize::new(0))));
    let waker = Waker::from(Arc::clone(&witness));
    let mut cx = Context::from_waker(&waker);
    let _in = lp.enter();
    let mut timer = Box::pin(sleep(SECOND));
    let mut awaited = Box::pin(future.clone());
    assert!(timer.as_mut().poll(&mut cx).is_pending());
    assert!(awaited.as_mut().poll(&mut cx).is_pending());
    future.set_result(()).expect("it is pending");
    lp.run_until_complete(sleep(2 * SECOND)).expect("it runs");
    assert_eq!(witness.0.load(Ordering::SeqCst), 2);
    assert!(timer.as_mut().poll(&mut cx).is_ready() && awaited.as_mut().poll(&mut cx).is_ready());
    drop((timer, awaited, waker));
    assert_eq!(Arc::strong_count(&witness), 1);
}

#[test]
fn leaves_polled_by_a_foreign_executor_with_the_loop_entered_keep_no_waker_when_dropped() {
    let lp = virtual_loop();
    let _in = lp.enter();
    let witness = Arc::new(Idle);
    let waker = Waker::from(Arc::clone(&witness));
    let mut cx = Context::from_waker(&waker);
    let (mut timer, task) = (Box::pin(sleep(SECOND)), create_task(pending::<()>()));
    let (mut task, future) = (Box::pin(task), create_future::<()>());
    let mut awaited = Box::pin(future.clone());
    assert!(timer.as_mut().poll(&mut cx).is_pending());
    assert!(task.as_mut().poll(&mut cx).is_pending() && awaited.as_mut().poll(&mut cx).is_pending());
    drop(waker);
    assert_eq!(Arc::strong_count(&witness), 4);
    drop((timer, task, awaited));
    assert_eq!(Arc::strong_count(&witness), 1);
    drop(future);
}

/// A waker that does nothing.
struct Idle;

impl Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn tasks_that_another_thread_wakes_over_and_over_take_their_steps_in_the_order_of_their_first_wakes() {
    const TASKS: usize = 700;
    const ROUNDS: usize = 10; // more wakes than the loop keeps before it looks through them
    let lp = virtual_loop();
    let (steps, wakers) = (Log::default(), Rc::new(RefCell::new(Vec::new())));
    for n in 0..TASKS {
        let (steps, wakers) = (Rc::clone(&steps), Rc::clone(&wakers));
        drop(lp.create_task(poll_fn(move |cx| {
            steps.borrow_mut().push(n);
            wakers.borrow_mut().push(cx.waker().clone());
            Poll::<()>::Pending
        })));
    }
    lp.run_until_complete(yield_now()).expect("it runs");
    steps.take();
    let (handle, wakers) = (lp.remote(), wakers.take());
    let (called, calls) = mpsc::channel();
    let other = thread::spawn(move || {
        for round in 0..ROUNDS {
            for n in 0..TASKS {
                wakers[(n + round * 3) % TASKS].wake_by_ref();
            }
            let called = called.clone();
            handle.call_soon_threadsafe(move || called.send(round)).expect("it is open");
        }
    });
    other.join().expect("it wakes");
    lp.run_until_complete(async { yield_now().await }).expect("it runs");
    assert_eq!(steps.take(), (0..TASKS).collect::<Vec<_>>());
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), (0..ROUNDS).collect::<Vec<_>>());
}

/// Later loops have the number of the one that is gone, and their tasks are in the same slots.
#[test]
fn a_waker_of_a_loop_that_is_gone_wakes_nothing_in_thousands_of_later_loops() {
    const LOOPS: usize = 3_000;
    const TASKS: usize = 5;
    let polls = Rc::new(Cell::new(0_usize));
    let wakers = Rc::new(RefCell::new(Vec::new()));
    for round in 0..LOOPS {
        let lp = virtual_loop();
        for _ in 0..TASKS {
            let (polls, wakers) = (Rc::clone(&polls), Rc::clone(&wakers));
            drop(lp.create_task(poll_fn(move |cx| {
                polls.set(polls.get() + 1);
                if round == 0 {
                    wakers.borrow_mut().push(cx.waker().clone());
                }
                Poll::<()>::Pending
            })));
        }
        lp.run_until_complete(async {
            yield_now().await;
            if round > 0 {
                wakers.borrow().iter().for_each(Waker::wake_by_ref);
            }
            yield_now().await;
        })
        .expect("it runs");
    }
    assert_eq!((polls.get(), wakers.borrow().len()), (LOOPS * TASKS, TASKS));
}

#[test]
fn a_stream_that_is_fed_while_the_waker_is_cloned_ends_the_wait() {
    let lp = virtual_loop();
    let _in = lp.enter();
    let reader = Rc::new(StreamReader::new());
    let fed = Rc::clone(&reader);
    let waker = waker_that_calls_when_cloned(move || fed.feed_data(b"x"));
    let mut read = pin!(reader.read(1));
    let polled = read.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(matches!(&polled, Poll::Ready(Ok(bytes)) if bytes == b"x"), "{polled:?}");
}
