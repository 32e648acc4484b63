//! Turns of a loop that a host drives: what they run, how long they wait, what they say is left, and that where one
//! ends decides nothing about the order.

use std::cell::Cell;
use std::future::pending;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::net::pipe;
use oneloop::{Error, EventLoop, Left, TurnBudget, create_task, sleep, to_thread, yield_now};

use crate::support::{LONG, Log, OnDrop, SECOND, ms, note, real_loop, reports, secs, virtual_loop};

/// A task that notes each of its `steps` steps.
fn stepper(lp: &EventLoop, log: &Log<String>, name: &'static str, steps: usize) {
    let log = Log::clone(log);
    lp.create_task(async move {
        for step in 0..steps {
            log.borrow_mut().push(format!("{name}{step}"));
            yield_now().await;
        }
    });
}

#[test]
fn a_turn_runs_one_iteration_and_says_what_is_left() {
    let (lp, log) = (virtual_loop(), Log::default());
    assert_eq!(lp.run_once(None).expect("a turn").left, Left::Nothing);
    stepper(&lp, &log, "a", 2);
    let turn = lp.run_once(None).expect("a turn");
    assert_eq!((turn.entries, turn.stopped, turn.left, taken(&log).as_str()), (1, false, Left::Ready, "a0"));
    assert!(lp.has_ready());
    assert_eq!(lp.run_once(None).expect("a turn").left, Left::Ready);
    assert_eq!(lp.run_once(None).expect("a turn").left, Left::Nothing);
    assert_eq!((taken(&log).as_str(), lp.has_ready()), ("a1", false));
    let timer = lp.call_later(SECOND, || ());
    assert_eq!(lp.run_until_stalled().expect("a turn").left, Left::Deadline(timer.when()));
    assert_eq!(lp.next_deadline(), Some(timer.when()));
}

#[test]
fn descriptors_and_threads_are_left_outside() {
    let lp = real_loop();
    let ends = {
        let _in = lp.enter();
        pipe().expect("a pipe")
    };
    assert_eq!(lp.run_once(Some(Duration::ZERO)).expect("a turn").left, Left::Outside);
    drop(ends);
    assert_eq!(lp.run_once(Some(Duration::ZERO)).expect("a turn").left, Left::Nothing);
    let (sender, receiver) = std::sync::mpsc::channel();
    let job = lp.create_task(async move { to_thread(move || receiver.recv().expect("it is sent")).await });
    assert_eq!(lp.run_until_stalled().expect("a turn").left, Left::Outside);
    sender.send(5).expect("the thread waits");
    while !job.done() {
        lp.run_once(None).expect("a turn");
    }
    assert_eq!(job.into_result().ok(), Some(5));
}

#[test]
fn a_turn_waits_once_and_no_longer_than_it_may() {
    let lp = real_loop();
    let task = lp.create_task(sleep(LONG));
    lp.run_until_stalled().expect("a turn");
    let began = Instant::now();
    let turn = lp.run_once(Some(ms(20))).expect("a turn");
    assert!(began.elapsed() >= ms(20) && began.elapsed() < LONG / 2);
    assert!((turn.entries, matches!(turn.left, Left::Deadline(_))) == (0, true) && !task.done());
    lp.call_later(ms(5), || ());
    let turn = lp.run_once(None).expect("a turn");
    assert_eq!(turn.entries, 1);
}

#[test]
fn a_virtual_clock_jumps_to_the_deadline_or_by_what_a_turn_may_wait() {
    let lp = virtual_loop();
    let (start, task) = (lp.time(), lp.create_task(sleep(secs(10))));
    lp.run_until_stalled().expect("a turn");
    assert_eq!(lp.time(), start, "a turn without a wait moves no clock");
    let turn = lp.run_once(Some(secs(4))).expect("a turn");
    assert_eq!((lp.time() - start, turn.entries), (secs(4), 0));
    let turn = lp.run_once(Some(LONG)).expect("a turn");
    assert_eq!((lp.time() - start, turn.entries, task.done()), (secs(10), 1, false));
    lp.run_until_stalled().expect("a turn");
    assert!(task.done());
    lp.run_once(Some(SECOND)).expect("a turn");
    assert_eq!(lp.time() - start, secs(11), "a wait for nothing takes its time");
}

/// What was noted since the last call.
fn taken(log: &Log<String>) -> String {
    log.take().join(" ")
}

/// What a program of tasks, timers and callbacks does if it is driven by `drive`.
fn order(drive: impl Fn(&EventLoop)) -> String {
    let (lp, log) = (virtual_loop(), Log::default());
    stepper(&lp, &log, "a", 3);
    lp.call_later(Duration::ZERO, note(&log, "timer"));
    stepper(&lp, &log, "b", 2);
    let (mut now, and_then, late) = (note(&log, "call"), note(&log, "then"), note(&log, "late"));
    lp.call_soon(move || {
        now();
        EventLoop::current().call_soon(and_then);
        EventLoop::current().call_later(Duration::ZERO, late);
    });
    stepper(&lp, &log, "c", 2);
    drive(&lp);
    taken(&log)
}

#[test]
fn where_turns_end_does_not_change_the_order() {
    let whole = order(|lp| lp.run_until_complete(sleep(SECOND)).expect("a run"));
    assert_eq!(whole, "a0 b0 call c0 timer a1 b1 then c1 late a2");
    for entries in 1..12 {
        let by_turns = order(|lp| while lp.run_ready(entries).expect("a turn").left == Left::Ready {});
        assert_eq!(by_turns, whole, "by {entries}");
    }
    for first in 0..12 {
        let mixed = order(|lp| {
            lp.run_ready(first).expect("a turn");
            lp.run_until_complete(sleep(SECOND)).expect("a run");
        });
        assert_eq!(mixed, whole, "a run after {first} entries");
        let mixed = order(|lp| {
            lp.run_ready(first).expect("a turn");
            while lp.run_once(None).expect("a turn").left != Left::Nothing {}
        });
        assert_eq!(mixed, whole, "iterations after {first} entries");
    }
}

#[test]
fn the_rest_of_an_iteration_is_a_turn_of_its_own() {
    let (lp, log) = (virtual_loop(), Log::default());
    for name in ["a", "b", "c"] {
        stepper(&lp, &log, name, 2);
    }
    assert_eq!(lp.run_ready(1).expect("a turn").entries, 1);
    assert_eq!((lp.run_once(None).expect("a turn").entries, taken(&log).as_str()), (2, "a0 b0 c0"));
    assert_eq!((lp.run_once(None).expect("a turn").entries, taken(&log).as_str()), (3, "a1 b1 c1"));
}

#[test]
fn a_budget_of_time_is_exceeded_by_one_entry_at_most() {
    let lp = virtual_loop();
    let step = ms(2);
    for _ in 0..10 {
        lp.call_soon(move || {
            let began = Instant::now();
            while began.elapsed() < step {}
        });
    }
    let (mut turns, mut entries) = (0, 0);
    loop {
        let turn = lp.run_ready(TurnBudget::time(ms(5))).expect("a turn");
        assert!(turn.entries <= 3, "the third entry ends after 6 ms");
        turns += 1;
        entries += turn.entries;
        if turn.left != Left::Ready {
            break;
        }
    }
    assert!(turns >= 4 && entries == 10);
    lp.call_soon(|| ());
    assert_eq!(lp.run_ready(Duration::ZERO).expect("a turn").entries, 1, "a host that is always late gets on");
    lp.call_soon(|| ());
    assert_eq!(lp.run_ready(0).expect("a turn").entries, 0);
}

#[test]
fn stop_ends_a_turn_after_its_iteration_and_holds_for_one_turn() {
    let (lp, log) = (virtual_loop(), Log::default());
    stepper(&lp, &log, "a", 5);
    let stopper = lp.clone();
    lp.call_soon(move || stopper.stop());
    stepper(&lp, &log, "b", 5);
    let turn = lp.run_until_stalled().expect("a turn");
    assert_eq!((turn.stopped, turn.left, taken(&log).as_str()), (true, Left::Ready, "a0 b0"));
    assert!(!lp.run_once(None).expect("a turn").stopped);
    lp.stop();
    let turn = lp.run_until_stalled().expect("a turn");
    assert_eq!((turn.stopped, taken(&log).as_str()), (true, "a1 b1 a2 b2"));
    lp.stop();
    lp.clear_stop();
    assert!(!lp.run_until_stalled().expect("a turn").stopped);
}

#[test]
fn stop_in_an_unfinished_iteration_waits_for_its_end() {
    let (lp, log) = (virtual_loop(), Log::default());
    let stopper = lp.clone();
    lp.call_soon(move || stopper.stop());
    stepper(&lp, &log, "a", 3);
    assert!(!lp.run_ready(1).expect("a turn").stopped);
    let turn = lp.run_until_stalled().expect("a turn");
    assert_eq!((turn.stopped, taken(&log).as_str()), (true, "a0"));
    lp.stop();
    assert!(!lp.run_ready(0).expect("a turn").stopped);
    let stopper = lp.clone();
    lp.call_soon(move || stopper.stop());
    stepper(&lp, &log, "b", 1);
    lp.run_ready(2).expect("a turn");
    taken(&log);
    assert!(matches!(lp.run_until_complete(pending::<()>()), Err(Error::Stopped)));
    assert_eq!(taken(&log), "b0", "the run is the rest of the iteration");
}

#[test]
fn a_wait_that_was_told_to_stop_does_not_begin() {
    let lp = real_loop();
    lp.create_task(sleep(LONG));
    lp.run_until_stalled().expect("a turn");
    lp.stop();
    assert!(lp.run_once(None).expect("a turn").stopped);
}

#[test]
fn turns_see_descriptors_that_are_ready() {
    let lp = real_loop();
    let (mut writer, read) = {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let read = lp.create_task(async move {
            let reader = oneloop::Descriptor::new(reader).expect("registered");
            reader.readable().await;
        });
        (writer, read)
    };
    assert_eq!(lp.run_until_stalled().expect("a turn").left, Left::Outside);
    writer.write_all(b"x").expect("written");
    lp.run_until_stalled().expect("a turn");
    assert!(read.done());
}

#[test]
fn the_thread_is_in_the_loop_during_a_turn_only() {
    let lp = virtual_loop();
    let task = lp.create_task(async { EventLoop::try_current().is_some() });
    lp.run_until_stalled().expect("a turn");
    assert_eq!(task.into_result().ok(), Some(true));
    assert!(EventLoop::try_current().is_none() && !lp.is_running());
}

#[test]
fn a_turn_inside_a_turn_or_a_run_of_the_same_loop_is_refused() {
    let lp = virtual_loop();
    let seen = lp.create_task(async {
        let lp = EventLoop::current();
        let (once, ready, closed) = (lp.run_once(None), lp.run_ready(1), lp.close());
        matches!((once, ready, closed), (Err(Error::Running), Err(Error::Running), Err(Error::StillRunning)))
    });
    lp.run_until_stalled().expect("a turn");
    assert_eq!(seen.into_result().ok(), Some(true));
    lp.close().expect("it does not run");
    assert!(matches!(lp.run_once(None), Err(Error::Closed)));
}

#[test]
fn a_callback_of_another_loop_may_take_a_turn_and_a_task_may_not() {
    let (outer, inner) = (virtual_loop(), virtual_loop());
    let task = inner.create_task(async {
        yield_now().await;
        create_task(async { 5 }).await
    });
    let turned = inner.clone();
    outer.call_soon(move || turned.run_until_stalled().expect("a turn").left);
    let refused = inner.clone();
    let refused = outer.run_until_complete(async move {
        yield_now().await;
        refused.run_until_stalled()
    });
    assert_eq!(task.into_result().ok(), Some(5));
    let Ok(Err(error @ Error::InsideTask)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("turn it in a callback"), "{error}");
    let runs = inner.clone();
    let seen = Rc::new(Cell::new(false));
    let note = Rc::clone(&seen);
    outer.call_soon(move || note.set(matches!(runs.run_forever(), Err(Error::Running))));
    outer.run_until_stalled().expect("a turn");
    assert!(seen.get(), "a run inside a run is refused, as in asyncio");
}

#[test]
fn a_panic_in_a_turn_is_reported_and_the_turn_goes_on() {
    let (lp, log) = (virtual_loop(), Log::default());
    let said = reports(&lp);
    lp.call_soon(|| panic!("a callback"));
    lp.call_soon(note(&log, "next"));
    let failed = lp.create_task(async { panic!("a task") });
    let turn = lp.run_until_stalled().expect("a turn");
    assert_eq!((turn.entries, taken(&log).as_str(), said.borrow().len()), (3, "next", 1));
    assert!(failed.into_result().is_err());
}

#[test]
fn close_drops_the_rest_of_an_unfinished_iteration() {
    let (lp, dropped) = (virtual_loop(), Rc::new(Cell::new(0)));
    for _ in 0..3 {
        let dropped = Rc::clone(&dropped);
        let note = OnDrop(move || dropped.set(dropped.get() + 1));
        lp.call_soon(move || drop(note));
    }
    assert_eq!((lp.run_ready(1).expect("a turn").entries, dropped.get()), (1, 1));
    lp.close().expect("it does not run");
    assert_eq!((dropped.get(), lp.has_ready()), (3, false));
}

#[test]
fn a_cancelled_timer_is_no_deadline() {
    let lp = virtual_loop();
    let timers: Vec<_> = (1..100).rev().map(|n| lp.call_later(secs(n * n), || ())).collect();
    for timer in timers.iter().rev() {
        assert_eq!(lp.next_deadline(), Some(timer.when()));
        timer.cancel();
    }
    assert_eq!(lp.next_deadline(), None);
}
