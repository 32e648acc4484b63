//! What locks, events, conditions, semaphores and queues have in common: waits that outlive a cancellation of their
//! task, wakers that run a wait inside `release()`, and the cost of many that leave at once. Must not know how waiters
//! are kept.

use std::cell::RefCell;
use std::fmt;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures::future::join;
use futures::{FutureExt as _, poll};
use oneloop::{
    Barrier, Condition, Error, Event, Lock, Queue, Semaphore, Task, TaskError, catch_cancelled, create_future,
    create_task, sleep, sleep_until, timeout, timeout_at, yield_now,
};

use crate::support::{LONG, SECOND, counted, now, reports, run, virtual_loop};

// A wait that is still there after its task was cancelled. A notification skips a cancelled task, trusting that it
// leaves the queue of waiters in its next step.

#[test]
fn lock_beside_a_branch_that_catches_the_cancellation_goes_on() {
    run(async {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let inside = lock.clone();
        let task = create_task(async move {
            let (guard, caught) = join(inside.acquire(), catch_cancelled(sleep(LONG))).await;
            drop(guard);
            caught.is_err()
        });
        let waiter = lock.clone();
        let next = create_task(async move { drop(waiter.acquire().await) });
        yield_now().await;
        task.cancel();
        drop(guard);
        assert!(task.await);
        next.await;
    });
}

#[test]
fn lock_whose_wait_survives_a_time_limit_goes_on() {
    run(async {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let (inside, deadline) = (lock.clone(), now() + SECOND);
        let task = create_task(async move {
            yield_now().await; // so that the holder's timer is set first
            let mut acquire = pin!(inside.acquire());
            assert!(timeout_at(deadline, acquire.as_mut()).await.is_err());
            drop(acquire.await);
        });
        sleep_until(deadline).await;
        drop(guard); // in the iteration of the deadline
        task.await;
    });
}

#[test]
fn lock_whose_wait_was_handed_to_another_task_goes_on() {
    run(async {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let slot = Rc::new(RefCell::new(None));
        let (hand_over, inside) = (Rc::clone(&slot), lock.clone());
        let task = create_task(async move {
            let mut wait: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move { drop(inside.acquire().await) });
            assert!(poll!(wait.as_mut()).is_pending());
            hand_over.borrow_mut().replace(wait);
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
        drop(guard);
        let wait = slot.take().expect("it was handed over");
        wait.await;
    });
}

#[test]
fn event_beside_a_branch_that_catches_the_cancellation_goes_on() {
    run(async {
        let event = Event::new();
        let inside = event.clone();
        let task = create_task(async move { join(inside.wait(), catch_cancelled(sleep(LONG))).await.1.is_err() });
        yield_now().await;
        task.cancel();
        event.set();
        assert!(task.await);
    });
}

#[test]
fn semaphore_beside_a_branch_that_catches_the_cancellation_goes_on() {
    run(async {
        let semaphore = Semaphore::new(0);
        let inside = semaphore.clone();
        let task = create_task(async move { join(inside.acquire(), catch_cancelled(sleep(LONG))).await.1.is_err() });
        yield_now().await;
        task.cancel();
        semaphore.release();
        assert!(task.await);
    });
}

#[test]
fn condition_whose_wait_survives_a_cancellation_goes_on() {
    run(async {
        let condition = Condition::new(());
        let inside = condition.clone();
        let task = create_task(async move {
            let mut guard = inside.acquire().await;
            let mut wait = pin!(inside.wait(&mut guard));
            assert!(poll!(wait.as_mut()).is_pending());
            assert!(catch_cancelled(sleep(LONG)).await.is_err());
            yield_now().await; // in the step of the cancellation, the wait would meet it too: it was polled in the last
            wait.await;
        });
        yield_now().await;
        task.cancel();
        let guard = condition.acquire().await;
        condition.notify(&guard, 1);
        drop(guard);
        task.await;
    });
}

// A waker that polls or drops the wait that it belongs to, inside `release()`, before the grant is booked.

thread_local! {
    static WAIT: RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>> = RefCell::default();
}

struct Eager {
    polls: bool,
}

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        if let Some(mut wait) = WAIT.take()
            && self.polls
        {
            assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        }
    }
}

fn grant_to_an_eager_waker(polls: bool) {
    let lp = virtual_loop();
    let reports = reports(&lp);
    lp.run_until_complete(async {
        let semaphore = Semaphore::new(0);
        let inside = semaphore.clone();
        let mut wait: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move { inside.acquire().await.forget() });
        let waker = Waker::from(Arc::new(Eager { polls }));
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        WAIT.set(Some(wait));
        let inside = semaphore.clone();
        let next = create_task(async move { inside.acquire().await.forget() });
        yield_now().await;
        semaphore.release();
        yield_now().await;
        yield_now().await;
        assert_eq!((semaphore.value(), next.done()), (0, !polls), "one permit was released");
    })
    .expect("it runs");
    assert!(reports.borrow().is_empty(), "{reports:?}");
}

#[test]
fn semaphore_whose_waker_polls_the_wait_grants_one_permit() {
    grant_to_an_eager_waker(true);
}

#[test]
fn semaphore_whose_waker_drops_the_wait_grants_the_permit_to_the_next() {
    grant_to_an_eager_waker(false);
}

// Debug of a value that tries the lock it lies in.

#[test]
fn debug_of_a_value_may_try_its_lock() {
    struct Nosy(RefCell<Weak<Lock<Self>>>);

    impl fmt::Debug for Nosy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let lock = self.0.borrow().upgrade().expect("it lies in it");
            write!(f, "got it: {}", lock.try_acquire().is_some())
        }
    }

    let lock = Rc::new(Lock::new(Nosy(RefCell::default())));
    lock.try_acquire().expect("it is free").0.replace(Rc::downgrade(&lock));
    let shown = catch_unwind(AssertUnwindSafe(|| format!("{lock:?}")));
    assert_eq!((shown.is_ok(), lock.locked()), (true, false));
}

// Many who leave at once. A square in asyncio, too.

const MANY: usize = 9_000;

/// Many tasks come to wait and are cancelled at once. Counted are the polls of all: one to come, `polls_to_leave`,
/// which is one if the wait catches the cancellation and else none, and none because another leaves. What a walk along
/// the queue of waiters would cost is measured in `tests/alone/costs.rs`.
fn assert_each_leaves_with_a_step<F: Future<Output = ()> + 'static>(
    polls_to_leave: usize,
    wait: impl Fn() -> F,
    meanwhile: impl Fn(),
) {
    run(async {
        let polls = Rc::default();
        let all: Vec<_> = (0..MANY).map(|_| create_task(counted(&polls, wait()))).collect();
        yield_now().await;
        for task in &all {
            task.cancel();
        }
        meanwhile();
        for _ in 0..3 {
            yield_now().await;
        }
        assert!(all.iter().all(Task::cancelled));
        assert_eq!(polls.get(), (1 + polls_to_leave) * MANY);
    });
}

#[test]
fn many_cancelled_at_a_condition_leave_with_a_step_each() {
    let condition = Condition::new(());
    let wait = || {
        let condition = condition.clone();
        async move {
            let mut guard = condition.acquire().await;
            condition.wait(&mut guard).await;
        }
    };
    assert_each_leaves_with_a_step(1, wait, || ());
}

#[test]
fn many_cancelled_at_a_barrier_leave_with_a_step_each() {
    let barrier = Barrier::new(MANY + 1);
    let wait = || {
        let barrier = barrier.clone();
        async move { barrier.wait().await.map_or((), drop) }
    };
    assert_each_leaves_with_a_step(1, wait, || ());
}

#[test]
fn many_cancelled_beside_a_free_permit_leave_with_a_step_each() {
    let semaphore = Semaphore::new(0);
    let wait = || {
        let semaphore = semaphore.clone();
        async move { drop(semaphore.acquire().await) }
    };
    assert_each_leaves_with_a_step(0, wait, || semaphore.release());
}

// Words and promises.

#[test]
fn a_round_that_is_never_full_is_told_by_its_name() {
    let ended = virtual_loop().run_until_complete(async { Barrier::new(2).wait().await });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    assert_eq!(deadlock.waiting, ["Task-1 waits for a barrier of 2, as number 1"]);
}

#[test]
#[should_panic(expected = "does not hold the lock any more")]
fn notify_with_a_guard_that_lost_the_lock_is_refused() {
    run(async {
        let condition = Condition::new(());
        let mut guard = condition.acquire().await;
        assert!(condition.wait(&mut guard).now_or_never().is_none());
        condition.notify(&guard, 1);
    });
}

// The same in every order: the wait before or behind what catches, the cancellation before or after the call.

/// A task that joins `wait()` with a sleep that catches cancellations is cancelled, and in the same iteration `then`
/// makes what it waits for come true. Whether it ends.
async fn ends(
    wait: impl Future<Output = ()> + 'static,
    wait_first: bool,
    cancel_first: bool,
    then: impl FnOnce(),
) -> bool {
    let task = create_task(async move {
        if wait_first {
            let ((), caught) = join(wait, catch_cancelled(sleep(2 * LONG))).await;
            assert!(caught.is_err());
        } else {
            let (caught, ()) = join(catch_cancelled(sleep(2 * LONG)), wait).await;
            assert!(caught.is_err());
        }
    });
    yield_now().await;
    if cancel_first {
        task.cancel();
        then();
    } else {
        then();
        task.cancel();
    }
    timeout(LONG, task).await.is_ok()
}

macro_rules! all_orders {
    ($($name:ident: $make:expr;)*) => {$(
        #[test]
        fn $name() {
            let mut failed = Vec::new();
            for wait_first in [true, false] {
                for cancel_first in [true, false] {
                    let ended = run(async {
                        let (wait, then) = $make;
                        ends(wait, wait_first, cancel_first, then).await
                    });
                    if !ended {
                        failed.push((wait_first, cancel_first));
                    }
                }
            }
            assert!(failed.is_empty(), "hangs for (wait_first, cancel_first) = {failed:?}");
        }
    )*};
}

all_orders! {
    a_future_beside_a_catcher_is_seen: {
        let future = create_future::<()>();
        let set = future.clone();
        (future, move || set.set_result(()).unwrap())
    };
    a_get_beside_a_catcher_is_served: {
        let queue = Queue::default();
        let source = queue.clone();
        (async move { source.get().await.unwrap() }, move || queue.put_nowait(()).unwrap())
    };
    an_event_beside_a_catcher_is_seen: {
        let event = Event::new();
        let set = event.clone();
        (async move { event.wait().await }, move || set.set())
    };
    a_semaphore_beside_a_catcher_is_had: {
        let semaphore = Semaphore::new(0);
        let source = semaphore.clone();
        (async move { drop(semaphore.acquire().await) }, move || source.release())
    };
    a_lock_beside_a_catcher_is_had: {
        let (lock, go) = (Lock::new(()), Event::new());
        let (held, gone) = (lock.clone(), go.clone());
        // lets it go a step after `then`: in the iteration of the cancellation, before or after the cancelled task's
        // step
        create_task(async move {
            let _guard = held.acquire().await;
            gone.wait().await;
        });
        (async move { drop(lock.acquire().await) }, move || go.set())
    };
}

#[test]
fn a_queue_whose_getters_are_of_another_loop_refuses_putters() {
    // CPython 3.13: RuntimeError: <Queue …> is bound to a different event loop
    let (first, second, queue) = (virtual_loop(), virtual_loop(), Queue::new(1));
    let source = queue.clone();
    first
        .run_until_complete(async {
            drop(create_task(async move { source.get().await }));
            yield_now().await;
        })
        .unwrap();
    let target = queue.clone();
    let ended = second.run_until_complete(async {
        let mut putter = create_task(async move {
            target.put(1).await.unwrap();
            target.put(2).await.unwrap(); // has to wait, in another loop than the getter
        });
        yield_now().await;
        yield_now().await;
        if putter.done() { Some(putter.outcome().await) } else { None }
    });
    assert!(matches!(ended, Ok(Some(Err(TaskError::Panicked(_))))), "{ended:?}");
}
