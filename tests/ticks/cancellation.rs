//! Cancellation: what it cancels, when it is seen, and what becomes of it.

use std::cell::RefCell;
use std::rc::Rc;

use oneloop::{EventLoop, Future, catch_cancelled, create_future, create_task, current_task, gather, sleep, yield_now};

use super::trace::{Trace, trace, trace_with_jumps};
use crate::time::{LONG, now, secs};

#[test]
fn cancel_before_the_first_step() {
    let got = trace(async |t| {
        let x = create_task(t.slp("c", 9, ()));
        t.rec(format!("cancel->{} cancelled={}", x.cancel_with("m"), x.cancelled()));
        x.add_done_callback(t.cb("x"));
        x.await;
    });
    assert_eq!(got, "cancel->true cancelled=false@+0 ; x.cb@+2 ; RESUME raised Cancelled(m)@+2");
}

/// Awaits `f`, notes a cancellation and raises it on.
async fn awaiting(t: Trace, name: &'static str, f: impl std::future::Future<Output = ()>) {
    if let Err(cancelled) = catch_cancelled(f).await {
        t.rec(format!("{name}.C({})", cancelled.message().unwrap_or("")));
        cancelled.reraise().await;
    }
}

#[test]
fn cancel_while_awaiting_a_future() {
    let got = trace(async |t| {
        let f: Future<()> = create_future();
        let x = create_task(awaiting(t.clone(), "c", f.clone()));
        yield_now().await;
        x.cancel_with("m");
        t.rec(format!("f.cancelled={} x.done={}", f.cancelled(), x.done()));
        x.add_done_callback(t.cb("x"));
        if let Err(cancelled) = catch_cancelled(x).await {
            let cancelling = current_task().unwrap().cancelling();
            t.rec(format!("main C({}) cancelling={cancelling}", cancelled.message().unwrap_or("")));
        }
    });
    assert_eq!(
        got,
        "f.cancelled=true x.done=false@+1 ; c.C(m)@+2 ; x.cb@+3 ; main C(m) cancelling=0@+3 ; RESUME ret=()@+3"
    );
}

#[test]
fn cancel_one_of_several_awaiters_of_a_future() {
    let got = trace(async |t| {
        let f = create_future::<()>().shared();
        let tasks = ["a", "b"].map(|name| create_task(awaiting(t.clone(), name, f.clone())));
        yield_now().await;
        tasks[0].cancel();
        let cancelling = [tasks[0].cancelling(), tasks[1].cancelling()];
        gather(tasks).return_exceptions().await;
        cancelling
    });
    assert_eq!(got, "a.C()@+2 ; b.C()@+2 ; RESUME ret=[1, 0]@+4");
}

#[test]
fn cancel_while_awaiting_a_task_is_handed_on() {
    let got = trace(async |t| {
        let inner = create_task(t.slp("in", 9, ()));
        let handle = inner.handle();
        let x = create_task(inner);
        yield_now().await;
        yield_now().await;
        x.cancel_with("m");
        t.rec(format!("inner.done={}", handle.done()));
        if catch_cancelled(x).await.is_err() {
            let (cancelled, cancelling) = (handle.cancelled(), handle.cancelling());
            t.rec(format!("main C; inner.cancelled={cancelled} inner.cancelling={cancelling}"));
        }
    });
    assert_eq!(
        got,
        "in.run@+1 ; in.y1@+2 ; inner.done=false@+2 ; in.CANCEL(m)@+3 ; \
         main C; inner.cancelled=true inner.cancelling=1@+5 ; RESUME ret=()@+5"
    );
}

#[test]
fn cancel_handed_on_and_swallowed_never_reaches_the_outer_task() {
    let got = trace(async |t| {
        let swallower = t.clone();
        let inner = create_task(async move {
            swallower.rec("in.run");
            if catch_cancelled(sleep(LONG)).await.is_err() {
                swallower.rec("in.swallow");
            }
            5
        });
        let outer = t.clone();
        let x = create_task(async move {
            let r = inner.await;
            outer.rec(format!("c got {r} cancelling={}", current_task().unwrap().cancelling()));
            yield_now().await;
            "ok"
        });
        yield_now().await;
        yield_now().await;
        x.cancel();
        let handle = x.handle();
        (x.await, handle.cancelled())
    });
    assert_eq!(got, "in.run@+1 ; in.swallow@+3 ; c got 5 cancelling=1@+4 ; RESUME ret=(\"ok\", false)@+6");
}

#[test]
fn cancel_of_itself_then_return_loses_the_value() {
    let got = trace(async |t| {
        let inside = t.clone();
        let mut x = create_task(async move {
            current_task().unwrap().cancel_with("self");
            inside.rec("c.run");
            5
        });
        let ended = x.outcome().await.map_err(|error| error.to_string());
        t.rec(format!("x.cancelled={}", x.cancelled()));
        ended
    });
    assert_eq!(got, "c.run@+1 ; x.cancelled=true@+2 ; RESUME ret=Err(\"cancelled: self\")@+2");
}

#[test]
fn cancel_of_itself_then_return_loses_an_error_too() {
    let got = trace(async |_| {
        let mut x = create_task(async {
            current_task().unwrap().cancel();
            Err::<(), _>("x") // CPython keeps an exception that leaves the coroutine
        });
        x.outcome().await.map_err(|error| error.to_string())
    });
    assert_eq!(got, "RESUME ret=Err(\"cancelled\")@+2");
}

#[test]
fn cancel_of_itself_then_uncancel_then_await() {
    let got = trace(async |t| {
        create_task(async move {
            let me = current_task().unwrap();
            me.cancel();
            t.rec(format!("uncancel->{}", me.uncancel()));
            yield_now().await;
            t.rec("c.after");
            5
        })
        .await
    });
    assert_eq!(got, "uncancel->0@+1 ; c.after@+2 ; RESUME ret=5@+3");
}

#[test]
fn cancel_of_itself_then_await_of_done_and_pending_futures() {
    let got = trace(async |t| {
        create_task(async move {
            current_task().unwrap().cancel();
            let f = create_future();
            f.set_result(()).unwrap();
            f.await;
            t.rec("past done future");
            create_future::<()>().await;
        })
        .await;
    });
    assert_eq!(got, "past done future@+1 ; RESUME raised Cancelled()@+3");
}

#[test]
fn cancel_of_itself_cancels_the_future_that_it_awaits_then_at_once() {
    let got = trace(async |t| {
        let f = create_future::<()>();
        let (noted, awaited) = (t.clone(), f.clone());
        f.add_done_callback(move |f| noted.rec(format!("f.cancelled={}", f.cancelled())));
        let x = create_task(async move {
            current_task().unwrap().cancel();
            awaited.await;
        });
        x.await;
    });
    assert_eq!(got, "f.cancelled=true@+2 ; RESUME raised Cancelled()@+3");
}

#[test]
fn cancel_swallowed_twice() {
    let got = trace(async |t| {
        let mut x = create_task(async move {
            let me = current_task().unwrap();
            for nth in ["1st", "2nd"] {
                if catch_cancelled(sleep(LONG)).await.is_err() {
                    t.rec(format!("{nth} cancelling={}", me.cancelling()));
                }
            }
            "survived"
        });
        yield_now().await;
        x.cancel();
        yield_now().await;
        x.cancel();
        let ended = x.outcome().await.unwrap();
        (ended, x.cancelling(), x.cancelled())
    });
    assert_eq!(got, "1st cancelling=1@+2 ; 2nd cancelling=2@+3 ; RESUME ret=(\"survived\", 2, false)@+4");
}

#[test]
fn cancel_twice_while_a_step_is_queued_keeps_the_last_message() {
    let got = trace(async |t| {
        let x = create_task(t.slp("c", 9, ()));
        yield_now().await;
        x.cancel_with("a");
        x.cancel_with("b");
        t.rec(format!("n={}", x.cancelling()));
        x.await;
    });
    assert_eq!(got, "c.run@+1 ; n=2@+1 ; c.CANCEL(b)@+2 ; RESUME raised Cancelled(b)@+3");
}

#[test]
fn cancel_twice_while_awaiting_a_future_keeps_the_first_message() {
    let got = trace(async |t| {
        let x = create_task(awaiting(t.clone(), "c", create_future()));
        yield_now().await;
        x.cancel_with("a");
        x.cancel_with("b");
        t.rec(format!("n={}", x.cancelling()));
        x.await;
    });
    assert_eq!(got, "n=2@+1 ; c.C(a)@+2 ; RESUME raised Cancelled(a)@+3");
}

#[test]
fn cancel_twice_while_sleeping_keeps_the_first_message() {
    let got = trace(async |t| {
        let x = create_task(t.tm("c", 9, ()));
        yield_now().await;
        x.cancel_with("a");
        x.cancel_with("b");
        x.await;
    });
    assert_eq!(got, "c.run@+1 ; c.CANCEL(a)@+2 ; RESUME raised Cancelled(a)@+3");
}

#[test]
fn cancel_during_the_cleanup_of_an_earlier_one() {
    let got = trace(async |t| {
        let inside = t.clone();
        let x = create_task(async move {
            if let Err(first) = catch_cancelled(sleep(LONG)).await {
                let cut = catch_cancelled(sleep(LONG)).await.is_err();
                inside.rec(format!("cleanup cut short={cut}"));
                first.reraise().await;
            }
        });
        yield_now().await;
        x.cancel_with("a");
        yield_now().await;
        yield_now().await;
        x.cancel_with("b");
        x.await;
    });
    assert_eq!(got, "cleanup cut short=true@+4 ; RESUME raised Cancelled(a)@+5");
}

#[test]
fn cancel_when_woken_but_not_run_loses_the_value() {
    let got = trace(async |t| {
        let f = create_future();
        let awaited = f.clone();
        let mut x = create_task(awaited);
        yield_now().await;
        f.set_result(5).unwrap();
        t.rec(format!("cancel -> {}", x.cancel()));
        x.outcome().await.map_err(|error| error.to_string())
    });
    assert_eq!(got, "cancel -> true@+1 ; RESUME ret=Err(\"cancelled\")@+3");
}

#[test]
fn cancel_when_done() {
    let got = trace(async |t| {
        let mut x = create_task(t.imm("c", ()));
        x.outcome().await.unwrap();
        x.cancel()
    });
    assert_eq!(got, "c.run@+1 ; RESUME ret=false@+2");
}

#[test]
fn uncancel_never_goes_below_zero() {
    let got = trace(async |_| {
        let me = current_task().unwrap();
        (me.uncancel(), me.uncancel(), me.cancelling())
    });
    assert_eq!(got, "RESUME ret=(0, 0, 0)@+0");
}

#[test]
fn outcome_looks_and_hands_no_cancellation_on() {
    let got = trace(async |t| {
        let inner = create_task(t.slp("in", 3, 5)).shared();
        let mut looked = inner.clone();
        let x = create_task(async move { catch_cancelled(looked.outcome()).await.is_err() });
        yield_now().await;
        x.cancel();
        t.rec(format!("x={}", x.await));
        inner.await
    });
    assert_eq!(got, "in.run@+1 ; in.y1@+2 ; in.y2@+3 ; x=true@+3 ; in.y3@+4 ; RESUME ret=5@+5");
}

#[test]
fn a_panic_that_is_never_retrieved_is_reported() {
    let got = trace(async |_| {
        let x = create_task(async { std::panic::panic_any("nv") });
        yield_now().await;
        yield_now().await;
        drop::<oneloop::Task<()>>(x);
    });
    assert_eq!(got, "RESUME ret=()@+2 ; handler=[\"Task exception was never retrieved\"]");
}

#[test]
fn an_error_that_is_never_looked_at_is_no_panic_and_not_reported() {
    let got = trace(async |_| {
        drop(create_task(async { Err::<(), _>("nv") }));
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(got, "RESUME ret=()@+2");
}

#[test]
fn await_of_itself_panics() {
    let got = trace(async |_| {
        let own = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&own);
        let x = create_task(async move {
            let me: oneloop::Shared<()> = slot.take().unwrap();
            me.await;
        })
        .shared();
        own.replace(Some(x.clone()));
        x.await;
    });
    // CPython throws the error into the task an iteration later
    assert_eq!(got, "RESUME panicked@+2");
}

#[test]
fn a_callback_that_panics_is_reported_and_the_batch_goes_on() {
    let got = trace(async |t| {
        let lp = EventLoop::current();
        lp.call_soon(|| std::panic::panic_any("cb"));
        lp.call_soon(t.call("next"));
        yield_now().await;
    });
    assert_eq!(got, "next@+1 ; RESUME ret=()@+1 ; handler=[\"Exception in callback\"]");
}

#[test]
fn cancel_of_a_sleeper_takes_its_timer_away() {
    // the clock would jump to 9 first, were the timer still there
    let got = trace_with_jumps(&[(4, 20)], async |t| {
        let x = create_task(t.tm("c", 9, ()));
        yield_now().await;
        x.cancel();
        drop(catch_cancelled(x).await);
        sleep(secs(20)).await;
        now();
    });
    assert_eq!(got, "c.run@+1 ; c.CANCEL()@+2 ; RESUME ret=()@+5");
}

#[test]
fn cancel_one_of_several_awaiters_of_a_task() {
    let got = trace(async |t| {
        let inner = create_task(t.slp("in", 9, ())).shared();
        let [a, b] = ["a", "b"].map(|name| {
            let (t, inner) = (t.clone(), inner.clone());
            create_task(async move {
                drop(catch_cancelled(inner).await);
                t.rec(format!("{name}.C cancelling={}", current_task().unwrap().cancelling()));
            })
        });
        yield_now().await;
        yield_now().await;
        a.cancel();
        gather([a, b]).await;
    });
    assert_eq!(
        got,
        "in.run@+1 ; in.y1@+2 ; in.CANCEL()@+3 ; a.C cancelling=1@+4 ; b.C cancelling=0@+4 ; RESUME ret=()@+6"
    );
}

#[test]
fn cancel_when_the_awaited_future_was_cancelled_before_is_one_cancellation() {
    let got = trace(async |t| {
        let f: Future<()> = create_future();
        let (awaited, inside) = (f.clone(), t.clone());
        let mut x = create_task(async move {
            if let Err(cancelled) = catch_cancelled(awaited).await {
                inside.rec(format!("c.C({})", cancelled.message().unwrap_or("")));
                yield_now().await;
                inside.rec("after");
            }
            5
        });
        yield_now().await;
        f.cancel_with("f");
        t.rec(format!("cancel -> {}", x.cancel_with("x")));
        let ended = x.outcome().await.unwrap();
        t.rec(x.cancelling());
        ended
    });
    assert_eq!(got, "cancel -> true@+1 ; c.C(f)@+2 ; after@+3 ; 1@+4 ; RESUME ret=5@+4");
}

#[test]
fn uncancel_while_waiting_comes_too_late() {
    let got = trace(async |t| {
        let inside = t.clone();
        let x = create_task(async move {
            if catch_cancelled(create_future::<()>()).await.is_err() {
                inside.rec("C");
            }
        });
        yield_now().await;
        x.cancel();
        t.rec(x.uncancel());
        x.await;
    });
    assert_eq!(got, "0@+1 ; C@+2 ; RESUME ret=()@+3");
}

#[test]
fn uncancel_while_a_step_is_queued_takes_the_cancellation_back() {
    let got = trace(async |t| {
        let (x, unstarted) = (create_task(t.slp("x", 2, 5)), create_task(t.imm("u", 6)));
        unstarted.cancel();
        t.rec(unstarted.uncancel());
        yield_now().await;
        x.cancel();
        t.rec(x.uncancel());
        (x.await, unstarted.await)
    });
    assert_eq!(got, "0@+0 ; x.run@+1 ; u.run@+1 ; 0@+1 ; x.y1@+2 ; x.y2@+3 ; RESUME ret=(5, 6)@+4");
}

#[test]
fn uncancel_does_not_take_back_what_was_handed_on() {
    let got = trace(async |t| {
        let inner = create_task(t.tm("i", 9, ()));
        let handle = inner.handle();
        let x = create_task(inner);
        yield_now().await;
        yield_now().await;
        x.cancel();
        t.rec(x.uncancel());
        t.rec(handle.uncancel());
        x.await;
    });
    assert_eq!(got, "i.run@+1 ; 0@+2 ; 0@+2 ; i.CANCEL()@+3 ; RESUME raised Cancelled()@+5");
}
