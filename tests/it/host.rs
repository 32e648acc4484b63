//! The descriptor of a loop that a host watches: readable exactly while there is something to do.

use std::cell::Cell;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::{Descriptor, EventLoop, Left, LoopHandle, create_task, sleep, to_thread, yield_now};

use crate::support::{LONG, OnDrop, PATIENCE, is_readable, ms, open_descriptors, real_loop, virtual_loop};

/// Whether the loop's descriptor is readable now.
fn wants_turn(lp: &EventLoop) -> bool {
    is_readable(lp, Duration::ZERO)
}

/// A loop whose descriptor is watched, and that has nothing to do.
fn watched_loop() -> EventLoop {
    let lp = real_loop();
    assert!(!wants_turn(&lp), "a new loop has nothing to do");
    lp
}

/// Waits until the loop wants a turn, and takes it. Afterwards it wants none.
#[track_caller]
fn one_turn(lp: &EventLoop) {
    assert!(is_readable(lp, PATIENCE), "it never wants a turn");
    let turn = lp.run_ready(()).expect("a turn");
    assert!(turn.entries > 0, "it was woken for nothing");
    assert!(!wants_turn(lp), "nothing is left, and it wants a turn");
}

#[test]
fn the_descriptor_stays_the_same_and_closes_with_the_loop() {
    let lp = watched_loop();
    assert_eq!(lp.as_fd().as_raw_fd(), lp.as_raw_fd());
    lp.call_soon(|| ());
    lp.close().expect("it does not run");
    assert!(!wants_turn(&lp), "a closed loop has nothing to do");
}

#[test]
fn what_the_host_queues_wants_a_turn() {
    let lp = watched_loop();
    let ran = Rc::new(Cell::new(0));
    let count = Rc::clone(&ran);
    lp.call_soon(move || count.set(count.get() + 1));
    assert!(wants_turn(&lp) && wants_turn(&lp), "it is level-triggered");
    one_turn(&lp);
    let task = lp.create_task(async { yield_now().await });
    one_turn(&lp);
    assert!(task.done() && ran.get() == 1);
    let waiting = lp.create_task(std::future::pending::<()>());
    one_turn(&lp);
    waiting.cancel();
    one_turn(&lp);
    assert!(waiting.cancelled());
}

#[test]
fn what_a_turn_leaves_wants_the_next_one() {
    let lp = watched_loop();
    (0..3).for_each(|_| drop(lp.call_soon(|| ())));
    for left in [Left::Ready, Left::Ready, Left::Nothing] {
        assert!(wants_turn(&lp));
        assert_eq!(lp.run_ready(1).expect("a turn").left, left);
    }
    assert!(!wants_turn(&lp));
    lp.create_task(async { yield_now().await });
    assert_eq!(lp.run_once(Some(Duration::ZERO)).expect("a turn").left, Left::Ready);
    one_turn(&lp);
}

#[test]
#[cfg(target_os = "linux")]
fn a_timer_that_is_due_wants_a_turn_and_not_before() {
    let lp = watched_loop();
    let (began, task) = (Instant::now(), lp.create_task(sleep(ms(20))));
    one_turn(&lp);
    one_turn(&lp);
    assert!(task.done() && began.elapsed() >= ms(20));
    let began = Instant::now();
    let timer = lp.call_later(LONG, || ());
    lp.call_later(ms(20), || ()); // set by the host, between turns, and earlier
    one_turn(&lp);
    assert!(began.elapsed() >= ms(20));
    timer.cancel();
    let early = lp.call_later(ms(5), || ());
    early.cancel();
    assert!(!is_readable(&lp, ms(20)), "no timer is set any more");
}

#[test]
fn a_virtual_deadline_does_not_want_a_turn() {
    let lp = virtual_loop();
    lp.call_later(ms(1), || ());
    assert!(!is_readable(&lp, ms(5)), "only run_once moves a virtual clock");
    assert_eq!(lp.run_once(None).expect("a turn").entries, 1);
}

#[test]
fn other_threads_want_a_turn() {
    let lp = watched_loop();
    let (handle, other) = (lp.remote(), lp.remote());
    thread::spawn(move || drop(handle.call_soon_threadsafe(|| ()))).join().expect("it ends");
    one_turn(&lp);
    other.call_soon_threadsafe(|| ()).expect("open");
    lp.call_soon(|| ());
    one_turn(&lp);
    let job = lp.create_task(to_thread(|| thread::sleep(ms(5))));
    one_turn(&lp);
    one_turn(&lp);
    assert!(job.done());
    let stopper = lp.remote();
    thread::spawn(move || stopper.stop()).join().expect("it ends");
    assert!(wants_turn(&lp) && lp.run_ready(()).expect("a turn").stopped);
}

#[test]
fn a_wake_from_another_thread_wants_a_turn() {
    let lp = watched_loop();
    let (sender, receiver) = futures::channel::oneshot::channel();
    let task = lp.create_task(receiver);
    one_turn(&lp);
    thread::spawn(move || sender.send(5)).join().expect("it ends").expect("sent");
    one_turn(&lp);
    assert!(task.done());
}

#[test]
fn events_of_descriptors_want_a_turn() {
    let lp = watched_loop();
    let (mut ours, theirs) = UnixStream::pair().expect("a pair");
    let task = lp.create_task(async move {
        let theirs = Descriptor::new(theirs).expect("registered");
        for _ in 0..3 {
            theirs.readable().await;
            let _ = theirs.get_ref().read(&mut [0; 8]);
        }
    });
    one_turn(&lp);
    for _ in 0..3 {
        ours.write_all(b"x").expect("written");
        one_turn(&lp);
    }
    assert!(task.done());
}

#[test]
fn a_watched_descriptor_wants_turns_as_long_as_it_is_readable() {
    let lp = watched_loop();
    let (mut ours, theirs) = UnixStream::pair().expect("a pair");
    let theirs = Rc::new(theirs);
    theirs.set_nonblocking(true).expect("set");
    let calls = Rc::new(Cell::new(0));
    let (reader, count) = (Rc::clone(&theirs), Rc::clone(&calls));
    lp.add_reader(&theirs, move || {
        count.set(count.get() + 1);
        if count.get() == 3 {
            let _ = (&*reader).read(&mut [0; 8]);
        }
    })
    .expect("watched");
    assert!(!wants_turn(&lp));
    ours.write_all(b"x").expect("written");
    for calls_so_far in 1..=3 {
        assert!(is_readable(&lp, PATIENCE));
        lp.run_once(Some(Duration::ZERO)).expect("a turn");
        assert_eq!(calls.get(), calls_so_far);
    }
    assert!(!wants_turn(&lp), "nothing is left to read");
    lp.remove_reader(&theirs);
}

#[test]
#[cfg(feature = "signal")]
fn a_signal_wants_a_turn() {
    crate::support::alone(|| {
        let lp = watched_loop();
        let came = Rc::new(Cell::new(false));
        let note = Rc::clone(&came);
        lp.add_signal_handler(libc::SIGUSR1, move || note.set(true)).expect("set");
        let status = std::process::Command::new("kill").args(["-USR1", &std::process::id().to_string()]).status();
        assert!(status.expect("kill runs").success());
        assert!(is_readable(&lp, PATIENCE));
        lp.run_ready(()).expect("a turn");
        assert!(came.get() && !wants_turn(&lp));
    });
}

#[test]
fn runs_and_turns_of_a_watched_loop_mix() {
    let lp = watched_loop();
    for _ in 0..3 {
        lp.call_soon(|| ());
        lp.run_until_complete(sleep(ms(2))).expect("a run");
        assert!(!wants_turn(&lp));
        let left = lp.create_task(async { sleep(ms(1)).await });
        lp.run_until_complete(yield_now()).expect("a run");
        one_turn(&lp);
        assert!(left.done());
    }
}

#[test]
fn the_descriptor_may_be_asked_for_in_a_task() {
    let lp = real_loop();
    lp.run_until_complete(async {
        let _ = EventLoop::current().as_raw_fd();
        create_task(async { yield_now().await });
    })
    .expect("a run");
    one_turn(&lp);
}

#[test]
fn a_loop_is_a_guest_of_another() {
    let (outer, inner) = (real_loop(), real_loop());
    let guest = inner.clone();
    outer.add_reader(&inner, move || assert!(guest.run_ready(()).is_ok())).expect("watched");
    let task = inner.create_task(async {
        sleep(ms(2)).await;
        to_thread(|| thread::sleep(ms(2))).await;
        "done"
    });
    let handle = inner.remote();
    outer
        .run_until_complete(async move {
            while !task.done() {
                sleep(ms(1)).await;
            }
            assert_eq!(task.into_result().ok(), Some("done"));
            to_thread(move || drop(handle.call_soon_threadsafe(|| ()))).await;
            while inner.has_ready() {
                yield_now().await;
            }
            EventLoop::current().remove_reader(&inner);
        })
        .expect("a run");
}

#[test]
fn a_loop_without_a_host_has_no_descriptor_more() {
    crate::support::alone(|| {
        let before = open_descriptors();
        let lp = real_loop();
        let plain = open_descriptors() - before;
        lp.run_until_complete(sleep(ms(1))).expect("a run");
        assert_eq!(open_descriptors() - before, plain);
        let _ = lp.as_raw_fd();
        assert_eq!(open_descriptors() - before, plain + 4);
        drop(lp);
        assert_eq!(open_descriptors(), before);
    });
}

#[test]
fn two_loops_take_turns_on_one_thread() {
    let loops = [watched_loop(), watched_loop()];
    let tasks = loops.each_ref().map(|lp| {
        lp.create_task(async {
            for _ in 0..3 {
                sleep(ms(1)).await;
            }
        })
    });
    while !tasks.iter().all(oneloop::Task::done) {
        for lp in &loops {
            lp.run_once(Some(ms(1))).expect("a turn");
        }
    }
}

#[test]
fn a_loop_in_a_thread_local_is_closed_when_the_thread_ends() {
    thread_local! {
        static LOOP: EventLoop = real_loop();
    }
    let (sender, dropped) = std::sync::mpsc::channel();
    let kept = move || {
        let note = OnDrop(move || sender.send(EventLoop::try_current().is_some()).expect("the test waits"));
        LOOP.with(|lp| {
            lp.create_task(async move {
                let _note = note;
                std::future::pending::<()>().await;
            });
            lp.run_until_stalled().expect("a turn");
        });
    };
    thread::spawn(kept).join().expect("it ends");
    assert!(dropped.try_recv().is_ok(), "the task was dropped with the loop");
}

#[test]
fn handles_in_a_static_reach_the_loop_of_each_thread() {
    static HANDLES: [OnceLock<LoopHandle>; 2] = [const { OnceLock::new() }; 2];
    let all_are_there = Arc::new(Barrier::new(HANDLES.len()));
    let run = |mine: usize| {
        let all_are_there = Arc::clone(&all_are_there);
        thread::spawn(move || {
            let lp = real_loop();
            HANDLES[mine].set(lp.remote()).expect("it is set once");
            all_are_there.wait();
            let other = HANDLES[1 - mine].get().expect("all are there");
            other.call_soon_threadsafe(|| EventLoop::current().stop()).expect("it is open until it is called");
            lp.run_forever().expect("a run");
        })
    };
    let threads = [0, 1].map(run);
    for thread in threads {
        thread.join().expect("the other has stopped it");
    }
    let gone = |handle: &OnceLock<LoopHandle>| handle.get().is_some_and(|it| it.call_soon_threadsafe(|| ()).is_err());
    assert!(HANDLES.iter().all(gone), "a loop that went with its thread takes no call");
}

#[test]
fn short_runs_one_after_another_serve_descriptors_and_timers() {
    let lp = real_loop();
    let (mut ours, theirs) = UnixStream::pair().expect("a pair");
    let read = lp.create_task(async move { Descriptor::new(theirs).expect("registered").readable().await });
    let slept = lp.create_task(sleep(ms(1)));
    lp.run_until_complete(yield_now()).expect("a run");
    ours.write_all(b"x").expect("written");
    let began = Instant::now();
    while !(read.done() && slept.done()) {
        lp.run_until_complete(async {}).expect("a run");
        assert!(began.elapsed() < PATIENCE, "short runs starve what else there is");
    }
}
