//! CPython's `test_locks.py`: who has a lock, an event, a condition, a semaphore or a barrier next, and what a
//! cancellation leaves behind. Must not know how waiters are kept.
//!
//! asyncio's `release()` of a lock is the drop of its guard here, so a task that is to let it go from outside is told
//! to by a future. One that acquires and never releases forgets its guard.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::mem::forget;
use std::rc::Rc;

use futures::FutureExt;
use oneloop::error::{BrokenBarrierError, ReleaseError};
use oneloop::{
    Barrier, BoundedSemaphore, Condition, Event, EventLoop, Future, Lock, Semaphore, Task, TaskError, TimeoutError,
    catch_cancelled, create_future, create_task, gather, sleep, task_group, timeout, wait_for,
};

use crate::support::{Log, cancelling, ms, now, panic_in, panic_of, run, run_briefly, virtual_loop};

fn shows(what: &impl Debug, text: &str) -> bool {
    format!("{what:?}").contains(text)
}

/// Tells a task to go on.
fn tell(gate: &Future<()>) {
    gate.set_result(()).expect("it is told once");
}

/// Cancels in the next iteration, as a callback of the loop.
fn cancel_soon<T: 'static>(task: &Task<T>) {
    let handle = task.handle();
    EventLoop::current().call_soon(move || assert!(handle.cancel()));
}

mod lock_tests {
    use super::*;

    /// Takes the lock, writes `n` down, and lets the lock go when it is told to.
    fn holder(lock: &Lock, log: &Log<i32>, n: i32, gate: &Future<()>) -> Task<bool> {
        let (lock, log, gate) = (lock.clone(), Rc::clone(log), gate.clone());
        create_task(async move {
            let _guard = lock.acquire().await;
            log.borrow_mut().push(n);
            gate.await;
            true
        })
    }

    /// Takes the lock and keeps it for ever.
    fn keeper(lock: &Lock) -> Task<()> {
        let lock = lock.clone();
        create_task(async move { forget(lock.acquire().await) })
    }

    #[test]
    fn test_repr() {
        run(async {
            let lock = Lock::new(7);
            assert!(shows(&lock, "Lock") && shows(&lock, "locked: false") && shows(&lock, "value: 7"));
            let guard = lock.acquire().await;
            assert!(shows(&lock, "locked: true") && shows(&lock, "waiting: 0") && !shows(&lock, "value"));
            assert!(shows(&guard, "7"));
            let waiter = lock.clone();
            create_task(async move { drop(waiter.acquire().await) });
            run_briefly().await;
            assert!(shows(&lock, "waiting: 1"));
        });
    }

    /// A lock is nothing that can be awaited; and an `acquire()` that is not awaited takes nothing.
    #[test]
    fn test_lock() {
        run(async {
            let lock = Lock::new(());
            drop(lock.acquire());
            assert_eq!((lock.locked(), lock.waiters()), (false, 0));
        });
    }

    /// What is not bound to a name is let go at once.
    #[test]
    fn test_lock_by_with_statement() {
        run(async {
            let (lock, condition) = (Lock::new(()), Condition::new(()));
            let (semaphore, bounded) = (Semaphore::new(1), BoundedSemaphore::new(1));
            for _ in 0..2 {
                sleep(ms(10)).await;
                let locked = [lock.locked(), condition.locked(), semaphore.locked(), bounded.locked()];
                assert_eq!(locked, [false; 4]);
                let _ = lock.acquire().await;
                let _ = condition.acquire().await;
                let _ = semaphore.acquire().await;
                let _ = bounded.acquire().await;
            }
            let locked = [lock.locked(), condition.locked(), semaphore.locked(), bounded.locked()];
            assert_eq!(locked, [false; 4]);
        });
    }

    #[test]
    fn test_acquire() {
        run(async {
            let (lock, log, gate) = (Lock::new(()), Log::default(), [create_future(), create_future()]);
            let guard = lock.acquire().await;
            let t1 = holder(&lock, &log, 1, &gate[0]);
            let t2 = holder(&lock, &log, 2, &gate[1]);
            run_briefly().await;
            assert_eq!(*log.borrow(), []);

            drop(guard);
            run_briefly().await;
            assert_eq!(*log.borrow(), [1]);
            run_briefly().await;
            assert_eq!(*log.borrow(), [1]);

            let open = create_future();
            tell(&open);
            let t3 = holder(&lock, &log, 3, &open);
            tell(&gate[0]);
            run_briefly().await; // the first lets it go
            run_briefly().await;
            assert_eq!(*log.borrow(), [1, 2]);
            tell(&gate[1]);
            run_briefly().await;
            run_briefly().await;
            assert_eq!(*log.borrow(), [1, 2, 3]);

            assert!(t1.done() && t2.done() && t3.done());
            assert_eq!((t1.await, t2.await, t3.await, lock.locked()), (true, true, true, false));
        });
    }

    #[test]
    fn test_acquire_cancel() {
        run(async {
            let lock = Lock::new(());
            let _guard = lock.acquire().await;
            let task = keeper(&lock);
            cancel_soon(&task);
            assert!(catch_cancelled(task).await.is_err());
            assert_eq!((lock.waiters(), lock.locked(), cancelling()), (0, true, 0));
        });
    }

    #[test]
    fn test_cancel_race() {
        run(async {
            let (lock, gate) = (Lock::new(()), create_future());
            let log = Log::default();
            let open = create_future();
            tell(&open);
            let a = holder(&lock, &log, 1, &gate);
            run_briefly().await;
            assert!(lock.locked());
            let b = holder(&lock, &log, 2, &open);
            run_briefly().await;
            assert_eq!(lock.waiters(), 1);
            let c = holder(&lock, &log, 3, &open);
            run_briefly().await;
            assert_eq!(lock.waiters(), 2);

            // the first waiter is cancelled in the iteration in which the lock is let go
            tell(&gate);
            assert!(b.cancel());
            assert!(!b.cancelled());
            run_briefly().await;
            assert!(!lock.locked());
            assert!(a.done() && !a.cancelled());
            assert!(b.cancelled());
            assert!(c.await);
            assert_eq!(*log.borrow(), [1, 3]);
        });
    }

    #[test]
    fn test_cancel_release_race() {
        run(async {
            let (lock, calls, locks) = (Lock::new(()), Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            let guard = lock.acquire().await;
            let [t1, t2, t3] = [(); 3].map(|()| {
                let (lock, calls, locks) = (lock.clone(), Rc::clone(&calls), Rc::clone(&locks));
                create_task(async move {
                    calls.set(calls.get() + 1);
                    forget(lock.acquire().await);
                    locks.set(locks.get() + 1);
                })
            });
            run_briefly().await;

            assert!(t1.cancel());
            drop(guard);
            let first = t1.handle();
            assert!(catch_cancelled(t1).await.is_err());
            assert_eq!((locks.get(), calls.get()), (1, 3));
            assert!(first.cancelled() && t2.done() && !t2.cancelled());
            run_briefly().await;
            assert!(!t3.done() && lock.locked());

            t3.cancel();
            run_briefly().await;
            assert!(t3.cancelled());
            assert_eq!((locks.get(), lock.waiters()), (1, 0));
        });
    }

    #[test]
    fn test_finished_waiter_cancelled() {
        run(async {
            let lock = Lock::new(());
            let guard = lock.acquire().await;
            assert!(lock.locked());
            let b = keeper(&lock);
            run_briefly().await;
            assert_eq!(lock.waiters(), 1);

            // a task that comes while the only waiter is on its way out does not have to wait
            let c = keeper(&lock);
            b.cancel();
            drop(guard);
            run_briefly().await;
            assert!(lock.locked());
            assert!(b.cancelled());
            assert!(c.done());
            c.await;
        });
    }

    #[test]
    fn test_release_no_waiters() {
        run(async {
            let lock = Lock::new(());
            let guard = lock.acquire().await;
            assert!(lock.locked());
            drop(guard);
            assert!(!lock.locked());
        });
    }

    #[test]
    fn test_context_manager() {
        run(async {
            let lock = Lock::new(());
            assert!(!lock.locked());
            {
                let _guard = lock.acquire().await;
                assert!(lock.locked());
            }
            assert!(!lock.locked());
        });
    }
}

mod event_tests {
    use super::*;

    /// Waits for the event and writes `n` down.
    fn waiter(event: &Event, log: &Log<i32>, n: i32) -> Task<bool> {
        let (event, log) = (event.clone(), Rc::clone(log));
        create_task(async move {
            event.wait().await;
            log.borrow_mut().push(n);
            true
        })
    }

    #[test]
    fn test_repr() {
        run(async {
            let event = Event::new();
            assert!(shows(&event, "Event") && shows(&event, "set: false") && shows(&event, "waiting: 0"));
            event.set();
            assert!(shows(&event, "set: true"));
            event.clear();
            waiter(&event, &Log::default(), 1);
            run_briefly().await;
            assert!(shows(&event, "set: false") && shows(&event, "waiting: 1"));
        });
    }

    #[test]
    fn test_wait() {
        run(async {
            let (event, log) = (Event::new(), Log::default());
            assert!(!event.is_set());
            let t1 = waiter(&event, &log, 1);
            let t2 = waiter(&event, &log, 2);
            run_briefly().await;
            assert_eq!(*log.borrow(), []);
            let t3 = waiter(&event, &log, 3);
            event.set();
            run_briefly().await;
            assert_eq!(*log.borrow(), [3, 1, 2]);
            assert!(t1.done() && t2.done() && t3.done());
            assert_eq!((t1.await, t2.await, t3.await), (true, true, true));
        });
    }

    #[test]
    fn test_wait_on_set() {
        run(async {
            let event = Event::new();
            event.set();
            // without a turn
            assert_eq!(event.wait().now_or_never(), Some(()));
        });
    }

    #[test]
    fn test_wait_cancel() {
        run(async {
            let event = Event::new();
            let task = waiter(&event, &Log::default(), 1);
            cancel_soon(&task);
            assert!(catch_cancelled(task).await.is_err());
            assert_eq!((event.waiters(), cancelling()), (0, 0));
        });
    }

    #[test]
    fn test_clear() {
        let event = Event::new();
        assert!(!event.is_set());
        event.set();
        assert!(event.is_set());
        event.clear();
        assert!(!event.is_set());
    }

    #[test]
    fn test_clear_with_waiters() {
        run(async {
            let (event, log) = (Event::new(), Log::default());
            let task = waiter(&event, &log, 1);
            run_briefly().await;
            assert_eq!((&*log.borrow(), event.waiters()), (&Vec::new(), 1));
            event.set();
            event.clear();
            assert!(!event.is_set());
            event.set();
            event.set();
            assert!(!task.done());
            run_briefly().await;
            assert_eq!((&*log.borrow(), event.waiters()), (&vec![1], 0));
            assert!(task.done());
            assert!(task.await);
        });
    }
}

mod condition_tests {
    use super::*;

    /// Waits to be notified, writes `n` down, and lets the lock go when it is told to.
    fn waiter(condition: &Condition, log: &Log<i32>, n: i32, gate: &Future<()>) -> Task<bool> {
        let (condition, log, gate) = (condition.clone(), Rc::clone(log), gate.clone());
        create_task(async move {
            let mut guard = condition.acquire().await;
            condition.wait(&mut guard).await;
            log.borrow_mut().push(n);
            gate.await;
            true
        })
    }

    /// Waits to be notified and writes `n` down.
    fn brief_waiter(condition: &Condition, log: &Log<i32>, n: i32) -> Task<bool> {
        let open = create_future();
        tell(&open);
        waiter(condition, log, n, &open)
    }

    /// Takes one from the state as soon as there is one, again and again, until it is negative.
    async fn consume(condition: Condition<i32>) {
        let mut state = condition.acquire().await;
        loop {
            condition.wait_for(&mut state, |state| *state != 0).await;
            if *state < 0 {
                return;
            }
            *state -= 1;
        }
    }

    /// A wait that the guard of another lock comes with.
    const FOREIGN: &str = "this guard is of another lock than the condition's";

    #[test]
    fn test_wait() {
        run(async {
            let (condition, log) = (Condition::default(), Log::default());
            let gates = [(); 3].map(|()| create_future());
            let [t1, t2, t3] = [0, 1, 2].map(|i| waiter(&condition, &log, i + 1, &gates[usize::try_from(i).unwrap()]));
            run_briefly().await;
            assert_eq!((&*log.borrow(), condition.locked(), condition.waiters()), (&vec![], false, 3));

            let guard = condition.acquire().await;
            condition.notify(&guard, 1);
            run_briefly().await;
            assert_eq!((&*log.borrow(), condition.locked()), (&vec![], true));
            drop(guard);
            run_briefly().await;
            assert_eq!((&*log.borrow(), condition.locked()), (&vec![1], true));

            // two more are notified when the lock is to be had again
            tell(&gates[0]);
            let guard = condition.acquire().await;
            condition.notify(&guard, 2);
            run_briefly().await;
            assert_eq!((&*log.borrow(), condition.locked()), (&vec![1], true));
            drop(guard);
            run_briefly().await;
            assert_eq!((&*log.borrow(), condition.locked()), (&vec![1, 2], true));
            tell(&gates[1]);
            run_briefly().await;
            run_briefly().await;
            assert_eq!((&*log.borrow(), condition.locked()), (&vec![1, 2, 3], true));
            tell(&gates[2]);
            assert_eq!((t1.await, t2.await, t3.await, condition.locked()), (true, true, true, false));
        });
    }

    #[test]
    fn test_wait_cancel() {
        run(async {
            let condition: Condition = Condition::default();
            let inside = condition.clone();
            let task = create_task(async move {
                let mut guard = inside.acquire().await;
                let ended = catch_cancelled(inside.wait(&mut guard)).await;
                (ended.is_err(), inside.locked(), inside.waiters())
            });
            cancel_soon(&task);
            assert_eq!(task.await, (true, true, 0));
            assert!(!condition.locked());
        });
    }

    #[test]
    fn test_wait_cancel_contested() {
        run(async {
            let condition: Condition = Condition::default();
            let inside = condition.clone();
            let task = create_task(async move {
                let mut guard = inside.acquire().await;
                let ended = catch_cancelled(inside.wait(&mut guard)).await;
                forget(guard);
                ended.is_err()
            });
            run_briefly().await;
            assert!(!condition.locked());

            let guard = condition.acquire().await;
            assert!(condition.locked());
            condition.notify(&guard, 1);
            cancel_soon(&task);
            run_briefly().await; // it is notified, waits for the lock, and is cancelled there
            drop(guard);
            assert!(!condition.locked());
            assert!(task.await);
            assert!(condition.locked());
        });
    }

    #[test]
    fn test_wait_cancel_after_notify() {
        run(async {
            let (condition, reached) = (Condition::new(()), Rc::new(Cell::new(false)));
            let (inside, mark) = (condition.clone(), Rc::clone(&reached));
            let task = create_task(async move {
                let mut guard = inside.acquire().await;
                mark.set(true);
                inside.wait(&mut guard).await;
            });
            run_briefly().await;
            let guard = condition.acquire().await;
            condition.notify(&guard, 1);
            run_briefly().await; // it waits for the lock
            assert!(task.cancel());
            run_briefly().await; // the cancellation is seen, and the lock waited for again
            assert!(!task.done());
            drop(guard);
            run_briefly().await;
            assert!(task.cancelled());
            assert!(reached.get());
            assert!(!condition.locked());
        });
    }

    /// There is no wait without a guard. One that is of another lock, or has lost the lock, is refused.
    #[test]
    fn test_wait_unacquired() {
        run(async {
            let (condition, other) = (Condition::new(1), Condition::new(2));
            let mut guard = other.acquire().await;
            assert!(panic_in(condition.wait(&mut guard)).await.contains(FOREIGN));
            assert_eq!((condition.locked(), other.locked(), *guard), (false, true, 2));

            let mut lost = condition.acquire().await;
            assert!(condition.wait(&mut lost).now_or_never().is_none()); // dropped in the middle
            assert!(panic_in(condition.wait(&mut lost)).await.contains("does not hold the lock any more"));
            assert!(!condition.locked());
        });
    }

    #[test]
    fn test_wait_for() {
        run(async {
            let (condition, log) = (Condition::new(false), Log::default());
            let (inside, note) = (condition.clone(), Rc::clone(&log));
            let task = create_task(async move {
                let mut guard = inside.acquire().await;
                inside.wait_for(&mut guard, |wanted| *wanted).await;
                note.borrow_mut().push(1);
                true
            });
            run_briefly().await;
            assert_eq!(*log.borrow(), []);

            let guard = condition.acquire().await;
            condition.notify(&guard, 1);
            drop(guard);
            run_briefly().await;
            assert_eq!((&*log.borrow(), condition.waiters()), (&vec![], 1));

            let mut guard = condition.acquire().await;
            *guard = true;
            condition.notify(&guard, 1);
            drop(guard);
            run_briefly().await;
            assert_eq!(*log.borrow(), [1]);
            assert!(task.done());
            assert!(task.await);
        });
    }

    /// What is true already is not waited for, and the lock is not let go; but a guard of another lock is refused even
    /// then.
    #[test]
    fn test_wait_for_unacquired() {
        run(async {
            let (condition, other) = (Condition::new(1), Condition::new(2));
            let mut guard = condition.acquire().await;
            let mut asked = 0;
            let met = condition.wait_for(&mut guard, |value| {
                asked += *value;
                true
            });
            assert_eq!((met.now_or_never(), asked, condition.locked()), (Some(()), 1, true));

            let mut foreign = other.acquire().await;
            for met in [false, true] {
                let refusal = panic_in(condition.wait_for(&mut foreign, |_| met)).await;
                assert!(refusal.contains(FOREIGN), "{refusal}");
            }
            assert!(other.locked());
        });
    }

    #[test]
    fn test_notify() {
        run(async {
            let (condition, log) = (Condition::default(), Log::default());
            let [t1, t2, t3] = [1, 2, 3].map(|n| brief_waiter(&condition, &log, n));
            run_briefly().await;
            assert_eq!(*log.borrow(), []);

            let guard = condition.acquire().await;
            condition.notify(&guard, 1);
            drop(guard);
            run_briefly().await;
            assert_eq!(*log.borrow(), [1]);

            let guard = condition.acquire().await;
            condition.notify(&guard, 1);
            condition.notify(&guard, 2048);
            drop(guard);
            run_briefly().await;
            assert_eq!(*log.borrow(), [1, 2, 3]);
            assert!(t1.done() && t2.done() && t3.done());
            assert_eq!((t1.await, t2.await, t3.await), (true, true, true));
        });
    }

    #[test]
    fn test_notify_all() {
        run(async {
            let (condition, log) = (Condition::default(), Log::default());
            let [t1, t2] = [1, 2].map(|n| brief_waiter(&condition, &log, n));
            run_briefly().await;
            assert_eq!(*log.borrow(), []);
            let guard = condition.acquire().await;
            condition.notify_all(&guard);
            drop(guard);
            run_briefly().await;
            assert_eq!(*log.borrow(), [1, 2]);
            assert!(t1.done() && t2.done());
            assert_eq!((t1.await, t2.await), (true, true));
        });
    }

    /// The guard of another lock is what is left to refuse.
    #[test]
    fn test_notify_unacquired() {
        run(async {
            let (condition, other, log) = (Condition::default(), Condition::default(), Log::default());
            let task = brief_waiter(&condition, &log, 1);
            run_briefly().await;
            let foreign = other.acquire().await;
            assert!(panic_in(async { condition.notify(&foreign, 1) }).await.contains(FOREIGN));
            run_briefly().await;
            assert_eq!((task.done(), condition.waiters()), (false, 1));
        });
    }

    #[test]
    fn test_notify_all_unacquired() {
        run(async {
            let (condition, other, log) = (Condition::default(), Condition::default(), Log::default());
            let task = brief_waiter(&condition, &log, 1);
            run_briefly().await;
            let foreign = other.acquire().await;
            assert!(panic_in(async { condition.notify_all(&foreign) }).await.contains(FOREIGN));
            run_briefly().await;
            assert_eq!((task.done(), condition.waiters()), (false, 1));
        });
    }

    #[test]
    fn test_repr() {
        run(async {
            let (condition, log) = (Condition::default(), Log::default());
            assert!(shows(&condition, "Condition") && shows(&condition, "locked: false"));
            let guard = condition.acquire().await;
            assert!(shows(&condition, "locked: true"));
            drop(guard);
            for n in 1..=2 {
                brief_waiter(&condition, &log, n);
                run_briefly().await;
                assert_eq!((condition.waiters(), condition.locked()), (usize::try_from(n).unwrap(), false));
            }
        });
    }

    #[test]
    fn test_context_manager() {
        run(async {
            let condition = Condition::new(());
            assert!(!condition.locked());
            {
                let _guard = condition.acquire().await;
                assert!(condition.locked());
            }
            assert!(!condition.locked());
        });
    }

    #[test]
    fn test_explicit_lock() {
        run(async {
            let lock = Lock::new(1);
            let condition = Condition::with_lock(&lock);
            let locked = || (lock.locked(), condition.locked());
            assert_eq!(locked(), (false, false));
            *condition.acquire().await += 1;
            {
                let guard = condition.acquire().await;
                assert_eq!((locked(), *guard), ((true, true), 2));
            }
            assert_eq!(locked(), (false, false));
            {
                // its guards are the lock's own
                let mut guard = lock.acquire().await;
                assert_eq!((locked(), *guard), ((true, true), 2));
                condition.notify(&guard, 1);
                condition.wait_for(&mut guard, |value| *value == 2).await;
            }
            assert_eq!(locked(), (false, false));
        });
    }

    #[test]
    fn test_ambiguous_loops() {
        const BOUND: &str = "is bound to the event loop whose tasks waited for it first; make one for each loop";
        let (lock, waited_for) = (Lock::new(()), Condition::new(()));
        let first = virtual_loop();
        let (of_lock, of_condition) = (lock.clone(), waited_for.clone());
        let waits = first.create_task(async move {
            {
                let _guard = of_lock.acquire().await;
                assert!(of_lock.acquire().now_or_never().is_none());
            }
            let mut guard = of_condition.acquire().await;
            of_condition.wait(&mut guard).await;
        });
        first.run_until_complete(run_briefly()).expect("it yields once");

        run(async {
            // what has not to wait does not look at the loop
            let _guard = lock.acquire().await;
            let condition = Condition::with_lock(&lock);
            assert!(panic_in(condition.acquire()).await.contains(BOUND));
            assert!(panic_in(lock.acquire()).await.contains(BOUND));

            let mut guard = waited_for.acquire().await;
            assert!(panic_in(waited_for.wait(&mut guard)).await.contains(BOUND));
        });
        assert!(!waits.done());
    }

    #[test]
    fn test_timeout_in_block() {
        run(async {
            let (start, condition) = (now(), Condition::new(1));
            let mut guard = condition.acquire().await;
            assert_eq!(wait_for(condition.wait(&mut guard), ms(500)).await, Err(TimeoutError));
            // the lock is held again
            assert_eq!((*guard, condition.locked(), condition.waiters()), (1, true, 0));
            assert_eq!((now() - start, cancelling()), (ms(500), 0));
            drop(guard);
            assert!(!condition.locked());
        });
    }

    /// A task that waits for what never comes, writes down how it was cancelled, and raises that on.
    fn victim(condition: &Condition<bool>, caught: &Rc<RefCell<Option<oneloop::Cancelled>>>) -> Task<()> {
        let (condition, caught) = (condition.clone(), Rc::clone(caught));
        create_task(async move {
            let mut guard = condition.acquire().await;
            let ended = catch_cancelled(condition.wait_for(&mut guard, |wake| *wake)).await;
            let cancelled = ended.expect_err("it was cancelled");
            assert!(condition.locked());
            caught.borrow_mut().replace(cancelled.clone());
            cancelled.reraise().await;
        })
    }

    #[test]
    fn test_cancelled_error_wakeup() {
        run(async {
            let (condition, caught) = (Condition::new(false), Rc::default());
            let mut task = victim(&condition, &caught);
            run_briefly().await;
            task.cancel_with("foo");
            let Err(TaskError::Cancelled(ended)) = task.outcome().await else { panic!("it was not cancelled") };
            assert_eq!(ended.message(), Some("foo"));
            assert_eq!(Some(ended), caught.take());
            assert!(!condition.locked());
        });
    }

    #[test]
    fn test_cancelled_error_re_aquire() {
        run(async {
            let (condition, caught) = (Condition::new(false), Rc::default());
            let mut task = victim(&condition, &caught);
            run_briefly().await;
            let mut guard = condition.acquire().await;
            *guard = true;
            condition.notify(&guard, 1);
            run_briefly().await; // it waits for the lock now
            task.cancel_with("foo");
            drop(guard);
            let Err(TaskError::Cancelled(ended)) = task.outcome().await else { panic!("it was not cancelled") };
            assert_eq!(ended.message(), Some("foo"));
            assert_eq!(Some(ended), caught.take());
            assert!(!condition.locked());
        });
    }

    /// One item for two consumers, of whom the one that was woken is cancelled, at once or when it waits for the lock.
    fn cancelled_consumer(at_the_lock: bool) {
        run(async move {
            let condition = Condition::new(0);
            let mut consumers = [(); 2].map(|()| create_task(consume(condition.clone())));
            run_briefly().await;
            let mut state = condition.acquire().await;
            *state += 1;
            condition.notify(&state, 1);
            if at_the_lock {
                run_briefly().await;
            }
            assert!(consumers[0].cancel());

            // no task tells that the item was taken, so this ends when its time is up
            let start = now();
            let told = timeout(ms(10), condition.wait_for(&mut state, |state| *state == 0)).await;
            assert_eq!((told, *state, now() - start), (Err(TimeoutError), 0, ms(10)));
            assert!(consumers[0].cancelled());

            *state = -1;
            condition.notify_all(&state);
            drop(state);
            assert!(consumers[1].outcome().await.is_ok());
        });
    }

    #[test]
    fn test_cancelled_wakeup() {
        cancelled_consumer(false);
    }

    #[test]
    fn test_cancelled_wakeup_relock() {
        cancelled_consumer(true);
    }
}

mod semaphore_tests {
    use super::*;

    /// Takes a permit for good and writes `n` down.
    fn taker(semaphore: &Semaphore, log: &Log<i32>, n: i32) -> Task<bool> {
        let (semaphore, log) = (semaphore.clone(), Rc::clone(log));
        create_task(async move {
            semaphore.acquire().await.forget();
            log.borrow_mut().push(n);
            true
        })
    }

    #[test]
    fn test_initial_value_zero() {
        let semaphore = Semaphore::new(0);
        assert_eq!((semaphore.locked(), semaphore.value()), (true, 0));
    }

    #[test]
    fn test_repr() {
        run(async {
            let (semaphore, log) = (Semaphore::new(1), Log::default());
            assert!(shows(&semaphore, "Semaphore") && shows(&semaphore, "value: 1"));
            semaphore.acquire().await.forget();
            assert!(shows(&semaphore, "value: 0") && shows(&semaphore, "waiting: 0"));
            for n in 1..=2 {
                taker(&semaphore, &log, n);
                run_briefly().await;
                assert!(shows(&semaphore, &format!("waiting: {n}")));
            }
            assert!(shows(&BoundedSemaphore::new(3), "value: 3"));
        });
    }

    /// A semaphore is nothing that can be awaited; and an `acquire()` that is not awaited takes nothing.
    #[test]
    fn test_semaphore() {
        run(async {
            let semaphore = Semaphore::new(1);
            assert_eq!(semaphore.value(), 1);
            drop(semaphore.acquire());
            assert_eq!((semaphore.locked(), semaphore.value()), (false, 1));
        });
    }

    #[test]
    fn test_acquire() {
        run(async {
            let (semaphore, log) = (Semaphore::new(3), Log::default());
            semaphore.acquire().await.forget();
            semaphore.acquire().await.forget();
            assert!(!semaphore.locked());
            let [t1, t2, t3] = [1, 2, 3].map(|n| taker(&semaphore, &log, n));
            run_briefly().await;
            assert_eq!((&*log.borrow(), semaphore.locked()), (&vec![1], true));
            assert_eq!((semaphore.waiters(), semaphore.value()), (2, 0));

            let t4 = taker(&semaphore, &log, 4);
            semaphore.release();
            semaphore.release();
            assert_eq!(semaphore.value(), 0);
            run_briefly().await;
            assert_eq!((&*log.borrow(), semaphore.locked()), (&vec![1, 2, 3], true));
            assert_eq!((semaphore.waiters(), semaphore.value()), (1, 0));
            assert!(t1.done() && t2.done() && t3.done() && !t4.done());

            semaphore.release();
            assert_eq!(gather([t1, t2, t3, t4]).await, [true; 4]);
        });
    }

    #[test]
    fn test_acquire_cancel() {
        run(async {
            let semaphore = Semaphore::new(1);
            semaphore.acquire().await.forget();
            let task = taker(&semaphore, &Log::default(), 1);
            cancel_soon(&task);
            assert!(catch_cancelled(task).await.is_err());
            assert_eq!((semaphore.waiters(), semaphore.value()), (0, 0));
        });
    }

    #[test]
    fn test_acquire_cancel_before_awoken() {
        run(async {
            let (semaphore, log) = (Semaphore::new(0), Log::default());
            let [t1, t2, t3, t4] = [1, 2, 3, 4].map(|n| taker(&semaphore, &log, n));
            run_briefly().await;
            t1.cancel();
            t2.cancel();
            semaphore.release();
            run_briefly().await;
            run_briefly().await;
            assert!(t1.cancelled() && t2.cancelled());
            assert_eq!((t3.done(), t4.done(), &*log.borrow()), (true, false, &vec![3]));
            assert!(!t3.cancel() && t4.cancel());
            run_briefly().await;
            assert_eq!((semaphore.waiters(), semaphore.value()), (0, 0));
        });
    }

    #[test]
    fn test_acquire_hang() {
        run(async {
            let (semaphore, log) = (Semaphore::new(0), Log::default());
            let [t1, t2] = [1, 2].map(|n| taker(&semaphore, &log, n));
            run_briefly().await;
            t1.cancel();
            semaphore.release();
            run_briefly().await;
            run_briefly().await;
            assert!(semaphore.locked());
            assert!(t1.cancelled() && t2.done() && !t2.cancelled());
        });
    }

    #[test]
    fn test_acquire_no_hang() {
        run(async {
            let semaphore = Semaphore::new(1);
            let (first, second) = (semaphore.clone(), semaphore.clone());
            let gate = create_future::<oneloop::AnyFuture>();
            let other = gate.clone();
            let t1 = create_task(async move {
                let permit = first.acquire().await;
                let second = other.await;
                drop(permit);
                assert!(second.cancel()); // it has been granted the permit, and has not gone on
            });
            let mut t2 = create_task(async move {
                let _permit = second.acquire().await;
                panic!("it was cancelled");
            });
            run_briefly().await;
            gate.set_result((*t2.handle()).clone()).expect("it is set once");
            let ended: Result<(), _> = t2.outcome().await;
            assert!(matches!(ended, Err(TaskError::Cancelled(_))));
            t1.await;
            let permit = wait_for(semaphore.acquire(), ms(1_000)).await.expect("it is free");
            assert_eq!(semaphore.value(), 0);
            drop(permit);
            assert_eq!(semaphore.value(), 1);
        });
    }

    #[test]
    fn test_release_not_acquired() {
        let semaphore = BoundedSemaphore::new(1);
        assert_eq!(semaphore.release(), Err(ReleaseError));
        assert_eq!(semaphore.value(), 1);
    }

    #[test]
    fn test_release_no_waiters() {
        run(async {
            let semaphore = Semaphore::new(1);
            semaphore.acquire().await.forget();
            assert!(semaphore.locked());
            semaphore.release();
            assert_eq!((semaphore.locked(), semaphore.value()), (false, 1));
        });
    }

    #[test]
    fn test_acquire_fifo_order() {
        run(async {
            let (semaphore, log, start) = (Semaphore::new(1), Log::default(), now());
            let ended: Result<(), oneloop::GroupError<()>> = task_group(async |group| {
                for tag in ["c1", "c2", "c3"] {
                    let (semaphore, log) = (semaphore.clone(), Rc::clone(&log));
                    group.create_task(async move {
                        for round in 1..=2 {
                            let _permit = semaphore.acquire().await;
                            log.borrow_mut().push(format!("{tag}_{round}"));
                            sleep(ms(10)).await;
                        }
                        Ok(())
                    });
                }
                Ok(())
            })
            .await;
            assert_eq!(ended, Ok(()));
            assert_eq!(*log.borrow(), ["c1_1", "c2_1", "c3_1", "c1_2", "c2_2", "c3_2"]);
            assert_eq!(now() - start, ms(60));
        });
    }

    #[test]
    fn test_acquire_fifo_order_2() {
        run(async {
            let (semaphore, log) = (Semaphore::new(1), Log::default());
            let t1 = taker(&semaphore, &log, 1);
            let (again, note) = (semaphore.clone(), Rc::clone(&log));
            let t2 = create_task(async move {
                again.acquire().await.forget();
                note.borrow_mut().push(2);
                again.release();
                again.acquire().await.forget();
                note.borrow_mut().push(4);
                true
            });
            let t3 = taker(&semaphore, &log, 3);
            run_briefly().await;
            semaphore.release();
            semaphore.release();
            assert_eq!(gather([t1, t2, t3]).await, [true; 3]);
            assert_eq!(*log.borrow(), [1, 2, 3, 4]);
        });
    }

    #[test]
    fn test_acquire_fifo_order_3() {
        run(async {
            let (semaphore, log) = (Semaphore::new(0), Log::default());
            let [t1, t2, t3] = [1, 2, 3].map(|n| taker(&semaphore, &log, n));
            run_briefly().await;
            t1.cancel();
            run_briefly().await;
            semaphore.release();
            semaphore.release();
            let ended = gather([t1, t2, t3]).return_exceptions().await;
            assert_eq!(ended.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, true]);
            assert_eq!(*log.borrow(), [2, 3]);
        });
    }

    /// One that goes on sees to it that all others go on for whom there is a permit: they had to stand behind it.
    #[test]
    fn test_acquire_fifo_order_4() {
        run(async {
            let (semaphore, log) = (Semaphore::new(0), Log::default());
            let fourth = Rc::new(Cell::new(None));
            let (one, note, slot) = (semaphore.clone(), Rc::clone(&log), Rc::clone(&fourth));
            let t1 = create_task(async move {
                assert_eq!(one.value(), 0);
                one.acquire().await.forget();
                assert_eq!(one.value(), 0); // those behind it are granted theirs by now
                let log = Rc::clone(&note);
                slot.set(Some(create_task(async move { log.borrow_mut().push(4) })));
                note.borrow_mut().push(1);
            });
            let (two, note) = (semaphore.clone(), Rc::clone(&log));
            let t2 = create_task(async move {
                (0..3).for_each(|_| two.release());
                assert_eq!((two.value(), two.locked()), (2, true)); // the first has not gone on yet
                two.acquire().await.forget();
                note.borrow_mut().push(2);
            });
            let (three, note) = (semaphore.clone(), Rc::clone(&log));
            let t3 = create_task(async move {
                three.acquire().await.forget();
                assert!(three.locked());
                note.borrow_mut().push(3);
            });
            run_briefly().await;
            assert_eq!((semaphore.value(), semaphore.waiters()), (2, 2)); // and one who is called
            run_briefly().await;
            let t4 = fourth.take().expect("the first has gone on");
            gather([t1, t2, t3, t4]).await;
            assert_eq!(*log.borrow(), [1, 2, 3, 4]);
        });
    }
}

mod barrier_tests {
    use super::*;

    const N: usize = 5;
    const BROKEN: BrokenBarrierError = BrokenBarrierError;

    /// `n` tasks that do the same with a barrier and a log.
    fn make_tasks<T, F>(n: usize, barrier: &Barrier, log: &Log<bool>, f: F) -> Vec<Task<T>>
    where
        T: 'static,
        F: AsyncFn(Barrier, Log<bool>) -> T + Clone + 'static,
    {
        let task = |_| {
            let (barrier, log, f) = (barrier.clone(), Rc::clone(log), f.clone());
            create_task(async move { f(barrier, log).await })
        };
        (0..n).map(task).collect()
    }

    /// The barrier is empty and whole.
    fn assert_empty(barrier: &Barrier) {
        assert_eq!((barrier.n_waiting(), barrier.broken()), (0, false));
        assert!(shows(barrier, "Filling"), "{barrier:?}");
    }

    /// A barrier is nothing that can be awaited; and a `wait()` that is not awaited does nothing.
    #[test]
    fn test_barrier() {
        run(async {
            let barrier = Barrier::new(N);
            assert!(shows(&barrier, "Filling"));
            drop(barrier.wait());
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_repr() {
        run(async {
            let (barrier, log) = (Barrier::new(N), Log::default());
            let waiters = |n| {
                make_tasks(n, &barrier, &log, async |barrier, log| {
                    let ended = barrier.wait().await;
                    log.borrow_mut().push(ended.is_ok());
                })
            };
            assert!(shows(&barrier, "Barrier") && shows(&barrier, "Filling"));
            waiters(2);
            run_briefly().await;
            assert!(shows(&barrier, "n_waiting: 2") && shows(&barrier, "parties: 5") && shows(&barrier, "Filling"));

            waiters(barrier.parties() - barrier.n_waiting());
            run_briefly().await;
            assert!(shows(&barrier, "n_waiting: 0") && shows(&barrier, "Draining"));

            // some are let in when the last has left, so that there is a task to be thrown out
            waiters(2);
            run_briefly().await;
            barrier.reset().await;
            assert!(shows(&barrier, "Resetting"));

            waiters(2);
            run_briefly().await;
            barrier.abort().await;
            assert!(shows(&barrier, "Broken") && barrier.broken());
        });
    }

    #[test]
    fn test_barrier_parties() {
        let text = panic_of(|| Barrier::new(0));
        assert!(text.contains("parties must be > 0"), "{text}");
        assert_eq!(Barrier::new(N).parties(), N);
    }

    #[test]
    fn test_context_manager() {
        run(async {
            let (barrier, log) = (Barrier::new(3), Log::default());
            let tasks = make_tasks(3, &barrier, &log, async |barrier, _| barrier.wait().await);
            // the last to come goes on first, and answers the highest number
            assert_eq!(gather(tasks).await, [Ok(0), Ok(1), Ok(2)]);
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_filling_one_task() {
        run(async {
            let barrier = Barrier::new(1);
            assert_eq!(barrier.wait().now_or_never(), Some(Ok(0)));
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_filling_one_task_twice() {
        run(async {
            let (barrier, log) = (Barrier::new(1), Log::default());
            for _ in 0..2 {
                let mut tasks = make_tasks(1, &barrier, &log, async |barrier, _| barrier.wait().await);
                run_briefly().await;
                assert!(tasks[0].done());
                assert_eq!(tasks.remove(0).await, Ok(0));
                assert_empty(&barrier);
            }
        });
    }

    #[test]
    fn test_filling_task_by_task() {
        run(async {
            let (barrier, log) = (Barrier::new(3), Log::default());
            let one = || make_tasks(1, &barrier, &log, async |barrier, _| barrier.wait().await).remove(0);
            let t1 = one();
            run_briefly().await;
            assert_eq!((barrier.n_waiting(), shows(&barrier, "Filling")), (1, true));
            let t2 = one();
            run_briefly().await;
            assert_eq!((barrier.n_waiting(), shows(&barrier, "Filling")), (2, true));
            let t3 = one();
            run_briefly().await;
            assert_eq!((t1.done(), t2.done(), t3.done()), (false, false, true));
            assert_eq!(gather([t1, t2, t3]).await, [Ok(0), Ok(1), Ok(2)]);
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_filling_tasks_wait_twice() {
        run(async {
            let (barrier, log) = (Barrier::new(N), Log::default());
            let tasks = make_tasks(N, &barrier, &log, async |barrier, log| {
                for round in [true, false] {
                    barrier.wait().await.expect("it is not broken");
                    log.borrow_mut().push(round);
                }
            });
            gather(tasks).await;
            let log = log.borrow();
            assert_eq!(log.len(), N * 2);
            assert_eq!(log.iter().filter(|first| **first).count(), N);
            assert!(log[..N].iter().all(|first| *first), "none is let in twice before all were once: {log:?}");
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_filling_tasks_check_return_value() {
        run(async {
            let (barrier, log) = (Barrier::new(N), Log::default());
            let tasks = make_tasks(N, &barrier, &log, async |barrier, log| {
                barrier.wait().await?;
                log.borrow_mut().push(true);
                let index = barrier.wait().await?;
                log.borrow_mut().push(false);
                Ok::<_, BrokenBarrierError>(index)
            });
            let mut places: Vec<_> = gather(tasks).await.into_iter().flatten().collect();
            places.sort_unstable();
            assert_eq!(places, [0, 1, 2, 3, 4]);
            assert_eq!((log.borrow().iter().filter(|first| **first).count(), log.borrow().len()), (N, N * 2));
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_draining_state() {
        run(async {
            let (barrier, log) = (Barrier::new(N), Log::default());
            let tasks = make_tasks(N, &barrier, &log, async |barrier, log| {
                barrier.wait().await.expect("it is not broken");
                log.borrow_mut().push(shows(&barrier, "Draining"));
            });
            gather(tasks).await;
            assert_eq!(*log.borrow(), [true, true, true, true, false]);
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_blocking_tasks_while_draining() {
        const AGAIN: usize = 2;
        run(async {
            let (barrier, log) = (Barrier::new(N), Log::default());
            let (rest, left) = (Barrier::new(N - AGAIN), Rc::new(Cell::new(AGAIN)));
            let drained = rest.clone();
            let tasks = make_tasks(N, &barrier, &log, move |barrier: Barrier, _| {
                let (rest, left) = (rest.clone(), Rc::clone(&left));
                async move {
                    let mut places = vec![barrier.wait().await?];
                    if left.get() > 0 {
                        left.set(left.get() - 1); // comes again while the others are leaving
                    } else {
                        rest.wait().await?;
                    }
                    places.push(barrier.wait().await?);
                    Ok::<_, BrokenBarrierError>(places)
                }
            });
            let places: Vec<_> =
                gather(tasks).await.into_iter().map(|ended| ended.expect("it is not broken")).collect();
            for round in 0..2 {
                let mut all: Vec<_> = places.iter().map(|both| both[round]).collect();
                all.sort_unstable();
                assert_eq!(all, [0, 1, 2, 3, 4]);
            }
            assert_empty(&barrier);
            assert_empty(&drained);
        });
    }

    #[test]
    fn test_filling_tasks_cancel_one() {
        run(async {
            let (barrier, log) = (Barrier::new(3), Log::default());
            let one = || {
                make_tasks(1, &barrier, &log, async |barrier, log| {
                    barrier.wait().await.expect("it is not broken");
                    log.borrow_mut().push(true);
                })
                .remove(0)
            };
            let t1 = one();
            run_briefly().await;
            assert_eq!(barrier.n_waiting(), 1);
            let t2 = one();
            run_briefly().await;
            assert_eq!(barrier.n_waiting(), 2);

            assert!(t1.cancel());
            run_briefly().await;
            assert_eq!(barrier.n_waiting(), 1);
            let first = t1.handle();
            assert!(catch_cancelled(t1).await.is_err());
            assert!(first.cancelled());

            let t3 = one();
            run_briefly().await;
            assert_eq!(barrier.n_waiting(), 2);
            gather([t2, t3, one()]).await;
            assert_eq!(*log.borrow(), [true; 3]);
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_reset_barrier() {
        run(async {
            let barrier = Barrier::new(1);
            let resetting = barrier.clone();
            create_task(async move { resetting.reset().await });
            run_briefly().await;
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_reset_barrier_while_tasks_waiting() {
        run(async {
            let (barrier, log) = (Barrier::new(N), Log::default());
            let tasks = make_tasks(N - 1, &barrier, &log, async |barrier, log| {
                let ended = barrier.wait().await;
                log.borrow_mut().push(ended == Err(BROKEN));
            });
            run_briefly().await;
            let resetting = barrier.clone();
            create_task(async move { resetting.reset().await });
            gather(tasks).await;
            assert_eq!(*log.borrow(), [true; N - 1]);
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_reset_barrier_when_tasks_half_draining() {
        const REST: usize = N / 2;
        run(async {
            let (barrier, log) = (Barrier::new(N), Log::default());
            let left = Rc::new(Cell::new(0));
            let tasks = make_tasks(N, &barrier, &log, move |barrier: Barrier, log: Log<bool>| {
                let left = Rc::clone(&left);
                async move {
                    if barrier.wait().await == Err(BROKEN) {
                        return log.borrow_mut().push(true); // was still leaving
                    }
                    left.set(left.get() + 1);
                    if left.get() == N - REST {
                        barrier.reset().await;
                    }
                }
            });
            gather(tasks).await;
            assert_eq!(*log.borrow(), [true; REST]);
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_reset_barrier_when_tasks_half_draining_half_blocking() {
        const BLOCKING: usize = N / 2;
        run(async {
            let (barrier, log, left) = (Barrier::new(N), Log::default(), Rc::new(Cell::new(0)));
            let tasks = make_tasks(N, &barrier, &log, move |barrier: Barrier, log: Log<bool>| {
                let left = Rc::clone(&left);
                async move {
                    if barrier.wait().await == Err(BROKEN) {
                        log.borrow_mut().push(true); // was still leaving
                        barrier.wait().await.expect("it is whole again");
                        return;
                    }
                    left.set(left.get() + 1);
                    if left.get() > BLOCKING {
                        barrier.reset().await;
                        barrier.wait().await.expect("it is whole again");
                    } else if barrier.wait().await.is_err() {
                        log.borrow_mut().push(false); // was not in it yet, so it is not thrown out
                    }
                }
            });
            gather(tasks).await;
            assert_eq!(*log.borrow(), [true; BLOCKING]);
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_reset_barrier_while_tasks_waiting_and_waiting_again() {
        run(async {
            let (barrier, broken, passed) = (Barrier::new(N), Log::default(), Log::default());
            let done = Rc::clone(&passed);
            let tasks = make_tasks(N - 1, &barrier, &broken, move |barrier: Barrier, broken: Log<bool>| {
                let passed = Rc::clone(&done);
                async move {
                    if barrier.wait().await == Err(BROKEN) {
                        broken.borrow_mut().push(true);
                    }
                    barrier.wait().await.expect("it is whole again");
                    passed.borrow_mut().push(true);
                }
            });
            let resetting = barrier.clone();
            create_task(async move { resetting.reset().await });
            run_briefly().await;
            let last = make_tasks(1, &barrier, &passed, async |barrier, passed| {
                barrier.wait().await.expect("it is whole again");
                passed.borrow_mut().push(true);
            });
            gather(tasks.into_iter().chain(last)).await;
            assert_eq!(*broken.borrow(), [true; N - 1]);
            assert_eq!(*passed.borrow(), [true; N]);
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_reset_barrier_while_tasks_draining() {
        run(async {
            let (barrier, log) = (Barrier::new(N), Log::default());
            let (left, rounds) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            let all = Rc::clone(&rounds);
            let tasks = make_tasks(N, &barrier, &log, move |barrier: Barrier, log: Log<bool>| {
                let (left, rounds) = (Rc::clone(&left), Rc::clone(&all));
                async move {
                    barrier.wait().await?;
                    left.set(left.get() + 1);
                    if left.get() == N {
                        barrier.reset().await; // the others wait to come in again, and are not thrown out
                        barrier.wait().await?;
                    } else {
                        let again = barrier.wait().await;
                        log.borrow_mut().push(again.is_ok());
                    }
                    barrier.wait().await?;
                    rounds.set(rounds.get() + 1);
                    Ok::<_, BrokenBarrierError>(())
                }
            });
            assert_eq!(gather(tasks).await, [Ok(()); N]);
            assert_eq!(*log.borrow(), [true; N - 1]);
            assert_eq!(rounds.get(), N);
            assert_empty(&barrier);
        });
    }

    #[test]
    fn test_abort_barrier() {
        run(async {
            let barrier = Barrier::new(1);
            let aborting = barrier.clone();
            create_task(async move { aborting.abort().await });
            run_briefly().await;
            assert_eq!((barrier.n_waiting(), barrier.broken()), (0, true));
            assert_eq!(barrier.wait().await, Err(BROKEN));
        });
    }

    #[test]
    fn test_abort_barrier_when_tasks_half_draining_half_blocking() {
        const BLOCKING: usize = N / 2;
        run(async {
            let (barrier, log, left) = (Barrier::new(N), Log::default(), Rc::new(Cell::new(0)));
            let tasks = make_tasks(N, &barrier, &log, move |barrier: Barrier, log: Log<bool>| {
                let left = Rc::clone(&left);
                async move {
                    if barrier.wait().await == Err(BROKEN) {
                        return log.borrow_mut().push(true); // was still leaving
                    }
                    left.set(left.get() + 1);
                    if left.get() > BLOCKING {
                        barrier.abort().await;
                    } else if barrier.wait().await == Err(BROKEN) {
                        log.borrow_mut().push(false); // had left, and came again
                    }
                }
            });
            gather(tasks).await;
            let count = |wanted| log.borrow().iter().filter(|leaving| **leaving == wanted).count();
            assert_eq!((count(true), count(false)), (BLOCKING, N - BLOCKING - 1));
            assert_eq!((barrier.broken(), barrier.n_waiting(), shows(&barrier, "Broken")), (true, 0, true));
        });
    }

    #[test]
    fn test_abort_barrier_when_exception() {
        run(async {
            let (barrier, log) = (Barrier::new(N), Log::default());
            let tasks = make_tasks(N, &barrier, &log, async |barrier, log| {
                match barrier.wait().await {
                    Ok(index) if index == N / 2 => barrier.abort().await, // something went wrong here
                    Ok(_) => {
                        let again = barrier.wait().await;
                        log.borrow_mut().push(again == Err(BROKEN));
                    }
                    Err(_) => log.borrow_mut().push(true), // was still leaving
                }
            });
            gather(tasks).await;
            assert_eq!(*log.borrow(), [true; N - 1]);
            assert_eq!((barrier.broken(), barrier.n_waiting()), (true, 0));
        });
    }

    #[test]
    fn test_abort_barrier_when_exception_then_resetting() {
        run(async {
            let (first, log) = (Barrier::new(N), Log::default());
            let (second, passed) = (Barrier::new(N), Rc::new(Cell::new(0)));
            let done = Rc::clone(&passed);
            let tasks = make_tasks(N, &first, &log, move |first: Barrier, log: Log<bool>| {
                let (second, passed) = (second.clone(), Rc::clone(&done));
                async move {
                    match first.wait().await {
                        Ok(index) if index == N / 2 => first.abort().await,
                        Ok(_) => {
                            let again = first.wait().await;
                            log.borrow_mut().push(again == Err(BROKEN));
                        }
                        Err(_) => log.borrow_mut().push(true),
                    }
                    // all have left it when it is mended, and no task comes before that
                    if second.wait().await.expect("this one is not broken") == N / 2 {
                        first.reset().await;
                    }
                    second.wait().await.expect("this one is not broken");
                    first.wait().await.expect("it is whole again");
                    passed.set(passed.get() + 1);
                }
            });
            gather(tasks).await;
            assert_eq!(*log.borrow(), [true; N - 1]);
            assert_eq!(passed.get(), N);
            assert_empty(&first);
        });
    }
}
