//! The pender: called once when a loop wants a turn, from a thread of its own.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, ThreadId};
use std::time::Duration;

use oneloop::{Descriptor, Error, EventLoop, Left, sleep, to_thread};

use crate::support::{PATIENCE, ms, real_loop, reports};

/// Longer than the pender needs for a call that it must not make.
const A_WHILE: Duration = ms(20);

/// A loop whose pender sends the thread that it is called on.
fn pended_loop() -> (EventLoop, Receiver<ThreadId>) {
    let (lp, (sender, calls)) = (real_loop(), channel());
    lp.set_pender(move || sender.send(thread::current().id()).unwrap_or(())).expect("set");
    (lp, calls)
}

#[track_caller]
fn assert_no_call(calls: &Receiver<ThreadId>) {
    assert_eq!(calls.recv_timeout(A_WHILE), Err(RecvTimeoutError::Timeout));
}

/// Waits for a call, and takes the turn. There is no second call before it.
#[track_caller]
fn one_call(lp: &EventLoop, calls: &Receiver<ThreadId>) {
    calls.recv_timeout(PATIENCE).expect("it is called");
    assert_no_call(calls);
    lp.run_ready(()).expect("a turn");
}

#[test]
fn all_that_wants_a_turn_calls_the_pender_once() {
    let (lp, calls) = pended_loop();
    assert_no_call(&calls);
    lp.call_soon(|| ());
    lp.call_soon(|| ());
    one_call(&lp, &calls);
    let handle = lp.remote();
    handle.call_soon_threadsafe(|| ()).expect("open");
    one_call(&lp, &calls);
    let (mut ours, theirs) = UnixStream::pair().expect("a pair");
    let task = lp.create_task(async move {
        Descriptor::new(theirs).expect("registered").readable().await;
        to_thread(|| ()).await;
    });
    one_call(&lp, &calls);
    ours.write_all(b"x").expect("written");
    one_call(&lp, &calls);
    one_call(&lp, &calls);
    assert!(task.done());
    assert_no_call(&calls);
}

#[test]
#[cfg(target_os = "linux")]
fn a_timer_that_is_due_calls_the_pender() {
    let (lp, calls) = pended_loop();
    let task = lp.create_task(sleep(ms(30)));
    one_call(&lp, &calls);
    one_call(&lp, &calls);
    assert!(task.done());
}

#[test]
fn what_a_turn_leaves_calls_the_pender() {
    let (lp, calls) = pended_loop();
    (0..2).for_each(|_| drop(lp.call_soon(|| ())));
    calls.recv_timeout(PATIENCE).expect("it is called");
    assert_eq!(lp.run_ready(1).expect("a turn").left, Left::Ready);
    one_call(&lp, &calls);
    assert_no_call(&calls);
}

#[test]
fn the_pender_is_called_on_a_thread_of_its_own_and_may_use_a_loop_handle() {
    let (lp, (sender, calls)) = (real_loop(), channel());
    let handle = lp.remote();
    lp.set_pender(move || {
        handle.call_soon_threadsafe(|| ()).expect("open");
        sender.send(thread::current().id()).expect("the test waits");
    })
    .expect("set");
    lp.call_soon(|| ());
    let thread = calls.recv_timeout(PATIENCE).expect("it is called");
    assert_ne!(thread, thread::current().id());
    assert_eq!(lp.run_ready(()).expect("a turn").entries, 2);
}

#[test]
fn a_pender_that_panics_is_reported_and_called_again() {
    let (lp, (sender, calls)) = (real_loop(), channel());
    let said = reports(&lp);
    lp.set_pender(move || {
        sender.send(thread::current().id()).expect("the test waits");
        panic!("a pender");
    })
    .expect("set");
    let mut called = 0;
    for _ in 0..2 {
        lp.call_soon(|| ());
        // A report that came between two turns wants a turn too, and so is a reason for one more call. If all calls of
        // before are reported, the next one is of this pause.
        while called <= said.borrow().len() {
            calls.recv_timeout(PATIENCE).expect("it is called");
            called += 1;
        }
        while said.borrow().len() < called {
            lp.run_once(Some(ms(1))).expect("a turn");
        }
    }
    assert!(said.borrow().iter().all(|report| report.contains("Exception in pender")), "{:?}", said.borrow());
}

#[test]
fn a_pender_is_replaced_removed_and_goes_with_the_loop() {
    let (lp, first) = pended_loop();
    let (sender, second) = channel();
    lp.set_pender(move || sender.send(thread::current().id()).unwrap_or(())).expect("set");
    assert_eq!(first.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected), "its thread has ended");
    lp.call_soon(|| ());
    one_call(&lp, &second);
    lp.clear_pender();
    assert_eq!(second.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    let (lp, calls) = pended_loop();
    lp.close().expect("it does not run");
    assert_eq!(calls.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    assert!(matches!(lp.set_pender(|| ()), Err(Error::Closed)));
}

#[test]
fn a_run_between_turns_calls_no_pender() {
    let (lp, calls) = pended_loop();
    lp.run_until_complete(async { sleep(ms(30)).await }).expect("a run");
    while calls.try_recv().is_ok() {} // the first entry was queued before the run
    assert_no_call(&calls);
}
