//! Time limits: `wait_for`, `timeout` and the `Timeout` object.

use std::time::Duration;

use oneloop::error::RescheduleError;
use oneloop::{
    EventLoop, Timeout, TimeoutError, catch_cancelled, create_future, create_task, current_task, sleep, timeout,
    timeout_at, wait_for, yield_now,
};

use super::trace::{trace, trace_with_jumps};
use crate::time::{SECOND, now};

/// Nothing is ready in the iteration after the first, and a second passes: what most programs here do.
const AT_ONCE: &[(u32, u64)] = &[(1, 1)];

#[test]
fn wait_for_a_coroutine_that_returns_at_once() {
    let got = trace(async |t| wait_for(t.imm("c", 1), 5 * SECOND).await);
    assert_eq!(got, "c.run@+0 ; RESUME ret=Ok(1)@+0");
}

#[test]
fn wait_for_a_task_that_returns_at_once() {
    let got = trace(async |t| wait_for(create_task(t.imm("c", 1)), 5 * SECOND).await);
    assert_eq!(got, "c.run@+1 ; RESUME ret=Ok(1)@+2");
}

#[test]
fn wait_for_without_a_limit() {
    let got = trace(async |t| wait_for(t.slp("c", 2, 1), None).await);
    assert_eq!(got, "c.run@+0 ; c.y1@+1 ; c.y2@+2 ; RESUME ret=Ok(1)@+2");
}

#[test]
fn wait_for_a_coroutine_that_is_too_late() {
    let got = trace_with_jumps(AT_ONCE, async |t| wait_for(t.tm("c", 10, ()), SECOND).await);
    assert_eq!(got, "c.run@+0 ; c.CANCEL()@+2 ; RESUME ret=Err(TimeoutError)@+2");
}

#[test]
fn wait_for_a_task_that_is_too_late() {
    let got = trace_with_jumps(&[(2, 1)], async |t| wait_for(create_task(t.tm("c", 10, ())), SECOND).await);
    assert_eq!(got, "c.run@+1 ; c.CANCEL()@+3 ; RESUME ret=Err(TimeoutError)@+4");
}

#[test]
fn wait_for_zero_never_starts_a_coroutine() {
    let got = trace(async |t| wait_for(t.imm("c", 1), Duration::ZERO).await);
    assert_eq!(got, "RESUME ret=Err(TimeoutError)@+3");
}

#[test]
fn wait_for_zero_gives_what_is_done() {
    let got = trace(async |_| {
        let f = create_future();
        f.set_result(1).unwrap();
        wait_for(f, Duration::ZERO).await
    });
    assert_eq!(got, "RESUME ret=Ok(1)@+0");
}

#[test]
fn wait_for_zero_cancels_a_pending_future() {
    let got = trace(async |_| wait_for(create_future::<()>(), Duration::ZERO).await);
    assert_eq!(got, "RESUME ret=Err(TimeoutError)@+2");
}

#[test]
fn wait_for_what_swallows_its_cancellation_gives_the_value() {
    let got = trace_with_jumps(AT_ONCE, async |t| wait_for(t.ig(7), SECOND).await);
    assert_eq!(got, "ig.run@+0 ; ig.swallow@+2 ; RESUME ret=Ok(7)@+2");
}

#[test]
fn wait_for_what_fails_when_cancelled_gives_the_error() {
    let got = trace_with_jumps(AT_ONCE, async |t| wait_for(t.ig(Err::<(), _>("k")), SECOND).await);
    assert_eq!(got, "ig.run@+0 ; ig.swallow@+2 ; RESUME ret=Ok(Err(\"k\"))@+2");
}

#[test]
fn wait_for_a_result_and_a_cancellation_in_one_tick_loses_the_result() {
    let got = trace(async |t| {
        let (me, f) = (current_task().unwrap(), create_future());
        let (cancels, setter) = (me.clone(), f.clone());
        t.soon("set+cancel", move || {
            setter.set_result(42).unwrap();
            cancels.cancel();
        });
        let ended = catch_cancelled(wait_for(f, 10 * SECOND)).await;
        t.rec(format!("cancelling={}", me.cancelling()));
        ended.unwrap_err().reraise().await
    });
    assert_eq!(got, "set+cancel@+1 ; cancelling=1@+2 ; RESUME raised Cancelled()@+2");
}

#[test]
fn wait_for_a_result_at_the_very_deadline_loses_the_result() {
    let got = trace_with_jumps(AT_ONCE, async |t| {
        let (lp, f) = (EventLoop::current(), create_future());
        let (noted, setter) = (t.call("set"), f.clone());
        lp.call_at(lp.time() + SECOND, move || {
            noted();
            setter.set_result(42).unwrap();
        });
        wait_for(f, SECOND).await
    });
    assert_eq!(got, "set@+1 ; RESUME ret=Err(TimeoutError)@+2");
}

#[test]
fn wait_for_cancelled_at_the_very_deadline_is_cancelled() {
    let got = trace_with_jumps(AT_ONCE, async |t| {
        let (lp, me) = (EventLoop::current(), current_task().unwrap());
        let (noted, cancels) = (t.call("cancel me"), me.clone());
        lp.call_at(lp.time() + SECOND, move || {
            noted();
            cancels.cancel();
        });
        let ended = catch_cancelled(wait_for(create_future::<()>(), SECOND)).await;
        t.rec(format!("cancelling={}", me.cancelling()));
        ended.unwrap_err().reraise().await
    });
    assert_eq!(got, "cancel me@+1 ; cancelling=1@+2 ; RESUME raised Cancelled()@+2");
}

#[test]
fn timeout_expires() {
    let got = trace_with_jumps(AT_ONCE, async |_| timeout(SECOND, sleep(5 * SECOND)).await);
    assert_eq!(got, "RESUME ret=Err(TimeoutError)@+2");
}

#[test]
fn timeout_of_zero_and_a_yield() {
    let got = trace(async |t| {
        timeout(Duration::ZERO, async {
            t.rec("in");
            yield_now().await;
            t.rec("after");
        })
        .await
    });
    assert_eq!(got, "in@+0 ; RESUME ret=Err(TimeoutError)@+1");
}

#[test]
fn timeout_of_zero_around_what_never_suspends() {
    let got = trace(async |t| {
        let limit = Timeout::after(Duration::ZERO);
        limit.run(async { t.rec("in") }).await.unwrap();
        limit.expired()
    });
    assert_eq!(got, "in@+0 ; RESUME ret=false@+0");
}

#[test]
fn timeout_in_the_past_around_a_done_future() {
    let got = trace(async |t| {
        let past = now().checked_sub(SECOND).unwrap();
        timeout_at(past, async {
            let f = create_future();
            f.set_result(1).unwrap();
            t.rec("in");
            f.await
        })
        .await
    });
    assert_eq!(got, "in@+0 ; RESUME ret=Ok(1)@+0");
}

#[test]
fn timeout_nested_with_the_same_deadline() {
    let got = trace_with_jumps(AT_ONCE, async |t| {
        let (outer, inner) = (Timeout::after(SECOND), Timeout::after(SECOND));
        let ended = outer.run(inner.run(sleep(5 * SECOND))).await;
        t.rec(format!("o={} i={}", outer.expired(), inner.expired()));
        ended
    });
    assert_eq!(got, "o=true i=true@+2 ; RESUME ret=Err(TimeoutError)@+2");
}

#[test]
fn timeout_nested_and_the_outer_comes_first() {
    let got = trace_with_jumps(AT_ONCE, async |t| {
        let (outer, inner) = (Timeout::after(SECOND), Timeout::after(2 * SECOND));
        let ended = outer.run(inner.run(sleep(5 * SECOND))).await;
        t.rec(format!("o={} i={}", outer.expired(), inner.expired()));
        ended
    });
    assert_eq!(got, "o=true i=false@+2 ; RESUME ret=Err(TimeoutError)@+2");
}

#[test]
fn timeout_swallowed_in_the_body() {
    let got = trace_with_jumps(AT_ONCE, async |t| {
        let (me, limit) = (current_task().unwrap(), Timeout::after(SECOND));
        let ended = limit
            .run(async {
                if catch_cancelled(sleep(5 * SECOND)).await.is_err() {
                    t.rec("swallow");
                }
            })
            .await;
        t.rec(format!("expired={} cancelling={}", limit.expired(), me.cancelling()));
        ended
    });
    assert_eq!(got, "swallow@+2 ; expired=true cancelling=0@+2 ; RESUME ret=Ok(())@+2");
}

#[test]
fn timeout_of_zero_swallows_an_earlier_cancellation() {
    let got = trace(async |t| {
        let me = current_task().unwrap();
        me.cancel();
        let ended = timeout(Duration::ZERO, yield_now()).await;
        t.rec(format!("cancelling={}", me.cancelling()));
        ended
    });
    assert_eq!(got, "cancelling=1@+1 ; RESUME ret=Err(TimeoutError)@+1"); // gh-134471
}

#[test]
fn timeout_that_does_not_run_cannot_be_moved() {
    let got = trace(async |_| {
        let limit = Timeout::none();
        assert_eq!(limit.reschedule(None), Err(RescheduleError::NotEntered));
        let ended = limit.run(async { limit.reschedule(None) }).await;
        assert_eq!(ended, Ok(Ok(())));
        limit.reschedule(None)
    });
    assert_eq!(got, "RESUME ret=Err(Over)@+0");
}

#[test]
#[should_panic(expected = "Timeout has already been entered")]
fn timeout_runs_once() {
    let lp = EventLoop::new().unwrap();
    let ended = lp.run_until_complete(async {
        let limit = Timeout::none();
        limit.run(async {}).await.unwrap();
        limit.run(async {}).await
    });
    assert_eq!(ended.unwrap(), Err(TimeoutError), "it panicked before");
}

#[test]
#[should_panic(expected = "Timeout should be used inside a task")]
fn timeout_wants_a_task() {
    let lp = EventLoop::new().unwrap();
    let _in = lp.enter();
    let ended = futures::executor::block_on(timeout(SECOND, async {}));
    assert_eq!(ended, Err(TimeoutError), "it panicked before");
}

#[test]
fn wait_for_zero_cancels_a_task_and_waits_for_it() {
    let got = trace(async |t| {
        let x = create_task(t.slp("x", 9, ()));
        let handle = x.handle();
        yield_now().await;
        (wait_for(x, Duration::ZERO).await, handle.cancelled())
    });
    assert_eq!(got, "x.run@+1 ; x.CANCEL()@+2 ; RESUME ret=(Err(TimeoutError), true)@+4");
}

#[test]
fn wait_for_zero_gives_the_value_of_a_task_that_swallows() {
    let got = trace(async |t| {
        let x = create_task(t.ig(7));
        yield_now().await;
        wait_for(x, Duration::ZERO).await
    });
    assert_eq!(got, "ig.run@+1 ; ig.swallow@+2 ; RESUME ret=Ok(7)@+4");
}

#[test]
fn timeout_of_zero_in_a_timeout_of_zero() {
    let got = trace(async |_| {
        let inner = timeout(Duration::ZERO, sleep(SECOND));
        timeout(Duration::ZERO, inner).await
    });
    assert_eq!(got, "RESUME ret=Err(TimeoutError)@+2");
}

#[test]
fn timeout_moved_to_the_past() {
    let got = trace(async |t| {
        let limit = Timeout::none();
        limit
            .run(async {
                let lp = EventLoop::current();
                limit.reschedule(lp.time().checked_sub(SECOND).unwrap()).unwrap();
                lp.call_soon(t.call("cs"));
                sleep(5 * SECOND).await;
            })
            .await
    });
    assert_eq!(got, "cs@+1 ; RESUME ret=Err(TimeoutError)@+2");
}

#[test]
fn wait_for_a_task_that_other_code_cancels() {
    let got = trace(async |t| {
        let x = create_task(t.tm("x", 9, ()));
        let cancels = x.handle();
        EventLoop::current().call_soon(move || {
            cancels.cancel();
        });
        wait_for(x, 5 * SECOND).await
    });
    assert_eq!(got, "x.run@+1 ; x.CANCEL()@+2 ; RESUME raised Cancelled()@+3");
}
