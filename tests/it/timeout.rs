//! Time limits: what is given, what is cancelled, and whose cancellation it was.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{Either, select};
use oneloop::error::RescheduleError;
use oneloop::{
    EventLoop, TaskError, Timeout, TimeoutError, catch_cancelled, create_future, create_task, gather, sleep, timeout,
    timeout_at, wait_for, yield_now,
};

use crate::support::{after, assert_no_timer_is_left, cancelling, now, run, secs, virtual_loop};

/// A future that knows nothing of this loop: it is done once it has been polled so often.
struct Polls(u32);

impl Future for Polls {
    type Output = &'static str;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'static str> {
        self.0 -= 1;
        if self.0 == 0 {
            return Poll::Ready("done");
        }
        let waker = cx.waker().clone();
        EventLoop::current().call_later(secs(10), move || waker.wake());
        Poll::Pending
    }
}

// timeout and timeout_at.

#[test]
fn what_is_done_in_time_is_given_at_once_and_leaves_no_timer() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let start = now();
        assert_eq!(timeout(secs(1_000), after(2)).await, Ok(2));
        assert_eq!(timeout_at(start + secs(1_000), after(3)).await, Ok(3));
        assert_eq!((now() - start, cancelling()), (secs(5), 0));
    })
    .unwrap();
    assert_no_timer_is_left(&lp);
}

#[test]
fn what_is_late_is_dropped_at_the_deadline() {
    struct Bell(Rc<Cell<Option<Instant>>>);
    impl Drop for Bell {
        fn drop(&mut self) {
            self.0.set(Some(now()));
        }
    }
    run(async {
        let (start, dropped) = (now(), Rc::new(Cell::new(None)));
        let bell = Bell(Rc::clone(&dropped));
        let late = async move {
            let _bell = bell;
            after(60).await
        };
        assert_eq!(timeout(secs(5), late).await, Err(TimeoutError));
        assert_eq!((dropped.get(), now()), (Some(start + secs(5)), start + secs(5)));
        assert_eq!(timeout_at(start + secs(6), after(60)).await, Err(TimeoutError));
        assert_eq!((now(), cancelling()), (start + secs(6), 0));
    });
}

#[test]
fn it_may_borrow_and_its_value_need_not_be_clone() {
    run(async {
        let mut words = vec![String::from("one")];
        let pushed = timeout(secs(1), async {
            yield_now().await;
            words.push("two".into());
            Box::new(words.len())
        });
        assert_eq!(*pushed.await.unwrap(), 2);
        assert_eq!(words.len(), 2);
    });
}

#[test]
fn a_limit_of_zero_lets_through_what_never_waits_and_ends_what_does() {
    run(async {
        let start = now();
        let limit = Timeout::after(Duration::ZERO);
        assert_eq!(limit.run(async { 1 }).await, Ok(1));
        assert!(!limit.expired());
        assert_eq!(timeout(Duration::ZERO, yield_now()).await, Err(TimeoutError));
        assert_eq!(timeout_at(start.checked_sub(secs(1)).unwrap(), after(1)).await, Err(TimeoutError));
        assert_eq!((now(), cancelling()), (start, 0));
    });
}

#[test]
fn an_endless_limit_never_comes() {
    run(async {
        assert_eq!(timeout(Duration::MAX, after(1_000_000_000)).await, Ok(1_000_000_000));
        let limit = Timeout::none();
        assert_eq!(limit.run(after(1_000_000_000)).await, Ok(1_000_000_000));
        assert_eq!((limit.when(), limit.expired()), (None, false));
    });
}

#[test]
fn a_cancellation_from_elsewhere_goes_through() {
    run(async {
        let mut task = create_task(timeout(secs(9), after(60)));
        sleep(secs(1)).await;
        task.cancel_with("why");
        let Err(TaskError::Cancelled(cancelled)) = task.outcome().await else { panic!("it went well") };
        assert_eq!((cancelled.message(), task.cancelling()), (Some("why"), 1));
    });
}

#[test]
fn a_cancellation_in_the_iteration_of_the_deadline_wins() {
    for cancel_first in [false, true] {
        run(async move {
            let lp = EventLoop::current();
            let deadline = now() + secs(1);
            let mut task = create_task(async move {
                if cancel_first {
                    sleep(Duration::ZERO).await; // so that the limit's timer is set second
                }
                timeout_at(deadline, after(60)).await
            });
            let handle = task.handle();
            if !cancel_first {
                yield_now().await;
            }
            lp.call_at(deadline, move || assert!(handle.cancel()));
            assert!(matches!(task.outcome().await, Err(TaskError::Cancelled(_))));
            assert_eq!(task.cancelling(), 1);
        });
    }
}

#[test]
fn cleanup_with_awaits_after_the_deadline_is_waited_for() {
    run(async {
        let start = now();
        let ended = timeout(secs(1), async {
            let Err(cancelled) = catch_cancelled(after(60)).await else { return 0 };
            sleep(secs(3)).await;
            cancelled.reraise().await
        });
        assert_eq!(ended.await, Err(TimeoutError));
        assert_eq!(now() - start, secs(4));
    });
}

#[test]
fn a_swallowed_cancellation_gives_the_value_and_the_limit_says_expired() {
    run(async {
        let limit = Timeout::after(secs(1));
        let value = limit.run(async { catch_cancelled(after(60)).await.unwrap_or(7) }).await;
        assert_eq!((value, limit.expired(), cancelling()), (Ok(7), true, 0));
    });
}

#[test]
fn a_panic_inside_goes_on_and_takes_the_timer_along() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let mut task = create_task(timeout(secs(1_000), async { panic!("bang") }));
        assert!(matches!(task.outcome().await, Err(TaskError::Panicked(panic)) if panic.message() == "bang"));
    })
    .unwrap();
    assert_no_timer_is_left(&lp);
}

#[test]
fn the_deadline_cancels_what_is_awaited_inside() {
    run(async {
        let (task, future) = (create_task(after(60)), create_future::<()>());
        let (handle, other) = (task.handle(), future.any());
        assert!(timeout(secs(1), task).await.is_err());
        assert!(timeout(secs(1), future).await.is_err());
        let children = [create_task(after(60)), create_task(after(70))];
        let handles = children.each_ref().map(oneloop::Task::handle);
        assert!(timeout(secs(1), gather(children)).await.is_err());
        yield_now().await;
        assert!(handle.cancelled() && other.cancelled() && handles.iter().all(|child| child.cancelled()));
    });
}

#[test]
fn a_result_that_comes_in_the_iteration_of_the_deadline_is_late() {
    run(async {
        let future = create_future();
        let setter = future.clone();
        EventLoop::current().call_later(secs(1), move || setter.set_result(1).unwrap());
        let limited = timeout(secs(1), future);
        assert_eq!(limited.await, Err(TimeoutError));
    });
}

#[test]
fn the_time_counts_from_the_first_await() {
    run(async {
        let limited = timeout(secs(3), after(2));
        sleep(secs(50)).await;
        assert_eq!(limited.await, Ok(2));
    });
}

#[test]
fn dropped_in_the_middle_it_cancels_no_task() {
    run(async {
        let start = now();
        {
            let limited = Box::pin(timeout(secs(2), after(60)));
            let quick = Box::pin(after(1));
            assert!(matches!(select(limited, quick).await, Either::Right((1, _))));
        }
        sleep(secs(9)).await;
        assert_eq!((now() - start, cancelling()), (secs(10), 0));
    });
}

// Nested.

#[test]
fn the_inner_limit_ends_the_inner_wait_only() {
    run(async {
        let (outer, inner) = (Timeout::after(secs(5)), Timeout::after(secs(1)));
        let ended = outer
            .run(async {
                assert_eq!(inner.run(after(60)).await, Err(TimeoutError));
                after(2).await
            })
            .await;
        assert_eq!((ended, inner.expired(), outer.expired(), cancelling()), (Ok(2), true, false, 0));
    });
}

#[test]
fn the_outer_limit_goes_through_the_inner_one() {
    run(async {
        let (outer, inner) = (Timeout::after(secs(1)), Timeout::after(secs(5)));
        let ended = outer.run(async { inner.run(after(60)).await }).await;
        assert_eq!((ended, inner.expired(), outer.expired(), cancelling()), (Err(TimeoutError), false, true, 0));
    });
}

#[test]
fn with_one_deadline_both_expire_and_the_outer_reports() {
    run(async {
        let deadline = now() + secs(1);
        let (outer, inner) = (Timeout::at(deadline), Timeout::at(deadline));
        let ended = outer.run(async { inner.run(after(60)).await }).await;
        assert_eq!((ended, inner.expired(), outer.expired(), cancelling()), (Err(TimeoutError), true, true, 0));
    });
}

// Timeout, the object.

#[test]
fn when_is_known_while_it_runs_and_afterwards() {
    run(async {
        let limit = Timeout::after(secs(5));
        assert_eq!((limit.when(), limit.expired()), (None, false));
        sleep(secs(1)).await;
        let deadline = now() + secs(5);
        let inside = limit.clone();
        limit.run(async { assert_eq!(inside.when(), Some(deadline)) }).await.unwrap();
        assert_eq!(limit.when(), Some(deadline));
    });
}

#[test]
fn it_can_be_moved_later_earlier_and_away() {
    run(async {
        let start = now();
        let later = Timeout::after(secs(1));
        let moved = later.run(async {
            later.reschedule(start + secs(10)).unwrap();
            after(5).await
        });
        assert_eq!((moved.await, later.when(), later.expired()), (Ok(5), Some(start + secs(10)), false));
        let (start, earlier) = (now(), Timeout::after(secs(100)));
        let moved = earlier.run(async {
            earlier.reschedule(start + secs(2)).unwrap();
            after(60).await
        });
        assert_eq!((moved.await, now() - start), (Err(TimeoutError), secs(2)));
        let away = Timeout::after(secs(1));
        let moved = away.run(async {
            away.reschedule(None).unwrap();
            after(60).await
        });
        assert_eq!((moved.await, away.when()), (Ok(60), None));
    });
}

#[test]
fn moved_into_the_past_it_ends_at_the_next_wait_and_moved_away_again_it_does_not() {
    run(async {
        let (start, limit) = (now(), Timeout::none());
        let ended = limit.run(async {
            limit.reschedule(now()).unwrap();
            after(60).await
        });
        assert_eq!((ended.await, now()), (Err(TimeoutError), start));
        let limit = Timeout::none();
        let ended = limit.run(async {
            limit.reschedule(now()).unwrap();
            limit.reschedule(now() + secs(90)).unwrap();
            after(60).await
        });
        assert_eq!((ended.await, limit.expired()), (Ok(60), false));
    });
}

#[test]
fn it_cannot_be_moved_before_or_after_or_when_the_time_is_up() {
    run(async {
        let limit = Timeout::after(secs(1));
        assert_eq!(limit.reschedule(now()), Err(RescheduleError::NotEntered));
        let ended = limit.run(async {
            let _ = catch_cancelled(after(60)).await;
            assert!(limit.expired());
            limit.reschedule(now() + secs(9))
        });
        assert_eq!(ended.await, Ok(Err(RescheduleError::Over)));
        assert_eq!(limit.reschedule(now()), Err(RescheduleError::Over));
        let kept = Timeout::after(secs(1));
        kept.run(async {}).await.unwrap();
        assert_eq!((kept.reschedule(None), kept.expired()), (Err(RescheduleError::Over), false));
    });
}

#[test]
#[should_panic(expected = "already been entered")]
fn it_is_for_one_run() {
    run(async {
        let limit = Timeout::after(secs(1));
        limit.run(async {}).await.unwrap();
        limit.run(async {}).await.unwrap();
    });
}

#[test]
#[should_panic(expected = "inside a task")]
fn outside_a_task_it_says_so() {
    let lp = virtual_loop();
    let _in = lp.enter();
    let mut limited = Box::pin(timeout(secs(1), async {}));
    let _ = limited.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
}

// wait_for.

#[test]
fn wait_for_gives_what_is_done_in_time_and_without_limit_everything() {
    run(async {
        assert_eq!(wait_for(after(1), secs(2)).await, Ok(1));
        assert_eq!(wait_for(after(1_000), None).await, Ok(1_000));
        assert_eq!(wait_for(create_task(after(1)), secs(2)).await, Ok(1));
        assert_eq!(wait_for(after(3), secs(2)).await, Err(TimeoutError));
        assert_eq!(cancelling(), 0);
    });
}

#[test]
fn wait_for_cancels_a_late_task_and_waits_for_its_cleanup() {
    run(async {
        let start = now();
        let task = create_task(async {
            let Err(cancelled) = catch_cancelled(after(60)).await else { return };
            sleep(secs(3)).await;
            cancelled.reraise().await;
        });
        let handle = task.handle();
        assert_eq!(wait_for(task, secs(1)).await, Err(TimeoutError));
        assert_eq!((handle.cancelled(), now() - start), (true, secs(4)));
    });
}

#[test]
fn wait_for_gives_the_value_or_error_of_a_task_that_swallows() {
    run(async {
        let task = create_task(async { catch_cancelled(after(60)).await.map_err(|_| "no") });
        assert_eq!(wait_for(task, secs(1)).await, Ok(Err("no")));
        let task = create_task(async { catch_cancelled(after(60)).await.unwrap_or(5) });
        assert_eq!(wait_for(task, Duration::ZERO).await, Err(TimeoutError)); // never began, so had nothing to swallow
        let task = create_task(async { catch_cancelled(after(60)).await.unwrap_or(5) });
        yield_now().await;
        assert_eq!(wait_for(task, Duration::ZERO).await, Ok(5));
    });
}

#[test]
fn wait_for_with_a_limit_of_zero_never_starts_a_coroutine_and_takes_what_is_done() {
    run(async {
        let began = Rc::new(Cell::new(false));
        let mark = Rc::clone(&began);
        assert_eq!(wait_for(async move { mark.set(true) }, Duration::ZERO).await, Err(TimeoutError));
        assert!(!began.get());
        let task = create_task(async { 1 });
        yield_now().await;
        assert_eq!(wait_for(task, Duration::ZERO).await, Ok(1));
        let future = create_future::<i32>();
        let handle = future.any();
        assert_eq!(wait_for(future, Duration::ZERO).await, Err(TimeoutError));
        assert_eq!((handle.cancelled(), cancelling()), (true, 0));
    });
}

#[test]
fn a_cancellation_of_the_waiter_reaches_the_task_it_waits_for() {
    run(async {
        let task = create_task(after(60));
        let handle = task.handle();
        let mut waiter = create_task(wait_for(task, secs(9)));
        sleep(secs(1)).await;
        waiter.cancel();
        assert!(matches!(waiter.outcome().await, Err(TaskError::Cancelled(_))));
        assert!(handle.cancelled());
    });
}

// Foreign futures.

#[test]
fn a_foreign_future_is_dropped_at_the_deadline() {
    run(async {
        assert_eq!(timeout(secs(15), Polls(2)).await, Ok("done"));
        let start = now();
        assert_eq!(timeout(secs(15), Polls(9)).await, Err(TimeoutError));
        assert_eq!((now() - start, cancelling()), (secs(15), 0));
    });
}

#[test]
fn a_foreign_future_that_would_be_ready_at_the_deadline_is_not_polled_for_it() {
    run(async {
        let limit = Timeout::after(secs(1));
        assert_eq!(limit.run(Polls(2)).await, Err(TimeoutError));
        assert_eq!((limit.expired(), cancelling()), (true, 0));
        sleep(secs(1)).await; // and nothing is left to be thrown here
        assert_eq!(timeout(secs(9), after(1)).await, Ok(1));
    });
}

#[test]
fn foreign_futures_that_complete_while_being_cancelled_by_other_code_lose_to_that() {
    run(async {
        let mut task = create_task(timeout(secs(9), Polls(2)));
        yield_now().await;
        task.cancel();
        assert!(matches!(task.outcome().await, Err(TaskError::Cancelled(_))));
    });
}

#[test]
fn limits_work_inside_foreign_combinators() {
    run(async {
        let start = now();
        let both = futures::join!(timeout(secs(5), after(2)), timeout(secs(9), after(3)));
        assert_eq!((both, now() - start), ((Ok(2), Ok(3)), secs(3)));
    });
}

// Limits that end otherwise.

#[test]
fn a_limit_whose_body_panicked_is_over() {
    run(async {
        let limit = Timeout::after(secs(1));
        let late_and_broken = limit.run(async {
            assert!(catch_cancelled(sleep(secs(9))).await.is_err());
            panic!("bang")
        });
        assert!(AssertUnwindSafe(late_and_broken).catch_unwind().await.is_err());
        assert_eq!((limit.reschedule(now()), cancelling()), (Err(RescheduleError::Over), 0));
    });
}

#[test]
fn a_limit_that_was_dropped_is_over() {
    run(async {
        let limit = Timeout::after(secs(100));
        let ended = select(Box::pin(limit.run(sleep(secs(60)))), Box::pin(sleep(secs(1)))).await;
        drop(ended);
        assert_eq!(limit.reschedule(now() + secs(5)), Err(RescheduleError::Over));
        assert!(catch_cancelled(sleep(secs(10))).await.is_ok());
    });
}

#[test]
fn a_limit_dropped_at_its_deadline_takes_its_cancellation_back() {
    run(async {
        let ready = create_future();
        let setter = ready.clone();
        EventLoop::current().call_later(secs(1), move || setter.set_result(1).unwrap());
        // of foreign make, so that the throw does not keep it from being ready
        let ready = futures::future::poll_fn(|_| if ready.done() { Poll::Ready(1) } else { Poll::Pending });
        let Either::Left((one, limit)) = select(ready, Box::pin(timeout(secs(1), sleep(secs(60))))).await else {
            panic!("both were ready, and the first in line is taken");
        };
        drop(limit);
        assert_eq!((one, cancelling()), (1, 0));
        assert!(catch_cancelled(sleep(secs(3))).await.is_ok());
    });
}

#[test]
fn limits_beside_each_other_end_each_for_itself() {
    run(async {
        let ended = futures::join!(timeout(secs(5), after(2)), timeout(secs(1), after(3)));
        assert_eq!((ended, cancelling()), ((Ok(2), Err(TimeoutError)), 0));
        let ended = futures::join!(timeout(secs(1), after(3)), timeout(secs(5), after(2)));
        assert_eq!((ended, cancelling()), ((Err(TimeoutError), Ok(2)), 0));
    });
}

#[test]
fn wait_for_nothing_recognises_a_handle_that_is_lent() {
    run(async {
        let mut task = create_task(async { 1 });
        yield_now().await;
        assert_eq!(wait_for(&mut task, Duration::ZERO).await, Ok(1));
        let mut task = create_task(sleep(secs(10)));
        yield_now().await;
        assert_eq!(wait_for(&mut task, Duration::ZERO).await, Err(TimeoutError));
        assert!(task.cancelled());
    });
}
