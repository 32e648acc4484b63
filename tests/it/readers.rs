//! Callbacks that watch descriptors: `add_reader`, `add_writer` and their removal, level-triggered as in asyncio.
#![cfg(unix)]

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use oneloop::error::WatchError;
use oneloop::{Descriptor, Error, EventLoop, timeout, yield_now};

use crate::support::{Log, OnDrop, note, now, real_loop, run, virtual_loop};

fn pair() -> (Rc<UnixStream>, Rc<UnixStream>) {
    let (left, right) = UnixStream::pair().unwrap();
    left.set_nonblocking(true).unwrap();
    right.set_nonblocking(true).unwrap();
    (Rc::new(left), Rc::new(right))
}

fn send(to: &UnixStream, bytes: &[u8]) {
    let mut to = to;
    to.write_all(bytes).unwrap();
}

/// Reads at most `most` bytes.
fn receive(from: &UnixStream, most: usize) -> String {
    let (mut from, mut bytes) = (from, vec![0; most]);
    let n = from.read(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..n]).into_owned()
}

/// Reads one byte each time it is called and notes it.
fn byte_reader(from: &Rc<UnixStream>, log: &Log<String>) -> impl FnMut() + 'static {
    let (from, log) = (Rc::clone(from), Rc::clone(log));
    move || log.borrow_mut().push(receive(&from, 1))
}

#[test]
fn a_reader_that_leaves_something_behind_is_called_again_in_the_next_iteration() {
    run(async {
        let ((left, right), log) = (pair(), Log::<String>::default());
        EventLoop::current().add_reader(&*right, byte_reader(&right, &log)).unwrap();
        send(&left, b"abc");
        let mut seen = Vec::new();
        for _ in 0..6 {
            yield_now().await;
            seen.push(log.borrow().concat());
        }
        assert_eq!(seen, ["", "a", "ab", "abc", "abc", "abc"]); // the queued task comes before the reader
    });
}

#[test]
fn readers_come_after_what_is_ready_and_before_timers() {
    run(async {
        let ((left, right), log) = (pair(), Log::<String>::default());
        send(&left, b"r");
        let timer = note(&log, "timer");
        EventLoop::current().call_at(now(), timer);
        EventLoop::current().add_reader(&*right, byte_reader(&right, &log)).unwrap();
        EventLoop::current().call_soon(note(&log, "soon"));
        yield_now().await;
        yield_now().await;
        assert_eq!(*log.borrow(), ["soon", "r", "timer"]);
    });
}

#[test]
fn a_quiet_reader_is_called_in_the_iteration_in_which_bytes_have_come() {
    run(async {
        let ((left, right), log) = (pair(), Log::<String>::default());
        EventLoop::current().add_reader(&*right, byte_reader(&right, &log)).unwrap();
        for _ in 0..100 {
            yield_now().await; // there is always something ready
            assert!(log.borrow().is_empty());
        }
        for round in 1..100 {
            send(&left, b"x");
            yield_now().await; // the reader is queued behind this task
            assert_eq!(log.borrow().len(), round - 1);
            yield_now().await;
            assert_eq!(log.borrow().len(), round);
        }
    });
}

#[test]
fn the_end_calls_a_reader_until_it_is_removed() {
    run(async {
        let ((left, right), log) = (pair(), Log::<String>::default());
        EventLoop::current().add_reader(&*right, byte_reader(&right, &log)).unwrap();
        send(&left, b"x");
        drop(left);
        for _ in 0..4 {
            yield_now().await;
        }
        assert_eq!(*log.borrow(), ["x", "", ""]);
        assert!(EventLoop::current().remove_reader(&*right));
        yield_now().await;
        yield_now().await;
        assert_eq!(log.borrow().len(), 3); // not even the one that was queued when it was removed
    });
}

#[test]
fn a_writer_is_called_in_every_iteration_until_it_is_removed() {
    run(async {
        let ((left, _right), log) = (pair(), Log::<String>::default());
        EventLoop::current().add_writer(&*left, note(&log, "w")).unwrap();
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(log.borrow().len(), 4);
        assert!(EventLoop::current().remove_writer(&*left));
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(log.borrow().len(), 4);
    });
}

#[test]
fn a_writer_waits_until_there_is_room() {
    run(async {
        let ((left, right), log) = (pair(), Log::<String>::default());
        let mut taken = 0;
        while let Ok(n) = (&*left).write(&[7; 4_096]) {
            taken += n;
        }
        EventLoop::current().add_writer(&*left, note(&log, "w")).unwrap();
        for _ in 0..200 {
            yield_now().await;
        }
        assert!(log.borrow().is_empty());
        while taken > 0 {
            taken -= receive(&right, 65_536).len();
        }
        for _ in 0..200 {
            yield_now().await;
        }
        assert!(!log.borrow().is_empty());
        EventLoop::current().remove_writer(&*left);
    });
}

#[test]
fn reader_and_writer_of_one_descriptor_are_called_in_this_order_and_removed_apart() {
    run(async {
        let ((left, right), log) = (pair(), Log::<String>::default());
        EventLoop::current().add_writer(&*right, note(&log, "w")).unwrap();
        EventLoop::current().add_reader(&*right, note(&log, "r")).unwrap();
        send(&left, b"x");
        yield_now().await;
        yield_now().await;
        assert_eq!(*log.borrow(), ["r", "w"]);
        assert!(EventLoop::current().remove_writer(&*right));
        log.borrow_mut().clear();
        for _ in 0..3 {
            yield_now().await;
        }
        assert_eq!(*log.borrow(), ["r", "r", "r"]);
        assert!(EventLoop::current().remove_reader(&*right));
        assert!(!EventLoop::current().remove_reader(&*right) && !EventLoop::current().remove_writer(&*right));
    });
}

#[test]
fn adding_again_replaces_and_cancels_the_earlier_one() {
    struct Noisy(Log<String>);
    impl Drop for Noisy {
        fn drop(&mut self) {
            self.0.borrow_mut().push("dropped".to_owned());
        }
    }
    run(async {
        let ((left, right), log) = (pair(), Log::<String>::default());
        let noisy = Noisy(Rc::clone(&log));
        let first =
            EventLoop::current().add_reader(&*right, move || noisy.0.borrow_mut().push("first".to_owned())).unwrap();
        assert!(!first.cancelled());
        let second = EventLoop::current().add_reader(&*right, byte_reader(&right, &log)).unwrap();
        assert!(first.cancelled() && !second.cancelled());
        assert_eq!(*log.borrow(), ["dropped"]);
        send(&left, b"x");
        yield_now().await;
        yield_now().await;
        assert_eq!(*log.borrow(), ["dropped", "x"]);
    });
}

#[test]
fn one_that_is_queued_already_does_not_run_when_it_is_removed_or_replaced() {
    for replaces in [false, true] {
        run(async move {
            let ((one_left, one), (two_left, two), log) = (pair(), pair(), Log::<String>::default());
            // both are told of in one poll; whichever is called first sees to it that the other is not
            for (me, other) in [(&one, &two), (&two, &one)] {
                let (fd, me, other, log) = (me.as_raw_fd(), Rc::clone(me), Rc::clone(other), Rc::clone(&log));
                let reader = move || {
                    log.borrow_mut().push(receive(&me, 9));
                    if replaces {
                        EventLoop::current().add_reader(&*other, note(&log, "new")).unwrap();
                    } else {
                        assert!(EventLoop::current().remove_reader(&*other));
                    }
                };
                EventLoop::current().add_reader(&fd, reader).unwrap();
            }
            send(&one_left, b"x");
            send(&two_left, b"x");
            yield_now().await;
            yield_now().await;
            assert_eq!(*log.borrow(), ["x"]);
            yield_now().await;
            assert_eq!(log.borrow().len(), if replaces { 2 } else { 1 }); // the new one, in the next iteration
            for socket in [&one, &two] {
                EventLoop::current().remove_reader(&**socket);
            }
        });
    }
}

#[test]
fn a_reader_may_remove_and_replace_itself() {
    run(async {
        let ((left, right), log) = (pair(), Log::<String>::default());
        let (me, calls) = (Rc::clone(&right), Rc::clone(&log));
        let reader = move || {
            calls.borrow_mut().push(receive(&me, 1));
            EventLoop::current().add_reader(&*me, byte_reader(&me, &calls)).unwrap();
            assert!(EventLoop::current().remove_reader(&*me) && !EventLoop::current().remove_reader(&*me));
        };
        EventLoop::current().add_reader(&*right, reader).unwrap();
        send(&left, b"abc");
        for _ in 0..4 {
            yield_now().await;
        }
        assert_eq!(*log.borrow(), ["a"]);
        assert_eq!(Rc::strong_count(&right), 1); // what it held has gone
    });
}

#[test]
fn one_that_its_handle_cancelled_is_called_no_more_and_is_gone_after_the_next_event() {
    run(async {
        let ((left, right), log) = (pair(), Log::<String>::default());
        let handle = EventLoop::current().add_reader(&*right, byte_reader(&right, &log)).unwrap();
        send(&left, b"abc");
        yield_now().await;
        yield_now().await;
        handle.cancel();
        for _ in 0..3 {
            yield_now().await;
        }
        assert_eq!(*log.borrow(), ["a"]);
        assert!(!EventLoop::current().remove_reader(&*right));
    });
}

#[test]
fn a_reader_that_panics_is_reported_and_called_again() {
    run(async {
        let (left, right) = pair();
        let (reports, calls) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(0)));
        let (told, count) = (Rc::clone(&reports), Rc::clone(&calls));
        EventLoop::current().set_exception_handler(move |context| told.borrow_mut().push(context.message));
        EventLoop::current()
            .add_reader(&*right, move || {
                count.set(count.get() + 1);
                assert!(count.get() > 2, "not yet");
            })
            .unwrap();
        send(&left, b"x");
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(calls.get(), 4);
        assert_eq!(*reports.borrow(), ["Exception in callback"; 2]);
        EventLoop::current().remove_reader(&*right);
    });
}

#[test]
fn stopped_in_the_middle_the_next_run_goes_on() {
    let lp = real_loop();
    let ((left, right), log) = (pair(), Log::<String>::default());
    let (stopper, mut read) = (lp.clone(), byte_reader(&right, &log));
    lp.add_reader(&*right, move || {
        read();
        stopper.stop();
    })
    .unwrap();
    send(&left, b"abc");
    for seen in ["a", "ab", "abc"] {
        lp.run_forever().unwrap();
        assert_eq!(log.borrow().concat(), seen);
    }
    assert!(lp.remove_reader(&*right));
}

// What cannot be watched.

#[test]
fn a_regular_file_and_a_closed_descriptor_are_refused() {
    run(async {
        #[cfg(target_os = "linux")]
        {
            let file = std::fs::File::open("Cargo.toml").unwrap();
            let error = EventLoop::current().add_reader(&file, || {}).unwrap_err();
            assert!(matches!(error, WatchError::NotPollable(fd) if fd == file.as_raw_fd()), "{error:?}");
            assert!(error.to_string().contains("read it in a thread"));
        }
        let error = EventLoop::current().add_writer(&-1, || {}).unwrap_err();
        assert!(matches!(error, WatchError::Io(-1, _)), "{error:?}");
        assert!(!EventLoop::current().remove_writer(&-1));
    });
}

#[test]
fn a_descriptor_of_a_live_socket_is_refused_and_the_other_way_round() {
    run(async {
        let (left, right) = pair();
        let socket = Descriptor::new(Rc::clone(&right)).unwrap();
        let error = EventLoop::current().add_reader(&*right, || {}).unwrap_err();
        assert!(matches!(error, WatchError::InUse(_)), "{error:?}");
        assert_eq!(io::Error::from(error).kind(), ErrorKind::AlreadyExists);
        assert!(!EventLoop::current().remove_reader(&*right));
        send(&left, b"x");
        socket.readable().await; // it has not suffered
        drop(socket);
        EventLoop::current().add_reader(&*right, || {}).unwrap();
        assert_eq!(Descriptor::new(Rc::clone(&right)).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert!(EventLoop::current().remove_reader(&*right));
        assert!(Descriptor::new(right).is_ok());
    });
}

#[test]
fn a_closed_loop_takes_no_reader_and_has_dropped_those_it_had() {
    let lp = real_loop();
    let (_left, right) = pair();
    let held = Rc::clone(&right);
    let handle = lp.add_reader(&*right, move || drop(Rc::clone(&held))).unwrap();
    assert_eq!(Rc::strong_count(&right), 2);
    lp.close().unwrap();
    assert_eq!(Rc::strong_count(&right), 1);
    assert!(handle.cancelled());
    assert!(!lp.remove_reader(&*right));
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lp.add_reader(&*right, || {})));
    assert!(refused.is_err());
}

// Numbers that are used again.

#[test]
fn a_reader_whose_descriptor_was_closed_under_its_eyes_never_hears_of_the_next_with_its_number() {
    run(async {
        let log = Log::<String>::default();
        let mut reused = [0, 0];
        for round in 0..40 {
            let (left, right) = UnixStream::pair().unwrap();
            let number = right.as_raw_fd();
            EventLoop::current().add_reader(&right, note(&log, "old")).unwrap();
            drop((left, right)); // and the reader was not removed
            let (left, right) = UnixStream::pair().unwrap();
            if right.as_raw_fd() != number {
                continue;
            }
            send(&left, b"x");
            if round % 2 == 0 {
                reused[0] += 1;
                let socket = Descriptor::new(right).unwrap();
                socket.readable().await;
                for _ in 0..3 {
                    yield_now().await;
                }
                assert!(!EventLoop::current().remove_reader(&number));
            } else {
                reused[1] += 1;
                EventLoop::current().add_reader(&number, note(&log, "new")).unwrap();
                yield_now().await;
                yield_now().await;
                assert!(EventLoop::current().remove_reader(&number));
            }
        }
        assert!(reused.iter().all(|count| *count > 0), "the test wants numbers to be used again: {reused:?}");
        assert!(log.borrow().iter().all(|who| who == "new") && log.borrow().len() == reused[1]);
    });
}

/// The number belongs to a file by then, which cannot be watched. The old callback goes all the same, and what it owns
/// uses the loop in its destructor.
#[cfg(target_os = "linux")]
#[test]
fn a_callback_whose_number_cannot_be_watched_any_more_is_dropped_where_it_may_use_the_loop() {
    run(async {
        let (left, watched) = pair();
        let (dropped, mut expected) = (Rc::new(Cell::new(0)), 0);
        for round in 0..200 {
            let (here, there) = UnixStream::pair().unwrap();
            let number = there.as_raw_fd();
            let (count, watched) = (Rc::clone(&dropped), Rc::clone(&watched));
            let owned = OnDrop(move || {
                count.set(count.get() + 1);
                EventLoop::current().add_reader(&*watched, || ()).unwrap();
                assert!(EventLoop::current().remove_reader(&*watched));
            });
            let callback = move || {
                let _ = &owned;
            };
            if round % 2 == 0 {
                EventLoop::current().add_reader(&there, callback).unwrap();
            } else {
                EventLoop::current().add_writer(&there, callback).unwrap();
            }
            drop(there);
            let file = std::fs::File::open("Cargo.toml").unwrap();
            let is_reused = file.as_raw_fd() == number;
            if is_reused {
                let refused = EventLoop::current().add_reader(&file, || ()).unwrap_err();
                assert!(matches!(refused, WatchError::NotPollable(_)), "{refused}");
                expected += 1;
                assert_eq!(dropped.get(), expected);
            }
            // of a number that another test has been given, the callback goes now
            expected += u32::from(!is_reused);
            EventLoop::current().remove_reader(&number);
            EventLoop::current().remove_writer(&number);
            assert_eq!(dropped.get(), expected);
            drop(here);
            if is_reused && round > 20 {
                break;
            }
            assert!(round < 199, "the test wants the number to be used again");
        }
        drop(left);
    });
}

#[test]
fn a_loop_that_only_watches_a_descriptor_waits_for_it() {
    let lp = real_loop();
    let (left, right) = pair();
    let stopper = lp.clone();
    lp.add_reader(&*right, move || stopper.stop()).unwrap();
    let mut writer = left.try_clone().unwrap();
    let thread = std::thread::spawn(move || writer.write_all(b"x").unwrap());
    lp.run_forever().unwrap();
    thread.join().unwrap();
    lp.remove_reader(&*right);
    // with nothing to watch, a virtual clock would find out that nothing can happen
    let lp = virtual_loop();
    lp.add_reader(&*right, || {}).unwrap();
    lp.remove_reader(&*right);
    assert!(matches!(lp.run_forever(), Err(Error::Deadlock(_))));
}

#[test]
fn tasks_and_readers_share_the_loop() {
    let lp = real_loop();
    lp.run_until_complete(timeout(Duration::from_secs(60), async {
        let ((left, right), (far, near)) = (pair(), pair());
        let echo = (Rc::clone(&right), Rc::clone(&far));
        EventLoop::current().add_reader(&*right, move || send(&echo.1, receive(&echo.0, 3).as_bytes())).unwrap();
        let near = Descriptor::new(near).unwrap();
        send(&left, b"a longer text");
        let mut seen = String::new();
        while seen.len() < 13 {
            let mut bytes = [0; 99];
            let n = near.read_with(|socket| (&**socket).read(&mut bytes)).await.unwrap();
            seen += std::str::from_utf8(&bytes[..n]).unwrap();
        }
        assert_eq!(seen, "a longer text");
        EventLoop::current().remove_reader(&*right);
    }))
    .unwrap()
    .unwrap();
}

#[test]
fn a_loop_that_is_run_one_iteration_at_a_time_hears_of_descriptors() {
    let lp = real_loop();
    let ((left, right), log) = (pair(), Log::<String>::default());
    lp.add_reader(&*right, byte_reader(&right, &log)).unwrap();
    for _ in 0..100 {
        lp.stop(); // before the run: it takes one iteration, and does not wait
        lp.run_forever().unwrap();
    }
    send(&left, b"x");
    lp.stop();
    lp.run_forever().unwrap();
    assert_eq!(*log.borrow(), ["x"]);
    lp.remove_reader(&*right);
}
