//! The basics: when a task takes its steps, when a callback takes its turn.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use oneloop::{EventLoop, create_future, create_task, gather, sleep, yield_now};

use super::trace::{count_ticks, trace, trace_with_jumps};
use crate::loops::virtual_loop;
use crate::time::{SECOND, ms, now, secs};

#[test]
fn await_of_a_task_that_returns_at_once() {
    let got = trace(async |t| {
        let x = create_task(t.imm("c", 1));
        x.add_done_callback(t.cb("c"));
        x.await
    });
    assert_eq!(got, "c.run@+1 ; c.cb@+2 ; RESUME ret=1@+2");
}

#[test]
fn await_of_a_coroutine() {
    let got = trace(async |t| t.imm("c", 1).await);
    assert_eq!(got, "c.run@+0 ; RESUME ret=1@+0");
}

#[test]
fn await_of_a_done_future() {
    let got = trace(async |_| {
        let f = create_future();
        f.set_result(5).unwrap();
        f.await
    });
    assert_eq!(got, "RESUME ret=5@+0");
}

#[test]
fn await_of_a_future_that_a_callback_sets() {
    let got = trace(async |t| {
        let f = create_future();
        let setter = f.clone();
        EventLoop::current().call_soon(move || {
            t.rec("set");
            setter.set_result(5).unwrap();
        });
        f.await
    });
    assert_eq!(got, "set@+1 ; RESUME ret=5@+2");
}

#[test]
fn awaiters_of_one_future_resume_in_the_order_of_their_awaits() {
    let got = trace(async |t| {
        let f = create_future::<()>();
        let shared = f.clone().shared();
        let tasks = ["a", "b", "c"].map(|name| {
            let (t, shared) = (t.clone(), shared.clone());
            create_task(async move {
                shared.await;
                t.rec(name);
            })
        });
        yield_now().await;
        f.set_result(()).unwrap();
        t.rec("set");
        gather(tasks).await;
    });
    assert_eq!(got, "set@+1 ; a@+2 ; b@+2 ; c@+2 ; RESUME ret=()@+4");
}

#[test]
fn yields_and_callbacks_take_turns() {
    let got = trace(async |t| {
        let lp = EventLoop::current();
        lp.call_soon(t.call("cs"));
        sleep(Duration::ZERO).await;
        t.rec("after sleep0");
        lp.call_soon(t.call("cs2"));
        yield_now().await;
    });
    assert_eq!(got, "cs@+1 ; after sleep0@+1 ; cs2@+2 ; RESUME ret=()@+2");
}

#[test]
fn due_timers_come_after_what_is_ready() {
    let got = trace(async |t| {
        let lp = EventLoop::current();
        lp.call_soon(t.call("cs"));
        lp.call_later(Duration::ZERO, t.call("later0"));
        lp.call_at(lp.time().checked_sub(secs(5)).unwrap(), t.call("past"));
        lp.call_soon(t.call("cs2"));
        yield_now().await;
        t.rec("mid");
        yield_now().await;
    });
    assert_eq!(got, "cs@+1 ; cs2@+1 ; mid@+1 ; past@+1 ; later0@+1 ; RESUME ret=()@+2");
}

#[test]
fn what_a_batch_queues_waits_for_the_next() {
    let got = trace(async |t| {
        let lp = EventLoop::current();
        let (first, again) = (t.call("A"), t.call("A2"));
        lp.call_soon(move || {
            first();
            EventLoop::current().call_soon(again);
        });
        lp.call_soon(t.call("B"));
        for _ in 0..3 {
            yield_now().await;
        }
    });
    assert_eq!(got, "A@+1 ; B@+1 ; A2@+2 ; RESUME ret=()@+3");
}

#[test]
fn handle_cancelled_by_an_earlier_callback_of_its_batch() {
    let got = trace(async |t| {
        let lp = EventLoop::current();
        let b = Rc::new(RefCell::new(None));
        let (a, cancels) = (t.call("A"), Rc::clone(&b));
        lp.call_soon(move || {
            a();
            let handle: Option<oneloop::Handle> = cancels.take();
            handle.unwrap().cancel();
        });
        b.replace(Some(lp.call_soon(t.call("B"))));
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(got, "A@+1 ; RESUME ret=()@+2");
}

#[test]
fn done_callbacks_run_in_the_order_of_their_registration() {
    let got = trace(async |t| {
        let f = create_future();
        for name in ["cb0", "cb1", "cb2"] {
            f.add_done_callback(t.cb(name));
        }
        f.set_result(1).unwrap();
        t.rec("set");
        f.add_done_callback(t.cb("late"));
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(got, "set@+0 ; cb0.cb@+1 ; cb1.cb@+1 ; cb2.cb@+1 ; late.cb@+1 ; RESUME ret=()@+2");
}

#[test]
fn equal_deadlines_are_met_in_the_order_in_which_they_were_set() {
    let lp = virtual_loop();
    let order = Rc::new(RefCell::new(Vec::new()));
    let at = lp.time() + secs(5);
    for i in 0..12 {
        let order = Rc::clone(&order);
        lp.call_at(at, move || order.borrow_mut().push(i));
    }
    lp.run_until_complete(sleep(secs(6))).unwrap();
    assert_eq!(*order.borrow(), (0..12).collect::<Vec<_>>()); // CPython: a heap's order, 0 2 6 5 11 10 …
}

#[test]
fn timers_that_are_late_run_in_one_batch() {
    let lp = EventLoop::new().unwrap(); // only real time passes meanwhile
    let (ticks, seen) = (count_ticks(&lp), Rc::new(RefCell::new(Vec::new())));
    for n in [2, 1] {
        let (ticks, seen) = (Rc::clone(&ticks), Rc::clone(&seen));
        lp.call_later(ms(n), move || seen.borrow_mut().push((n, ticks.get())));
    }
    std::thread::sleep(ms(3));
    lp.run_until_complete(yield_now()).unwrap();
    assert_eq!(*seen.borrow(), [(1, 1), (2, 1)]);
}

#[test]
fn a_timer_is_never_early() {
    let lp = EventLoop::new().unwrap();
    lp.run_until_complete(async {
        let lp = EventLoop::current();
        for ns in [1, 999, 50_001, 1_000_001, 2_345_678] {
            let deadline = lp.time() + Duration::from_nanos(ns);
            oneloop::sleep_until(deadline).await;
            assert!(lp.time() >= deadline, "{ns} ns");
        }
    })
    .unwrap();
}

#[test]
fn done_callback_added_in_a_done_callback_runs_in_the_next_tick() {
    let got = trace(async |t| {
        let f = create_future();
        let inner = t.clone();
        f.add_done_callback(move |f| {
            inner.rec("1");
            f.add_done_callback(inner.cb("2"));
        });
        f.set_result(()).unwrap();
        yield_now().await;
        t.rec("y");
        yield_now().await;
    });
    assert_eq!(got, "1@+1 ; y@+1 ; 2.cb@+2 ; RESUME ret=()@+2");
}

#[test]
fn done_callback_that_is_queued_cannot_be_taken_back() {
    let got = trace(async |t| {
        let f = create_future();
        let id = f.add_done_callback(t.cb("x"));
        f.set_result(()).unwrap();
        t.rec(format!("removed {}", f.remove_done_callback(id)));
        yield_now().await;
    });
    assert_eq!(got, "removed false@+0 ; x.cb@+1 ; RESUME ret=()@+1");
}

#[test]
fn timer_cancelled_by_an_earlier_one() {
    let got = trace_with_jumps(&[(1, 1)], async |t| {
        let lp = EventLoop::current();
        let never = lp.call_later(secs(2), t.call("never"));
        let half = t.call("half");
        lp.call_later(SECOND, move || {
            half();
            never.cancel();
        });
        sleep(SECOND).await;
        sleep(Duration::ZERO).await;
    });
    assert_eq!(got, "half@+1 ; RESUME ret=()@+3");
}

#[test]
fn deadlines_a_nanosecond_apart_are_two_deadlines() {
    let lp = virtual_loop();
    let (start, seen) = (lp.time(), Rc::new(RefCell::new(Vec::new())));
    for ns in [1_000_000_002, 1_000_000_001] {
        let seen = Rc::clone(&seen);
        lp.call_later(Duration::from_nanos(ns), move || {
            seen.borrow_mut().push(now().duration_since(start).as_nanos());
        });
    }
    lp.run_until_complete(sleep(secs(2))).unwrap();
    assert_eq!(*seen.borrow(), [1_000_000_001, 1_000_000_002]);
}
