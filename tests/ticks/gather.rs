//! Gatherings: when they resume, and what a failure or a cancellation of a child does to them.

use oneloop::{
    Awaitable, EventLoop, catch_cancelled, create_future, create_task, current_task, ensure_future, gather, shield,
    try_gather, yield_now,
};

use super::trace::{Trace, trace};
use crate::loops::virtual_loop;

/// Cancels a gathering in the next iteration and notes the answer.
fn cancel_group_soon(t: &Trace, group: oneloop::AnyFuture, message: &'static str) {
    let t = t.clone();
    EventLoop::current().call_soon(move || {
        let taken = if message.is_empty() { group.cancel() } else { group.cancel_with(message) };
        t.rec(format!("cancel -> {taken}"));
    });
}

#[test]
fn gather_of_nothing() {
    let got = trace(async |_| gather(Vec::<oneloop::Task<i32>>::new()).await);
    assert_eq!(got, "RESUME ret=[]@+0");
}

#[test]
fn gather_of_coroutines_that_return_at_once() {
    let got = trace(async |t| gather([t.imm("a", 1), t.imm("b", 2)]).await);
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; RESUME ret=[1, 2]@+3");
}

#[test]
fn gather_resumes_two_ticks_after_the_last_child() {
    let got = trace(async |t| oneloop::gather!(t.slp("a", 2, 1), t.imm("b", 2)).await);
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; a.y1@+2 ; a.y2@+3 ; RESUME ret=(1, 2)@+5");
}

#[test]
fn gather_of_done_futures() {
    let got = trace(async |_| {
        let futures = [0, 1].map(|i| {
            let f = create_future();
            f.set_result(i).unwrap();
            f
        });
        gather(futures).await
    });
    assert_eq!(got, "RESUME ret=[0, 1]@+0");
}

#[test]
fn gather_of_one_done_and_one_coroutine() {
    let got = trace(async |t| {
        let f = create_future();
        f.set_result(9).unwrap();
        oneloop::gather!(f, t.imm("b", 2)).await
    });
    assert_eq!(got, "b.run@+1 ; RESUME ret=(9, 2)@+3");
}

#[test]
fn gather_with_a_done_error_first() {
    let got = trace(async |t| {
        let f = create_future::<Result<i32, &str>>();
        f.set_exception("x").unwrap();
        oneloop::try_gather!(f, t.imm("b", Ok(2))).await
    });
    assert_eq!(got, "RESUME ret=Err(\"x\")@+0 ; b.run@+1");
}

#[test]
fn gather_nested() {
    let got = trace(async |t| {
        let inner = gather([t.imm("a", 1), t.imm("b", 2)]);
        oneloop::gather!(inner, t.imm("c", 3)).await
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; c.run@+1 ; RESUME ret=([1, 2], 3)@+4");
}

#[test]
fn gather_first_error_and_the_sibling_runs_on() {
    let got = trace(async |t| {
        let b = create_task(t.slp("b", 5, Ok(2))).shared();
        let a = ensure_future(t.slp("a", 1, Err("x")));
        if try_gather([a, b.clone().into()]).await.is_err() {
            t.rec(format!("caught; b.done={}", b.done()));
        }
        b.await
    });
    assert_eq!(
        got,
        "b.run@+1 ; a.run@+1 ; b.y1@+2 ; a.y1@+2 ; b.y2@+3 ; b.y3@+4 ; caught; b.done=false@+4 ; b.y4@+5 ; b.y5@+6 ; \
         RESUME ret=Ok(2)@+7"
    );
}

#[test]
fn gather_return_exceptions() {
    let got = trace(async |t| gather([t.slp("a", 1, Err("x")), t.slp("b", 3, Ok(2))]).return_exceptions().await);
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; a.y1@+2 ; b.y1@+2 ; b.y2@+3 ; b.y3@+4 ; RESUME ret=[Ok(Err(\"x\")), Ok(Ok(2))]@+6"
    );
}

#[test]
fn gather_later_errors_are_lost_without_a_report() {
    let got = trace(async |t| {
        let ended = try_gather([t.slp("a", 0, Err::<(), _>("x")), t.slp("b", 1, Err("y"))]).await;
        for _ in 0..3 {
            yield_now().await;
        }
        ended
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; b.y1@+2 ; RESUME ret=Err(\"x\")@+6");
}

#[test]
fn gather_child_cancelled() {
    let got = trace(async |t| {
        let a = create_task(t.slp("a", 9, 1)).shared();
        let b = create_task(t.slp("b", 4, 2)).shared();
        let cancels = a.any();
        t.soon("cancel a", move || cancels.cancel_with("m"));
        match catch_cancelled(gather([a, b.clone()])).await {
            Ok(_) => unreachable!("a child was cancelled"),
            Err(cancelled) => {
                let me = current_task().unwrap();
                let message = cancelled.message().unwrap_or_default();
                t.rec(format!("caught C({message}) cancelling={} b.done={}", me.cancelling(), b.done()));
            }
        }
        b.await
    });
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; cancel a@+1 ; a.CANCEL(m)@+2 ; b.y1@+2 ; b.y2@+3 ; \
         caught C(m) cancelling=0 b.done=false@+4 ; b.y3@+4 ; b.y4@+5 ; RESUME ret=2@+6"
    );
}

#[test]
fn gather_child_cancelled_return_exceptions() {
    let got = trace(async |t| {
        let a = create_task(t.slp("a", 9, 1));
        let b = create_task(t.slp("b", 4, 2));
        let cancels = a.handle();
        t.soon("cancel a", move || cancels.cancel_with("m"));
        let ended = gather([a, b]).return_exceptions().await;
        ended.into_iter().map(|one| one.map_err(|error| error.to_string())).collect::<Vec<_>>()
    });
    // CPython makes a fresh exception here and loses the message
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; cancel a@+1 ; a.CANCEL(m)@+2 ; b.y1@+2 ; b.y2@+3 ; b.y3@+4 ; b.y4@+5 ; \
         RESUME ret=[Err(\"cancelled: m\"), Ok(2)]@+7"
    );
}

/// The trace of both kinds of gathering that are cancelled while they are awaited.
const CANCELLED: &str = "a.run@+1 ; b.run@+1 ; cancel -> true@+1 ; a.CANCEL(m)@+2 ; b.CANCEL(m)@+2 ; \
     g.cancelled=true@+4 ; RESUME raised Cancelled(m)@+4";

#[test]
fn gather_cancelled() {
    let got = trace(async |t| {
        let g = gather([create_task(t.slp("a", 9, 1)), create_task(t.slp("b", 9, 2))]);
        let handle = g.any();
        cancel_group_soon(&t, handle.clone(), "m");
        let ended = catch_cancelled(g).await;
        t.rec(format!("g.cancelled={}", handle.cancelled())); // CPython: False, gh-85071
        match ended {
            Ok(values) => values,
            Err(cancelled) => cancelled.reraise().await,
        }
    });
    assert_eq!(got, CANCELLED);
}

#[test]
fn gather_cancelled_return_exceptions() {
    let got = trace(async |t| {
        let g = gather([create_task(t.slp("a", 9, 1)), create_task(t.slp("b", 9, 2))]).return_exceptions();
        let handle = g.any();
        cancel_group_soon(&t, handle.clone(), "m");
        let ended = catch_cancelled(g).await;
        t.rec(format!("g.cancelled={}", handle.cancelled()));
        match ended {
            Ok(values) => values.len(),
            Err(cancelled) => cancelled.reraise().await,
        }
    });
    assert_eq!(got, CANCELLED);
}

/// A child that takes its time to clean up.
async fn slow_cleaner(t: Trace) {
    if let Err(cancelled) = catch_cancelled(t.slp("b", 9, ())).await {
        for _ in 0..3 {
            yield_now().await;
        }
        t.rec("b.clean");
        cancelled.reraise().await;
    }
}

#[test]
fn gather_cancelled_does_not_wait_for_a_slow_child() {
    let got = trace(async |t| {
        let g = gather([ensure_future(t.slp("a", 9, ())), ensure_future(slow_cleaner(t.clone()))]);
        cancel_group_soon(&t, g.any(), "");
        let ended = catch_cancelled(g).await.is_err();
        t.rec(format!("caught={ended}"));
        for _ in 0..4 {
            yield_now().await;
        }
    });
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; cancel -> true@+1 ; a.CANCEL()@+2 ; b.CANCEL()@+2 ; caught=true@+4 ; b.clean@+5 ; \
         RESUME ret=()@+8"
    );
}

#[test]
fn gather_cancelled_return_exceptions_waits_for_a_slow_child() {
    let got = trace(async |t| {
        let children = [ensure_future(t.slp("a", 9, ())), ensure_future(slow_cleaner(t.clone()))];
        let g = gather(children).return_exceptions();
        cancel_group_soon(&t, g.any(), "");
        g.await.len()
    });
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; cancel -> true@+1 ; a.CANCEL()@+2 ; b.CANCEL()@+2 ; b.clean@+5 ; \
         RESUME raised Cancelled()@+7"
    );
}

#[test]
fn gather_awaiter_cancelled() {
    let got = trace(async |t| {
        let me = current_task().unwrap();
        let cancels = me.clone();
        t.soon("cancel me", move || cancels.cancel_with("m"));
        match catch_cancelled(gather([t.slp("a", 9, 1), t.slp("b", 9, 2)])).await {
            Ok(values) => values,
            Err(cancelled) => {
                t.rec(format!("cancelling={}", me.cancelling()));
                cancelled.reraise().await
            }
        }
    });
    // the children are cancelled before their first step
    assert_eq!(got, "cancel me@+1 ; cancelling=1@+3 ; RESUME raised Cancelled(m)@+3");
}

#[test]
fn gather_of_one_child_in_several_places() {
    let got = trace(async |t| {
        let f = create_future();
        f.set_result(3).unwrap();
        let (c, f) = (create_task(t.imm("c", 4)).shared(), f.shared());
        gather([c.clone(), f.clone(), c, f]).await
    });
    assert_eq!(got, "c.run@+1 ; RESUME ret=[4, 3, 4, 3]@+3");
}

#[test]
fn gather_cancelled_and_one_child_swallows_it() {
    let got = trace(async |t| {
        let g = oneloop::gather!(t.ig(7), t.slp("b", 9, 1));
        cancel_group_soon(&t, g.any(), "");
        g.await
    });
    assert_eq!(
        got,
        "ig.run@+1 ; b.run@+1 ; cancel -> true@+1 ; b.CANCEL()@+2 ; ig.swallow@+2 ; RESUME raised Cancelled()@+4"
    );
}

#[test]
fn gather_cancelled_and_its_only_child_swallows_it() {
    let got = trace(async |t| {
        let g = gather([t.ig(7)]);
        cancel_group_soon(&t, g.any(), "");
        g.await
    });
    assert_eq!(got, "ig.run@+1 ; cancel -> true@+1 ; ig.swallow@+2 ; RESUME raised Cancelled()@+4");
}

#[test]
fn gather_cancelled_when_done() {
    let got = trace(async |t| {
        let f = create_future();
        f.set_result(1).unwrap();
        let g = gather([f]);
        t.rec(format!("cancel -> {}", g.cancel()));
        g.await
    });
    assert_eq!(got, "cancel -> false@+0 ; RESUME ret=[1]@+0");
}

#[test]
fn gather_of_shields_is_cancelled_a_tick_later_than_a_shield_of_a_gathering() {
    let got = trace(async |t| {
        let me = current_task().unwrap();
        t.soon("cancel me", move || me.cancel());
        let ended = catch_cancelled(shield(gather([t.slp("a", 1, 1)]))).await;
        t.rec(format!("C={}", ended.is_err()));
    });
    assert_eq!(got, "cancel me@+1 ; a.run@+1 ; C=true@+2 ; RESUME ret=()@+2 ; a.y1@+2");
    let got = trace(async |t| {
        let me = current_task().unwrap();
        t.soon("cancel me", move || me.cancel());
        let children: [Awaitable<i32>; 1] = [shield(t.slp("a", 1, 1))];
        let ended = catch_cancelled(gather(children)).await;
        t.rec(format!("C={}", ended.is_err()));
    });
    assert_eq!(got, "cancel me@+1 ; a.run@+1 ; a.y1@+2 ; C=true@+3 ; RESUME ret=()@+3");
}

#[test]
fn gather_names_its_awaiter_in_the_await_graph() {
    let lp = virtual_loop();
    let never = lp.create_future::<()>();
    let ended = lp.run_until_complete(async {
        let g = gather([never]);
        create_task(g).named("awaiter").await
    });
    let text = ended.unwrap_err().to_string();
    assert!(text.contains("awaiter waits for a gathering of 1"), "{text}");
}

#[test]
fn gather_return_exceptions_ends_at_the_turn_of_its_last_child() {
    let got = trace(async |t| {
        let a = ensure_future(async { std::panic::panic_any("a") });
        let m = create_task(t.imm("m", ()));
        let b = ensure_future(t.imm("b", ()));
        let z = t.call("Z");
        m.add_done_callback(move |_| drop(EventLoop::current().call_soon(z)));
        gather([a, b]).return_exceptions().await.len()
    });
    assert_eq!(got, "m.run@+1 ; b.run@+1 ; Z@+3 ; RESUME ret=2@+3");
}

#[test]
fn gather_return_exceptions_of_cancelled_children_ends_at_the_turn_of_the_last() {
    let got = trace(async |t| {
        let [a, m, b] = ["a", "m", "b"].map(|name| create_task(t.slp(name, 9, ())));
        let z = t.call("Z");
        m.add_done_callback(move |_| drop(EventLoop::current().call_soon(z)));
        yield_now().await;
        assert_eq!([&a, &m, &b].map(oneloop::Task::cancel), [true; 3]);
        gather([a, b]).return_exceptions().await.len()
    });
    assert_eq!(
        got,
        "a.run@+1 ; m.run@+1 ; b.run@+1 ; a.CANCEL()@+2 ; m.CANCEL()@+2 ; b.CANCEL()@+2 ; Z@+4 ; RESUME ret=2@+4"
    );
}

#[test]
fn gather_later_panics_are_reported() {
    let got = trace(async |t| {
        let children = [("a", 0), ("b", 2)].map(|(text, yields)| {
            let waits = t.slp(text, yields, ());
            async move {
                waits.await;
                std::panic::panic_any(text)
            }
        });
        let ended: Result<Vec<()>, _> = create_task(gather(children)).outcome().await;
        t.rec(ended.is_err());
        for _ in 0..4 {
            yield_now().await;
        }
    });
    // CPython: the second is not reported
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; b.y1@+2 ; b.y2@+3 ; true@+4 ; RESUME ret=()@+8 ; \
         handler=[\"Task exception was never retrieved\"]"
    );
}

#[test]
fn gather_dropped_with_a_panic_is_reported_once() {
    let got = trace(async |_| {
        let g = gather([async { std::panic::panic_any("a") }]);
        for _ in 0..4 {
            yield_now().await;
        }
        drop::<gather::Gathering<Vec<()>>>(g);
    });
    assert_eq!(got, "RESUME ret=()@+4 ; handler=[\"Future exception was never retrieved\"]");
}

#[test]
fn gather_cancelled_between_the_first_failure_and_its_turn() {
    let got = trace(async |t| {
        let g = try_gather([t.slp("a", 0, Err::<(), _>("x")), t.slp("b", 9, Ok(()))]);
        cancel_group_soon(&t, g.any(), "");
        g.await
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; cancel -> true@+1 ; b.CANCEL()@+2 ; RESUME ret=Err(\"x\")@+3");
}

#[test]
fn gather_awaiter_cancelled_between_the_last_end_and_its_turn() {
    let got = trace(async |t| {
        let me = current_task().unwrap();
        let (g, cancels) = (gather([t.imm("a", 1)]), me.clone());
        t.soon("cancel me", move || cancels.cancel());
        let ended = catch_cancelled(g).await;
        (ended.is_err(), me.cancelling())
    });
    assert_eq!(got, "a.run@+1 ; cancel me@+1 ; RESUME ret=(true, 1)@+3");
}

#[test]
fn gather_nested_cancelled() {
    let got = trace(async |t| {
        let g = oneloop::gather!(gather([t.slp("a", 9, ())]), t.slp("b", 9, ()));
        cancel_group_soon(&t, g.any(), "m");
        g.await
    });
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; cancel -> true@+1 ; a.CANCEL(m)@+2 ; b.CANCEL(m)@+2 ; RESUME raised Cancelled(m)@+4"
    );
}

#[test]
fn gather_return_exceptions_of_one_cancelled_before_and_one_coroutine() {
    let got = trace(async |t| {
        let f = create_future();
        f.cancel();
        let ended = oneloop::gather!(f, t.imm("b", 2)).return_exceptions().await;
        let f: Result<i32, _> = ended.0;
        (f.is_err(), ended.1.ok())
    });
    assert_eq!(got, "b.run@+1 ; RESUME ret=(true, Some(2))@+3");
}

#[test]
fn gather_cancelled_reaches_a_gathering_that_shares_a_child() {
    let got = trace(async |t| {
        let child = create_task(t.tm("i", 9, ())).shared();
        let (first, second) = (gather([child.clone()]), gather([child]).return_exceptions());
        yield_now().await;
        yield_now().await;
        t.rec(format!("first {}", first.cancel()));
        if catch_cancelled(first).await.is_err() {
            t.rec("first C");
        }
        second.await[0].is_err()
    });
    assert_eq!(got, "i.run@+1 ; first true@+2 ; i.CANCEL()@+3 ; first C@+5 ; RESUME ret=true@+5");
}
