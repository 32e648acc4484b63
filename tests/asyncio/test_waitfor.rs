//! CPython's `test_waitfor.py`: what `wait_for` gives, cancels and waits for. Must not know the `Timeout` object.
//!
//! asyncio's `limit <= 0` is zero here, since no `Duration` is negative.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use oneloop::{
    EventLoop, TaskError, TimeoutError, catch_cancelled, create_future, create_task, shield, sleep, sleep_until, wait,
    wait_for,
};

use crate::support::{
    LONG, assert_no_timer_is_left, cancelling, ms, now, reports, run, run_briefly, secs, virtual_loop,
};

/// Whether something runs: from `enter` until what it gave is dropped.
#[derive(Clone, Default)]
struct Running(Rc<Cell<bool>>);

struct Leaves(Running);

impl Running {
    fn enter(&self) -> Leaves {
        self.0.set(true);
        Leaves(self.clone())
    }

    fn get(&self) -> bool {
        self.0.get()
    }
}

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.0.set(false);
    }
}

/// Runs for so long, whatever cancellations come, and counts them.
async fn stubborn(duration: Duration) -> u32 {
    let (end, mut refused) = (now() + duration, 0);
    while catch_cancelled(sleep_until(end)).await.is_err() {
        refused += 1;
    }
    refused
}

/// Waits for long; cancelled, it cleans up for a millisecond, says so, and raises on.
async fn slow_to_leave(cleaned: Rc<Cell<bool>>) {
    if let Err(cancelled) = catch_cancelled(sleep(LONG)).await {
        sleep(ms(1)).await;
        cleaned.set(true);
        cancelled.reraise().await;
    }
}

mod asyncio_wait_for_test {
    use super::*;

    #[test]
    fn test_asyncio_wait_for_cancelled() {
        run(async {
            let start = now();
            let waiter = create_task(wait_for(stubborn(ms(200)), ms(400)));
            run_briefly().await;
            assert!(waiter.cancel());
            let sets = wait([waiter]).await;
            let waiter = &sets.done[0];
            assert_eq!((now() - start, waiter.cancelled(), waiter.cancelling()), (ms(200), false, 1));
            assert!(matches!(waiter.result(), Ok(Ok(1))));
        });
    }

    #[test]
    fn test_asyncio_wait_for_timeout() {
        run(async {
            let start = now();
            assert_eq!(wait_for(stubborn(ms(200)), ms(100)).await, Ok(1));
            assert_eq!((now() - start, cancelling()), (ms(200), 0));
        });
    }

    #[test]
    fn test_wait_for_timeout_less_then_0_or_0_future_done() {
        run(async {
            let future = create_future();
            future.set_result("done").expect("it is set once");
            let turns = Rc::new(Cell::new(0));
            let turn = Rc::clone(&turns);
            EventLoop::current().call_soon(move || turn.set(1));
            assert_eq!(wait_for(future.clone(), Duration::ZERO).await, Ok("done"));
            assert!(future.done() && !future.cancelled());
            assert_eq!(turns.get(), 0, "it took a turn of the loop");
        });
    }

    #[test]
    fn test_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started() {
        run(async {
            let (start, started) = (now(), Cell::new(false));
            assert_eq!(wait_for(async { started.set(true) }, Duration::ZERO).await, Err(TimeoutError));
            assert!(!started.get());
            run_briefly().await;
            assert_eq!((started.get(), now(), cancelling()), (false, start, 0));
        });
    }

    #[test]
    fn test_wait_for_timeout_less_then_0_or_0() {
        run(async {
            let (start, running, started) = (now(), Running::default(), create_future());
            let (runs, announce) = (running.clone(), started.clone());
            let task = create_task(async move {
                let _leaves = runs.enter();
                announce.set_result(()).expect("it is set once");
                sleep(LONG).await;
                "done"
            });
            let handle = task.handle();
            started.await;
            assert!(running.get());
            assert_eq!(wait_for(task, Duration::ZERO).await, Err(TimeoutError));
            assert!(handle.done() && handle.cancelled());
            assert_eq!((running.get(), now(), cancelling()), (false, start, 0));
        });
    }

    #[test]
    fn test_wait_for() {
        run(async {
            let (start, running) = (now(), Running::default());
            let runs = running.clone();
            let task = create_task(async move {
                let _leaves = runs.enter();
                sleep(LONG).await;
                "done"
            });
            let handle = task.handle();
            let was_running = running.clone();
            EventLoop::current().call_later(ms(99), move || assert!(was_running.get()));
            assert_eq!(wait_for(task, ms(100)).await, Err(TimeoutError));
            assert!(handle.done() && handle.cancelled());
            assert_eq!((running.get(), now() - start, cancelling()), (false, ms(100), 0));
        });
    }

    #[test]
    fn test_wait_for_blocking() {
        run(async {
            assert_eq!(wait_for(async { "done" }, None).await, Ok("done"));
            let start = now();
            let slow = async {
                sleep(LONG).await;
                "done"
            };
            assert_eq!((wait_for(slow, None).await, now() - start), (Ok("done"), LONG));
        });
    }

    #[test]
    fn test_wait_for_race_condition() {
        let lp = virtual_loop();
        lp.run_until_complete(async {
            let (start, future) = (now(), create_future());
            let limited = wait_for(future.clone(), ms(200));
            EventLoop::current().call_soon(move || future.set_result("ok").expect("it is set once"));
            assert_eq!(limited.await, Ok("ok"));
            assert_eq!((now(), cancelling()), (start, 0));
        })
        .expect("main comes to its end");
        assert_no_timer_is_left(&lp);
    }

    #[test]
    fn test_wait_for_cancellation_race_condition() {
        run(async {
            let start = now();
            let inner = async {
                assert!(catch_cancelled(sleep(LONG)).await.is_err());
                1
            };
            assert_eq!(wait_for(inner, ms(10)).await, Ok(1));
            assert_eq!((now() - start, cancelling()), (ms(10), 0));
        });
    }

    #[test]
    fn test_wait_for_waits_for_task_cancellation() {
        run(async {
            let (start, cleaned) = (now(), Rc::new(Cell::new(false)));
            let inner = create_task(slow_to_leave(Rc::clone(&cleaned)));
            let handle = inner.handle();
            assert_eq!(wait_for(inner, ms(1)).await, Err(TimeoutError));
            assert!(cleaned.get());
            assert!(handle.cancelled());
            assert_eq!((now() - start, cancelling()), (ms(2), 0));
        });
    }

    #[test]
    fn test_wait_for_waits_for_task_cancellation_w_timeout_0() {
        run(async {
            let (start, cleaned) = (now(), Rc::new(Cell::new(false)));
            let inner = create_task(slow_to_leave(Rc::clone(&cleaned)));
            let handle = inner.handle();
            sleep(ms(1)).await;
            assert_eq!(wait_for(inner, Duration::ZERO).await, Err(TimeoutError));
            assert!(cleaned.get());
            assert!(handle.cancelled());
            assert_eq!((now() - start, cancelling()), (ms(2), 0));
        });
    }

    #[test]
    fn test_wait_for_reraises_exception_during_cancellation() {
        /// A cleanup without awaits that goes wrong.
        struct Crash;

        impl Drop for Crash {
            fn drop(&mut self) {
                panic!("foo");
            }
        }

        let lp = virtual_loop();
        let reported = reports(&lp);
        lp.run_until_complete(async {
            let start = now();
            let inner = create_task(async { catch_cancelled(sleep(LONG)).await.map_err(|_| "foo") });
            let handle = inner.handle();
            assert_eq!(wait_for(inner, ms(1)).await, Ok(Err("foo")));
            assert!(handle.done() && !handle.cancelled());
            assert_eq!((now() - start, cancelling()), (ms(1), 0));

            let mut waiter = create_task(async {
                let inner = create_task(async {
                    let _crash = Crash;
                    sleep(LONG).await;
                });
                wait_for(inner, ms(1)).await
            });
            let ended = waiter.outcome().await;
            assert!(matches!(ended, Err(TaskError::Panicked(panic)) if panic.message() == "foo"));
            assert_eq!(now() - start, ms(2));
        })
        .expect("main comes to its end");
        drop(lp);
        assert!(reported.borrow().is_empty(), "what waited was told, so the handler is not");
    }

    /// Cancelling the waiter cancels the task it waits for.
    fn cancel_wait_for(limit: Option<Duration>) {
        run(async {
            let start = now();
            let task = create_task(async { create_future::<()>().await });
            let handle = task.handle();
            let waiter = create_task(wait_for(task, limit));
            let cancel = waiter.handle();
            EventLoop::current().call_soon(move || assert!(cancel.cancel()));
            let waiter_handle = waiter.handle();
            assert!(catch_cancelled(waiter).await.is_err());
            assert!(handle.cancelled());
            assert!(waiter_handle.cancelled());
            // the task's own end raised here, this one was not asked to stop
            assert_eq!((handle.cancelling(), waiter_handle.cancelling(), cancelling()), (1, 1, 0));
            assert_eq!(now(), start);
        });
    }

    #[test]
    fn test_cancel_blocking_wait_for() {
        cancel_wait_for(None);
    }

    #[test]
    fn test_cancel_wait_for() {
        cancel_wait_for(Some(secs(60)));
    }

    #[test]
    fn test_wait_for_cancel_suppressed() {
        run(async {
            let start = now();
            let inner = async { catch_cancelled(sleep(LONG)).await.map_or(42, |()| 0) };
            assert_eq!(wait_for(inner, ms(100)).await, Ok(42));
            assert_eq!((now() - start, cancelling()), (ms(100), 0));
        });
    }

    #[test]
    fn test_wait_for_issue86296() {
        run(async {
            let start = now();
            let inner = create_task(async { "done" }).shared();
            let (awaited, reached_end) = (inner.clone(), Rc::new(Cell::new(false)));
            let passes = Rc::clone(&reached_end);
            let task = create_task(async move {
                assert_eq!(wait_for(awaited, secs(100)).await, Ok("done"));
                sleep(ms(1_000)).await;
                passes.set(true);
            });
            let handle = task.handle();
            assert!(!handle.done());
            run_briefly().await;
            assert!(handle.cancel());
            assert!(catch_cancelled(task).await.is_err());
            assert!(handle.cancelled());
            assert!(inner.done());
            assert_eq!(inner.await, "done");
            assert_eq!((reached_end.get(), now()), (false, start));
        });
    }
}

mod wait_for_shield_tests {
    use super::*;

    async fn done_after(duration: Duration) -> &'static str {
        sleep(duration).await;
        "done"
    }

    #[test]
    fn test_zero_timeout() {
        run(async {
            let start = now();
            let task = create_task(done_after(ms(10))).shared();
            let shielded = shield(task.clone());
            let outer = shielded.any();
            assert_eq!(wait_for(shielded, Duration::ZERO).await, Err(TimeoutError));
            assert!(!task.done() && !task.cancelled());
            assert!(outer.cancelled());
            sleep(ms(100)).await;
            assert!(task.done() && !task.cancelled());
            assert_eq!(task.await, "done");
            assert_eq!((now() - start, cancelling()), (ms(100), 0));
        });
    }

    #[test]
    fn test_none_timeout() {
        run(async {
            let start = now();
            let task = create_task(done_after(ms(100))).shared();
            assert_eq!(wait_for(shield(task.clone()), None).await, Ok("done"));
            assert!(task.done());
            assert_eq!((task.await, now() - start), ("done", ms(100)));
        });
    }

    #[test]
    fn test_shielded_timeout() {
        run(async {
            let start = now();
            let task = create_task(done_after(ms(100))).shared();
            let shielded = shield(task.clone());
            let outer = shielded.any();
            assert_eq!(wait_for(shielded, ms(10)).await, Err(TimeoutError));
            assert_eq!(now() - start, ms(10));
            assert!(outer.cancelled());
            assert!(!task.done() && !task.cancelled());
            assert_eq!((task.await, now() - start, cancelling()), ("done", ms(100), 0));
        });
    }
}
