//! What a cancellation of a scope cancels: the one thing that the scope awaits; of several none.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use futures::join;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use oneloop::{Task, TaskHandle, TimeoutError, catch_cancelled, create_task, gather, sleep, timeout, yield_now};

use super::branches::{Beside, Branch, cancelled_after, caught, give_up, timed};
use crate::runs::run;
use crate::time::{LONG, SECOND, secs};

/// A task that catches its cancellation, cleans up for a second, and returns 7. It has begun to wait.
async fn stubborn() -> (Task<i32>, TaskHandle) {
    let task = create_task(async {
        assert!(caught(900).await);
        sleep(SECOND).await;
        7
    });
    yield_now().await;
    let handle = task.handle();
    (task, handle)
}

/// Two tasks of 20 seconds.
fn two_workers() -> ([Task<()>; 2], [TaskHandle; 2]) {
    let workers = [create_task(sleep(secs(20))), create_task(sleep(secs(20)))];
    let handles = workers.each_ref().map(Task::handle);
    (workers, handles)
}

/// The workers run on to their end.
async fn are_left_alone(workers: [TaskHandle; 2]) {
    assert!(workers.iter().all(|worker| worker.cancelling() == 0));
    sleep(secs(30)).await;
    assert!(workers.iter().all(|worker| worker.done() && !worker.cancelled()));
}

#[test]
fn a_limit_cancels_the_task_that_it_awaits() {
    run(async {
        let (mut task, handle) = stubborn().await;
        assert_eq!(timed(timeout(secs(5), &mut task)).await, (Ok(7), 6));
        assert_eq!(handle.cancelling(), 1);
    });
}

#[test]
fn a_limit_in_limits_cancels_the_task_that_it_awaits_once() {
    run(async {
        let (mut task, handle) = stubborn().await;
        let nested = timeout(secs(5), timeout(secs(9), timeout(secs(9), &mut task)));
        assert_eq!(timed(nested).await, (Ok(Ok(Ok(7))), 6));
        assert_eq!(handle.cancelling(), 1);
    });
}

#[test]
fn a_limit_beside_a_sleep_cancels_the_task_that_it_awaits() {
    run(async {
        let (mut task, handle) = stubborn().await;
        assert_eq!(join!(timeout(secs(5), &mut task), sleep(secs(3))).0, Ok(7));
        assert_eq!(handle.cancelling(), 1);
    });
}

#[test]
fn a_limit_that_is_up_when_its_task_is_queued_by_a_sibling_cancels_the_task_that_it_awaits() {
    run(async {
        for way in Beside::WAYS {
            let (task, handle) = stubborn().await;
            let limit = timeout(secs(5), task).boxed_local();
            let sibling = sleep(secs(5)).map(|()| Ok(1)).boxed_local();
            assert_eq!(way.all(vec![sibling, limit]).await, [Ok(1), Ok(7)], "{way:?}");
            assert_eq!(handle.cancelling(), 1, "{way:?}");
        }
    });
}

#[test]
fn a_limit_around_a_set_of_one_cancels_the_task_in_it() {
    run(async {
        let (task, handle) = stubborn().await;
        let one = Beside::Unordered.all(vec![task.boxed_local()]);
        assert_eq!(timed(timeout(secs(5), one)).await, (Ok(vec![7]), 6));
        assert_eq!(handle.cancelling(), 1);
    });
}

#[test]
fn a_limit_that_is_up_between_the_last_child_of_a_gathering_and_its_end_ends_it() {
    run(async {
        let gathering = gather([async {}]); // its child ends in the iteration in which the time is up
        assert_eq!(timeout(Duration::ZERO, gathering).await, Err(TimeoutError));
    });
}

#[test]
fn a_limit_around_several_tasks_lets_them_run_on() {
    run(async {
        for way in Beside::WAYS {
            let (workers, handles) = two_workers();
            let both = way.all(workers.into_iter().map(FutureExt::boxed_local).collect());
            assert_eq!(timed(timeout(secs(5), both)).await, (Err(TimeoutError), 5), "{way:?}");
            are_left_alone(handles).await;
        }
    });
}

#[test]
fn a_limit_around_limits_of_several_tasks_lets_them_run_on() {
    run(async {
        let ([first, second], handles) = two_workers();
        let both = async { join!(timeout(secs(9), first), timeout(secs(9), second)) };
        assert_eq!(timed(timeout(secs(5), both)).await, (Err(TimeoutError), 5));
        are_left_alone(handles).await;
    });
}

#[test]
fn a_cancellation_of_a_set_that_was_polled_for_one_task_only_lets_all_run_on() {
    run(async {
        let worker = create_task(sleep(secs(20)));
        let handle = worker.handle();
        let later = async {
            for _ in 0..5 {
                sleep(secs(1)).await;
            }
            create_task(sleep(secs(30))).await;
        };
        let both = Beside::Unordered.all(vec![worker.boxed_local(), later.boxed_local()]);
        assert_eq!(cancelled_after(10, both).await, None);
        assert_eq!(handle.cancelling(), 0);
    });
}

#[test]
fn a_cancellation_of_a_set_in_which_a_threads_coroutine_is_awaited_too_lets_all_run_on() {
    run(async {
        let worker = create_task(sleep(secs(20)));
        let handle = worker.handle();
        let remote = create_task(sleep(secs(20))).into_threadsafe().map(drop);
        let both = Beside::Unordered.all(vec![worker.boxed_local(), remote.boxed_local()]);
        assert_eq!(cancelled_after(5, both).await, None);
        assert_eq!(handle.cancelling(), 0);
    });
}

#[test]
fn what_has_left_a_set_and_ended_does_not_keep_the_next_task_from_being_cancelled() {
    run(async {
        let (task, handle) = stubborn().await;
        let ended = cancelled_after(10, async {
            let mut nap = Box::pin(sleep(secs(2)));
            let mut set: FuturesUnordered<_> = [&mut nap].into_iter().collect();
            give_up(set.next()).await;
            drop(set);
            nap.await;
            task.await
        });
        assert_eq!(ended.await, Some(7), "handed on, and swallowed");
        assert_eq!(handle.cancelling(), 1);
    });
}

#[test]
fn a_limit_around_a_task_and_what_has_come_from_another_set_lets_the_task_run_on() {
    run(async {
        let worker = create_task(sleep(secs(20)));
        let handle = worker.handle();
        let mut nap = Box::pin(sleep(secs(20)));
        let mut set: FuturesUnordered<_> = [&mut nap].into_iter().collect();
        give_up(set.next()).await;
        drop(set);
        let both = Beside::Unordered.all(vec![worker.boxed_local(), nap.boxed_local()]);
        assert_eq!(timed(timeout(secs(5), both)).await, (Err(TimeoutError), 5));
        assert_eq!(handle.cancelling(), 0);
    });
}

/// What a task gives up, or has done with, before it awaits the one thing to which its cancellation is to go.
async fn goes_to_the_next_task(before: impl Future<Output = ()> + 'static) -> bool {
    let (task, handle) = stubborn().await;
    let ended = cancelled_after(10, async {
        before.await;
        task.await
    });
    ended.await == Some(7) && handle.cancelling() == 1
}

#[test]
fn a_yield_in_a_set_that_is_over_does_not_keep_the_next_task_from_being_cancelled() {
    run(async {
        let set = Beside::Unordered.all(vec![yield_now().boxed_local(), sleep(SECOND).boxed_local()]);
        assert!(goes_to_the_next_task(set.map(drop)).await);
    });
}

#[test]
fn what_is_given_up_in_the_step_in_which_it_was_awaited_does_not_keep_the_next_task_from_being_cancelled() {
    run(async {
        assert!(goes_to_the_next_task(give_up(create_task(sleep(LONG)).into_threadsafe())).await);
        assert!(goes_to_the_next_task(give_up(Box::pin(sleep(LONG)))).await);
        assert!(goes_to_the_next_task(give_up(create_task(sleep(LONG)))).await);
    });
}

#[test]
fn a_limit_cancels_the_task_that_it_awaits_after_another_one_was_given_up_in_the_same_step() {
    run(async {
        let (task, handle) = stubborn().await;
        let limited = async {
            give_up(create_task(sleep(LONG))).await;
            task.await
        };
        assert_eq!(timed(timeout(secs(5), limited)).await, (Ok(7), 6));
        assert_eq!(handle.cancelling(), 1);
    });
}

#[test]
fn a_set_that_is_over_does_not_keep_the_next_task_from_being_cancelled() {
    run(async {
        let ended = cancelled_after(10, async {
            let quick = create_task(sleep(secs(2)));
            Beside::Unordered.all(vec![sleep(secs(1)).boxed_local(), quick.boxed_local()]).await;
            create_task(caught(900)).await
        });
        assert_eq!(ended.await, Some(true));
    });
}

#[test]
fn a_limit_cancels_nothing_beside_it() {
    run(async {
        let worker = create_task(sleep(secs(20)));
        let handle = worker.handle();
        let limit = timeout(secs(5), create_task(sleep(LONG)));
        assert_eq!(timed(async { join!(worker, limit) }).await, (((), Err(TimeoutError)), 20));
        assert!(!handle.cancelled());
    });
}

/// A throw goes on over several steps while a set has not polled the catcher that was told of it. What the task awaits
/// meanwhile is the same that the catcher awaits.
#[test]
fn a_cancellation_that_comes_while_another_goes_on_is_handed_to_nothing() {
    run(async {
        let kept = create_task(sleep(LONG)).shared();
        let handed_over = Rc::new(RefCell::new(None::<TaskHandle>));
        let place = Rc::clone(&handed_over);
        let canceller = create_task(async move {
            sleep(SECOND).await;
            let task = place.take().expect("it was begun");
            assert!(task.cancel(), "it is queued, by the sleep that ends now");
            yield_now().await;
            assert!(task.cancel(), "it has taken that step, and is to take one more");
        });
        yield_now().await;
        let (in_set, mut awaited) = (kept.clone(), kept.clone());
        let task = create_task(async move {
            let catcher = async move { catch_cancelled(in_set).await.is_ok() };
            let mut set: FuturesUnordered<Branch<bool>> =
                [sleep(SECOND).map(|()| true).boxed_local(), catcher.boxed_local()].into_iter().collect();
            set.next().await; // the sleep has ended, and the catcher is not polled
            poll_fn(|cx| {
                cx.waker().wake_by_ref(); // as a combinator does that polls a part at a time
                awaited.poll_unpin(cx)
            })
            .await;
        });
        handed_over.replace(Some(task.handle()));
        canceller.await;
        assert!(task.into_outcome().await.is_err());
        assert!(!kept.cancelled());
    });
}
