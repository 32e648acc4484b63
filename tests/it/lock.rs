//! Locks beyond CPython's tests: waits that are dropped, foreign combinators, code of a user wherever a lock may run
//! it, and locks before, between and after runs. Must not know conditions.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{pending, poll_fn};
use std::mem::{self, forget};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::Poll;
use std::time::Duration;

use futures::future::{Either, join, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, poll};
use oneloop::{
    Error, Lock, Task, TaskError, all_tasks, catch_cancelled, create_future, create_task, gather, sleep, yield_now,
};

use crate::support::{LONG, Log, counted, run, virtual_loop};

/// Runs a program that can never go on, and returns what each of its tasks waits for.
#[track_caller]
fn deadlock<T: fmt::Debug>(main: impl Future<Output = T>) -> Vec<String> {
    match virtual_loop().run_until_complete(main) {
        Err(Error::Deadlock(deadlock)) => deadlock.waiting,
        ended => panic!("{ended:?}"),
    }
}

/// A task that acquires the lock, logs `name`, yields once, and releases the lock.
fn visitor(lock: &Lock, log: &Log<&'static str>, name: &'static str) -> Task<()> {
    let (lock, log) = (lock.clone(), Rc::clone(log));
    create_task(visit(lock, log, name))
}

async fn visit(lock: Lock, log: Log<&'static str>, name: &'static str) {
    let _guard = lock.acquire().await;
    log.borrow_mut().push(name);
    yield_now().await;
}

// What it protects.

#[test]
fn what_is_read_before_an_await_still_holds_after_it() {
    run(async {
        let account = Lock::new(0_u32);
        let inside = Rc::new(Cell::new(0));
        gather((0..20_u64).map(|i| {
            let (account, inside) = (account.clone(), Rc::clone(&inside));
            async move {
                for round in 0..5 {
                    let mut balance = account.acquire().await;
                    assert_eq!(inside.replace(1), 0, "two are inside");
                    let before = *balance;
                    sleep(Duration::from_millis((i * 7 + round) % 5)).await;
                    *balance = before + 1;
                    inside.set(0);
                }
            }
        }))
        .await;
        assert_eq!(*account.acquire().await, 100);
    });
}

#[test]
fn a_guard_can_be_moved() {
    async fn hold(guard: oneloop::LockGuard<'_, Vec<i32>>) -> usize {
        yield_now().await;
        guard.len()
    }

    run(async {
        let lock = Lock::new(vec![1]);
        let mut guard = lock.acquire().await;
        guard.push(2);
        let moved = Box::new(guard);
        assert!(lock.locked());
        assert_eq!(hold(*moved).await, 2);
        assert!(!lock.locked());
        assert_eq!(lock.try_acquire().map(|guard| guard.len()), Some(2));
    });
}

#[test]
fn a_guard_that_is_forgotten_keeps_the_lock_for_ever() {
    let lock = Lock::new(());
    let kept = lock.clone();
    let waits = deadlock(async move {
        forget(kept.acquire().await);
        let waiter = kept.clone();
        let _second = create_task(async move { drop(waiter.acquire().await) }).named("second");
        drop(kept.acquire().await);
    });
    assert_eq!(waits, ["Task-1 waits for a lock held by Task-1", "second waits for a lock held by Task-1"]);
    assert!(lock.locked() && lock.try_acquire().is_none());
    assert_eq!(lock.waiters(), 0);
}

#[test]
fn a_panic_of_the_holder_releases_the_lock_and_spoils_nothing() {
    run(async {
        let lock = Lock::new(1);
        let inside = lock.clone();
        let mut holder = create_task(async move {
            let mut value = inside.acquire().await;
            *value = 2;
            yield_now().await;
            panic!("bang");
        });
        let next = lock.clone();
        let next = create_task(async move { *next.acquire().await });
        let ended: Result<(), _> = holder.outcome().await;
        assert!(matches!(ended, Err(TaskError::Panicked(panic)) if panic.message() == "bang"));
        assert_eq!(next.await, 2);
    });
}

#[test]
fn two_tasks_that_take_two_locks_crosswise_are_in_the_report() {
    let waits = deadlock(async {
        let locks = [Lock::new(()), Lock::new(())];
        let philosopher = |first: usize| {
            let [one, other] = [locks[first].clone(), locks[1 - first].clone()];
            create_task(async move {
                let _one = one.acquire().await;
                yield_now().await;
                drop(other.acquire().await);
            })
        };
        gather([philosopher(0), philosopher(1)]).await;
    });
    let expected = [
        "Task-1 waits for a gathering of 2",
        "Task-2 waits for a lock held by Task-3",
        "Task-3 waits for a lock held by Task-2",
    ];
    assert_eq!(waits, expected);
}

// The order of the tasks.

#[test]
fn a_task_that_releases_it_and_asks_again_is_behind_the_waiting_tasks() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let greedy = {
            let (lock, log) = (lock.clone(), Rc::clone(&log));
            create_task(async move {
                for _ in 0..3 {
                    let _guard = lock.acquire().await;
                    log.borrow_mut().push("greedy");
                    yield_now().await;
                }
            })
        };
        let others = [visitor(&lock, &log, "one"), visitor(&lock, &log, "two")];
        greedy.await;
        gather(others).await;
        assert_eq!(*log.borrow(), ["greedy", "one", "two", "greedy", "greedy"]);
    });
}

#[test]
fn try_acquire_is_refused_while_a_notified_task_has_not_run() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.try_acquire().expect("it is free");
        assert!(lock.try_acquire().is_none());
        let next = visitor(&lock, &log, "next");
        yield_now().await;
        drop(guard);
        assert!(!lock.locked());
        assert!(lock.try_acquire().is_none(), "it is the other's turn");
        // nor does an `acquire()` go on at once
        let late = lock.acquire().map(|_guard| log.borrow_mut().push("late"));
        let mut late = pin!(late);
        assert!(poll!(late.as_mut()).is_pending());
        next.await;
        late.await;
        assert_eq!(*log.borrow(), ["next", "late"]);
        assert!(lock.try_acquire().is_some());
    });
}

#[test]
fn try_acquire_succeeds_if_all_waiting_tasks_were_cancelled() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        let line = ["one", "two"].map(|name| visitor(&lock, &log, name));
        yield_now().await;
        line[0].cancel();
        drop(guard);
        assert!(lock.try_acquire().is_none(), "the second still waits");
        line[1].cancel();
        let guard = lock.try_acquire().expect("no task waits any more");
        yield_now().await;
        assert!(line.iter().all(Task::cancelled));
        assert!(lock.locked(), "a cancelled waiter does not release the lock of another task");
        drop(guard);
        assert_eq!((lock.locked(), lock.waiters(), log.borrow().len()), (false, 0, 0));
    });
}

#[test]
fn a_task_cancelled_after_its_notification_passes_that_on() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        let [one, two, three] = ["one", "two", "three"].map(|name| visitor(&lock, &log, name));
        yield_now().await;
        drop(guard);
        one.cancel();
        yield_now().await; // it leaves
        assert!(one.cancelled() && log.borrow().is_empty());
        two.cancel(); // which has just been notified
        yield_now().await;
        assert!(two.cancelled() && log.borrow().is_empty());
        yield_now().await;
        assert_eq!(*log.borrow(), ["three"]);
        three.await;
    });
}

#[test]
fn a_task_cancelled_in_the_middle_of_the_queue_changes_no_order() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        let line = ["a", "b", "c", "d", "e"].map(|name| visitor(&lock, &log, name));
        yield_now().await;
        line[1].cancel();
        yield_now().await;
        line[3].cancel();
        assert_eq!(lock.waiters(), 4); // one is on its way out
        drop(guard);
        let ended = gather(line).return_exceptions().await;
        assert_eq!(ended.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false, true]);
        assert_eq!(*log.borrow(), ["a", "c", "e"]);
    });
}

#[test]
fn a_cancelled_task_may_take_it_to_clean_up() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        let (inside, note) = (lock.clone(), Rc::clone(&log));
        let task = create_task(async move {
            let Err(cancelled) = catch_cancelled(inside.acquire().map(drop)).await else { return };
            visit(inside, note, "clean-up").await;
            cancelled.reraise().await;
        });
        yield_now().await;
        task.cancel();
        yield_now().await;
        assert_eq!((task.done(), lock.waiters()), (false, 1));
        drop(guard);
        assert!(catch_cancelled(task).await.is_err());
        assert_eq!((&*log.borrow(), lock.locked()), (&vec!["clean-up"], false));
    });
}

#[test]
fn many_tasks_that_wait_and_are_cancelled_at_once_leave_with_a_step_each() {
    const MANY: usize = 9_000;
    run(async {
        let (lock, log, polls) = (Lock::new(()), Log::default(), Rc::default());
        let guard = lock.acquire().await;
        let wait = || counted(&polls, visit(lock.clone(), Rc::clone(&log), "none"));
        let line: Vec<_> = (0..MANY).map(|_| create_task(wait())).collect();
        yield_now().await;
        assert_eq!(lock.waiters(), MANY);
        for task in &line {
            assert!(task.cancel());
        }
        drop(guard);
        yield_now().await;
        assert!(line.iter().all(Task::cancelled));
        assert_eq!((lock.waiters(), lock.locked(), log.borrow().len()), (0, false, 0));
        // counted are the polls of all: one to come, none to leave, and none because another leaves
        assert_eq!(polls.get(), MANY);
    });
}

// Waits that are dropped.

#[test]
fn a_wait_that_is_dropped_leaves_the_queue() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        assert!(lock.acquire().now_or_never().is_none());
        assert_eq!(lock.waiters(), 0);
        let next = visitor(&lock, &log, "next");
        yield_now().await;
        assert!(lock.acquire().now_or_never().is_none());
        assert_eq!(lock.waiters(), 1);
        drop(guard);
        yield_now().await;
        assert_eq!(*log.borrow(), ["next"]);
        next.await;
    });
}

#[test]
fn a_wait_that_is_dropped_after_its_notification_passes_that_on_at_once() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        let mut notified = Box::pin(lock.acquire());
        assert!(poll!(notified.as_mut()).is_pending());
        let next = visitor(&lock, &log, "next");
        yield_now().await;
        drop(guard);
        yield_now().await;
        assert_eq!((log.borrow().len(), lock.waiters()), (0, 1), "it is not its turn");
        drop(notified);
        yield_now().await;
        assert_eq!(*log.borrow(), ["next"]);
        next.await;
    });
}

#[test]
fn a_notified_wait_that_is_not_polled_keeps_its_notification() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        let mut notified = Box::pin(lock.acquire());
        assert!(poll!(notified.as_mut()).is_pending());
        let next = visitor(&lock, &log, "next");
        yield_now().await;
        drop(guard);
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(log.borrow().is_empty() && !lock.locked());
        let guard = notified.now_or_never().expect("it was notified");
        assert!(lock.locked());
        drop(guard);
        next.await;
    });
}

#[test]
fn select_that_drops_a_notified_wait_passes_the_notification_on() {
    run(async {
        let (lock, log, done) = (Lock::new(()), Log::default(), create_future());
        let guard = lock.acquire().await;
        let (inside, other) = (lock.clone(), done.clone());
        let selecting = create_task(async move {
            let acquire = pin!(inside.acquire());
            matches!(select(other, acquire).await, Either::Left((7, _)))
        });
        let next = visitor(&lock, &log, "next");
        yield_now().await;
        // both come true in one iteration, and the other is looked at first
        drop(guard);
        done.set_result(7).expect("it is set once");
        yield_now().await;
        assert!(selecting.await);
        next.await;
        assert_eq!((&*log.borrow(), lock.locked()), (&vec!["next"], false));
    });
}

#[test]
fn select_of_two_locks_takes_one_and_leaves_the_queue_of_the_other() {
    run(async {
        let locks = [Lock::new(1), Lock::new(2)];
        let guards = [locks[0].acquire().await, locks[1].acquire().await];
        let both = locks.clone();
        let selecting = create_task(async move {
            let (one, two) = (pin!(both[0].acquire()), pin!(both[1].acquire()));
            match select(one, two).await {
                Either::Left((guard, _)) | Either::Right((guard, _)) => *guard,
            }
        });
        yield_now().await;
        let [first, second] = guards;
        drop(second);
        assert_eq!(selecting.await, 2);
        assert_eq!((locks[0].waiters(), locks[1].locked()), (0, false));
        drop(first);
        assert_eq!(locks[0].try_acquire().as_deref(), Some(&1));
    });
}

// Combinators with wakers of their own.

#[test]
fn many_waits_in_one_task_acquire_it_in_the_order_of_the_first_polls() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        let inside = lock.clone();
        let note = Rc::clone(&log);
        let crowd = create_task(async move {
            let names = ["a", "b", "c", "d"];
            let mut crowd: FuturesUnordered<_> =
                names.into_iter().map(|name| visit(inside.clone(), Rc::clone(&note), name)).collect();
            while crowd.next().await.is_some() {}
        });
        yield_now().await;
        let order = log.clone();
        let outsider = visitor(&lock, &log, "outsider");
        yield_now().await;
        assert_eq!(lock.waiters(), 5);
        drop(guard);
        crowd.await;
        outsider.await;
        let mut order = order.borrow().clone();
        assert_eq!(order.pop(), Some("outsider"));
        order.sort_unstable(); // the combinator polls its children as it likes
        assert_eq!((order, lock.locked()), (vec!["a", "b", "c", "d"], false));
    });
}

#[test]
fn many_waits_that_are_dropped_pass_the_notification_of_one_on() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        let mut crowd: FuturesUnordered<_> = (0..4).map(|_| lock.acquire()).collect();
        assert!(poll!(crowd.next()).is_pending());
        let next = visitor(&lock, &log, "next");
        yield_now().await; // the combinator has woken this task, which so comes first
        yield_now().await;
        assert_eq!(lock.waiters(), 5);
        drop(guard);
        assert_eq!(lock.waiters(), 4);
        drop(crowd);
        yield_now().await;
        yield_now().await;
        assert_eq!(*log.borrow(), ["next"]);
        next.await;
        assert!(!lock.locked());
    });
}

#[test]
fn a_task_that_is_cancelled_with_a_notified_wait_among_many_passes_the_notification_on() {
    run(async {
        for cancel_first in [true, false] {
            let (lock, log) = (Lock::new(()), Log::default());
            let guard = lock.acquire().await;
            let inside = lock.clone();
            let crowd = create_task(async move {
                let mut crowd: FuturesUnordered<_> = (0..3).map(|_| inside.acquire()).collect();
                drop(crowd.next().await);
                pending::<()>().await;
            });
            let next = visitor(&lock, &log, "next");
            yield_now().await;
            if cancel_first {
                crowd.cancel();
                drop(guard);
            } else {
                drop(guard);
                crowd.cancel();
            }
            next.await;
            assert!(crowd.cancelled());
            assert_eq!((lock.waiters(), lock.locked()), (0, false));
        }
    });
}

#[test]
fn two_waits_of_one_task_have_it_one_after_the_other() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        join(visit(lock.clone(), Rc::clone(&log), "one"), visit(lock.clone(), Rc::clone(&log), "two")).await;
        assert_eq!((&*log.borrow(), lock.locked()), (&vec!["one", "two"], false));
    });
}

#[test]
fn a_wait_that_moves_to_another_task_wakes_that_one() {
    run(async {
        let (lock, steps) = (Lock::new(()), Rc::new(Cell::new(0)));
        let guard = lock.acquire().await;
        let inside = lock.clone();
        let mut wait: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move { drop(inside.acquire().await) });
        let handed = create_future();
        let (hand_over, count) = (handed.clone(), Rc::clone(&steps));
        let _first = create_task(async move {
            assert!(poll!(wait.as_mut()).is_pending());
            assert!(hand_over.set_result(Cell::new(Some(wait))).is_ok());
            poll_fn(|_| {
                count.set(count.get() + 1);
                Poll::<()>::Pending
            })
            .await;
        });
        let second = create_task(async move { handed.await.take().expect("it was handed over").await });
        yield_now().await;
        yield_now().await;
        yield_now().await;
        drop(guard);
        second.await;
        assert_eq!(steps.get(), 1, "the first task was left alone");
    });
}

#[test]
fn a_wait_that_is_polled_again_and_again_keeps_its_one_place() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        let mut patient = pin!(lock.acquire());
        let next = visitor(&lock, &log, "next");
        for _ in 0..10 {
            assert!(poll!(patient.as_mut()).is_pending());
            yield_now().await;
        }
        assert_eq!(lock.waiters(), 2);
        drop(guard);
        drop(patient.await);
        next.await;
    });
}

#[test]
fn a_wait_that_survives_a_cancellation_keeps_its_place() {
    run(async {
        let (lock, log) = (Lock::new(()), Log::default());
        let guard = lock.acquire().await;
        let (inside, note) = (lock.clone(), Rc::clone(&log));
        let patient = create_task(async move {
            let mut acquire = pin!(inside.acquire());
            for _ in 0..3 {
                assert!(catch_cancelled(acquire.as_mut()).await.is_err());
            }
            let _guard = acquire.await;
            note.borrow_mut().push("patient");
        });
        let next = visitor(&lock, &log, "next");
        for _ in 0..3 {
            yield_now().await;
            assert!(patient.cancel());
        }
        yield_now().await;
        assert_eq!(lock.waiters(), 2);
        drop(guard);
        patient.await;
        next.await;
        assert_eq!(*log.borrow(), ["patient", "next"]);
    });
}

// Before, between and after runs.

#[test]
fn it_needs_no_loop_while_no_task_has_to_wait() {
    let lock = Lock::new(String::from("alone"));
    assert_eq!(lock.acquire().now_or_never().as_deref().map(String::as_str), Some("alone"));
    let guard = lock.try_acquire().expect("it is free");
    assert_eq!((guard.as_str(), lock.locked()), ("alone", true));
    drop(guard);
    for _ in 0..2 {
        run(async { lock.acquire().await.push('!') }); // in any number of loops
    }
    assert_eq!(*lock.try_acquire().expect("it is free"), "alone!!");
}

#[test]
#[should_panic(expected = "no event loop on this thread")]
fn a_wait_outside_any_loop_says_what_to_do() {
    let lock = Lock::new(());
    let _guard = lock.try_acquire();
    let _ = lock.acquire().now_or_never();
}

#[test]
fn a_guard_that_is_dropped_between_two_runs_notifies_the_next_task() {
    let (lp, lock, log) = (virtual_loop(), Lock::new(()), Log::default());
    let guard = lp.run_until_complete(lock.acquire()).expect("it is free");
    let next = {
        let _in = lp.enter();
        visitor(&lock, &log, "next")
    };
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!((lock.waiters(), log.borrow().len()), (1, 0));
    drop(guard);
    assert_eq!((lock.waiters(), lock.locked(), lock.try_acquire().is_none()), (0, false, true));
    lp.run_until_complete(next).expect("it runs");
    assert_eq!(*log.borrow(), ["next"]);
}

#[test]
fn a_guard_may_outlive_the_loop_it_was_taken_in() {
    let lock = Lock::new(1);
    let lp = virtual_loop();
    let guard = lp.run_until_complete(lock.acquire()).expect("it is free");
    let waiter = lock.clone();
    lp.create_task(async move { *waiter.acquire().await });
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!(lock.waiters(), 1);
    drop(lp);
    assert_eq!((lock.waiters(), lock.locked()), (0, true));
    drop(guard);
    assert_eq!(lock.try_acquire().as_deref(), Some(&1));
}

/// Asks for the lock when it is dropped, and starts a task that waits for it.
struct Asks {
    lock: Lock,
    seen: Log<bool>,
}

impl Drop for Asks {
    fn drop(&mut self) {
        let (guard, again) = (self.lock.try_acquire(), self.lock.clone());
        self.seen.borrow_mut().push(guard.is_some());
        create_task(async move {
            let _guard = again.acquire().await;
            pending::<()>().await;
        });
        drop(guard);
    }
}

#[test]
fn destructors_may_take_it_and_let_it_go_while_the_loop_closes() {
    let (lock, seen) = (Lock::new(()), Log::default());
    let lp = virtual_loop();
    for _ in 0..3 {
        let asks = Asks { lock: lock.clone(), seen: Rc::clone(&seen) };
        let lock = lock.clone();
        lp.create_task(async move {
            let _asks = asks; // goes after the guard
            let _guard = lock.acquire().await;
            pending::<()>().await;
        });
    }
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!((lock.waiters(), lock.locked()), (2, true));
    lp.close().expect("it does not run");
    assert_eq!(seen.borrow().len(), 3);
    assert_eq!((lock.waiters(), lock.locked()), (0, false));
    assert!(lock.try_acquire().is_some());
}

// Code of a user.

#[test]
fn a_value_that_is_replaced_may_ask_for_the_lock_when_it_goes() {
    /// Looks at the lock that it lies in when it is dropped, and starts a task that waits for it.
    #[derive(Default)]
    struct Nosy {
        lock: Option<Lock<Self>>,
        seen: Log<bool>,
    }

    impl Drop for Nosy {
        fn drop(&mut self) {
            let Some(lock) = self.lock.take() else { return };
            self.seen.borrow_mut().push(lock.locked() && lock.try_acquire().is_none());
            create_task(async move { lock.acquire().await.seen.borrow_mut().push(true) });
        }
    }

    run(async {
        let (lock, old, new) = (Lock::new(Nosy::default()), Log::default(), Log::default());
        let mut guard = lock.acquire().await;
        *guard = Nosy { lock: Some(lock.clone()), seen: Rc::clone(&old) };
        *guard = Nosy { lock: None, seen: Rc::clone(&new) };
        assert_eq!(*old.borrow(), [true]);
        yield_now().await;
        assert_eq!((all_tasks().len(), new.borrow().len()), (2, 0)); // it waits
        drop(guard);
        yield_now().await;
        assert_eq!(*new.borrow(), [true]);
        assert!(!lock.locked());
    });
}

#[test]
fn a_value_may_start_tasks_when_its_lock_goes() {
    /// Starts a task when it is dropped.
    struct Last(Log<&'static str>);

    impl Drop for Last {
        fn drop(&mut self) {
            let log = mem::take(&mut self.0);
            create_task(async move { log.borrow_mut().push("ran") });
        }
    }

    run(async {
        let log = Log::default();
        let lock = Lock::new(Last(Rc::clone(&log)));
        let other = lock.clone();
        drop(lock.acquire().await);
        drop(lock);
        yield_now().await;
        assert!(log.borrow().is_empty(), "a clone is left");
        drop(other);
        yield_now().await;
        assert_eq!(*log.borrow(), ["ran"]);
    });
}

#[test]
fn debug_of_a_value_may_look_at_its_lock_and_start_tasks() {
    /// Shows whether the lock that it lies in is held.
    struct Mirror {
        lock: RefCell<Weak<Lock<Self>>>,
        log: Log<&'static str>,
    }

    impl fmt::Debug for Mirror {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let log = Rc::clone(&self.log);
            create_task(async move { log.borrow_mut().push("shown") });
            write!(f, "held: {:?}", self.lock.borrow().upgrade().map(|lock| lock.locked()))
        }
    }

    run(async {
        let log = Log::default();
        let lock = Rc::new(Lock::new(Mirror { lock: RefCell::default(), log: Rc::clone(&log) }));
        lock.acquire().await.lock.replace(Rc::downgrade(&lock));
        assert!(format!("{lock:?}").contains("held: Some("));
        let guard = lock.acquire().await;
        assert!(format!("{guard:?}").contains("held: Some(true)"));
        assert!(!format!("{lock:?}").contains("held"), "a task holds its value");
        yield_now().await;
        assert_eq!(*log.borrow(), ["shown", "shown"]);
    });
}

#[test]
fn a_lock_in_its_own_value_is_no_matter_to_the_loop() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        let lock: Lock<Option<Lock<()>>> = Lock::new(None);
        let inner = Lock::new(());
        *lock.acquire().await = Some(inner.clone());
        let guard = lock.acquire().await;
        let held = inner.acquire().await;
        assert!(guard.as_ref().expect("it was put there").locked());
        sleep(LONG).await;
        drop(held);
        guard.as_ref().map(Lock::locked)
    });
    assert_eq!(ended.ok(), Some(Some(false)));
}

// Owned guards.

#[test]
fn owned_and_borrowed_guards_stand_in_one_queue_and_see_one_value() {
    run(async {
        let lock = Lock::new(String::new());
        let first = lock.acquire_owned().await;
        assert!(lock.locked() && lock.try_acquire().is_none() && lock.try_acquire_owned().is_none());
        let owners = ["a", "b"].map(|name| {
            let lock = lock.clone();
            create_task(async move { lock.acquire_owned().await.push_str(name) })
        });
        let other = lock.clone();
        let borrower = create_task(async move { other.acquire().await.push('c') });
        yield_now().await;
        assert_eq!(lock.waiters(), 3);
        drop(first);
        gather(owners).await;
        borrower.await;
        assert_eq!(*lock.try_acquire_owned().unwrap(), "abc");
        assert_eq!(format!("{lock:?}"), "Lock { locked: false, waiting: 0, value: \"abc\" }");
    });
}

#[test]
fn an_owned_guard_goes_with_a_task_and_gives_the_value_back_when_that_panics_or_is_cancelled() {
    run(async {
        let lock = Lock::new(vec![1]);
        for ends_by_panic in [true, false] {
            let mut guard = lock.acquire_owned().await;
            let mut holder = create_task(async move {
                guard.push(2);
                yield_now().await;
                assert!(!ends_by_panic, "on purpose");
                pending::<()>().await;
            });
            yield_now().await;
            yield_now().await;
            holder.cancel();
            assert!(holder.outcome().await.is_err());
        }
        assert_eq!(*lock.acquire().await, [1, 2, 2]);
    });
}

#[test]
fn a_wait_for_an_owned_guard_that_is_dropped_passes_its_turn_on() {
    run(async {
        let lock = Lock::new(0);
        let held = lock.acquire_owned().await;
        let mut dropped = Box::pin(lock.acquire_owned());
        assert!(poll!(&mut dropped).is_pending());
        let next = create_task(lock.acquire_owned());
        yield_now().await;
        drop(held);
        drop(dropped);
        *next.await += 1;
        assert_eq!(*lock.acquire().await, 1);
    });
}
