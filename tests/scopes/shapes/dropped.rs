//! What is dropped by a cancellation is not polled by it, so it takes nothing more.

use std::cell::RefCell;
use std::future::{poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;

use futures::channel::mpsc;
use futures::future::select;
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, join, poll};
use oneloop::{Queue, catch_cancelled, create_task, current_task, sleep, task_group, timeout, yield_now};

use super::branches::{Beside, cancelled_soon, caught, spy};
use crate::log::Log;
use crate::polls::counted;
use crate::runs::run;
use crate::time::secs;

// Dropped without a poll.

#[test]
fn a_task_without_a_catcher_is_not_polled_by_its_cancellation() {
    run(async {
        let (spied, polls) = spy();
        assert_eq!(cancelled_soon(spied).await, None);
        assert_eq!(polls.get(), 1);
    });
}

#[test]
fn what_a_catcher_holds_is_not_polled_by_what_it_catches() {
    run(async {
        let (spied, polls) = spy();
        assert_eq!(cancelled_soon(catch_cancelled(spied).map(|ended| ended.is_err())).await, Some(true));
        assert_eq!(polls.get(), 1);
    });
}

#[test]
fn what_catchers_beside_each_other_hold_is_not_polled_by_what_they_catch() {
    run(async {
        let ((first, polls), (second, more_polls)) = (spy(), spy());
        let both = cancelled_soon(async { join!(catch_cancelled(first), catch_cancelled(second)) });
        assert!(matches!(both.await, Some((Err(_), Err(_)))));
        assert_eq!((polls.get(), more_polls.get()), (1, 1));
    });
}

#[test]
fn what_a_limit_holds_is_not_polled_when_the_time_is_up() {
    run(async {
        let (spied, polls) = spy();
        assert!(timeout(secs(5), spied).await.is_err());
        assert_eq!(polls.get(), 1);
    });
}

#[test]
fn what_limits_in_a_set_hold_is_not_polled_when_the_time_is_up() {
    run(async {
        let spies = [spy(), spy(), spy()];
        let polls = spies.each_ref().map(|(_, polls)| Rc::clone(polls));
        let limits = spies.into_iter().map(|(spied, _)| timeout(secs(5), spied).boxed_local());
        assert!(Beside::Unordered.all(limits.collect()).await.iter().all(Result::is_err));
        assert_eq!(polls.map(|polls| polls.get()), [1, 1, 1]);
    });
}

#[test]
fn what_a_limit_holds_is_not_polled_for_a_catcher_that_is_done() {
    run(async {
        let (spied, polls) = spy();
        let limited = timeout(secs(5), async {
            catch_cancelled(yield_now()).await.unwrap();
            spied.await;
        });
        assert!(limited.await.is_err());
        assert_eq!(polls.get(), 1);
    });
}

#[test]
fn a_task_is_not_polled_for_a_catcher_that_lost_a_select() {
    run(async {
        let (spied, polls) = spy();
        let ended = cancelled_soon(async {
            select(caught(100).boxed_local(), ready(())).await;
            spied.await;
        });
        assert_eq!(ended.await, None);
        assert_eq!(polls.get(), 1);
    });
}

#[test]
fn a_set_in_a_catcher_is_not_polled_by_what_it_catches() {
    run(async {
        let spies = [spy(), spy(), spy()];
        let polls = spies.each_ref().map(|(_, polls)| Rc::clone(polls));
        let ended = cancelled_soon(catch_cancelled(async {
            let mut set: FuturesUnordered<_> = spies.into_iter().map(|(spied, _)| spied).collect();
            set.next().await
        }));
        assert!(matches!(ended.await, Some(Err(_))));
        assert_eq!(polls.map(|polls| polls.get()), [1, 1, 1]);
    });
}

#[test]
fn what_a_catcher_holds_is_not_polled_for_catchers_in_a_set_beside_it() {
    run(async {
        let (spied, polls) = spy();
        let ended = cancelled_soon(async {
            let set = Beside::Unordered.all(vec![caught(50).boxed_local(), caught(50).boxed_local()]);
            join!(catch_cancelled(spied).map(|ended| ended.is_err()), set)
        });
        assert_eq!(ended.await, Some((true, vec![true, true])));
        assert_eq!(polls.get(), 2, "one is the first, and one is since the set of two yields after as many polls");
    });
}

#[test]
fn the_body_of_a_group_is_not_polled_when_a_child_fails() {
    run(async {
        let (spied, polls) = spy();
        let ended = task_group(async |g| {
            g.create_task(sleep(secs(1)).map(|()| Err::<(), _>(1)));
            spied.await;
            Ok(())
        });
        assert_eq!(ended.await.unwrap_err().errors, [1]);
        assert_eq!((polls.get(), current_task().unwrap().cancelling()), (1, 0));
    });
}

#[test]
fn what_the_catcher_of_a_limits_cancellation_holds_is_not_polled_by_it() {
    run(async {
        let (spied, polls) = spy();
        let limited = timeout(secs(5), catch_cancelled(spied).map(|ended| ended.is_err()));
        assert_eq!(limited.await, Ok(true));
        assert_eq!(polls.get(), 1);
    });
}

// What is left.

#[test]
fn a_catcher_that_was_given_up_and_kept_counts_as_waiting_and_does_not_save_its_task() {
    run(async {
        let (spied, polls) = spy();
        let ended = cancelled_soon(async {
            let mut kept = pin!(caught(100));
            assert!(poll!(&mut kept).is_pending());
            spied.await;
            kept.await;
        });
        assert_eq!(ended.await, None);
        assert!((1..=2).contains(&polls.get()), "{} polls", polls.get());
    });
}

#[test]
fn what_is_beside_a_catcher_is_polled_as_in_any_step_and_goes_on() {
    run(async {
        let polls = Rc::default();
        let sleeps = counted(&polls, sleep(secs(9)));
        let ended = cancelled_soon(async { join!(sleeps, caught(50)) });
        assert_eq!(ended.await, Some(((), true)));
        assert!((2..=3).contains(&polls.get()), "{} polls", polls.get());
    });
}

// Nothing more is taken.

#[test]
fn a_cancelled_task_takes_nothing_more_from_a_channel_of_another_crate() {
    run(async {
        let (sender, receiver) = mpsc::unbounded();
        let jobs = Rc::new(RefCell::new(receiver));
        let taken: Log<i32> = Log::default();
        let (log, source) = (Rc::clone(&taken), Rc::clone(&jobs));
        let task = create_task(async move {
            while let Some(job) = poll_fn(|cx| source.borrow_mut().poll_next_unpin(cx)).await {
                log.borrow_mut().push(job);
            }
        });
        yield_now().await;
        yield_now().await;
        (0..3).for_each(|job| sender.unbounded_send(job).unwrap());
        task.cancel();
        assert!(catch_cancelled(task).await.is_err());
        drop(sender);
        let left: Vec<i32> = Rc::into_inner(jobs).expect("the task has dropped its own").into_inner().collect().await;
        assert_eq!((taken.take(), left), (Vec::new(), vec![0, 1, 2]));
    });
}

#[test]
fn a_cancelled_task_takes_nothing_more_from_a_queue() {
    run(async {
        let queue = Queue::new(0);
        let takes = queue.clone();
        let task = create_task(async move { while takes.get().await.is_ok() {} });
        yield_now().await;
        yield_now().await;
        (0..3).for_each(|job| queue.put_nowait(job).unwrap());
        task.cancel();
        assert!(catch_cancelled(task).await.is_err());
        assert_eq!(queue.len(), 3);
    });
}
