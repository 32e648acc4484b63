//! Cancellation as an exception: thrown, caught, raised on, taken back, handed on; and foreign combinators under it.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::task::Poll;

use futures::future::{Either, join, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use oneloop::{
    Awaitable, Error, EventLoop, Shared, Task, TaskError, catch_cancelled, create_future, create_task, current_task,
    ensure_future, gather, sleep, yield_now,
};

use crate::support::{LONG, SECOND, dead, run, virtual_loop};

#[test]
fn catch_cancelled_gives_the_value_of_what_was_not_cancelled() {
    assert_eq!(run(async { catch_cancelled(async { 1 }).await }), Ok(1));
}

#[test]
fn what_is_below_the_catcher_is_dropped_before_it_goes_on() {
    run(async {
        let witness = Rc::new(());
        let held = Rc::clone(&witness);
        let task = create_task(async move {
            let outer = Rc::clone(&held);
            let caught = catch_cancelled(async move {
                sleep(LONG).await;
                drop(held);
            });
            let caught = caught.await;
            (caught.is_err(), Rc::strong_count(&outer))
        });
        yield_now().await;
        task.cancel();
        assert_eq!(task.await, (true, 2)); // the test's, and the catcher's own
    });
}

#[test]
fn the_innermost_catcher_catches_and_reraise_goes_to_the_next() {
    run(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let note = Rc::clone(&log);
        let mut task = create_task(async move {
            let outer = catch_cancelled(async {
                let inner = catch_cancelled(sleep(LONG)).await.unwrap_err();
                note.borrow_mut().push("inner");
                inner.reraise().await;
            });
            let outer: Result<(), _> = outer.await;
            note.borrow_mut().push("outer");
            outer.unwrap_err().reraise().await;
        });
        yield_now().await;
        task.cancel_with("why");
        let ended: Result<(), TaskError> = task.outcome().await;
        assert!(matches!(ended, Err(TaskError::Cancelled(why)) if why.message() == Some("why")));
        assert_eq!(*log.borrow(), ["inner", "outer"]);
    });
}

#[test]
fn a_catcher_may_clean_up_with_awaits_and_swallow() {
    let lp = virtual_loop();
    let start = lp.time();
    lp.run_until_complete(async {
        let task = create_task(async {
            let caught = catch_cancelled(sleep(LONG)).await;
            sleep(SECOND).await;
            (caught.is_err(), current_task().expect("inside a task").cancelling())
        });
        yield_now().await;
        task.cancel();
        assert_eq!(task.await, (true, 1));
    })
    .expect("it runs");
    assert_eq!(lp.time() - start, SECOND);
}

#[test]
fn a_second_cancel_during_the_clean_up_is_a_second_cancellation() {
    run(async {
        let task = create_task(async {
            let first = catch_cancelled(sleep(LONG)).await.unwrap_err();
            let second = catch_cancelled(sleep(LONG)).await.unwrap_err();
            [first, second].map(|one| one.message().map(str::to_owned))
        });
        yield_now().await;
        task.cancel_with("one");
        yield_now().await;
        task.cancel_with("two");
        assert_eq!(task.cancelling(), 2);
        assert_eq!(task.await, [Some("one".into()), Some("two".into())]);
    });
}

#[test]
fn uncancel_counts_down_and_takes_back_what_was_not_delivered() {
    run(async {
        let me = current_task().expect("inside a task");
        me.cancel();
        me.cancel();
        assert_eq!((me.cancelling(), me.uncancel()), (2, 1));
        assert!(catch_cancelled(yield_now()).await.is_err(), "one is left");
        assert_eq!((me.uncancel(), me.uncancel()), (0, 0));
        me.cancel();
        assert_eq!(me.uncancel(), 0);
        assert!(catch_cancelled(yield_now()).await.is_ok(), "it was taken back");
    });
}

#[test]
fn uncancel_does_not_take_back_what_ended_a_wait() {
    run(async {
        let task = create_task(async { catch_cancelled(sleep(LONG)).await.is_err() });
        yield_now().await;
        task.cancel();
        assert_eq!(task.uncancel(), 0);
        assert!(task.await);
    });
}

#[test]
fn self_cancel_is_met_at_the_next_await_and_not_before() {
    let reached = Cell::new(0);
    let ended = virtual_loop().run_until_complete(async {
        current_task().expect("inside a task").cancel();
        reached.set(1);
        yield_now().await;
        reached.set(2);
    });
    assert!(matches!(ended, Err(Error::Cancelled(_))));
    assert_eq!(reached.get(), 1);
}

#[test]
fn self_cancel_without_another_await_costs_the_value() {
    let ended = virtual_loop().run_until_complete(async {
        current_task().expect("inside a task").cancel();
        1
    });
    assert!(matches!(ended, Err(Error::Cancelled(_))));
}

#[test]
fn cancel_before_the_first_step_drops_the_coroutine_unpolled() {
    run(async {
        let polled = Rc::new(Cell::new(false));
        let note = Rc::clone(&polled);
        let mut task = create_task(async move {
            note.set(true);
            let _ = catch_cancelled(pending::<()>()).await;
        });
        assert!(task.cancel());
        assert!(matches!(task.outcome().await, Err(TaskError::Cancelled(_))));
        assert_eq!((polled.get(), Rc::strong_count(&polled)), (false, 1));
    });
}

#[test]
fn cancel_of_a_done_task_does_nothing() {
    run(async {
        let task = create_task(ready(1));
        yield_now().await;
        assert!(!task.cancel());
        assert_eq!((task.cancelling(), task.await), (0, 1));
    });
}

#[test]
fn cancel_while_woken_loses_the_value_that_woke() {
    run(async {
        let future = create_future();
        let task = create_task(catch_cancelled(future.clone()));
        yield_now().await;
        future.set_result(1).expect("it is pending");
        task.cancel();
        assert!(task.await.is_err());
        assert_eq!(future.await, 1, "the value is still there for others");
    });
}

#[test]
fn cancel_while_waking_after_drop() {
    run(async {
        let (future, witness) = (create_future::<()>(), Rc::new(()));
        let (waited, held) = (future.clone(), Rc::clone(&witness));
        let task = create_task(async move {
            waited.await;
            drop(held);
        });
        let handle = task.handle();
        yield_now().await;
        drop(task);
        future.set_result(()).expect("it is pending");
        assert!(handle.cancel());
        yield_now().await;
        assert!(handle.cancelled());
        assert_eq!(Rc::strong_count(&witness), 1);
    });
}

#[test]
fn a_cancellation_is_handed_on_and_seen_only_if_the_inner_task_ends_cancelled() {
    run(async {
        let inner = create_task(async {
            let _ = catch_cancelled(sleep(LONG)).await;
            "swallowed"
        });
        let handle = inner.handle();
        let outer = create_task(inner);
        yield_now().await;
        yield_now().await;
        outer.cancel();
        assert_eq!((outer.cancelling(), handle.cancelling()), (1, 1));
        assert_eq!(outer.await, "swallowed");
    });
}

#[test]
fn await_of_a_cancelled_task_raises_with_cancelling_zero() {
    run(async {
        let caught = catch_cancelled(dead().await).await;
        assert!(caught.is_err());
        assert_eq!(current_task().expect("inside a task").cancelling(), 0);
    });
}

#[test]
fn a_cancellation_through_a_gathering_reaches_every_child() {
    run(async {
        let children: Vec<_> = (0..10).map(|_| create_task(pending::<()>())).collect();
        let handles: Vec<_> = children.iter().map(Task::handle).collect();
        let outer = create_task(gather(children));
        yield_now().await;
        yield_now().await;
        outer.cancel();
        assert!(catch_cancelled(outer).await.is_err());
        assert!(handles.iter().all(|child| child.cancelled()));
    });
}

#[test]
fn a_chain_of_a_million_awaiting_tasks_is_cancelled_from_its_end() {
    const TASKS: usize = 1_000_000;
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let mut last = create_task(pending::<()>());
        let first = last.handle();
        for _ in 1..TASKS {
            last = create_task(last);
        }
        yield_now().await;
        yield_now().await;
        assert!(last.cancel());
        assert_eq!(first.cancelling(), 1);
        assert!(catch_cancelled(last).await.is_err());
        assert!(first.cancelled());
        assert_eq!(oneloop::all_tasks().len(), 1);
    })
    .expect("it runs");
}

#[test]
fn a_chain_of_a_hundred_thousand_tasks_goes_with_its_loop() {
    let witness = Rc::new(());
    let lp = virtual_loop();
    let held = Rc::clone(&witness);
    lp.run_until_complete(async {
        let mut last = create_task(async move {
            pending::<()>().await;
            drop(held);
        });
        for _ in 1..100_000 {
            last = create_task(last);
        }
        yield_now().await;
        yield_now().await;
    })
    .expect("it runs");
    drop(lp);
    assert_eq!(Rc::strong_count(&witness), 1);
}

/// `n` tasks of which each awaits the next, and the last the first.
async fn cycle(n: usize) -> Vec<Shared<()>> {
    let tasks = Rc::new(RefCell::new(Vec::<Shared<()>>::new()));
    for i in 0..n {
        let all = Rc::clone(&tasks);
        let task = create_task(async move {
            let next = all.borrow()[(i + 1) % n].clone();
            next.await;
        });
        tasks.borrow_mut().push(task.shared());
    }
    yield_now().await;
    yield_now().await;
    tasks.take()
}

#[test]
fn cycles_of_tasks_that_await_each_other_are_cancelled() {
    for n in [2, 3, 1000, 100_000] {
        run(async move {
            let tasks = cycle(n).await;
            assert!(tasks[n / 2].cancel());
            for _ in 0..n + 2 {
                yield_now().await;
            }
            assert!(tasks.iter().all(Shared::cancelled), "a cycle of {n}");
        });
    }
}

#[test]
fn a_cycle_that_is_not_cancelled_is_a_deadlock_that_names_it_and_goes_with_its_loop() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        let tasks = cycle(2).await;
        tasks[0].clone().await;
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    let lines = ["Task-1 waits for Task-2", "Task-2 waits for Task-3", "Task-3 waits for Task-2"];
    assert_eq!(deadlock.waiting, lines);
}

/// Gatherings of one, `depth` deep, around `inner`.
fn nested(inner: Awaitable<u32>, depth: usize) -> Awaitable<u32> {
    (0..depth).fold(inner, |inside, _| Awaitable::from(gather([inside])).map(|values: Vec<u32>| values[0] + 1))
}

const DEEP: usize = 100_000;

#[test]
fn gatherings_nested_a_hundred_thousand_deep_are_awaited() {
    let depth = run(async { nested(ensure_future(ready(0)), DEEP).await });
    assert_eq!(depth as usize, DEEP);
    let depth = run(async {
        nested(
            ensure_future(async {
                sleep(SECOND).await;
                0
            }),
            DEEP,
        )
        .await
    });
    assert_eq!(depth as usize, DEEP);
}

#[test]
fn gatherings_nested_a_hundred_thousand_deep_are_cancelled() {
    run(async {
        let inner = ensure_future(pending());
        let child = inner.any();
        let outer = create_task(nested(inner, DEEP));
        yield_now().await;
        yield_now().await;
        assert!(outer.cancel());
        assert!(catch_cancelled(outer).await.is_err());
        assert!(child.cancelled());
    });
}

#[test]
fn gatherings_nested_a_hundred_thousand_deep_are_dropped() {
    run(async {
        drop(nested(ensure_future(pending()), DEEP));
        let left = create_future();
        drop(nested(left.clone().into(), DEEP));
        assert_eq!(left.set_result(0), Ok(()), "what was gathered is left alone");
        let done = create_future();
        done.set_result(0).expect("it is pending");
        drop(nested(done.into(), DEEP));
        let task = create_task(nested(ensure_future(sleep(LONG)).map(|()| 0), DEEP));
        yield_now().await;
        let handle = task.handle();
        drop(task);
        assert!(!handle.done(), "it runs on without the task's owner");
    });
}

#[test]
fn select_that_drops_a_cancelled_task_takes_its_raise_back() {
    run(async {
        let loser = dead().await;
        let Either::Right(((), loser)) = select(loser, ready(())).await else { panic!("the raise won") };
        drop(loser);
        assert!(catch_cancelled(yield_now()).await.is_ok());
    });
}

#[test]
fn select_of_a_reraise_that_is_dropped_takes_it_back() {
    let value = run(async {
        let cancelled = catch_cancelled(dead().await).await.unwrap_err();
        let raise = Box::pin(async { cancelled.reraise().await });
        match select(raise, ready(4)).await {
            Either::Left((never, _)) => never,
            Either::Right((value, raise)) => {
                drop(raise);
                yield_now().await;
                value
            }
        }
    });
    assert_eq!(value, 4);
}

#[test]
fn select_of_a_cancelled_task_and_one_that_waits_raises() {
    let ended = virtual_loop().run_until_complete(async {
        let loser = dead().await;
        drop(select(loser, create_task(sleep(LONG))).await);
    });
    assert!(matches!(ended, Err(Error::Cancelled(_))));
}

#[test]
fn join_with_a_catcher_in_the_other_branch_is_not_caught_by_it() {
    let lp = virtual_loop();
    for raiser_first in [true, false] {
        let caught = Rc::new(Cell::new(false));
        let note = Rc::clone(&caught);
        let ended = lp.run_until_complete(async move {
            let raiser = dead().await;
            let catcher = async {
                let ended = catch_cancelled(sleep(SECOND)).await;
                note.set(ended.is_err());
            };
            if raiser_first {
                futures::join!(raiser, catcher);
            } else {
                futures::join!(catcher, raiser);
            }
        });
        assert!(matches!(ended, Err(Error::Cancelled(_))), "{raiser_first}");
        assert!(!caught.get(), "{raiser_first}");
    }
}

#[test]
fn join_of_two_catchers_catches_a_cancellation_in_both() {
    run(async {
        let task = create_task(async {
            let both = join(catch_cancelled(sleep(LONG)), catch_cancelled(pending::<()>()));
            let (one, two) = both.await;
            (one.is_err(), two.is_err())
        });
        yield_now().await;
        task.cancel();
        // the first takes the throw; the second is not cancelled by it, and waits for one of its own
        yield_now().await;
        task.cancel();
        assert_eq!(task.await, (true, true));
    });
}

#[test]
fn a_task_that_awaits_several_at_once_is_cancelled_itself_and_they_run_on() {
    run(async {
        let children = [1, 2].map(|seconds| create_task(sleep(seconds * SECOND)));
        let handles = [children[0].handle(), children[1].handle()];
        let outer = create_task(async {
            let [one, two] = children;
            futures::join!(one, two)
        });
        yield_now().await;
        yield_now().await;
        outer.cancel();
        assert!(catch_cancelled(outer).await.is_err());
        assert!(handles.iter().all(|child| !child.done()));
        sleep(3 * SECOND).await;
        assert!(handles.iter().all(|child| child.done() && !child.cancelled()));
    });
}

#[test]
fn a_cancellation_goes_to_the_wait_and_not_to_a_task_that_select_gave_up() {
    run(async {
        let mut inner = create_task(sleep(50 * SECOND));
        let handle = inner.handle();
        let outer = create_task(async move {
            let _ = select(&mut inner, yield_now()).await;
            sleep(LONG).await;
            drop(inner);
        });
        sleep(SECOND).await;
        outer.cancel();
        assert!(catch_cancelled(outer).await.is_err());
        assert!(!handle.done());
    });
}

#[test]
fn a_foreign_future_is_cancelled_by_dropping() {
    run(async {
        let witness = Rc::new(());
        let held = Rc::clone(&witness);
        let task = create_task(async move {
            let mut held = Some(held);
            poll_fn(move |_| {
                if held.is_none() {
                    drop(held.take());
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        });
        yield_now().await;
        task.cancel();
        yield_now().await;
        assert!(task.cancelled());
        assert_eq!(Rc::strong_count(&witness), 1);
    });
}

#[test]
fn a_foreign_future_that_is_ready_when_its_task_is_cancelled_is_not_polled_for_it() {
    run(async {
        let (ready_now, after) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
        let (look, note) = (Rc::clone(&ready_now), Rc::clone(&after));
        let task = create_task(async move {
            poll_fn(|_| if look.get() { Poll::Ready(()) } else { Poll::Pending }).await;
            note.set(1);
            yield_now().await;
            note.set(2);
        });
        yield_now().await;
        ready_now.set(true);
        task.cancel();
        yield_now().await;
        assert!(task.cancelled());
        assert_eq!(after.get(), 0, "the task has stopped where it was cancelled");
    });
}

#[test]
fn futures_unordered_around_sleeps_loses_no_wake_during_a_throw() {
    run(async {
        let task = create_task(async {
            let mut all: FuturesUnordered<_> = (1..=10).map(|i| sleep(i * SECOND)).collect();
            let mut caught = 0;
            let mut ended = 0;
            while ended < 10 {
                match catch_cancelled(all.next()).await {
                    Ok(next) => ended += u32::from(next.is_some()),
                    Err(_) => caught += 1,
                }
            }
            caught
        });
        for _ in 0..9 {
            sleep(SECOND).await;
            task.cancel(); // in the iteration in which a child was woken
        }
        assert!(task.await > 0);
    });
}

#[test]
fn futures_unordered_around_futures_that_are_set_during_a_throw_loses_none() {
    run(async {
        let futures: Vec<_> = (0..20).map(|_| create_future::<usize>()).collect();
        let setters = futures.clone();
        let task = create_task(async move {
            let mut all: FuturesUnordered<_> = futures.into_iter().collect();
            let mut sum = 0;
            while !all.is_empty() {
                if let Ok(Some(value)) = catch_cancelled(all.next()).await {
                    sum += value;
                }
            }
            sum
        });
        yield_now().await;
        for (i, setter) in setters.into_iter().enumerate() {
            setter.set_result(i).expect("it is pending");
            task.cancel(); // it is queued: the step that would see the value throws
            yield_now().await;
        }
        assert_eq!(task.await, (0..20).sum::<usize>());
    });
}

#[test]
fn join_all_of_a_hundred_tasks_one_of_them_cancelled_raises() {
    let ended = virtual_loop().run_until_complete(async {
        let tasks: Vec<_> = (0..100).map(|i| create_task(sleep(i * SECOND))).collect();
        let victim = tasks[50].handle();
        EventLoop::current().call_later(SECOND, move || victim.cancel());
        join_all(tasks).await;
    });
    assert!(matches!(ended, Err(Error::Cancelled(_))));
}

#[test]
fn a_throw_ends_with_its_step_and_leaves_the_next_task_alone() {
    run(async {
        let first = create_task(pending::<()>());
        let second = create_task(async { catch_cancelled(yield_now()).await.is_ok() });
        yield_now().await;
        first.cancel();
        assert!(second.await);
        assert!(first.cancelled());
    });
}

#[test]
fn a_destructor_that_cancels_its_own_task_and_others_during_a_throw() {
    struct CancelsAll;
    impl Drop for CancelsAll {
        fn drop(&mut self) {
            for task in oneloop::all_tasks() {
                task.cancel();
            }
        }
    }
    run(async {
        let bystander = create_task(catch_cancelled(sleep(LONG)));
        let task = create_task(async {
            let _guard = CancelsAll;
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
        assert!(catch_cancelled(yield_now()).await.is_err(), "this one too");
        assert!(task.cancelled());
        assert!(bystander.await.is_err());
    });
}

#[test]
#[should_panic(expected = "outside any task")]
fn reraise_outside_a_task_panics() {
    let cancelled = run(async { catch_cancelled(dead().await).await.unwrap_err() });
    let mut raise = Box::pin(async { cancelled.reraise().await });
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _: Poll<()> = raise.as_mut().poll(&mut cx).map(|never| never);
}
