//! Context variables: who inherits what, and whose setting stays with whom. What is noted is `name=value`, 0 if the
//! variable is not set.

use std::cell::RefCell;
use std::panic::panic_any;
use std::rc::Rc;
use std::time::Duration;

use oneloop::{
    Context, ContextVar, EventLoop, catch_cancelled, copy_context, create_future, create_task, gather, shield, sleep,
    task_group, timeout, wait_for, yield_now,
};

use super::trace::{Trace, trace, yields};
use crate::loops::virtual_loop;
use crate::time::LONG;

static V: ContextVar<i32> = ContextVar::new("v");

fn v() -> i32 {
    V.get().unwrap_or(0)
}

fn rec(t: &Trace, name: &str) {
    t.rec(format!("{name}={}", v()));
}

#[test]
fn context_of_a_task_is_a_copy_made_at_its_creation() {
    async fn child(t: Trace, name: &'static str, n: i32) {
        rec(&t, name);
        V.set(n);
        yield_now().await;
        rec(&t, name);
        let inner = t.clone();
        let grandchild = create_task(async move {
            rec(&inner, &format!("{name}.child"));
            V.set(99);
        });
        grandchild.await;
        rec(&t, name);
    }
    let got = trace(async |t| {
        V.set(1);
        let a = create_task(child(t.clone(), "a", 10));
        V.set(2);
        let b = create_task(child(t.clone(), "b", 20));
        V.set(3);
        a.await;
        b.await;
        rec(&t, "main");
    });
    assert_eq!(
        got,
        "a=1@+1 ; b=2@+1 ; a=10@+2 ; b=20@+2 ; a.child=10@+3 ; b.child=20@+3 ; a=10@+4 ; b=20@+4 ; main=3@+5 ; \
         RESUME ret=()@+5"
    );
}

/// Notes the variable, sets it, and notes it again.
fn set_50(t: &Trace, name: &'static str) -> impl FnOnce() + use<> {
    let t = t.clone();
    move || {
        rec(&t, name);
        V.set(50);
        rec(&t, name);
    }
}

#[test]
fn context_of_a_callback_is_a_copy_made_at_its_registration() {
    let got = trace(async |t| {
        let (lp, f) = (EventLoop::current(), create_future());
        V.set(1);
        lp.call_soon(set_50(&t, "soon"));
        V.set(2);
        lp.call_later(Duration::ZERO, set_50(&t, "later"));
        V.set(3);
        let done = set_50(&t, "done");
        f.any().add_done_callback(move |_| done());
        V.set(4);
        f.set_result(()).unwrap();
        let late = set_50(&t, "done late");
        f.any().add_done_callback(move |_| late());
        V.set(5);
        yields(3).await;
        rec(&t, "main");
    });
    assert_eq!(
        got,
        "soon=1@+1 ; soon=50@+1 ; done=3@+1 ; done=50@+1 ; done late=4@+1 ; done late=50@+1 ; later=2@+1 ; \
         later=50@+1 ; main=5@+3 ; RESUME ret=()@+3"
    );
}

#[test]
fn context_of_a_callback_that_a_callback_registers() {
    fn chain(t: Trace, n: u32) {
        rec(&t, "cb");
        V.set(v() + 1);
        if n > 0 {
            EventLoop::current().call_soon(move || chain(t, n - 1));
        }
    }
    let got = trace(async |t| {
        let first = t.clone();
        EventLoop::current().call_soon(move || chain(first, 2));
        yields(4).await;
        rec(&t, "main");
    });
    assert_eq!(got, "cb=0@+1 ; cb=1@+2 ; cb=2@+3 ; main=0@+4 ; RESUME ret=()@+4");
}

#[test]
fn context_of_the_children_of_a_gathering() {
    async fn child(t: Trace, n: i32) {
        rec(&t, &format!("c{n}"));
        V.set(n);
        yield_now().await;
        rec(&t, &format!("c{n}"));
    }
    let got = trace(async |t| {
        V.set(7);
        let g = gather([child(t.clone(), 1), child(t.clone(), 2)]);
        V.set(8);
        g.await;
        rec(&t, "main");
    });
    assert_eq!(got, "c1=7@+1 ; c2=7@+1 ; c1=1@+2 ; c2=2@+2 ; main=8@+4 ; RESUME ret=()@+4");
}

#[test]
fn context_of_a_task_that_is_cancelled_is_the_one_it_cleans_up_in() {
    let got = trace(async |t| {
        V.set(8);
        let inner = t.clone();
        let task = create_task(async move {
            rec(&inner, "c");
            V.set(3);
            let cancelled = catch_cancelled(sleep(LONG)).await.unwrap_err();
            rec(&inner, "c.cancelled");
            V.set(-3);
            cancelled.reraise().await
        });
        yield_now().await;
        task.cancel();
        assert!(catch_cancelled(task).await.is_err());
        rec(&t, "main");
    });
    assert_eq!(got, "c=8@+1 ; c.cancelled=3@+2 ; main=8@+3 ; RESUME ret=()@+3");
}

#[test]
fn context_given_to_tasks_is_shared_with_them() {
    async fn child(t: Trace, n: i32) {
        rec(&t, "child");
        yield_now().await;
        V.set(n);
        rec(&t, "child");
    }
    let got = trace(async |t| {
        V.set(5);
        let ctx = copy_context();
        V.set(6);
        create_task(child(t.clone(), 1)).in_context(&ctx).await;
        create_task(child(t.clone(), 2)).in_context(&ctx).await;
        rec(&t, "main");
        let third = t.clone();
        let ended = task_group(async |g| {
            let body = async move {
                child(third, 3).await;
                Ok::<_, ()>(())
            };
            let _runs_on = g.create_task(body).in_context(&ctx);
            Ok(())
        });
        ended.await.unwrap();
        rec(&t, "main");
        ctx.get(&V)
    });
    assert_eq!(
        got,
        "child=5@+1 ; child=1@+2 ; child=1@+4 ; child=2@+5 ; main=6@+6 ; child=2@+7 ; child=3@+8 ; main=6@+10 ; \
         RESUME ret=Some(3)@+10"
    );
}

#[test]
fn context_given_to_tasks_that_take_turns() {
    async fn child(t: Trace, n: i32) {
        for _ in 0..2 {
            V.set(v() + n);
            rec(&t, &format!("c{n}"));
            yield_now().await;
        }
    }
    let got = trace(async |t| {
        let ctx = Context::new();
        let a = create_task(child(t.clone(), 1)).in_context(&ctx);
        let b = create_task(child(t.clone(), 10)).in_context(&ctx);
        a.await;
        b.await;
        rec(&t, "main");
        ctx.get(&V)
    });
    assert_eq!(got, "c1=1@+1 ; c10=11@+1 ; c1=12@+2 ; c10=22@+2 ; main=0@+4 ; RESUME ret=Some(22)@+4");
}

#[test]
fn context_given_to_callbacks_is_entered_by_them() {
    let got = trace(async |t| {
        let ctx = Context::new();
        let count = || {
            let (t, ctx) = (t.clone(), ctx.clone());
            move || {
                ctx.run(|| {
                    V.set(v() + 1);
                    rec(&t, "cb");
                });
            }
        };
        V.set(5);
        let (lp, f) = (EventLoop::current(), create_future());
        lp.call_soon(count());
        lp.call_later(Duration::ZERO, count());
        let done = count();
        f.any().add_done_callback(move |_| done());
        f.set_result(()).unwrap();
        yields(3).await;
        rec(&t, "main");
        ctx.get(&V)
    });
    assert_eq!(got, "cb=1@+1 ; cb=2@+1 ; cb=3@+1 ; main=5@+3 ; RESUME ret=Some(3)@+3");
}

#[test]
fn context_of_what_is_awaited_is_the_awaiters_unless_it_is_a_task() {
    async fn inner(t: Trace, n: i32) {
        V.set(n);
        yield_now().await;
        rec(&t, "inner");
    }
    let got = trace(async |t| {
        inner(t.clone(), 1).await;
        rec(&t, "main");
        wait_for(inner(t.clone(), 2), LONG).await.unwrap();
        rec(&t, "main");
        timeout(LONG, inner(t.clone(), 3)).await.unwrap();
        rec(&t, "main");
        shield(inner(t.clone(), 4)).await;
        rec(&t, "main");
        create_task(inner(t.clone(), 5)).await;
        rec(&t, "main");
    });
    assert_eq!(
        got,
        "inner=1@+1 ; main=1@+1 ; inner=2@+2 ; main=2@+2 ; inner=3@+3 ; main=3@+3 ; inner=4@+5 ; main=3@+7 ; \
         inner=5@+9 ; main=3@+10 ; RESUME ret=()@+10"
    );
}

#[test]
fn context_of_the_waking_code_is_not_that_of_the_woken_task() {
    let got = trace(async |t| {
        let setter = t.clone();
        let setter = create_task(async move {
            V.set(100);
            yield_now().await;
            rec(&setter, "setter");
        });
        let setter = setter.shared();
        let waiter = |n| {
            let (t, setter) = (t.clone(), setter.clone());
            create_task(async move {
                V.set(n);
                setter.await;
                rec(&t, &format!("w{n}"));
            })
        };
        let (a, b) = (waiter(1), waiter(2));
        a.await;
        b.await;
        rec(&t, "main");
    });
    assert_eq!(got, "setter=100@+2 ; w1=1@+3 ; w2=2@+3 ; main=0@+4 ; RESUME ret=()@+4");
}

/// The trace of a program that notes the variable in its exception handler.
fn trace_with_handler(main: impl AsyncFnOnce(Trace)) -> String {
    trace(async |t| {
        let handler = t.clone();
        EventLoop::current().set_exception_handler(move |_| rec(&handler, "handler"));
        main(t).await;
    })
}

#[test]
fn context_of_the_exception_handler_is_that_of_what_failed() {
    let got = trace_with_handler(async |t| {
        V.set(5);
        create_task(async {
            V.set(1);
            panic_any("task")
        });
        EventLoop::current().call_soon(|| {
            V.set(2);
            panic_any("callback")
        });
        yields(3).await;
        rec(&t, "main");
    });
    assert_eq!(got, "handler=1@+1 ; handler=2@+1 ; main=5@+3 ; RESUME ret=()@+3");
}

#[test]
fn context_of_the_exception_handler_when_the_task_had_ended_before() {
    let got = trace_with_handler(async |t| {
        let task = create_task(async {
            V.set(1);
            panic_any("task")
        });
        V.set(5);
        yields(3).await;
        rec(&t, "main");
        drop::<oneloop::Task<()>>(task);
        rec(&t, "main");
    });
    // CPython: handler=1
    assert_eq!(got, "main=5@+3 ; handler=5@+3 ; main=5@+3 ; RESUME ret=()@+3");
}

#[test]
fn context_of_the_thread_is_what_runs_inherit_and_leave_alone() {
    let lp = virtual_loop();
    let got = Rc::new(RefCell::new(Vec::new()));
    let note = || got.borrow_mut().push(v());
    let adds_10 = || {
        let got = Rc::clone(&got);
        async move {
            got.borrow_mut().push(v());
            V.set(v() + 10);
            got.borrow_mut().push(v());
        }
    };
    let outside = copy_context();
    outside.run(|| {
        V.set(1);
        lp.run_until_complete(adds_10()).unwrap();
        note();
        let task = lp.create_task(adds_10());
        V.set(2);
        lp.run_until_complete(task).unwrap();
        lp.run_until_complete(adds_10()).unwrap();
        note();
        let noted = Rc::clone(&got);
        lp.call_soon(move || {
            noted.borrow_mut().push(v());
            V.set(77);
            EventLoop::current().stop();
        });
        V.set(3);
        lp.run_forever().unwrap();
        note();
        let kept = copy_context();
        for _ in 0..2 {
            lp.run_until_complete(lp.create_task(adds_10()).in_context(&kept)).unwrap();
        }
        got.borrow_mut().extend(kept.get(&V));
    });
    assert_eq!(*got.borrow(), [1, 11, 1, 1, 11, 2, 12, 2, 2, 3, 3, 13, 13, 23, 23]);
}
