//! What moves between two polls: sets that outlive the scope around their `next()`, and futures and handles that go on
//! in another task, under another waker, or in another scope.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use futures::FutureExt as _;
use futures::future::{Either, pending, select};
use futures::join;
use futures::stream::{FuturesUnordered, StreamExt as _};
use oneloop::{
    EventLoop, GroupError, Task, TimeoutError, catch_cancelled, create_task, sleep, task_group, timeout, yield_now,
};

use super::branches::{Branch, caught, give_up};
use crate::log::Log;
use crate::runs::run;
use crate::time::{LONG, SECOND, secs};

type Set<T> = FuturesUnordered<Branch<T>>;

/// Catches its cancellation and cleans up for a second; what it has done.
fn work(seconds: u64) -> Branch<&'static str> {
    let work = async move {
        if !caught(seconds).await {
            return "done";
        }
        sleep(SECOND).await;
        "cleaned up"
    };
    work.boxed_local()
}

/// Takes from a set until nothing has come for `limit` seconds.
async fn drained(mut set: Set<&'static str>, limit: u64) -> Vec<&'static str> {
    let mut taken = Vec::new();
    while let Ok(Some(one)) = timeout(secs(limit), set.next()).await {
        taken.push(one);
    }
    taken
}

#[test]
fn a_cancellation_reaches_the_catchers_of_a_set_whose_first_limits_are_over() {
    run(async {
        for cancel_at in [5, 15] {
            let mut task = create_task(drained([10, 20, 300].into_iter().map(work).collect(), 100));
            sleep(secs(cancel_at)).await;
            task.cancel();
            let mut expected = vec!["cleaned up"; 3];
            if cancel_at > 10 {
                expected[0] = "done";
            }
            assert_eq!(task.outcome().await.ok(), Some(expected), "cancelled at {cancel_at}");
        }
    });
}

#[test]
fn a_later_limit_reaches_the_catchers_of_its_set_after_a_cancellation_of_another_task_with_a_set() {
    run(async {
        let [cancelled, limited] =
            [(); 2].map(|()| create_task(drained([10, 300].into_iter().map(work).collect(), 100)));
        sleep(secs(15)).await;
        cancelled.cancel();
        assert_eq!(cancelled.await, ["done", "cleaned up"]);
        assert_eq!(limited.await, ["done", "cleaned up"]);
    });
}

#[test]
fn a_later_limit_reaches_the_catchers_of_the_set_too() {
    run(async {
        assert_eq!(drained([10, 300].into_iter().map(work).collect(), 100).await, ["done", "cleaned up"]);
    });
}

#[test]
fn the_groups_of_a_set_whose_first_limits_are_over_are_waited_for() {
    run(async {
        let log = Log::default();
        let group = |seconds| {
            let log = Rc::clone(&log);
            let group = async move {
                let ended: Result<(), GroupError<()>> = task_group(async |group| {
                    group.create_task(async move {
                        work(seconds).await;
                        log.borrow_mut().push(seconds);
                        Ok(())
                    });
                    Ok(())
                })
                .await;
                ended.expect("no child fails");
                "ended"
            };
            group.boxed_local()
        };
        let mut task = create_task(drained([10, 300].into_iter().map(group).collect(), 100));
        sleep(secs(15)).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
        assert_eq!(*log.borrow(), [10, 300]);
    });
}

#[test]
fn a_set_that_was_given_away_is_not_cancelled_with_the_task_that_polled_it_first() {
    run(async {
        let given = Rc::new(RefCell::new(None));
        let give = Rc::clone(&given);
        let mut first = create_task(async move {
            let mut set: Set<_> = [work(50)].into_iter().collect();
            give_up(set.next()).await;
            give.replace(Some(set));
            sleep(LONG).await;
        });
        yield_now().await;
        let mut set = given.take().expect("it was given");
        let second = create_task(async move { set.next().await });
        sleep(SECOND).await;
        first.cancel();
        assert!(first.outcome().await.is_err());
        assert_eq!(second.await, Some("done"));
    });
}

#[test]
fn the_catcher_in_a_set_that_was_given_away_meets_the_cancellation_of_the_task_that_has_the_set() {
    run(async {
        let given = Rc::new(RefCell::new(None));
        let give = Rc::clone(&given);
        let first = create_task(async move {
            let mut set: Set<_> = [work(50)].into_iter().collect();
            give_up(set.next()).await;
            give.replace(Some(set));
        });
        first.await;
        let mut set = given.take().expect("it was given");
        let mut second = create_task(async move { set.next().await });
        sleep(SECOND).await;
        second.cancel();
        assert_eq!(second.outcome().await.ok(), Some(Some("cleaned up")));
    });
}

#[test]
fn a_cancellation_that_a_limit_has_met_in_one_task_does_not_count_in_the_next() {
    run(async {
        let held = async {
            assert!(caught(900).await);
            sleep(LONG).await;
        };
        let limited = Rc::new(RefCell::new(timeout(secs(50), held).boxed_local()));
        let poll_limited = |limited: Rc<RefCell<Branch<_>>>| poll_fn(move |cx| limited.borrow_mut().as_mut().poll(cx));
        let mut first = create_task(poll_limited(Rc::clone(&limited)));
        sleep(SECOND).await;
        first.cancel(); // caught inside the limit
        sleep(SECOND).await;
        first.cancel();
        assert!(first.outcome().await.is_err());
        let second = create_task(async move { join!(poll_limited(limited), caught(900)) });
        sleep(SECOND).await;
        second.cancel(); // caught beside the limit
        assert_eq!(second.await, (Err(TimeoutError), true));
    });
}

#[test]
fn a_throw_ends_with_the_task_that_it_was_meant_for() {
    run(async {
        let shared = work(50).shared();
        let given_up = shared.clone();
        let mut first = create_task(async move {
            let mut given_up = given_up;
            give_up(&mut given_up).await;
            sleep(LONG).await;
        });
        yield_now().await;
        first.cancel();
        assert!(first.outcome().await.is_err());
        assert_eq!(shared.await, "done");
    });
}

/// What a set of one holds: each waits for ten seconds, and is true if it has ended by itself.
fn catching_in_layers() -> Vec<Branch<bool>> {
    let waits = || sleep(secs(10));
    vec![
        async move { catch_cancelled(waits()).await.is_ok() }.boxed_local(),
        async move { catch_cancelled(catch_cancelled(waits())).await == Ok(Ok(())) }.boxed_local(),
        async move { timeout(secs(50), catch_cancelled(waits())).await == Ok(Ok(())) }.boxed_local(),
        async move { catch_cancelled(timeout(secs(50), catch_cancelled(waits()))).await == Ok(Ok(Ok(()))) }
            .boxed_local(),
        async move {
            let ended: Result<_, GroupError<()>> = task_group(async |_| {
                waits().await;
                Ok(true)
            })
            .await;
            ended.unwrap_or(false)
        }
        .boxed_local(),
    ]
}

#[test]
fn no_catcher_in_a_set_that_another_task_has_by_now_meets_a_cancellation_of_the_first() {
    run(async {
        for (kind, future) in catching_in_layers().into_iter().enumerate() {
            let cell = Rc::new(RefCell::new(None));
            let given = Rc::clone(&cell);
            let mut first = create_task(async move {
                let mut set: Set<_> = [future].into_iter().collect();
                give_up(&mut set.next()).await;
                *given.borrow_mut() = Some(set);
                sleep(LONG).await;
            });
            yield_now().await;
            let mut set = cell.take().expect("the first has given it");
            let second = create_task(async move { set.next().await });
            first.cancel();
            assert!(first.outcome().await.is_err());
            assert_eq!(second.await, Some(true), "kind {kind}");
        }
    });
}

#[test]
fn no_catcher_in_a_set_that_a_limit_does_not_poll_when_it_is_up_meets_it_afterwards() {
    run(async {
        for (kind, future) in catching_in_layers().into_iter().enumerate() {
            let mut set: Set<_> = [future].into_iter().collect();
            let limited = timeout(secs(5), async {
                give_up(&mut set.next()).await;
                sleep(LONG).await;
            });
            assert!(limited.await.is_err());
            assert_eq!(set.next().await, Some(true), "kind {kind}");
        }
    });
}

/// Awaits the task in the cell, as long as there is one.
async fn await_in(cell: Rc<RefCell<Option<Task<()>>>>) {
    poll_fn(|cx| cell.borrow_mut().as_mut().map_or(Poll::Pending, |task| Pin::new(task).poll(cx))).await;
}

#[test]
fn a_cancellation_is_not_handed_on_to_a_task_whose_handle_was_taken_away() {
    run(async {
        let worker = create_task(sleep(secs(50)));
        let handle = worker.handle();
        let cell = Rc::new(RefCell::new(Some(worker)));
        let mut task = create_task(await_in(Rc::clone(&cell)));
        sleep(SECOND).await;
        drop(cell.take());
        task.cancel();
        assert!(task.outcome().await.is_err());
        assert_eq!((handle.cancelling(), handle.done()), (0, false));
    });
}

#[test]
fn a_cancellation_is_not_handed_on_to_a_task_that_another_task_awaits_by_now() {
    run(async {
        let worker = create_task(sleep(secs(50)));
        let handle = worker.handle();
        let cell = Rc::new(RefCell::new(Some(worker)));
        let mut first = create_task(await_in(Rc::clone(&cell)));
        yield_now().await;
        let second = create_task(await_in(cell));
        yield_now().await;
        first.cancel();
        assert!(first.outcome().await.is_err());
        second.await;
        assert_eq!((handle.cancelling(), handle.cancelled()), (0, false));
    });
}

#[test]
fn a_catcher_that_goes_into_a_set_in_the_step_of_the_cancellation_meets_it() {
    run(async {
        for into_set in [false, true] {
            let mut task = create_task(async move {
                let catcher = catch_cancelled(sleep(secs(50))).boxed_local();
                let Either::Left(((), catcher)) = select(sleep(secs(5)), catcher).await else { unreachable!() };
                if !into_set {
                    return catcher.await.is_err();
                }
                let mut set: FuturesUnordered<_> = [catcher].into_iter().collect();
                set.next().await.expect("it is in it").is_err()
            });
            let handle = task.handle();
            EventLoop::current().call_later(secs(5), move || handle.cancel());
            assert_eq!(task.outcome().await.ok(), Some(true), "into a set: {into_set}");
        }
    });
}

#[test]
fn a_group_that_moves_to_another_task_raises_the_cancellation_of_that_one() {
    run(async {
        let group = async {
            let ended: Result<(), _> = task_group(async |group| {
                group.create_task(async {
                    assert!(caught(50).await);
                    Err::<(), _>(7)
                });
                Ok(())
            })
            .await;
            ended.expect_err("its child has failed").errors
        };
        let mut group = group.boxed_local();
        create_task(poll_fn(move |cx| {
            assert!(group.as_mut().poll(cx).is_pending());
            let group = std::mem::replace(&mut group, pending().boxed_local());
            Poll::Ready(group)
        }))
        .map(|group| {
            create_task(async {
                let errors = group.await;
                (errors, caught(50).await)
            })
        })
        .then(|mut second| async move {
            sleep(SECOND).await;
            second.cancel();
            assert_eq!(second.outcome().await.ok(), Some((vec![7], true)));
        })
        .await;
    });
}

#[test]
fn a_limit_that_held_a_set_before_still_hides_nothing_beside_it() {
    run(async {
        let worker = create_task(sleep(secs(50)));
        let handle = worker.handle();
        let mut task = create_task(async move {
            let limited = timeout(secs(900), async {
                let mut set: Set<()> = [sleep(SECOND).boxed_local()].into_iter().collect();
                set.next().await;
                drop(set);
                pending::<()>().await;
            });
            join!(limited, worker).1;
        });
        sleep(secs(5)).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
        assert_eq!(handle.cancelling(), 0, "two things were awaited");
    });
}
