//! CPython's `test_timeouts.py`: what a time limit does to what runs under it, and what can be asked of it. Must not
//! know `wait_for`.
//!
//! asyncio's scope, `async with timeout(d) as cm`, is `Timeout::after(d)` and its `run`; an exception that the body
//! raises is an `Err` inside the `Ok`, or a panic.

use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use oneloop::error::RescheduleError;
use oneloop::{
    TaskError, Timeout, TimeoutError, catch_cancelled, create_future, create_task, current_task, sleep, task_group,
    timeout, timeout_at, yield_now,
};

use crate::support::{
    LONG, assert_no_timer_is_left, cancelling, ms, now, panic_in, real_loop, run, secs, virtual_loop,
};

/// Lets time pass without giving any other task a turn. Only a loop on the machine's clock can be too busy for its
/// timers.
fn crunch_numbers_until(deadline: Instant) {
    while now() < deadline {
        std::hint::spin_loop();
    }
}

/// Debug output is for people: its state and its deadline are in it, in whatever dress.
fn assert_shows(text: &str, state: &str, when: Option<Instant>) {
    let shown =
        ["Created", "Active", "Expiring", "Expired", "Finished"].into_iter().filter(|state| text.contains(state));
    assert_eq!(shown.collect::<Vec<_>>(), [state], "{text}");
    assert!(text.starts_with("Timeout") && text.contains(&format!("{when:?}")), "{text}");
}

mod timeout_tests {
    use super::*;

    #[test]
    fn test_timeout_basic() {
        run(async {
            let (start, limit) = (now(), Timeout::after(ms(10)));
            assert_eq!(limit.run(sleep(LONG)).await, Err(TimeoutError));
            assert!(limit.expired());
            assert_eq!((limit.when(), now()), (Some(start + ms(10)), start + ms(10)));
            assert_eq!(timeout(ms(10), sleep(LONG)).await, Err(TimeoutError));
            assert_eq!((now(), cancelling()), (start + ms(20), 0));
        });
    }

    #[test]
    fn test_timeout_at_basic() {
        run(async {
            let deadline = now() + ms(10);
            let limit = Timeout::at(deadline);
            assert_eq!(limit.run(sleep(LONG)).await, Err(TimeoutError));
            assert!(limit.expired());
            assert_eq!((limit.when(), now()), (Some(deadline), deadline));
            let deadline = deadline + ms(5);
            assert_eq!(timeout_at(deadline, sleep(LONG)).await, Err(TimeoutError));
            assert_eq!((now(), cancelling()), (deadline, 0));
        });
    }

    #[test]
    fn test_nested_timeouts() {
        run(async {
            let (deadline, cancelled) = (now() + ms(10), Cell::new(false));
            let (outer, inner) = (Timeout::at(deadline), Timeout::at(deadline));
            let ended = outer.run(async {
                match catch_cancelled(inner.run(sleep(LONG))).await {
                    Ok(ended) => panic!("the inner limit answered {ended:?}"),
                    Err(raised) => {
                        cancelled.set(true);
                        raised.reraise().await
                    }
                }
            });
            assert_eq!(ended.await, Err(TimeoutError));
            assert!(cancelled.get());
            assert!(outer.expired());
            assert!(inner.expired());
            assert_eq!((now(), cancelling()), (deadline, 0));
        });
    }

    #[test]
    fn test_waiter_cancelled() {
        run(async {
            let cancelled = Cell::new(false);
            let ended = timeout(ms(10), async {
                if let Err(raised) = catch_cancelled(sleep(LONG)).await {
                    cancelled.set(true);
                    raised.reraise().await;
                }
            });
            assert_eq!(ended.await, Err(TimeoutError));
            assert!(cancelled.get());
            assert_eq!(cancelling(), 0);
        });
    }

    #[test]
    fn test_timeout_not_called() {
        let lp = virtual_loop();
        lp.run_until_complete(async {
            let (start, limit) = (now(), Timeout::after(LONG));
            assert_eq!(limit.run(sleep(ms(10))).await, Ok(()));
            assert!(!limit.expired());
            assert_eq!((limit.when(), now()), (Some(start + LONG), start + ms(10)));
        })
        .expect("main comes to its end");
        assert_no_timer_is_left(&lp);
    }

    #[test]
    fn test_timeout_disabled() {
        run(async {
            let (start, limit) = (now(), Timeout::none());
            let ended = limit.run(async {
                assert_eq!(limit.when(), None);
                sleep(LONG).await;
            });
            assert_eq!(ended.await, Ok(()));
            assert!(!limit.expired());
            assert_eq!((limit.when(), now() - start), (None, LONG));
        });
    }

    /// What `timeout_at(None)` makes is `Timeout::none()` too; a deadline that is taken away is the other way to have
    /// none.
    #[test]
    fn test_timeout_at_disabled() {
        run(async {
            let (start, limit) = (now(), Timeout::at(now() + ms(10)));
            let ended = limit.run(async {
                assert_eq!(limit.reschedule(None), Ok(()));
                sleep(LONG).await;
            });
            assert_eq!(ended.await, Ok(()));
            assert!(!limit.expired());
            assert_eq!((limit.when(), now() - start), (None, LONG));
        });
    }

    #[test]
    fn test_timeout_zero() {
        run(async {
            let (start, limit) = (now(), Timeout::after(Duration::ZERO));
            assert_eq!(limit.run(sleep(LONG)).await, Err(TimeoutError));
            assert!(limit.expired());
            assert_eq!((limit.when(), now(), cancelling()), (Some(start), start, 0));
        });
    }

    #[test]
    fn test_timeout_zero_sleep_zero() {
        run(async {
            let (start, limit) = (now(), Timeout::after(Duration::ZERO));
            assert_eq!(limit.run(yield_now()).await, Err(TimeoutError));
            assert!(limit.expired());
            assert_eq!((limit.when(), now(), cancelling()), (Some(start), start, 0));
            assert_eq!(timeout(Duration::ZERO, sleep(Duration::ZERO)).await, Err(TimeoutError));
        });
    }

    #[test]
    fn test_timeout_in_the_past_sleep_zero() {
        run(async {
            let start = now();
            let past = start.checked_sub(secs(11)).expect("the clock has a past");
            let limit = Timeout::at(past);
            assert_eq!(limit.run(yield_now()).await, Err(TimeoutError));
            assert!(limit.expired());
            assert_eq!((limit.when(), now(), cancelling()), (Some(past), start, 0));
        });
    }

    #[test]
    fn test_foreign_exception_passed() {
        let lp = virtual_loop();
        lp.run_until_complete(async {
            let limit = Timeout::after(ms(10));
            assert_eq!(limit.run(async { Err::<(), _>("no such key") }).await, Ok(Err("no such key")));
            assert!(!limit.expired());
            let limit = Timeout::after(ms(10));
            assert_eq!(panic_in(limit.run(async { panic!("no such key") })).await, "no such key");
            assert!(!limit.expired());
            assert_eq!(cancelling(), 0);
        })
        .expect("main comes to its end");
        assert_no_timer_is_left(&lp);
    }

    /// Exceptions are not chained here. What is left: an error on its way out through a cleanup that is too slow gives
    /// way to the `TimeoutError`.
    #[test]
    fn test_timeout_exception_context() {
        run(async {
            let start = now();
            let ended = timeout(ms(10), async {
                let failed: Result<(), _> = Err("division by zero");
                sleep(LONG).await;
                failed
            });
            assert_eq!(ended.await, Err(TimeoutError));
            assert_eq!((now() - start, cancelling()), (ms(10), 0));
        });
    }

    #[test]
    fn test_foreign_exception_on_timeout() {
        /// A cleanup without awaits that goes wrong.
        struct Crash;

        impl Drop for Crash {
            fn drop(&mut self) {
                panic!("division by zero");
            }
        }

        async fn crash() -> Result<(), &'static str> {
            catch_cancelled(sleep(LONG)).await.map_err(|_| "division by zero")
        }

        run(async {
            let (start, limit) = (now(), Timeout::after(ms(10)));
            assert_eq!(limit.run(crash()).await, Ok(Err("division by zero")));
            assert!(limit.expired());
            assert_eq!((now() - start, cancelling()), (ms(10), 0));

            let limit = Timeout::after(ms(10));
            let inside = limit.clone();
            let mut task = create_task(async move {
                let ended = inside.run(async {
                    let _crash = Crash;
                    sleep(LONG).await;
                });
                ended.await
            });
            let ended = task.outcome().await;
            assert!(matches!(ended, Err(TaskError::Panicked(panic)) if panic.message() == "division by zero"));
            assert!(limit.expired());
            assert_eq!(now() - start, ms(20));
        });
    }

    #[test]
    fn test_foreign_exception_on_timeout_2() {
        run(async {
            let (limit, steps) = (Timeout::after(ms(10)), Cell::new(0));
            let ended = limit.run(async {
                let failed = catch_cancelled(async {
                    let failed: Result<(), _> = Err("bad value");
                    sleep(LONG).await;
                    failed
                });
                // the first error is lost to the limit; of those of the cleanup the last one comes out
                let Err(_cancelled) = failed.await else { return Ok(()) };
                let cleanup = async {
                    steps.set(1);
                    Err::<(), _>("no such key")
                };
                cleanup.await.map_err(|error| {
                    assert_eq!((error, steps.get()), ("no such key", 1));
                    "division by zero"
                })
            });
            assert_eq!(ended.await, Ok(Err("division by zero")));
            assert_eq!(steps.get(), 1);
            assert!(limit.expired());
            assert_eq!(cancelling(), 0);
        });
    }

    #[test]
    fn test_foreign_cancel_doesnt_timeout_if_not_expired() {
        run(async {
            let (start, limit) = (now(), Timeout::after(LONG));
            let ended = catch_cancelled(limit.run(async {
                current_task().expect("inside a task").cancel_with("from elsewhere");
                sleep(LONG).await;
            }));
            let cancelled = ended.await.expect_err("the cancellation went missing");
            assert_eq!(cancelled.message(), Some("from elsewhere"));
            assert!(!limit.expired());
            assert_eq!((now(), cancelling()), (start, 1));
        });
    }

    #[test]
    fn test_outer_task_is_not_cancelled() {
        run(async {
            let task = create_task(async {
                assert_eq!(timeout(ms(1), sleep(LONG)).await, Err(TimeoutError));
                cancelling()
            });
            let handle = task.handle();
            assert_eq!(task.await, 0);
            assert!(!handle.cancelled());
            assert!(handle.done());
        });
    }

    #[test]
    fn test_nested_timeouts_concurrent() {
        let lp = real_loop();
        lp.run_until_complete(async {
            let (outer, inner) = (Timeout::after(ms(2)), Timeout::after(LONG));
            let ended = outer.run(async {
                let ended = inner.run(async {
                    crunch_numbers_until(now() + ms(3));
                    sleep(LONG).await;
                });
                panic!("the inner limit answered {:?}", ended.await);
            });
            assert_eq!(ended.await, Err::<(), _>(TimeoutError));
            assert_eq!((outer.expired(), inner.expired(), cancelling()), (true, false, 0));
        })
        .expect("main comes to its end");
    }

    #[test]
    fn test_nested_timeouts_loop_busy() {
        // both deadlines pass before the loop looks at its timers again: the outer limit reports
        let lp = real_loop();
        lp.run_until_complete(async {
            let (start, outer, inner) = (now(), Timeout::after(ms(2)), Timeout::after(ms(1)));
            let ended = outer.run(async {
                let ended = inner.run(async {
                    crunch_numbers_until(outer.when().expect("it runs") + ms(1));
                    sleep(LONG).await;
                });
                panic!("the inner limit answered {:?}", ended.await);
            });
            assert_eq!(ended.await, Err::<(), _>(TimeoutError));
            assert_eq!((outer.expired(), inner.expired(), cancelling()), (true, true, 0));
            assert!(now() < start + LONG);
        })
        .expect("main comes to its end");

        // the loop gets to the inner one in time: the outer ends what comes after it
        run(async {
            let (start, outer, inner) = (now(), Timeout::after(ms(100)), Timeout::after(ms(10)));
            let ended = outer.run(async {
                assert_eq!(inner.run(sleep(LONG)).await, Err(TimeoutError));
                assert_eq!(now() - start, ms(10));
                sleep(LONG).await;
            });
            assert_eq!(ended.await, Err(TimeoutError));
            assert_eq!((outer.expired(), inner.expired(), cancelling()), (true, true, 0));
            assert_eq!(now() - start, ms(100));
        });
    }

    #[test]
    fn test_reschedule() {
        let lp = virtual_loop();
        lp.run_until_complete(async {
            let start = now();
            let (first, second) = (start + secs(10), start + secs(30));
            let entered = create_future();
            let announce = entered.clone();
            let mut task = create_task(async move {
                let limit = Timeout::at(first);
                let ended = limit.run(async {
                    announce.set_result(limit.clone()).expect("it is set once");
                    sleep(LONG).await;
                });
                ended.await
            });
            let limit = entered.await;
            assert_eq!(limit.when(), Some(first));
            assert_eq!((limit.reschedule(second), limit.when()), (Ok(()), Some(second)));
            assert_eq!((limit.reschedule(None), limit.when()), (Ok(()), None));

            // neither of the two deadlines has left a timer behind
            sleep(secs(40)).await;
            assert!(!task.done() && !limit.expired());
            task.cancel();
            assert!(matches!(task.outcome().await, Err(TaskError::Cancelled(_))));
            assert_eq!((task.cancelled(), task.cancelling(), limit.expired()), (true, 1, false));
        })
        .expect("main comes to its end");
        assert_no_timer_is_left(&lp);
    }

    #[test]
    fn test_repr_active() {
        run(async {
            let (deadline, limit) = (now() + LONG, Timeout::after(LONG));
            let text = limit.run(async { format!("{limit:?}") }).await.expect("in time");
            assert_shows(&text, "Active", Some(deadline));
        });
    }

    #[test]
    fn test_repr_expired() {
        run(async {
            let (deadline, limit) = (now() + ms(10), Timeout::after(ms(10)));
            assert_eq!(limit.run(sleep(LONG)).await, Err(TimeoutError));
            assert_shows(&format!("{limit:?}"), "Expired", Some(deadline));
        });
    }

    #[test]
    fn test_repr_finished() {
        run(async {
            let (deadline, limit) = (now() + LONG, Timeout::after(LONG));
            assert_eq!(limit.run(yield_now()).await, Ok(()));
            assert_shows(&format!("{limit:?}"), "Finished", Some(deadline));
        });
    }

    #[test]
    fn test_repr_disabled() {
        run(async {
            let limit = Timeout::none();
            let text = limit.run(async { format!("{limit:?}") }).await.expect("in time");
            assert_shows(&text, "Active", None);
        });
    }

    #[test]
    fn test_nested_timeout_in_finally() {
        run(async {
            let (start, outer) = (now(), Timeout::after(ms(10)));
            let ended = outer.run(async {
                let Err(cancelled) = catch_cancelled(sleep(LONG)).await else { return };
                assert_eq!((now() - start, cancelling()), (ms(10), 1));
                let cleanup = Timeout::after(ms(10));
                assert_eq!(cleanup.run(sleep(LONG)).await, Err(TimeoutError));
                assert!(cleanup.expired());
                assert_eq!((now() - start, cancelling()), (ms(20), 1));
                cancelled.reraise().await;
            });
            assert_eq!(ended.await, Err(TimeoutError));
            assert!(outer.expired());
            assert_eq!((now() - start, cancelling()), (ms(20), 0));
        });
    }

    #[test]
    fn test_timeout_after_cancellation() {
        run(async {
            let start = now();
            current_task().expect("inside a task").cancel();
            assert!(catch_cancelled(sleep(LONG)).await.is_err());
            assert_eq!(timeout(Duration::ZERO, sleep(LONG)).await, Err(TimeoutError));
            assert_eq!((now(), cancelling()), (start, 1));
        });
    }

    #[test]
    fn test_cancel_in_timeout_after_cancellation() {
        run(async {
            let (start, task) = (now(), current_task().expect("inside a task"));
            task.cancel();
            assert!(catch_cancelled(sleep(LONG)).await.is_err());
            let limit = Timeout::after(ms(1_000));
            let cleanup = catch_cancelled(limit.run(async {
                task.cancel();
                sleep(LONG).await;
            }));
            assert!(cleanup.await.is_err());
            assert_eq!((now(), cancelling(), limit.expired()), (start, 2, false));
        });
    }

    #[test]
    fn test_timeout_already_entered() {
        run(async {
            let (start, limit) = (now(), Timeout::after(ms(10)));
            let ended = limit.run(async {
                let refusal = panic_in(limit.run(async { panic!("it was entered again") })).await;
                assert!(refusal.contains("has already been entered"), "{refusal}");
                sleep(LONG).await;
            });
            // and it goes on as if it had not been tried
            assert_eq!(ended.await, Err(TimeoutError));
            assert_eq!((now() - start, cancelling()), (ms(10), 0));
        });
    }

    #[test]
    fn test_timeout_double_enter() {
        run(async {
            for late in [false, true] {
                let limit = Timeout::after(ms(10));
                let ended = limit.run(sleep(if late { LONG } else { Duration::ZERO })).await;
                assert_eq!(ended.is_err(), late);
                let refusal = panic_in(limit.run(async { panic!("it was entered again") })).await;
                assert!(refusal.contains("has already been entered"), "{refusal}");
                assert_eq!(limit.expired(), late);
            }
        });
    }

    #[test]
    fn test_timeout_finished() {
        run(async {
            let (deadline, limit) = (now() + ms(10), Timeout::after(ms(10)));
            assert_eq!(limit.run(async {}).await, Ok(()));
            assert_eq!(limit.reschedule(deadline + LONG), Err(RescheduleError::Over));
            assert_eq!(limit.reschedule(None), Err(RescheduleError::Over));
            assert_eq!((limit.when(), limit.expired()), (Some(deadline), false));
        });
    }

    #[test]
    fn test_timeout_expired() {
        run(async {
            let (deadline, limit) = (now() + ms(10), Timeout::after(ms(10)));
            assert_eq!(limit.run(sleep(LONG)).await, Err(TimeoutError));
            assert_eq!(limit.reschedule(deadline + LONG), Err(RescheduleError::Over));
            assert_eq!(limit.reschedule(None), Err(RescheduleError::Over));
            assert_eq!((limit.when(), limit.expired()), (Some(deadline), true));
        });
    }

    #[test]
    fn test_timeout_expiring() {
        run(async {
            let (start, limit) = (now(), Timeout::after(ms(10)));
            let ended = limit.run(async {
                assert!(catch_cancelled(sleep(LONG)).await.is_err());
                assert_eq!(limit.reschedule(now() + ms(20)), Err(RescheduleError::Over));
                assert_eq!((limit.when(), cancelling()), (Some(start + ms(10)), 1));
            });
            // it was swallowed, so it is not told
            assert_eq!(ended.await, Ok(()));
            assert!(limit.expired());
            assert_eq!(cancelling(), 0);
        });
    }

    #[test]
    fn test_timeout_not_entered() {
        run(async {
            let (start, limit) = (now(), Timeout::after(ms(10)));
            assert_eq!(limit.reschedule(start + LONG), Err(RescheduleError::NotEntered));
            assert_eq!((limit.when(), limit.expired()), (None, false));
            assert_eq!(limit.run(sleep(LONG)).await, Err(TimeoutError));
            assert_eq!(now() - start, ms(10));
        });
    }

    #[test]
    fn test_timeout_without_task() {
        let lp = virtual_loop();
        let limit = Timeout::after(ms(10));
        {
            let _in = lp.enter();
            let mut outside = pin!(panic_in(limit.run(async { panic!("it was entered") })));
            let Poll::Ready(refusal) = outside.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
                panic!("it waits")
            };
            assert!(refusal.contains("should be used inside a task"), "{refusal}");
            assert_eq!(limit.reschedule(lp.time() + LONG), Err(RescheduleError::NotEntered));
        }
        assert_eq!(limit.when(), None);
        assert_no_timer_is_left(&lp);
    }

    #[test]
    fn test_timeout_taskgroup() {
        run(async {
            let (start, limit) = (now(), Timeout::after(ms(10)));
            let ended = limit.run(task_group(async |group| {
                group.create_task(async {
                    catch_cancelled(sleep(LONG)).await.map_err(|_| "division by zero") // in its cleanup
                });
                let failed: Result<(), _> = Err("bad value"); // lost to the limit, since its cleanup is slow
                sleep(LONG).await;
                failed
            }));
            let group = ended.await.expect("the errors of the group come first").expect_err("the child failed");
            assert_eq!(group.errors, ["division by zero"]);
            assert!(limit.expired());
            assert_eq!((now() - start, cancelling()), (ms(10), 0));
            yield_now().await; // and no cancellation is left to be thrown here
        });
    }
}
