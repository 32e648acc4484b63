//! Catchers in tasks of several branches: every one that waits meets a cancellation of the task, once.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures::FutureExt as _;
use futures::future::{Either, select};
use futures::join;
use futures::stream::{FuturesUnordered, StreamExt as _};
use oneloop::{
    Condition, EventLoop, TimeoutError, catch_cancelled, create_task, current_task, sleep, timeout, yield_now,
};

use super::branches::{Beside, Branch, cancelled_after, cancelled_soon, caught, give_up, timed};
use crate::panics::panic_in;
use crate::runs::run;
use crate::time::secs;

#[test]
fn every_catcher_meets_a_cancellation_of_its_task() {
    for way in Beside::WAYS {
        run(async move {
            let both = way.all(vec![caught(100).boxed_local(), caught(100).boxed_local()]);
            assert_eq!(timed(cancelled_after(5, both)).await, (Some(vec![true; 2]), 5), "{way:?}");
        });
    }
}

#[test]
fn a_catcher_that_was_made_afterwards_does_not_meet_it() {
    for way in Beside::WAYS {
        run(async move {
            let twice = async { [caught(100).await, caught(50).await] };
            let both = way.all(vec![twice.boxed_local(), async { [caught(100).await; 2] }.boxed_local()]);
            let met = vec![[true, false], [true, true]];
            assert_eq!(timed(cancelled_after(5, both)).await, (Some(met), 55), "{way:?}");
        });
    }
}

#[test]
fn many_sleeps_that_are_ready_before_the_catchers_do_not_hide_them() {
    run(async {
        let sleepy = || async {
            sleep(secs(5)).await;
            sleep(secs(5)).await;
            false
        };
        let mut branches: Vec<Branch<bool>> = (0..200).map(|_| sleepy().boxed_local()).collect();
        branches.extend((0..3).map(|_| caught(50).boxed_local()));
        let mut task = create_task(Beside::Unordered.all(branches));
        let handle = task.handle();
        EventLoop::current().call_later(secs(5), move || assert!(handle.cancel()));
        let ended = task.outcome().await.expect("each catcher swallows it");
        assert_eq!((ended.len(), ended.iter().filter(|caught| **caught).count()), (203, 3));
    });
}

/// Returns `Pending` for ever. Polled while it is `restless`, it wakes itself, so a set yields before it polls the
/// rest.
async fn restless_one(restless: Rc<Cell<bool>>, wakers: Rc<RefCell<Vec<Waker>>>) -> bool {
    poll_fn(|cx| {
        if restless.get() {
            cx.waker().wake_by_ref();
        } else {
            wakers.borrow_mut().push(cx.waker().clone());
        }
        Poll::Pending
    })
    .await
}

#[test]
fn a_throw_over_several_steps_spares_the_node_of_a_catcher_that_it_has_yet_to_reach() {
    run(async {
        let (restless, wakers) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Vec::new())));
        let awaited = create_task(pending::<()>());
        let (end, mut ended) = futures::channel::oneshot::channel();
        let mut set: FuturesUnordered<_> =
            (0..2).map(|_| restless_one(Rc::clone(&restless), Rc::clone(&wakers)).boxed_local()).collect();
        let inner = awaited.handle();
        set.push(async move { catch_cancelled(awaited).await.is_err() }.boxed_local());
        let task = create_task(async move {
            let met = select(set.next(), pending::<()>().boxed_local());
            let (met, _) = join!(met, &mut ended);
            matches!(met, Either::Left((Some(true), _)))
        });
        let handle = task.handle();
        EventLoop::current().call_later(secs(1), move || {
            restless.set(true);
            wakers.take().into_iter().for_each(Waker::wake);
            end.send(()).unwrap();
            assert!(handle.cancel());
        });
        sleep(secs(2)).await;
        assert_eq!(inner.cancelling(), 0, "the cancellation was its catcher's");
        assert!(task.done() && task.await);
    });
}

#[test]
fn the_message_goes_to_every_catcher() {
    async fn heard() -> Option<String> {
        let cancelled = catch_cancelled(sleep(secs(50))).await.unwrap_err();
        cancelled.message().map(str::to_owned)
    }
    run(async {
        let task = create_task(async {
            let set = Beside::Unordered.all(vec![heard().boxed_local(), heard().boxed_local()]);
            join!(heard(), set, timeout(secs(40), heard()))
        });
        sleep(secs(1)).await;
        assert!(task.cancel_with("why"));
        let why = || Some("why".to_owned());
        assert_eq!(task.await, (why(), vec![why(), why()], Ok(why())));
    });
}

#[test]
fn a_branch_that_panics_under_a_limit_leaves_nothing_behind() {
    for way in Beside::WAYS {
        run(async move {
            let broken = timeout(secs(5), async {
                assert!(caught(50).await);
                panic!("bang")
            });
            let broken = panic_in(broken).map(|text| text == "bang").boxed_local();
            let sound = caught(50).map(|caught| !caught).boxed_local();
            assert_eq!(way.all(vec![broken, sound]).await, [true, true], "{way:?}");
            assert_eq!(current_task().unwrap().cancelling(), 0, "{way:?}");
        });
    }
}

#[test]
fn a_limit_reaches_the_innermost_of_many_catchers_and_limits() {
    run(async {
        let mut nested: Branch<()> = sleep(secs(50)).boxed_local();
        for _ in 0..200 {
            nested = catch_cancelled(timeout(secs(40), nested)).map(drop).boxed_local();
        }
        assert_eq!(timed(timeout(secs(5), nested)).await, (Ok(()), 5));
    });
}

#[test]
fn a_set_that_was_given_up_does_not_keep_a_cancellation_from_its_task() {
    run(async {
        let ended = cancelled_after(5, async {
            let mut set: FuturesUnordered<_> = [caught(500).boxed_local()].into_iter().collect();
            give_up(set.next()).await;
            sleep(secs(900)).await;
            drop(set);
        });
        assert_eq!(timed(ended).await, (None, 5));
    });
}

#[test]
fn a_set_with_a_limit_that_was_given_up_does_not_keep_a_cancellation_from_its_task() {
    run(async {
        let ended = cancelled_after(5, async {
            let mut set: FuturesUnordered<_> = [timeout(secs(800), caught(500)).boxed_local()].into_iter().collect();
            give_up(set.next()).await;
            sleep(secs(900)).await;
            drop(set);
        });
        assert_eq!(timed(ended).await, (None, 5));
    });
}

#[test]
fn a_waiter_of_a_condition_has_its_lock_back_after_a_cancellation() {
    for way in Beside::WAYS {
        run(async move {
            let condition = Condition::new(0);
            let (inside, had_it) = (condition.clone(), Rc::new(Cell::new(false)));
            let sees = Rc::clone(&had_it);
            let waits = async move {
                let mut guard = inside.acquire().await;
                let cancelled = catch_cancelled(inside.wait(&mut guard)).await.unwrap_err();
                *guard += 1; // panics if the guard has not its lock
                sees.set(inside.try_acquire().is_none());
                cancelled.reraise().await;
            };
            let waits: Branch<()> = waits.boxed_local();
            assert_eq!(cancelled_soon(way.all(vec![waits])).await, None, "{way:?}");
            assert!(had_it.get(), "{way:?}");
            assert_eq!(condition.try_acquire().map(|value| *value), Some(1), "{way:?}");
        });
    }
}

#[test]
fn a_cancelled_waiter_of_a_condition_in_a_set_leaves_the_lock_free() {
    run(async {
        let condition = Condition::new(0);
        let inside = condition.clone();
        let waits = async move {
            let mut guard = inside.acquire().await;
            inside.wait(&mut guard).await;
            *guard += 1;
        };
        assert_eq!(cancelled_soon(Beside::Unordered.all(vec![waits.boxed_local()])).await, None);
        assert_eq!(condition.try_acquire().map(|value| *value), Some(0));
    });
}

#[test]
fn a_limit_beside_a_waiter_of_a_condition_ends_for_itself_in_either_order() {
    run(async {
        for limit_first in [false, true] {
            let condition = Condition::new(0);
            let inside = condition.clone();
            let waits = async {
                let mut guard = inside.acquire().await;
                inside.wait_for(&mut guard, |value| *value == 1).await;
                Ok(())
            };
            let notifies = create_task(async move {
                sleep(secs(12)).await;
                let mut guard = condition.acquire().await;
                *guard = 1;
                condition.notify_all(&guard);
            });
            let limit = timeout(secs(5), sleep(secs(100)));
            let ended = if limit_first {
                let (late, waited) = join!(limit, waits);
                (waited, late)
            } else {
                join!(waits, limit)
            };
            assert_eq!(ended, (Ok::<_, TimeoutError>(()), Err(TimeoutError)), "the limit first: {limit_first}");
            notifies.await;
            yield_now().await;
        }
    });
}
