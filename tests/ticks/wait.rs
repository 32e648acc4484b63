//! `wait`: when it resumes, and what is in its two sets then.

use std::time::Duration;

use oneloop::wait::{WaitSets, Waitable};
use oneloop::{
    Awaitable, EventLoop, ReturnWhen, Task, catch_cancelled, create_future, create_task, current_task, ensure_future,
    shield, try_gather, wait, yield_now,
};

use super::trace::{trace, trace_with_jumps};
use crate::time::SECOND;

fn sizes<H: Waitable>(sets: &WaitSets<H>) -> (usize, usize) {
    (sets.done.len(), sets.pending.len())
}

#[test]
fn wait_for_all() {
    let got = trace(async |t| {
        let tasks = [create_task(t.imm("a", 1)).handle(), create_task(t.slp("b", 3, 2)).handle()];
        sizes(&wait(tasks).await)
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; b.y1@+2 ; b.y2@+3 ; b.y3@+4 ; RESUME ret=(2, 0)@+6");
}

#[test]
fn wait_for_the_first_completed() {
    let got = trace(async |t| {
        let (a, b) = (create_task(t.imm("a", 1)).handle(), create_task(t.slp("b", 9, 2)).handle());
        let sets = wait([a, b.clone()]).return_when(ReturnWhen::FirstCompleted).await;
        b.cancel();
        sizes(&sets)
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; b.y1@+2 ; RESUME ret=(1, 1)@+3 ; b.CANCEL()@+3");
}

#[test]
fn wait_samples_its_sets_when_it_resumes() {
    let got = trace(async |t| {
        let (a, b) = (create_task(t.imm("a", 1)), create_task(t.imm("b", 2)));
        let (c, d) = (create_task(t.slp("c", 1, 2)), create_task(t.slp("d", 2, 2)).shared());
        let all = [a.handle(), b.handle(), c.handle()].map(|task| task.as_any().clone());
        let all = all.into_iter().chain([d.any()]);
        let sets = wait(all).return_when(ReturnWhen::FirstCompleted).await;
        d.await;
        sizes(&sets)
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; c.run@+1 ; d.run@+1 ; c.y1@+2 ; d.y1@+2 ; d.y2@+3 ; RESUME ret=(3, 1)@+4");
}

#[test]
fn wait_for_the_first_exception() {
    let got = trace(async |t| {
        let (a, b) = (create_task(t.slp("a", 1, Err(()))), create_task(t.slp("b", 9, Ok(2))));
        let cancels = b.handle();
        let sets = wait([a, b]).return_when(ReturnWhen::FirstException).await;
        cancels.cancel();
        sizes(&sets)
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; a.y1@+2 ; b.y1@+2 ; b.y2@+3 ; RESUME ret=(1, 1)@+4 ; b.CANCEL()@+4");
}

#[test]
fn wait_for_the_first_exception_is_not_ended_by_a_cancelled_child() {
    let got = trace(async |t| {
        let (a, b) = (create_task(t.slp("a", 9, Err(()))), create_task(t.slp("b", 3, Ok(2))));
        let cancels = a.handle();
        EventLoop::current().call_soon(move || {
            cancels.cancel();
        });
        sizes(&wait([a, b]).return_when(ReturnWhen::FirstException).await)
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; a.CANCEL()@+2 ; b.y1@+2 ; b.y2@+3 ; b.y3@+4 ; RESUME ret=(2, 0)@+6");
}

#[test]
fn wait_for_what_is_done_takes_two_ticks() {
    let got = trace(async |_| {
        let f = create_future();
        f.set_result(1).unwrap();
        sizes(&wait([f]).await)
    });
    assert_eq!(got, "RESUME ret=(1, 0)@+2");
}

#[test]
fn wait_for_the_first_completed_when_one_is_done() {
    let got = trace(async |_| {
        let (f, g) = (create_future(), create_future());
        f.set_result(1).unwrap();
        sizes(&wait([f, g]).return_when(ReturnWhen::FirstCompleted).await)
    });
    assert_eq!(got, "RESUME ret=(1, 1)@+2");
}

#[test]
fn wait_with_a_timeout_of_zero() {
    let got = trace(async |t| {
        let (a, b) = (create_task(t.imm("a", 1)), create_task(t.slp("b", 9, 2)));
        let cancels = b.handle();
        let sets = wait([a, b]).timeout(Duration::ZERO).await;
        cancels.cancel();
        sizes(&sets)
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; b.y1@+2 ; RESUME ret=(1, 1)@+2 ; b.CANCEL()@+3");
}

#[test]
fn wait_timed_out_cancels_nothing() {
    let got = trace_with_jumps(&[(2, 1)], async |t| {
        let (lp, b) = (EventLoop::current(), create_task(t.tm("b", 10, 2)));
        let (started, cancels) = (lp.time(), b.handle());
        let sets = wait([b]).timeout(SECOND).await;
        let ret = (sizes(&sets), sets.timed_out, lp.time() - started, cancels.cancelled());
        cancels.cancel();
        ret
    });
    assert_eq!(got, "b.run@+1 ; RESUME ret=((0, 1), true, 1s, false)@+3 ; b.CANCEL()@+4");
}

#[test]
fn wait_cancelled_leaves_the_children_alone() {
    let got = trace(async |t| {
        let (me, b) = (current_task().unwrap(), create_task(t.slp("b", 3, 2)).shared());
        t.soon("cancel me", move || me.cancel());
        if catch_cancelled(wait([b.clone()])).await.is_err() {
            t.rec(format!("C; b.cancelled={}", b.cancelled()));
        }
        b.await
    });
    assert_eq!(
        got,
        "b.run@+1 ; cancel me@+1 ; b.y1@+2 ; C; b.cancelled=false@+2 ; b.y2@+3 ; b.y3@+4 ; RESUME ret=2@+5"
    );
}

#[test]
fn wait_for_nothing_returns_at_once() {
    let got = trace(async |_| {
        let sets = wait(Vec::<Task<()>>::new()).timeout(SECOND).await;
        (sizes(&sets), sets.timed_out)
    });
    assert_eq!(got, "RESUME ret=((0, 0), false)@+0"); // CPython: ValueError
}

#[test]
fn wait_for_one_task_several_times() {
    let got = trace(async |t| {
        let a = create_task(t.imm("a", 1)).handle();
        sizes(&wait([a.clone(), a.clone(), a]).await)
    });
    assert_eq!(got, "a.run@+1 ; RESUME ret=(3, 0)@+3"); // CPython: a set of one
}

#[test]
fn wait_sets_are_ordered() {
    let got = trace(async |t| {
        let tasks = [(3, "a"), (1, "b"), (9, "c"), (0, "d"), (9, "e")]
            .map(|(yields, name)| create_task(t.slp(name, yields, ())).named(name));
        let sets = wait(tasks).timeout(Duration::ZERO).await;
        let names = |tasks: Vec<String>| tasks.concat();
        let done = names(sets.done.iter().map(Task::name).collect());
        let pending = names(sets.pending.iter().map(Task::name).collect());
        for task in &sets.pending {
            task.cancel();
        }
        (done, pending)
    });
    assert!(got.contains("RESUME ret=(\"db\", \"ace\")@+2"), "{got}");
}

#[test]
fn wait_leaves_panics_to_be_retrieved() {
    let got = trace(async |_| {
        let tasks = ["x", "y"].map(|text| create_task(async move { std::panic::panic_any(text) }));
        let sets = wait(tasks).await;
        let sizes = sizes(&sets);
        drop(sets);
        yield_now().await;
        sizes
    });
    let report = "\"Task exception was never retrieved\"";
    assert_eq!(got, format!("RESUME ret=(2, 0)@+4 ; handler=[{report}, {report}]"));
}

#[test]
fn wait_for_a_gathering() {
    let got = trace(async |t| wait([oneloop::gather!(t.imm("a", ()), t.slp("b", 1, ()))]).await.done.len());
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; b.y1@+2 ; RESUME ret=1@+5");
}

#[test]
fn wait_for_the_rest_takes_its_turn_where_a_new_wait_would() {
    let got = trace(async |t| {
        let tasks = [(0, "a"), (2, "b"), (4, "c")].map(|(yields, name)| create_task(t.slp(name, yields, ())));
        let later = [tasks[1].handle(), tasks[2].handle()];
        let mut pending = wait(tasks).into_pending();
        while !pending.is_empty() {
            let sets = wait(pending).return_when(ReturnWhen::FirstCompleted).await;
            t.rec(format!("{:?}", sizes(&sets)));
            pending = sets.pending;
            if let Some(next) = later.iter().find(|task| !task.done()) {
                // registered before the next wait, so it has its turn first, and what it queues runs first
                let z = t.call("Z");
                next.add_done_callback(move |_| drop(EventLoop::current().call_soon(z)));
            }
        }
    });
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; c.run@+1 ; b.y1@+2 ; c.y1@+2 ; (1, 2)@+3 ; b.y2@+3 ; c.y2@+3 ; c.y3@+4 ; Z@+5 ; \
         (1, 1)@+5 ; c.y4@+5 ; Z@+7 ; (1, 0)@+7 ; RESUME ret=()@+7"
    );
}

#[test]
fn wait_for_the_first_exception_when_one_has_failed() {
    let got = trace(async |t| {
        let (b, a) = (create_task(t.slp("b", 9, Ok(()))), create_task(t.imm("a", Err(()))));
        yield_now().await;
        yield_now().await;
        let cancels = b.handle();
        let sets = wait([b, a]).return_when(ReturnWhen::FirstException).await;
        cancels.cancel();
        sizes(&sets)
    });
    assert_eq!(got, "b.run@+1 ; a.run@+1 ; b.y1@+2 ; b.y2@+3 ; b.y3@+4 ; RESUME ret=(1, 1)@+4 ; b.CANCEL()@+5");
}

#[test]
fn wait_for_the_first_exception_is_ended_by_a_cancelled_gathering_and_a_shield_of_it() {
    let got = trace(async |t| {
        for depth in 0..3 {
            let (a, b) = (create_task(t.slp("a", 9, Ok::<_, ()>(0))), create_task(t.slp("b", 9, Ok::<_, ()>(vec![0]))));
            let (gathering, cancels) = (ensure_future(try_gather([a])), b.handle());
            let gathering_itself = gathering.any();
            let outermost = (0..depth).fold(gathering, |inner, _| shield(inner));
            yield_now().await;
            gathering_itself.cancel();
            let sets = wait([outermost, Awaitable::from(b)]).return_when(ReturnWhen::FirstException).await;
            cancels.cancel();
            t.rec(format!("{:?}", sizes(&sets)));
            yield_now().await;
        }
    });
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; a.CANCEL()@+2 ; b.y1@+2 ; b.y2@+3 ; b.y3@+4 ; (1, 1)@+5 ; b.CANCEL()@+5 ; \
         a.run@+7 ; b.run@+7 ; a.CANCEL()@+8 ; b.y1@+8 ; b.y2@+9 ; b.y3@+10 ; b.y4@+11 ; (1, 1)@+12 ; b.CANCEL()@+12 ; \
         a.run@+14 ; b.run@+14 ; a.CANCEL()@+15 ; b.y1@+15 ; b.y2@+16 ; b.y3@+17 ; b.y4@+18 ; b.y5@+19 ; \
         (1, 1)@+20 ; b.CANCEL()@+20 ; RESUME ret=()@+21"
    );
}

#[test]
fn wait_for_the_first_exception_is_not_ended_by_a_cancelled_shield() {
    let got = trace(async |t| {
        let (a, b) = (create_task(t.slp("a", 3, Ok::<_, ()>(0))), create_task(t.slp("b", 4, Ok::<_, ()>(vec![0]))));
        let shielded = shield(try_gather([a]));
        yield_now().await;
        shielded.cancel();
        sizes(&wait([shielded, Awaitable::from(b)]).return_when(ReturnWhen::FirstException).await)
    });
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; a.y1@+2 ; b.y1@+2 ; a.y2@+3 ; b.y2@+3 ; a.y3@+4 ; b.y3@+4 ; b.y4@+5 ; \
         RESUME ret=(2, 0)@+7"
    );
}
