//! Signals of the process: `add_signal_handler`, its removal, and awaits. Each test runs in a process of its own, since
//! a signal is for all of it.
#![cfg(all(unix, feature = "signal"))]

use std::cell::Cell;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use oneloop::error::SignalError;
use oneloop::signal::{SIGINT, SIGKILL, SIGPIPE, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2, ctrl_c, received};
use oneloop::{Error, EventLoop, create_task, yield_now};
use signal_hook::low_level::raise;

use crate::support::{
    Log, alone, in_another_process, note, open_descriptors, real_loop, run, skips_since_ignored, until, virtual_loop,
};

/// Runs the test that calls this in a process of its own, which must end by a signal.
#[track_caller]
fn dies_of(signal: i32, test: impl FnOnce()) {
    if skips_since_ignored(signal) {
        return;
    }
    if let Some((status, said)) = in_another_process(test) {
        assert_eq!(status.signal(), Some(signal), "{status}\n{said}");
    }
}

/// Raised on this thread: when it returns, the process's handler has run.
fn send(signal: i32) {
    raise(signal).expect("a signal");
}

/// Writes down in which iteration things happen.
async fn tick(log: Log<String>, count: usize) {
    for i in 0..count {
        log.borrow_mut().push(format!("tick {i}"));
        yield_now().await;
    }
}

#[test]
fn a_handler_runs_one_iteration_after_the_one_that_learns_of_the_signal() {
    alone(|| {
        run(async {
            let log = Log::<String>::default();
            EventLoop::current().add_signal_handler(SIGUSR1, note(&log, "handled")).unwrap();
            // the new pipe makes the next iteration poll; then it has settled
            yield_now().await;
            yield_now().await;
            // a reader that is ready makes every iteration poll
            let (mut left, right) = UnixStream::pair().unwrap();
            left.write_all(b"x").unwrap();
            EventLoop::current().add_reader(&right, || ()).unwrap();
            send(SIGUSR1);
            tick(Rc::clone(&log), 4).await;
            EventLoop::current().remove_reader(&right);
            // asyncio: the reader of the pipe takes its turn after the task in tick 1, the handler after it in tick 2
            assert_eq!(*log.borrow(), ["tick 0", "tick 1", "tick 2", "handled", "tick 3"]);
        });
    });
}

#[test]
fn a_handler_runs_as_often_as_the_signal_comes_and_in_the_order_of_the_signals() {
    alone(|| {
        run(async {
            let log = Log::<String>::default();
            EventLoop::current().add_signal_handler(SIGUSR1, note(&log, "one")).unwrap();
            EventLoop::current().add_signal_handler(SIGUSR2, note(&log, "two")).unwrap();
            for signal in [SIGUSR2, SIGUSR1, SIGUSR1, SIGUSR2] {
                send(signal);
            }
            until(|| log.borrow().len() >= 4).await;
            assert_eq!(*log.borrow(), ["two", "one", "one", "two"]);
        });
    });
}

#[test]
fn a_handler_takes_the_place_of_an_earlier_one() {
    alone(|| {
        run(async {
            let log = Log::<String>::default();
            EventLoop::current().add_signal_handler(SIGUSR1, note(&log, "first")).unwrap();
            EventLoop::current().add_signal_handler(SIGUSR1, note(&log, "second")).unwrap();
            send(SIGUSR1);
            until(|| !log.borrow().is_empty()).await;
            assert_eq!(*log.borrow(), ["second"]);
            assert!(EventLoop::current().remove_signal_handler(SIGUSR1));
            assert!(!EventLoop::current().remove_signal_handler(SIGUSR1));
        });
    });
}

#[test]
fn a_handler_that_is_queued_runs_although_it_is_removed() {
    alone(|| {
        run(async {
            let log = Log::<String>::default();
            let mut first = note(&log, "first");
            EventLoop::current()
                .add_signal_handler(SIGUSR1, move || {
                    assert!(EventLoop::current().remove_signal_handler(SIGUSR2));
                    first();
                })
                .unwrap();
            EventLoop::current().add_signal_handler(SIGUSR2, note(&log, "second")).unwrap();
            send(SIGUSR1);
            send(SIGUSR2);
            until(|| log.borrow().len() == 2).await;
            assert_eq!(*log.borrow(), ["first", "second"]);
        });
    });
}

#[test]
fn a_handler_may_replace_itself_and_raise_again() {
    alone(|| {
        run(async {
            let log = Log::<String>::default();
            let mut second = Some(note(&log, "second"));
            EventLoop::current()
                .add_signal_handler(SIGUSR1, move || {
                    if let Some(second) = second.take() {
                        EventLoop::current().add_signal_handler(SIGUSR1, second).unwrap();
                        send(SIGUSR1);
                    }
                })
                .unwrap();
            send(SIGUSR1);
            until(|| !log.borrow().is_empty()).await;
            assert_eq!(*log.borrow(), ["second"]);
        });
    });
}

#[test]
fn a_handler_that_panics_is_reported_and_stays() {
    alone(|| {
        let lp = real_loop();
        let (log, calls) = (Log::<String>::default(), Rc::new(Cell::new(0)));
        let (reported, called) = (Rc::clone(&log), Rc::clone(&calls));
        lp.set_exception_handler(move |context| reported.borrow_mut().push(context.message.to_owned()));
        lp.add_signal_handler(SIGUSR1, move || {
            called.set(called.get() + 1);
            panic!("oops");
        })
        .unwrap();
        lp.run_until_complete(async {
            for calls_by_now in 1..=2 {
                send(SIGUSR1);
                until(|| calls.get() == calls_by_now).await;
            }
        })
        .unwrap();
        assert_eq!(*log.borrow(), ["Exception in callback", "Exception in callback"]);
    });
}

#[test]
fn a_signal_on_another_thread_wakes_a_loop_that_sleeps() {
    alone(|| {
        let (lp, calls) = (real_loop(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&calls);
        let handler = move || {
            count.set(count.get() + 1);
            EventLoop::current().stop();
        };
        lp.add_signal_handler(SIGUSR1, handler).unwrap();
        let (about_to_sleep, sleeps) = channel();
        lp.call_soon(move || about_to_sleep.send(()).unwrap());
        let sender = thread::spawn(move || {
            sleeps.recv().unwrap();
            send(SIGUSR1);
        });
        lp.run_forever().unwrap();
        sender.join().unwrap();
        assert_eq!(calls.get(), 1);
    });
}

#[test]
fn a_loop_that_handles_a_signal_is_in_no_deadlock() {
    alone(|| {
        let (about_to_wait, waits) = channel();
        let sender = thread::spawn(move || {
            waits.recv().unwrap();
            send(SIGUSR1);
        });
        run(async move {
            let waits = create_task(received(SIGUSR1));
            yield_now().await;
            about_to_wait.send(()).unwrap();
            waits.await.unwrap();
        });
        sender.join().unwrap();
        // and one that does so no more is
        let lp = virtual_loop();
        lp.add_signal_handler(SIGUSR1, || ()).unwrap();
        lp.remove_signal_handler(SIGUSR1);
        assert!(matches!(lp.run_until_complete(oneloop::Event::new().wait()), Err(Error::Deadlock(_))));
    });
}

#[test]
fn every_loop_that_handles_a_signal_hears_it() {
    alone(|| {
        let (ready, is_ready) = channel();
        let other = thread::spawn(move || {
            real_loop().run_until_complete(async move {
                let heard = create_task(received(SIGUSR1));
                yield_now().await;
                ready.send(()).unwrap();
                heard.await
            })
        });
        is_ready.recv().unwrap();
        let here = real_loop().run_until_complete(async {
            let heard = create_task(received(SIGUSR1));
            yield_now().await;
            send(SIGUSR1);
            heard.await
        });
        assert_eq!((here.unwrap().unwrap(), other.join().unwrap().unwrap().unwrap()), ((), ()));
    });
}

#[test]
fn every_task_that_waits_for_a_signal_hears_it() {
    alone(|| {
        run(async {
            let tasks = [create_task(ctrl_c()), create_task(ctrl_c()), create_task(ctrl_c())];
            yield_now().await;
            tasks[1].cancel();
            yield_now().await;
            send(SIGINT);
            let [first, second, third] = tasks;
            first.await.unwrap();
            third.await.unwrap();
            assert!(second.cancelled());
        });
    });
}

#[test]
fn what_cannot_be_caught_is_refused() {
    alone(|| {
        let lp = real_loop();
        let open = open_descriptors();
        for signal in [SIGKILL, SIGSTOP] {
            let refused = lp.add_signal_handler(signal, || ()).unwrap_err();
            assert!(matches!(refused, SignalError::Forbidden(n) if n == signal), "{refused}");
            assert!(!lp.remove_signal_handler(signal));
        }
        for signal in [0, -1, 65, 1000, i32::MAX, i32::MIN] {
            let refused = lp.add_signal_handler(signal, || ()).unwrap_err();
            assert!(matches!(refused, SignalError::Invalid(n) if n == signal), "{refused}");
            assert!(!lp.remove_signal_handler(signal));
        }
        let refused = lp.run_until_complete(received(SIGKILL)).unwrap().unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("signal {SIGKILL} cannot be caught; to end in an orderly way, handle SIGTERM or SIGINT")
        );
        assert_eq!(open_descriptors(), open);
    });
}

#[test]
#[should_panic(expected = "the event loop is closed")]
fn a_closed_loop_takes_no_handler() {
    let lp = real_loop();
    lp.close().unwrap();
    let _ = lp.add_signal_handler(SIGUSR1, || ());
}

#[test]
fn a_removed_handler_gives_the_signal_back() {
    dies_of(SIGTERM, || {
        let lp = real_loop();
        lp.add_signal_handler(SIGTERM, || ()).unwrap();
        send(SIGTERM); // that is survived
        lp.remove_signal_handler(SIGTERM);
        send(SIGTERM);
    });
}

#[test]
fn a_wait_that_is_over_gives_the_signal_back() {
    dies_of(SIGINT, || {
        run(async {
            let waits = create_task(ctrl_c());
            yield_now().await;
            send(SIGINT);
            waits.await.unwrap();
        });
        send(SIGINT);
    });
}

#[test]
fn a_wait_that_is_cancelled_gives_the_signal_back() {
    dies_of(SIGINT, || {
        run(async {
            let waits = create_task(ctrl_c());
            yield_now().await;
            waits.cancel();
            yield_now().await;
            send(SIGINT);
        });
    });
}

#[test]
fn a_loop_that_closes_gives_its_signals_back() {
    dies_of(SIGTERM, || {
        let lp = real_loop();
        lp.add_signal_handler(SIGTERM, || ()).unwrap();
        drop(lp.create_task(received(SIGTERM)));
        lp.run_until_complete(yield_now()).unwrap();
        lp.close().unwrap();
        send(SIGTERM);
    });
}

#[test]
fn a_handler_is_dropped_when_its_loop_closes_and_may_use_it_then() {
    alone(|| {
        struct AtTheEnd(Log<String>);
        impl Drop for AtTheEnd {
            fn drop(&mut self) {
                self.0.borrow_mut().push("dropped".to_owned());
                EventLoop::current().add_signal_handler(SIGUSR2, || ()).unwrap();
            }
        }
        let open = open_descriptors();
        let (log, lp) = (Log::<String>::default(), real_loop());
        let held = AtTheEnd(Rc::clone(&log));
        lp.add_signal_handler(SIGUSR1, move || assert!(held.0.borrow().is_empty())).unwrap();
        lp.close().unwrap();
        assert_eq!(*log.borrow(), ["dropped"]);
        drop(lp);
        assert_eq!(open_descriptors(), open);
    });
}

#[test]
fn the_other_loop_goes_on_hearing_when_one_does_no_more() {
    alone(|| {
        let (one, two) = (real_loop(), real_loop());
        let log = Log::<String>::default();
        one.add_signal_handler(SIGUSR1, || ()).unwrap();
        two.add_signal_handler(SIGUSR1, note(&log, "two")).unwrap();
        drop(one);
        send(SIGUSR1);
        two.run_until_complete(until(|| !log.borrow().is_empty())).unwrap();
        assert_eq!(*log.borrow(), ["two"]);
    });
}

#[test]
fn a_signal_that_was_ignored_before_is_ignored_again() {
    alone(|| {
        let (lp, log) = (real_loop(), Log::<String>::default());
        lp.add_signal_handler(SIGPIPE, note(&log, "called")).unwrap();
        assert!(lp.remove_signal_handler(SIGPIPE));
        send(SIGPIPE); // which Rust programs ignore
        lp.run_until_complete(yield_now()).unwrap();
        assert!(log.borrow().is_empty(), "the handler was removed");
    });
}

#[test]
fn a_handler_that_was_there_before_is_called_all_along() {
    alone(|| {
        let flag = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGTERM, Arc::clone(&flag)).unwrap();
        let lp = real_loop();
        lp.add_signal_handler(SIGTERM, || ()).unwrap();
        send(SIGTERM);
        assert!(flag.swap(false, Ordering::SeqCst));
        lp.remove_signal_handler(SIGTERM);
        send(SIGTERM);
        assert!(flag.load(Ordering::SeqCst));
    });
}

#[test]
fn the_pipe_is_there_while_a_signal_is_handled() {
    alone(|| {
        let lp = real_loop();
        let open = open_descriptors();
        for _ in 0..3 {
            for signal in [SIGUSR1, SIGUSR2] {
                lp.add_signal_handler(signal, || ()).unwrap();
            }
            assert!(open == 0 || open_descriptors() == open + 2);
            lp.remove_signal_handler(SIGUSR1);
            lp.remove_signal_handler(SIGUSR2);
            assert_eq!(open_descriptors(), open);
        }
    });
}

#[test]
fn more_signals_than_the_pipe_has_room_for_are_no_harm() {
    alone(|| {
        let lp = real_loop();
        let heard = Rc::new(Cell::new(0_u32));
        let count = Rc::clone(&heard);
        lp.add_signal_handler(SIGUSR1, move || count.set(count.get() + 1)).unwrap();
        for _ in 0..70_000 {
            send(SIGUSR1);
        }
        lp.run_until_complete(async {
            until(|| heard.get() > 0).await;
            let before = heard.get();
            send(SIGUSR1);
            until(|| heard.get() > before).await;
        })
        .unwrap();
        assert!(heard.get() > 60_000);
    });
}

#[test]
fn a_wait_can_have_a_limit() {
    alone(|| {
        run(async {
            assert!(oneloop::timeout(Duration::from_secs(60), ctrl_c()).await.is_err());
        });
    });
}
