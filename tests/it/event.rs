//! Events beyond CPython's tests: waits that are dropped, foreign combinators, wakers that run code, and the time
//! before, between and after runs. Must not know how waiters are kept.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures::future::{Either, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, poll};
use oneloop::{
    Error, Event, EventLoop, Task, TimeoutError, all_tasks, catch_cancelled, create_task, gather, sleep, timeout,
    yield_now,
};

use crate::support::{LONG, Log, SECOND, counted, reports, run, virtual_loop};

/// A task that waits for the event and writes `name` down.
fn waiter<N: 'static>(event: &Event, log: &Log<N>, name: N) -> Task<()> {
    let (event, log) = (event.clone(), Rc::clone(log));
    create_task(async move {
        event.wait().await;
        log.borrow_mut().push(name);
    })
}

/// A waker that does something of its own.
struct Calls<F>(F);

impl<F: Fn() + Send + Sync> Wake for Calls<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn waker(f: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Calls(f)))
}

thread_local! {
    /// What a waker, which may know nothing of this thread, works on.
    static EVENT: Event = Event::new();
}

// Who goes on.

#[test]
fn ten_thousand_go_on_in_one_iteration_and_in_order() {
    run(async {
        let (event, log) = (Event::new(), Log::default());
        let all: Vec<_> = (0..10_000).map(|i| waiter(&event, &log, i)).collect();
        yield_now().await;
        assert_eq!(event.waiters(), 10_000);
        event.set();
        assert_eq!(event.waiters(), 0);
        yield_now().await;
        assert!(log.borrow().iter().copied().eq(0..10_000));
        assert!(all.iter().all(Task::done));
    });
}

#[test]
fn who_comes_after_it_was_cleared_waits_for_the_next_time() {
    run(async {
        let (event, log) = (Event::new(), Log::default());
        waiter(&event, &log, "first");
        yield_now().await;
        event.set();
        event.clear();
        let second = waiter(&event, &log, "second");
        yield_now().await;
        assert_eq!((&*log.borrow(), event.waiters()), (&vec!["first"], 1));
        event.set();
        second.await;
        assert_eq!(*log.borrow(), ["first", "second"]);
    });
}

#[test]
fn one_cancelled_after_it_was_set_is_cancelled() {
    run(async {
        let (event, log) = (Event::new(), Log::default());
        let [one, two] = ["one", "two"].map(|name| waiter(&event, &log, name));
        yield_now().await;
        event.set();
        one.cancel();
        assert!(catch_cancelled(one).await.is_err());
        two.await;
        assert_eq!((&*log.borrow(), event.is_set()), (&vec!["two"], true));
    });
}

#[test]
fn those_who_were_cancelled_before_it_is_set_do_not_hold_up_the_others() {
    run(async {
        let (event, log) = (Event::new(), Log::default());
        let all: Vec<_> = (0..6).map(|i| waiter(&event, &log, i)).collect();
        yield_now().await;
        for task in all.iter().step_by(2) {
            task.cancel();
        }
        event.set();
        let ended = gather(all).return_exceptions().await;
        assert_eq!(ended.iter().filter(|ended| ended.is_ok()).count(), 3);
        assert_eq!((&*log.borrow(), event.waiters()), (&vec![1, 3, 5], 0));
    });
}

#[test]
fn many_who_wait_and_are_cancelled_at_once_leave_with_a_step_each() {
    const MANY: usize = 9_000;
    run(async {
        let (event, polls) = (Event::new(), Rc::default());
        let all: Vec<_> = (0..MANY).map(|_| create_task(counted(&polls, event.wait()))).collect();
        yield_now().await;
        for task in &all {
            task.cancel();
        }
        event.set();
        yield_now().await;
        assert!(all.iter().all(Task::cancelled));
        // counted are the polls of all: one to come, none to leave, and none because another leaves
        assert_eq!(polls.get(), MANY);
    });
}

// Waits that are dropped.

#[test]
fn a_wait_that_is_dropped_leaves_and_its_task_is_not_woken() {
    run(async {
        let event = Event::new();
        let (inside, steps) = (event.clone(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&steps);
        let _task = create_task(async move {
            assert!(inside.wait().now_or_never().is_none());
            poll_fn(|_| {
                count.set(count.get() + 1);
                Poll::<()>::Pending
            })
            .await;
        });
        yield_now().await;
        assert_eq!(event.waiters(), 0);
        event.set();
        yield_now().await;
        yield_now().await;
        assert_eq!(steps.get(), 1);
    });
}

#[test]
fn select_leaves_the_line_of_the_event_that_lost() {
    run(async {
        let (one, two) = (Event::new(), Event::new());
        let (first, second) = (one.clone(), two.clone());
        let selecting = create_task(async move {
            let (first, second) = (pin!(first.wait()), pin!(second.wait()));
            matches!(select(first, second).await, Either::Right(_))
        });
        yield_now().await;
        assert_eq!((one.waiters(), two.waiters()), (1, 1));
        two.set();
        assert!(selecting.await);
        assert_eq!((one.waiters(), one.is_set()), (0, false));
    });
}

#[test]
fn a_time_limit_leaves_the_line() {
    run(async {
        let event = Event::new();
        assert_eq!(timeout(SECOND, event.wait()).await, Err(TimeoutError));
        assert_eq!(event.waiters(), 0);
        let later = event.clone();
        EventLoop::current().call_later(SECOND, move || later.set());
        assert_eq!(timeout(LONG, event.wait()).await, Ok(()));
    });
}

// Wakers of foreign make.

#[test]
fn waits_inside_foreign_combinators_go_on_together() {
    run(async {
        let (event, log) = (Event::new(), Log::default());
        let inside = event.clone();
        let crowd = create_task(async move {
            let mut crowd: FuturesUnordered<_> = (0..50).map(|_| inside.wait()).collect();
            let mut seen = 0;
            while crowd.next().await.is_some() {
                seen += 1;
            }
            join_all((0..50).map(|_| inside.wait())).await; // it is still set
            seen
        });
        let alone = waiter(&event, &log, "alone");
        yield_now().await;
        yield_now().await;
        assert_eq!(event.waiters(), 51);
        event.set();
        assert_eq!(crowd.await, 50);
        alone.await;
        assert_eq!(*log.borrow(), ["alone"]);
    });
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_called() {
    run(async {
        let (event, (sender, receiver)) = (Event::new(), std::sync::mpsc::channel());
        let mut wait = pin!(event.wait());
        for name in ["old", "new"] {
            let sender = sender.clone();
            let waker = waker(move || sender.send(name).expect("the test listens"));
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        assert_eq!(event.waiters(), 1);
        event.set();
        event.clear();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["new"]);
        assert!(poll!(wait).is_ready());
    });
}

#[test]
fn a_waker_that_panics_is_reported_and_the_others_are_called() {
    let lp = virtual_loop();
    let reports = reports(&lp);
    lp.run_until_complete(async {
        let (event, log) = (Event::new(), Log::default());
        let mut wait = pin!(event.wait());
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker(|| panic!("bang")))).is_pending());
        let next = waiter(&event, &log, "next");
        yield_now().await;
        event.set();
        next.await;
        assert_eq!(*log.borrow(), ["next"]);
        assert!(poll!(wait).is_ready());
    })
    .expect("it runs");
    assert_eq!(*reports.borrow(), ["Exception in waker: panicked: bang"]);
}

#[test]
fn a_waker_may_use_the_event_that_calls_it() {
    run(async {
        let (event, log) = (EVENT.with(Clone::clone), Log::default());
        let mut wait = pin!(event.wait());
        let nosy = waker(|| {
            EVENT.with(|event| {
                assert!(event.is_set());
                event.clear();
                assert!(event.wait().now_or_never().is_none());
                event.set();
            });
        });
        assert!(wait.as_mut().poll(&mut Context::from_waker(&nosy)).is_pending());
        let all = ["one", "two"].map(|name| waiter(&event, &log, name));
        yield_now().await;
        event.set();
        assert_eq!((event.waiters(), event.is_set()), (0, true));
        gather(all).await;
        assert_eq!(*log.borrow(), ["one", "two"]);
        assert!(poll!(wait).is_ready());
    });
}

// Before, between and after runs.

#[test]
fn it_is_set_and_cleared_without_a_loop() {
    let event = Event::new();
    event.set();
    assert_eq!(event.wait().now_or_never(), Some(()));
    event.clear();
    event.set();
    for _ in 0..2 {
        run(event.wait()); // in any number of loops, as long as no task has to wait
    }
}

#[test]
#[should_panic(expected = "no event loop on this thread")]
fn a_wait_outside_any_loop_says_what_to_do() {
    let _ = Event::new().wait().now_or_never();
}

#[test]
fn set_between_two_runs_it_lets_them_go_on_in_the_second() {
    let (lp, event, log) = (virtual_loop(), Event::new(), Log::default());
    let task = {
        let _in = lp.enter();
        waiter(&event, &log, "next")
    };
    lp.run_until_complete(yield_now()).expect("it runs");
    event.set();
    event.clear();
    assert!(log.borrow().is_empty());
    lp.run_until_complete(task).expect("it runs");
    assert_eq!(*log.borrow(), ["next"]);
}

#[test]
fn a_wait_may_outlive_its_loop_and_is_called_all_the_same() {
    let (lp, event) = (virtual_loop(), Event::new());
    let mut wait = pin!(event.wait());
    lp.run_until_complete(async { assert!(poll!(wait.as_mut()).is_pending()) }).expect("it runs");
    drop(lp);
    assert_eq!(event.waiters(), 1);
    event.set();
    assert_eq!(wait.now_or_never(), Some(()));
}

#[test]
fn destructors_may_set_it_while_the_loop_closes() {
    /// Sets the event when it is dropped, and starts a task that waits for another.
    struct Sets(Event, Event);

    impl Drop for Sets {
        fn drop(&mut self) {
            self.0.set();
            let other = self.1.clone();
            create_task(async move { other.wait().await });
        }
    }

    let (event, other, log) = (Event::new(), Event::new(), Log::default());
    let lp = virtual_loop();
    {
        let _in = lp.enter();
        let sets = Sets(event.clone(), other.clone());
        create_task(async move {
            let _sets = sets;
            pending::<()>().await;
        });
        for _ in 0..3 {
            waiter(&event, &log, "never");
            waiter(&other, &log, "never");
        }
    }
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!((event.waiters(), other.waiters()), (3, 3));
    lp.close().expect("it does not run");
    assert_eq!((event.is_set(), event.waiters(), other.waiters()), (true, 0, 0));
    assert!(log.borrow().is_empty());
}

#[test]
fn a_program_that_waits_for_an_event_that_is_never_set_is_told_so() {
    let ended: Result<(), _> = virtual_loop().run_until_complete(async {
        let event = Event::new();
        let _task = waiter(&event, &Log::default(), ()).named("other");
        sleep(SECOND).await;
        event.wait().await;
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    assert_eq!(deadlock.waiting, ["Task-1 waits for an event", "other waits for an event"]);
}

#[test]
fn a_clone_is_the_same_event_and_lives_as_long_as_one_of_them() {
    run(async {
        let (event, log) = (Event::new(), Log::default());
        let task = waiter(&event, &log, "next");
        let clone = event.clone();
        drop(event);
        yield_now().await;
        clone.set();
        drop(clone);
        task.await;
        assert_eq!((&*log.borrow(), all_tasks().len()), (&vec!["next"], 1));
    });
}
