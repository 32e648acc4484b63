//! Task groups.

use std::convert::Infallible;
use std::time::Duration;

use oneloop::{EventLoop, GroupError, TaskGroup, catch_cancelled, current_task, sleep, task_group, timeout, yield_now};

use super::trace::{Trace, trace};
use crate::time::secs;

/// A child that only the group waits for.
fn start<V: 'static, E: 'static>(g: &TaskGroup<E>, child: impl Future<Output = Result<V, E>> + 'static) {
    drop(g.create_task(child));
}

type Ended = Result<(), GroupError<&'static str>>;

#[test]
fn task_group_of_children_that_return_at_once() {
    let got = trace(async |t| -> Result<(), GroupError<Infallible>> {
        task_group(async |g| {
            start(g, t.imm("a", Ok(())));
            start(g, t.imm("b", Ok(())));
            Ok(())
        })
        .await
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; RESUME ret=Ok(())@+3");
}

#[test]
fn task_group_of_children_that_fail_and_do_not_in_one_iteration() {
    for (first, last, errors) in
        [(Err("a"), Ok(()), r#"["a"]"#), (Ok(()), Err("b"), r#"["b"]"#), (Err("a"), Err("b"), r#"["a", "b"]"#)]
    {
        let got = trace(async |t| -> Ended {
            task_group(async |g| {
                start(g, t.imm("a", first));
                start(g, t.imm("between", Ok(())));
                start(g, t.imm("b", last));
                Ok(())
            })
            .await
        });
        let ended = format!("RESUME ret=Err(GroupError {{ errors: {errors} }})@+3");
        assert_eq!(got, format!("a.run@+1 ; between.run@+1 ; b.run@+1 ; {ended}"));
    }
}

#[test]
fn task_group_without_children() {
    let got = trace(async |_| -> Ended { task_group(async |_| Ok(())).await });
    assert_eq!(got, "RESUME ret=Ok(())@+0");
}

#[test]
fn task_group_child_fails_while_the_body_waits() {
    let got = trace(async |t| -> Ended {
        let ended = task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.slp("a", 1, Err::<(), _>("x")));
            start(g, t.slp("b", 9, Ok(())));
            t.tm("body", 9, ()).await;
            Ok(())
        })
        .await;
        t.rec(format!("cancelling={}", current_task().unwrap().cancelling()));
        ended
    });
    assert_eq!(
        got,
        "body.run@+0 ; a.run@+1 ; b.run@+1 ; a.y1@+2 ; b.y1@+2 ; b.CANCEL()@+3 ; body.CANCEL()@+4 ; cancelling=0@+5 ; \
         RESUME ret=Err(GroupError { errors: [\"x\"] })@+5"
    );
}

#[test]
fn task_group_child_fails_while_the_group_waits() {
    let got = trace(async |t| -> Ended {
        let ended = task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.slp("a", 1, Err::<(), _>("x")));
            start(g, t.slp("b", 9, Ok(())));
            Ok(())
        })
        .await;
        t.rec(format!("cancelling={}", current_task().unwrap().cancelling()));
        ended
    });
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; a.y1@+2 ; b.y1@+2 ; b.CANCEL()@+3 ; cancelling=0@+5 ; \
         RESUME ret=Err(GroupError { errors: [\"x\"] })@+5"
    );
}

#[test]
fn task_group_siblings_and_body_that_wait_are_cancelled_two_ticks_after_the_failure() {
    let got = trace(async |t| -> Ended {
        task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.imm("a", Err::<(), _>("x")));
            start(g, t.tm("b", 9, Ok(())));
            t.tm("body", 9, ()).await;
            Ok(())
        })
        .await
    });
    assert_eq!(
        got,
        "body.run@+0 ; a.run@+1 ; b.run@+1 ; b.CANCEL()@+3 ; body.CANCEL()@+3 ; \
         RESUME ret=Err(GroupError { errors: [\"x\"] })@+5"
    );
}

#[test]
fn task_group_body_fails() {
    let got = trace(async |t| -> Ended {
        task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.slp("a", 9, Ok(())));
            yield_now().await;
            Err("k")
        })
        .await
    });
    assert_eq!(got, "a.run@+1 ; a.CANCEL()@+2 ; RESUME ret=Err(GroupError { errors: [\"k\"] })@+4");
}

#[test]
fn task_group_parent_cancelled_while_the_group_waits() {
    let got = trace(async |t| -> Ended {
        let me = current_task().unwrap();
        let cancels = me.clone();
        t.soon("cancel me", move || cancels.cancel_with("m"));
        let ended = catch_cancelled(task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.slp("a", 9, Ok(())));
            start(g, t.slp("b", 9, Ok(())));
            Ok(())
        }))
        .await;
        t.rec(format!("cancelling={}", me.cancelling()));
        match ended {
            Ok(ended) => ended,
            Err(cancelled) => cancelled.reraise().await,
        }
    });
    assert_eq!(
        got,
        "cancel me@+1 ; a.run@+1 ; b.run@+1 ; a.CANCEL()@+2 ; b.CANCEL()@+2 ; cancelling=1@+4 ; \
         RESUME raised Cancelled(m)@+4"
    );
}

#[test]
fn task_group_nested_and_the_inner_fails() {
    let got = trace(async |t| {
        let ended: Result<(), GroupError<GroupError<&str>>> = task_group(async |g| {
            let inner = t.clone();
            start(g, async move {
                task_group(async |g: &TaskGroup<&'static str>| {
                    start(g, inner.slp("x", 1, Err::<(), _>("x")));
                    start(g, inner.slp("y", 9, Ok(())));
                    Ok(())
                })
                .await
            });
            start(g, t.slp("s", 12, Ok(())));
            Ok(())
        })
        .await;
        ended
    });
    assert_eq!(
        got,
        "s.run@+1 ; x.run@+2 ; y.run@+2 ; s.y1@+2 ; x.y1@+3 ; y.y1@+3 ; s.y2@+3 ; y.CANCEL()@+4 ; s.y3@+4 ; s.y4@+5 ; \
         s.y5@+6 ; s.CANCEL()@+7 ; RESUME ret=Err(GroupError { errors: [GroupError { errors: [\"x\"] }] })@+9"
    );
}

#[test]
fn task_group_child_cancelled_is_no_failure() {
    let got = trace(async |t| {
        let mut cancelled = None;
        let ended: Ended = task_group(async |g| {
            let a = g.create_task(t.slp("a", 9, Ok(()))).handle();
            start(g, t.slp("b", 3, Ok(())));
            cancelled = Some(a.clone());
            EventLoop::current().call_soon(move || {
                a.cancel();
            });
            Ok(())
        })
        .await;
        ended.is_ok() && cancelled.is_some_and(|task| task.cancelled())
    });
    assert_eq!(got, "a.run@+1 ; b.run@+1 ; a.CANCEL()@+2 ; b.y1@+2 ; b.y2@+3 ; b.y3@+4 ; RESUME ret=true@+6");
}

#[test]
fn task_group_two_children_fail_in_one_tick() {
    let got = trace(async |t| -> Ended {
        task_group(async |g| {
            start(g, t.slp("a", 1, Err::<(), _>("1")));
            start(g, t.slp("b", 1, Err::<(), _>("2")));
            Ok(())
        })
        .await
    });
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; a.y1@+2 ; b.y1@+2 ; RESUME ret=Err(GroupError { errors: [\"1\", \"2\"] })@+4"
    );
}

#[test]
fn task_group_puts_the_error_of_the_body_last() {
    let got = trace(async |t| -> Ended {
        task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.imm("a", Err::<(), _>("a")));
            t.ig(Err("body")).await
        })
        .await
    });
    assert_eq!(
        got,
        "ig.run@+0 ; a.run@+1 ; ig.swallow@+3 ; RESUME ret=Err(GroupError { errors: [\"a\", \"body\"] })@+3"
    );
}

#[test]
fn task_group_fails_under_a_cancellation_which_comes_at_the_next_await() {
    let got = trace(async |t| {
        let me = current_task().unwrap();
        let cancels = me.clone();
        t.soon("cancel me", move || cancels.cancel());
        let ended = task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.ig(Err::<(), _>("x")));
            Ok(())
        })
        .await;
        t.rec(format!("{ended:?} cancelling={}", me.cancelling()));
        yield_now().await;
    });
    assert_eq!(
        got,
        "cancel me@+1 ; ig.run@+1 ; ig.swallow@+3 ; Err(GroupError { errors: [\"x\"] }) cancelling=1@+5 ; \
         RESUME raised Cancelled()@+6"
    );
}

#[test]
fn task_group_cancelled_before_its_children_start() {
    let got = trace(async |t| -> Ended {
        task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.imm("a", Ok(())));
            Err("k")
        })
        .await
    });
    assert_eq!(got, "RESUME ret=Err(GroupError { errors: [\"k\"] })@+3");
}

#[test]
fn task_group_being_aborted_cancels_a_new_child_before_it_starts() {
    let got = trace(async |t| -> Ended {
        task_group(async |g: &TaskGroup<&'static str>| {
            let (late, inner) = (t.clone(), g.clone());
            start(g, async move {
                drop(catch_cancelled(sleep(secs(9))).await);
                let child = inner.create_task(late.imm("never", Ok(()))).outcome().await;
                late.rec(format!("cancelled={}", child.is_err()));
                Ok::<(), _>(())
            });
            yield_now().await;
            Err("k")
        })
        .await
    });
    // CPython: RuntimeError, the group is shutting down
    assert_eq!(got, "cancelled=true@+4 ; RESUME ret=Err(GroupError { errors: [\"k\"] })@+6");
}

#[test]
fn task_group_takes_a_child_from_a_child_while_it_waits() {
    let got = trace(async |t| -> Ended {
        task_group(async |g: &TaskGroup<&'static str>| {
            let (late, inner) = (t.clone(), g.clone());
            start(g, async move {
                late.slp("a", 1, ()).await;
                start(&inner, late.imm("b", Ok(())));
                Ok::<(), _>(())
            });
            Ok(())
        })
        .await
    });
    assert_eq!(got, "a.run@+1 ; a.y1@+2 ; b.run@+3 ; RESUME ret=Ok(())@+5");
}

#[test]
#[should_panic(expected = "the task group is finished")]
fn task_group_that_is_finished_takes_no_child() {
    let lp = EventLoop::new().unwrap();
    let ended: Result<Ended, _> = lp.run_until_complete(async {
        let mut escaped = None;
        task_group(async |g: &TaskGroup<&'static str>| {
            escaped = Some(g.clone());
            Ok(())
        })
        .await?;
        escaped.unwrap().create_task(async { Ok(()) }).await;
        Ok(())
    });
    assert!(ended.is_ok());
}

#[test]
fn task_group_child_panics() {
    let got = trace(async |t| -> Ended {
        task_group(async |g: &TaskGroup<&'static str>| {
            start(g, async { if true { std::panic::panic_any("p") } else { Ok(()) } });
            start(g, t.slp("b", 9, Ok(())));
            Ok(())
        })
        .await
    });
    assert_eq!(got, "b.run@+1 ; b.CANCEL()@+2 ; RESUME panicked@+4");
}

#[test]
fn task_group_in_a_time_limit_can_be_ended_early() {
    let got = trace(async |t| {
        let group = task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.slp("a", 9, Ok(())));
            Ok(())
        });
        timeout(Duration::ZERO, group).await.is_err()
    });
    assert_eq!(got, "a.run@+1 ; a.CANCEL()@+2 ; RESUME ret=true@+4");
}

#[test]
fn task_group_keeps_the_error_of_a_child_that_cancelled_itself() {
    let got = trace(async |_| -> Ended {
        task_group(async |g: &TaskGroup<&'static str>| {
            start(g, async {
                current_task().unwrap().cancel();
                Err::<(), _>("x")
            });
            Ok(())
        })
        .await
    });
    assert_eq!(got, "RESUME ret=Err(GroupError { errors: [\"x\"] })@+3");
}

/// Cancels the running task in the next iteration.
fn cancel_me_soon(t: &Trace) {
    let me = current_task().unwrap();
    t.soon("cancel me", move || me.cancel_with("m"));
}

/// Notes `cancelling()` and ends as the group did.
async fn noted(t: &Trace, group: impl Future<Output = Ended>) -> Ended {
    let ended = catch_cancelled(group).await;
    t.rec(format!("cancelling={}", current_task().unwrap().cancelling()));
    match ended {
        Ok(ended) => ended,
        Err(cancelled) => cancelled.reraise().await,
    }
}

#[test]
fn task_group_parent_cancelled_in_the_body() {
    let got = trace(async |t| -> Ended {
        cancel_me_soon(&t);
        let group = task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.slp("a", 9, Ok(())));
            t.tm("body", 9, ()).await;
            Ok(())
        });
        noted(&t, group).await
    });
    assert_eq!(
        got,
        "body.run@+0 ; cancel me@+1 ; a.run@+1 ; body.CANCEL(m)@+2 ; a.CANCEL()@+2 ; cancelling=1@+4 ; \
         RESUME raised Cancelled(m)@+4"
    );
}

#[test]
fn task_group_parent_cancelled_again_while_a_child_cleans_up() {
    let got = trace(async |t| -> Ended {
        let me = current_task().unwrap();
        let again = t.clone();
        t.soon("cancel me", move || {
            me.cancel_with("1");
            let lp = EventLoop::current();
            lp.call_soon(move || again.soon("again", move || me.cancel_with("2")));
        });
        let group = task_group(async |g: &TaskGroup<&'static str>| {
            let child = t.clone();
            start(g, async move {
                child.rec("s.run");
                if let Err(cancelled) = catch_cancelled(sleep(secs(9))).await {
                    for _ in 0..4 {
                        yield_now().await;
                    }
                    child.rec("s.clean");
                    cancelled.reraise().await;
                }
                Ok(())
            });
            Ok(())
        });
        noted(&t, group).await
    });
    assert_eq!(
        got,
        "cancel me@+1 ; s.run@+1 ; again@+3 ; s.clean@+7 ; cancelling=2@+9 ; RESUME raised Cancelled(1)@+9"
    );
}

#[test]
fn task_group_body_swallows_the_cancellation_by_the_group() {
    let got = trace(async |t| -> Ended {
        task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.imm("a", Err::<(), _>("x")));
            if catch_cancelled(sleep(secs(9))).await.is_err() {
                t.rec("swallow");
            }
            yield_now().await;
            t.rec(format!("on cancelling={}", current_task().unwrap().cancelling()));
            Ok(())
        })
        .await
    });
    assert_eq!(got, "a.run@+1 ; swallow@+3 ; on cancelling=1@+4 ; RESUME ret=Err(GroupError { errors: [\"x\"] })@+4");
}

#[test]
fn task_group_child_fails_and_parent_is_cancelled_in_one_tick() {
    let got = trace(async |t| {
        let (me, later) = (current_task().unwrap(), t.clone());
        let cancels = me.clone();
        EventLoop::current().call_soon(move || later.soon("cancel me", move || cancels.cancel_with("m")));
        let ended = task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.imm("a", Err::<(), _>("x")));
            start(g, t.tm("b", 9, Ok(())));
            Ok(())
        })
        .await;
        t.rec(format!("failed={} cancelling={}", ended.is_err(), me.cancelling()));
        yield_now().await;
    });
    assert_eq!(
        got,
        "a.run@+1 ; b.run@+1 ; cancel me@+2 ; b.CANCEL()@+3 ; failed=true cancelling=1@+5 ; \
         RESUME raised Cancelled()@+6"
    );
}

#[test]
fn task_group_parent_cancelled_and_then_a_child_fails() {
    let got = trace(async |t| {
        cancel_me_soon(&t);
        let ended = task_group(async |g: &TaskGroup<&'static str>| {
            start(g, t.ig(Err::<(), _>("x")));
            start(g, t.tm("b", 9, Ok(())));
            sleep(secs(9)).await;
            Ok(())
        })
        .await;
        t.rec(format!("failed={} cancelling={}", ended.is_err(), current_task().unwrap().cancelling()));
        yield_now().await;
    });
    assert_eq!(
        got,
        "cancel me@+1 ; ig.run@+1 ; b.run@+1 ; ig.swallow@+3 ; b.CANCEL()@+3 ; failed=true cancelling=1@+5 ; \
         RESUME raised Cancelled()@+6"
    );
}
