//! `shield` and `as_completed`.

use std::time::Duration;

use oneloop::{Task, as_completed, catch_cancelled, create_future, create_task, current_task, shield, yield_now};

use super::trace::{Trace, trace, trace_with_jumps};
use crate::loops::virtual_loop;
use crate::time::SECOND;

#[test]
fn shield_of_a_coroutine() {
    let got = trace(async |t| shield(t.imm("c", 1)).await);
    assert_eq!(got, "c.run@+1 ; RESUME ret=1@+3");
}

#[test]
fn shield_of_what_is_done_is_the_same() {
    let got = trace(async |_| {
        let f = create_future();
        f.set_result(1).unwrap();
        let handle = f.any();
        shield(f).any() == handle
    });
    assert_eq!(got, "RESUME ret=true@+0");
}

#[test]
fn shield_whose_awaiter_is_cancelled() {
    let got = trace(async |t| {
        let (me, x) = (current_task().unwrap(), create_task(t.slp("in", 4, 5)).shared());
        t.soon("cancel me", move || me.cancel());
        if catch_cancelled(shield(x.clone())).await.is_err() {
            t.rec("C");
        }
        x.await
    });
    assert_eq!(got, "in.run@+1 ; cancel me@+1 ; in.y1@+2 ; C@+2 ; in.y2@+3 ; in.y3@+4 ; in.y4@+5 ; RESUME ret=5@+6");
}

/// Fails unseen, if it is asked to by a panic.
async fn failing(t: Trace) {
    t.slp("in", 4, ()).await;
    std::panic::panic_any("v");
}

#[test]
fn shield_whose_awaiter_is_cancelled_and_then_the_inner_fails() {
    let got = trace(async |t| {
        let (me, x) = (current_task().unwrap(), create_task(failing(t.clone())).shared());
        t.soon("cancel me", move || me.cancel());
        if catch_cancelled(shield(x.clone())).await.is_err() {
            t.rec("C");
        }
        for _ in 0..7 {
            yield_now().await;
        }
        drop(x); // CPython reports it before, though it may still be looked at
        yield_now().await;
    });
    assert_eq!(
        got,
        "in.run@+1 ; cancel me@+1 ; in.y1@+2 ; C@+2 ; in.y2@+3 ; in.y3@+4 ; in.y4@+5 ; RESUME ret=()@+10 ; \
         handler=[\"Task exception was never retrieved\"]"
    );
}

#[test]
fn shield_whose_inner_failure_is_handled_later_reports_nothing() {
    let got = trace(async |t| {
        let (me, mut x) = (current_task().unwrap(), create_task(failing(t.clone())).shared());
        t.soon("cancel me", move || me.cancel());
        drop(catch_cancelled(shield(x.clone())).await);
        x.outcome().await.is_err()
    });
    assert!(got.ends_with("in.y4@+5 ; RESUME ret=true@+6"), "{got}");
}

#[test]
fn shield_whose_inner_is_cancelled() {
    let got = trace(async |t| {
        let x = create_task(t.slp("in", 4, 5));
        let cancels = x.handle();
        t.soon("cancel inner", move || cancels.cancel());
        shield(x).await
    });
    assert_eq!(got, "in.run@+1 ; cancel inner@+1 ; in.CANCEL()@+2 ; RESUME raised Cancelled()@+4");
}

#[test]
fn as_completed_hands_out_in_the_order_of_the_ends() {
    let got = trace(async |t| {
        let tasks = [create_task(t.slp("b", 0, "b")), create_task(t.slp("a", 2, "a"))];
        let (mut ended, mut out) = (as_completed(tasks), Vec::new());
        while let Some(task) = ended.next().await {
            t.rec("it");
            out.push(task.unwrap().await);
        }
        out
    });
    // they start in the order of the arguments, where CPython's set has none
    assert_eq!(got, "b.run@+1 ; a.run@+1 ; a.y1@+2 ; it@+3 ; a.y2@+3 ; it@+5 ; RESUME ret=[\"b\", \"a\"]@+5");
}

#[test]
fn as_completed_hands_out_the_very_tasks() {
    let got = trace(async |t| {
        let tasks = [create_task(t.imm("a", 1)), create_task(t.imm("b", 2))];
        let handles = tasks.each_ref().map(Task::handle);
        let mut ended = as_completed(tasks);
        let mut same = Vec::new();
        for handle in handles {
            same.push(ended.next().await.unwrap().unwrap().handle() == handle);
        }
        same
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; RESUME ret=[true, true]@+3");
}

#[test]
fn as_completed_timed_out() {
    let got = trace_with_jumps(&[(4, 1)], async |t| {
        let tasks = [create_task(t.tm("a", 5, "a")), create_task(t.imm("b", "b"))];
        let mut ended = as_completed(tasks).timeout(SECOND);
        while let Some(task) = ended.next().await {
            match task {
                Ok(task) => drop(task.await),
                Err(late) => return Err(late),
            }
            t.rec("it");
        }
        Ok(())
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; it@+3 ; RESUME ret=Err(TimeoutError)@+5 ; left pending: 1");
}

#[test]
fn as_completed_of_a_done_future() {
    let got = trace(async |t| {
        let f = create_future();
        f.set_result(1).unwrap();
        let handle = f.any();
        let next = as_completed([f]).next().await;
        t.rec("it");
        next.unwrap().unwrap().any() == handle
    });
    assert_eq!(got, "it@+2 ; RESUME ret=true@+2");
}

#[test]
fn as_completed_names_its_awaiter_in_the_await_graph() {
    let lp = virtual_loop();
    let never = lp.create_future::<()>();
    let ended = lp.run_until_complete(async { as_completed([never]).next().await.is_some() });
    let text = ended.unwrap_err().to_string();
    assert!(text.contains("waits for the next of several tasks"), "{text}");
}

#[test]
fn as_completed_timed_out_gives_an_error_for_each_that_is_left() {
    let got = trace_with_jumps(&[(2, 1)], async |t| {
        let tasks = [create_task(t.tm("a", 5, ())), create_task(t.tm("b", 5, ()))];
        let mut ended = as_completed(tasks).timeout(SECOND);
        while let Some(task) = ended.next().await {
            t.rec(if task.is_err() { "late" } else { "it" });
        }
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; late@+3 ; late@+3 ; RESUME ret=()@+3 ; left pending: 2");
}

#[test]
fn as_completed_with_a_timeout_of_zero() {
    let got = trace(async |t| {
        let tasks = [create_task(t.slp("a", 9, ()))];
        let late = as_completed(tasks).timeout(Duration::ZERO).next().await;
        late.map(|task| task.is_err())
    });
    assert_eq!(got, "a.run@+1 ; a.y1@+2 ; RESUME ret=Some(true)@+2 ; a.y2@+3 ; left pending: 1");
}

#[test]
fn as_completed_of_nothing() {
    let got = trace(async |_| as_completed(Vec::<Task<()>>::new()).next().await.is_none());
    assert_eq!(got, "RESUME ret=true@+0");
}

#[test]
fn shield_cancelled_is_a_cancelled_child() {
    let got = trace(async |t| {
        let s = shield(t.slp("a", 3, ()));
        yield_now().await;
        s.cancel();
        oneloop::gather([s]).return_exceptions().await[0].is_err()
    });
    assert_eq!(got, "a.run@+1 ; RESUME ret=true@+1 ; a.y1@+2 ; left pending: 1");
}

#[test]
fn as_completed_of_one_task_several_times() {
    let got = trace(async |t| {
        let a = create_task(t.imm("a", 1)).handle();
        let (mut ended, mut count) = (as_completed([a.clone(), a]), 0);
        while ended.next().await.is_some() {
            count += 1;
        }
        count
    });
    assert_eq!(got, "a.run@+1 ; RESUME ret=2@+3"); // asyncio: a set of one
}
