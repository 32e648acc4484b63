//! Signals of the process: `add_signal_handler`, its removal, and awaits. Each test runs in a process of its own, since
//! a signal is for all of it.
#![cfg(all(unix, feature = "signal"))]

use std::cell::Cell;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitStatus;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use oneloop::error::SignalError;
use oneloop::signal::{SIGINT, SIGKILL, SIGPIPE, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2, ctrl_c, received};
use oneloop::{Clock, ContextVar, Error, EventLoop, create_task, sleep, yield_now};
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
fn a_handler_runs_in_a_copy_of_the_context_of_its_registration() {
    static USER: ContextVar<i32> = ContextVar::new("user");
    alone(|| {
        run(async {
            let (log, seen) = (Log::<i32>::default(), Log::<i32>::default());
            drop(USER.set(1));
            let heard = Rc::clone(&log);
            let handler = move || {
                heard.borrow_mut().push(USER.get().unwrap());
                drop(USER.set(10));
            };
            EventLoop::current().add_signal_handler(SIGUSR1, handler).unwrap();
            drop(USER.set(2));
            // the pipe was opened in another context
            let saw = Rc::clone(&seen);
            EventLoop::current()
                .add_signal_handler(SIGUSR2, move || saw.borrow_mut().push(USER.get().unwrap()))
                .unwrap();
            for signal in [SIGUSR1, SIGUSR2, SIGUSR1] {
                send(signal);
            }
            until(|| log.borrow().len() == 2).await;
            // asyncio: each registration has one copy, in which all its calls run
            assert_eq!((&*log.borrow(), &*seen.borrow()), (&vec![1, 10], &vec![2]));
            assert_eq!(USER.get(), Some(2));
        });
    });
}

#[test]
fn what_opens_the_pipe_keeps_no_context() {
    static HELD: ContextVar<Rc<()>> = ContextVar::new("held");
    alone(|| {
        let (lp, held) = (real_loop(), Rc::new(()));
        let lent = Rc::clone(&held);
        let opens = lp.create_task(async move {
            drop(HELD.set(lent));
            received(SIGUSR1).await
        });
        let stays = lp.create_task(async {
            yield_now().await;
            received(SIGUSR2).await
        });
        lp.run_until_complete(async {
            yield_now().await;
            yield_now().await;
            opens.cancel();
            yield_now().await;
        })
        .unwrap();
        assert!(opens.cancelled() && !stays.done());
        assert_eq!(Rc::strong_count(&held), 1);
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
fn a_loop_that_closes_gives_back_what_its_tasks_have_waited_for() {
    dies_of(SIGINT, || {
        run(async {
            let waits = create_task(ctrl_c());
            yield_now().await;
            send(SIGINT);
            waits.await.unwrap();
            send(SIGINT); // that is kept
        });
        send(SIGINT);
    });
}

#[test]
fn a_signal_that_a_task_has_waited_for_can_be_given_back() {
    dies_of(SIGINT, || {
        run(async {
            let waits = create_task(ctrl_c());
            yield_now().await;
            waits.cancel();
            yield_now().await;
            send(SIGINT); // that is kept
            assert!(EventLoop::current().remove_signal_handler(SIGINT));
            assert!(!EventLoop::current().remove_signal_handler(SIGINT));
            send(SIGINT);
        });
    });
}

#[test]
fn a_wait_during_which_its_signal_is_given_back_ends_with_it() {
    dies_of(SIGUSR1, || {
        run(async {
            let waits = create_task(received(SIGUSR1));
            yield_now().await;
            assert!(EventLoop::current().remove_signal_handler(SIGUSR1));
            send(SIGUSR1);
            waits.await.unwrap();
            send(SIGUSR1);
        });
    });
}

/// Whether a signal is there for the running task, kept from before.
async fn is_kept(signal: i32) -> bool {
    oneloop::timeout(Duration::from_secs(1), received(signal)).await.is_ok()
}

#[test]
fn signals_that_come_while_the_last_one_is_handled_are_kept() {
    alone(|| {
        run(async {
            let waits = create_task(async {
                received(SIGUSR1).await.unwrap();
                yield_now().await; // it handles the first one
                for _ in 0..2 {
                    assert!(is_kept(SIGUSR1).await);
                }
                assert!(!is_kept(SIGUSR1).await);
            });
            yield_now().await;
            (0..3).for_each(|_| send(SIGUSR1));
            waits.await;
        });
    });
}

#[test]
fn a_signal_that_comes_after_a_wait_was_given_up_is_kept() {
    alone(|| {
        run(async {
            for _ in 0..3 {
                assert!(!is_kept(SIGUSR1).await);
                send(SIGUSR1);
                yield_now().await;
                assert!(is_kept(SIGUSR1).await);
            }
        });
    });
}

#[test]
fn a_signal_that_ends_a_wait_in_the_iteration_of_its_cancellation_is_kept() {
    alone(|| {
        run(async {
            let waits = create_task(async {
                assert!(oneloop::catch_cancelled(received(SIGUSR1)).await.is_err());
                assert!(is_kept(SIGUSR1).await);
            });
            yield_now().await;
            let (mut left, right) = UnixStream::pair().unwrap();
            left.write_all(b"x").unwrap();
            // called in the same iteration as what reads the signal, after it
            let task = waits.handle();
            EventLoop::current()
                .add_reader(&right, move || {
                    task.cancel();
                })
                .unwrap();
            send(SIGUSR1);
            waits.await;
            EventLoop::current().remove_reader(&right);
        });
    });
}

#[test]
fn a_signal_between_the_waits_of_two_tasks_is_kept_for_the_next_task() {
    alone(|| {
        run(async {
            for _ in 0..3 {
                let waits = create_task(received(SIGUSR1));
                yield_now().await;
                send(SIGUSR1);
                waits.await.unwrap();
                send(SIGUSR1);
                assert!(create_task(is_kept(SIGUSR1)).await);
                assert!(!create_task(is_kept(SIGUSR1)).await, "it was received");
            }
        });
    });
}

#[test]
fn a_slow_task_receives_what_a_quick_one_has_received() {
    alone(|| {
        run(async {
            let wait_for_three = |pause: u64| {
                create_task(async move {
                    for _ in 0..3 {
                        received(SIGUSR1).await.unwrap();
                        sleep(Duration::from_secs(pause)).await;
                    }
                    assert!(!is_kept(SIGUSR1).await);
                })
            };
            let (quick, slow) = (wait_for_three(1), wait_for_three(100));
            for _ in 0..3 {
                yield_now().await;
                send(SIGUSR1);
                sleep(Duration::from_secs(10)).await;
            }
            quick.await;
            slow.await;
        });
    });
}

#[test]
fn branches_of_one_task_receive_the_same_signal() {
    alone(|| {
        run(async {
            let both = create_task(async {
                let (one, two) = futures::join!(received(SIGUSR1), received(SIGUSR1));
                one.and(two).unwrap();
                assert!(!is_kept(SIGUSR1).await);
            });
            yield_now().await;
            send(SIGUSR1);
            both.await;
        });
    });
}

#[test]
fn a_signal_that_comes_between_two_runs_is_kept() {
    alone(|| {
        let lp = real_loop();
        lp.run_until_complete(async {
            let waits = create_task(received(SIGUSR1));
            yield_now().await;
            send(SIGUSR1);
            waits.await.unwrap();
        })
        .unwrap();
        send(SIGUSR1);
        lp.run_until_complete(received(SIGUSR1)).unwrap().unwrap();
    });
}

#[test]
fn a_task_with_many_signals_to_receive_starves_no_other() {
    alone(|| {
        run(async {
            let turns = Rc::new(Cell::new(0));
            let count = Rc::clone(&turns);
            let waits = create_task(async {
                for _ in 0..10_000 {
                    received(SIGUSR1).await.unwrap();
                }
            });
            yield_now().await;
            (0..10_000).for_each(|_| send(SIGUSR1));
            let other = create_task(async move {
                loop {
                    count.set(count.get() + 1);
                    yield_now().await;
                }
            });
            waits.await;
            other.cancel();
            assert!(turns.get() > 100, "{} turns", turns.get());
        });
    });
}

#[test]
fn what_only_keeps_signals_is_no_reason_to_wait() {
    alone(|| {
        let lp = virtual_loop();
        lp.run_until_complete(async { assert!(!is_kept(SIGUSR1).await) }).unwrap();
        assert!(matches!(lp.run_until_complete(oneloop::Event::new().wait()), Err(Error::Deadlock(_))));
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

/// More than a pipe has room for.
const STORM: u32 = 70_000;

#[test]
fn a_handler_runs_as_often_as_the_signal_comes_in_a_storm_too() {
    alone(|| {
        let lp = real_loop();
        let heard = Rc::new(Cell::new(0));
        let count = Rc::clone(&heard);
        lp.add_signal_handler(SIGUSR1, move || count.set(count.get() + 1)).unwrap();
        for round in 1..=2 {
            (0..STORM).for_each(|_| send(SIGUSR1));
            lp.run_until_complete(until(|| heard.get() >= round * STORM)).unwrap();
            lp.run_until_complete(yield_now()).unwrap();
            assert_eq!(heard.get(), round * STORM);
        }
    });
}

#[test]
fn a_signal_is_heard_behind_a_storm_of_another() {
    alone(|| {
        run(async {
            let (log, lp) = (Log::<String>::default(), EventLoop::current());
            lp.add_signal_handler(SIGUSR2, || ()).unwrap();
            lp.add_signal_handler(SIGTERM, note(&log, "handled")).unwrap();
            let waits = create_task(ctrl_c());
            yield_now().await;
            (0..STORM).for_each(|_| send(SIGUSR2));
            send(SIGTERM);
            send(SIGINT);
            waits.await.unwrap();
            until(|| !log.borrow().is_empty()).await;
            assert_eq!(*log.borrow(), ["handled"]);
        });
    });
}

#[test]
fn a_storm_that_does_not_end_hides_no_other_signal() {
    alone(|| {
        let lp = real_loop();
        lp.add_signal_handler(SIGUSR2, || ()).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let storm = thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                send(SIGUSR2);
            }
        });
        lp.run_until_complete(async {
            for _ in 0..3 {
                let waits = create_task(received(SIGTERM));
                yield_now().await;
                send(SIGTERM);
                waits.await.unwrap();
            }
        })
        .unwrap();
        over.store(true, Ordering::SeqCst);
        storm.join().unwrap();
    });
}

/// Runs `child` in a forked copy of this process, and returns the signal that ends it.
#[expect(unsafe_code, reason = "the standard library has no fork without exec")]
fn forked(child: impl FnOnce()) -> Option<i32> {
    // SAFETY: the process is there for one test, whose other threads only wait.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let exit_code = i32::from(catch_unwind(AssertUnwindSafe(child)).is_err());
        // SAFETY: a call that does not return.
        unsafe { libc::_exit(exit_code) };
    }
    let mut status = 0;
    // SAFETY: the call writes to an integer that is alive for the call.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_ne!(status, 1 << 8, "the child has panicked");
    ExitStatus::from_raw(status).signal()
}

#[test]
fn a_signal_of_a_forked_child_is_not_heard_by_the_loop_of_its_parent() {
    alone(|| {
        run(async {
            let (log, lp) = (Log::<String>::default(), EventLoop::current());
            lp.add_signal_handler(SIGUSR1, note(&log, "handled")).unwrap();
            let waits = create_task(received(SIGUSR2));
            yield_now().await;
            // the child handles no signal: they do there what they do by default
            assert_eq!(forked(|| send(SIGUSR1)), Some(SIGUSR1));
            assert_eq!(forked(|| send(SIGUSR2)), Some(SIGUSR2));
            sleep(Duration::from_secs(1)).await;
            assert!(log.borrow().is_empty());
            assert!(!waits.done());
            send(SIGUSR1);
            until(|| !log.borrow().is_empty()).await;
            waits.cancel();
        });
    });
}

#[test]
fn a_forked_child_may_handle_signals_of_its_own() {
    alone(|| {
        let lp = real_loop();
        lp.add_signal_handler(SIGUSR1, || panic!("in the parent")).unwrap();
        let child = || {
            let own = real_loop();
            let calls = Rc::new(Cell::new(0));
            let count = Rc::clone(&calls);
            own.add_signal_handler(SIGUSR1, move || count.set(count.get() + 1)).unwrap();
            send(SIGUSR1);
            own.run_until_complete(until(|| calls.get() == 1)).unwrap();
            drop(own);
            send(SIGUSR1);
        };
        assert_eq!(forked(child), Some(SIGUSR1));
        lp.set_exception_handler(|report| panic!("{report:?}"));
        lp.run_until_complete(sleep(Duration::from_millis(10))).unwrap();
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

#[test]
fn a_signal_has_the_call_graph_written_to_standard_error() {
    let Some((status, said)) = in_another_process(|| {
        let lp = EventLoop::builder().call_graph_on_signal(SIGUSR2).build().unwrap();
        lp.create_task(std::future::pending::<()>()).named("hangs");
        lp.run_until_complete(async {
            send(SIGUSR2);
            sleep(Duration::from_millis(1)).await; // the loop learns of it
            yield_now().await; // … and the handler runs
        })
        .unwrap();
    }) else {
        return;
    };
    assert!(status.success(), "{status}\n{said}");
    assert!(said.contains("call graph of process ") && said.contains("\nhangs waits for something outside"), "{said}");
}

#[test]
fn a_signal_that_only_has_the_call_graph_written_keeps_no_program_going() {
    alone(|| {
        let lp = EventLoop::builder().clock(Clock::Virtual).call_graph_on_signal(SIGUSR2).build().unwrap();
        let waits = lp.run_until_complete(std::future::pending::<()>());
        assert!(matches!(waits, Err(Error::Deadlock(_))), "{waits:?}");
        // one that the program waits for beside it does
        lp.add_signal_handler(SIGUSR1, || EventLoop::current().stop()).unwrap();
        lp.call_soon(|| send(SIGUSR1));
        let waits = lp.run_until_complete(std::future::pending::<()>());
        assert!(matches!(waits, Err(Error::Stopped)), "{waits:?}");
    });
}

#[test]
fn a_call_graph_on_a_signal_that_cannot_be_caught_is_refused() {
    let refused = EventLoop::builder().call_graph_on_signal(SIGKILL).build();
    let Err(Error::Io(error)) = refused else { panic!("{refused:?}") };
    assert!(matches!(error.get_ref().and_then(|error| error.downcast_ref()), Some(SignalError::Forbidden(SIGKILL))));
}
