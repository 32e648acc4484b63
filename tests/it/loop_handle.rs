//! The handle on a loop that goes to other threads: what is sent arrives, once and in order, or is refused; what is
//! taken back does not run; no thread waits for what never comes.

use std::cell::Cell;
use std::future::{Pending, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self};
use std::time::{Duration, Instant};

use oneloop::{
    Closed, EventLoop, LoopHandle, TaskError, ThreadsafeFuture, ThreadsafeHandle, all_tasks, catch_cancelled,
    create_future, create_task, current_task, sleep, yield_now,
};

use crate::support::{PATIENCE, panic_of, real_loop, reports, until, virtual_loop, witness};

/// Runs `f` on another thread and waits for its end.
fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(f).join()).expect("it does not panic")
}

/// Runs the loop until `handle.stop()` while `f` runs on another thread.
fn run_beside<R: Send + 'static>(lp: &EventLoop, f: impl FnOnce(&LoopHandle) -> R + Send + 'static) -> R {
    let handle = lp.remote();
    let other = thread::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| f(&handle)));
        handle.stop();
        result
    });
    lp.run_forever().expect("it is stopped");
    other.join().expect("the panic was caught").unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

#[test]
fn the_handles_go_to_any_thread() {
    fn is_send_and_sync<T: Send + Sync + 'static>(value: T) -> T {
        value
    }
    let handle = is_send_and_sync::<LoopHandle>(real_loop().remote());
    assert!(elsewhere(|| handle.is_closed()), "its loop is gone");

    let lp = real_loop();
    let handle = lp.remote();
    let called = is_send_and_sync::<ThreadsafeHandle>(handle.call_soon_threadsafe(|| ()).expect("the loop is open"));
    assert!(elsewhere(|| {
        called.cancel();
        called.cancelled()
    }));
    let asked = handle.run_coroutine_threadsafe(|| async { Cell::new(1_u8) }).expect("the loop is open");
    let asked = is_send_and_sync::<ThreadsafeFuture<Cell<u8>>>(asked);
    assert!(!elsewhere(|| asked.done()), "the loop has not run");
}

#[test]
fn a_call_wakes_a_sleeping_loop() {
    let lp = real_loop();
    let started = Instant::now();
    lp.call_later(PATIENCE, || ());
    run_beside(&lp, |_| thread::sleep(Duration::from_millis(20))); // until the loop sleeps
    assert!(started.elapsed() < PATIENCE / 2);
}

#[test]
fn calls_run_once_each_in_order_on_the_loops_thread() {
    const CALLS: usize = 10_000;
    let lp = real_loop();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    run_beside(&lp, move |handle| {
        for i in 0..CALLS {
            let seen = Arc::clone(&noted);
            let call = move || seen.lock().unwrap().push((i, thread::current().id()));
            handle.call_soon_threadsafe(call).expect("the loop is open");
        }
    });
    let me = thread::current().id();
    assert_eq!(*seen.lock().unwrap(), (0..CALLS).map(|i| (i, me)).collect::<Vec<_>>());
}

#[test]
fn calls_of_many_threads_are_all_met() {
    const THREADS: usize = 8;
    const CALLS: usize = 2_000;
    let lp = real_loop();
    let count = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (handle, count) = (lp.remote(), Arc::clone(&count));
            thread::spawn(move || {
                for _ in 0..CALLS {
                    let (count, stopper) = (Arc::clone(&count), handle.clone());
                    let call = move || {
                        if count.fetch_add(1, Ordering::Relaxed) + 1 == THREADS * CALLS {
                            stopper.stop();
                        }
                    };
                    handle.call_soon_threadsafe(call).expect("the loop is open");
                }
            })
        })
        .collect();
    lp.run_forever().expect("the last call stops it");
    for thread in threads {
        thread.join().expect("it does not panic");
    }
    assert_eq!(count.load(Ordering::Relaxed), THREADS * CALLS);
}

#[test]
fn what_was_sent_before_runs_before_what_is_queued_after() {
    let lp = real_loop();
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |event: &'static str| {
        let log = Arc::clone(&log);
        move || log.lock().unwrap().push(event)
    };
    let handle = lp.remote();
    lp.call_soon(note("first"));
    elsewhere(|| handle.call_soon_threadsafe(note("second")).map(drop)).expect("the loop is open");
    lp.call_soon(note("third"));
    handle.call_soon_threadsafe(note("fourth")).expect("the loop is open");
    let fifth = note("fifth");
    let task = lp.create_task(async move { fifth() });
    lp.run_until_complete(task).expect("it runs");
    assert_eq!(*log.lock().unwrap(), ["first", "second", "third", "fourth", "fifth"]);
}

#[test]
fn a_call_made_while_the_batch_runs_waits_for_the_next_iteration() {
    let lp = real_loop();
    let log = lp
        .run_until_complete(async {
            let log = Arc::new(Mutex::new(Vec::new()));
            let (said, handle) = (Arc::clone(&log), LoopHandle::current());
            EventLoop::current().call_soon(move || {
                elsewhere(|| {
                    let said = Arc::clone(&said);
                    handle.call_soon_threadsafe(move || said.lock().unwrap().push("called")).map(drop)
                })
                .expect("the loop is open");
                said.lock().unwrap().push("sent");
            });
            let said = Arc::clone(&log);
            EventLoop::current().call_soon(move || said.lock().unwrap().push("same batch"));
            yield_now().await;
            yield_now().await;
            log.lock().unwrap().clone()
        })
        .expect("it runs");
    assert_eq!(log, ["sent", "same batch", "called"]);
}

#[test]
fn a_call_that_panics_is_reported_and_the_loop_goes_on() {
    let lp = real_loop();
    let reports = reports(&lp);
    let went_on = run_beside(&lp, |handle| {
        handle.call_soon_threadsafe(|| panic!("oh")).expect("the loop is open");
        let asked = handle.run_coroutine_threadsafe(|| async { 1 }).expect("the loop is open");
        asked.result_timeout(PATIENCE)
    });
    assert!(matches!(went_on, Ok(1)));
    assert_eq!(*reports.borrow(), ["Exception in callback: panicked: oh"]);
}

#[test]
fn a_closed_loop_refuses_and_the_closure_goes_on_the_senders_thread() {
    let lp = real_loop();
    let handle = lp.remote();
    assert!(!handle.is_closed());
    lp.close().expect("it does not run");
    assert!(handle.is_closed());
    let (witness, dropped) = witness();
    let sender = elsewhere(|| {
        assert_eq!(handle.call_soon_threadsafe(move || drop(witness)).unwrap_err(), Closed);
        handle.stop();
        thread::current().id()
    });
    assert_eq!(dropped.recv_timeout(PATIENCE), Ok(sender));
    assert_eq!(handle.run_coroutine_threadsafe(|| async {}).unwrap_err(), Closed);
    // neither does a handle reach the loop that has the number now
    drop(lp);
    let others: Vec<EventLoop> = (0..600).map(|_| real_loop()).collect();
    assert!(handle.is_closed() && handle.call_soon_threadsafe(|| ()).is_err());
    assert!(others.iter().all(|other| other.remote() != handle));
}

#[test]
fn what_was_sent_and_not_run_is_dropped_by_the_thread_that_closes_the_loop_although_a_handle_is_left() {
    let lp = real_loop();
    let (witness, dropped) = witness();
    let handle = lp.remote();
    let kept = elsewhere(|| handle.call_soon_threadsafe(move || drop(witness))).expect("the loop is open");
    assert!(dropped.try_recv().is_err());
    lp.close().expect("it does not run");
    assert_eq!(dropped.try_recv(), Ok(thread::current().id()));
    assert!(!kept.cancelled());
}

#[test]
fn a_closure_that_sends_when_it_is_dropped_meets_no_lock() {
    struct Sends(LoopHandle, mpsc::Sender<bool>);
    impl Drop for Sends {
        fn drop(&mut self) {
            let _ = self.1.send(self.0.call_soon_threadsafe(|| ()).is_ok());
        }
    }
    let lp = real_loop();
    let (sender, receiver) = mpsc::channel();
    for _ in 0..3 {
        let sends = Sends(lp.remote(), sender.clone());
        lp.remote().call_soon_threadsafe(move || drop(sends)).expect("the loop is open");
    }
    let taken_back = Sends(lp.remote(), sender.clone());
    lp.remote().call_soon_threadsafe(move || drop(taken_back)).expect("the loop is open").cancel();
    lp.close().expect("it does not run");
    let refused = Sends(lp.remote(), sender);
    assert!(lp.remote().call_soon_threadsafe(move || drop(refused)).is_err());
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [true, false, false, false, false]);
}

#[test]
fn a_handle_does_not_keep_its_loop_open() {
    let (witness, dropped) = witness();
    let lp = real_loop();
    let handle = lp.remote();
    lp.call_soon(move || drop(witness));
    drop(lp);
    assert!(dropped.try_recv().is_ok() && handle.is_closed());
}

#[test]
fn threads_that_send_while_the_loop_closes_are_served_or_refused() {
    let mut refusals = 0;
    for _ in 0..50 {
        let lp = real_loop();
        let handle = lp.remote();
        let (witness, dropped) = witness();
        let sender = thread::spawn(move || {
            let witness = Arc::new(witness);
            for _ in 0..100_000 {
                let witness = Arc::clone(&witness);
                if handle.call_soon_threadsafe(move || drop(witness)).is_err() {
                    break;
                }
            }
            handle.is_closed()
        });
        lp.run_until_complete(yield_now()).expect("it runs");
        drop(lp);
        let refused = sender.join().expect("it does not panic");
        dropped.recv_timeout(PATIENCE).expect("every closure is gone");
        refusals += u32::from(refused);
    }
    assert!(refusals > 0, "no loop closed under its sender");
}

#[test]
fn cancel_takes_back_what_has_not_run_and_drops_it_there() {
    let lp = real_loop();
    let (witness, dropped) = witness();
    let handle = lp.remote();
    let canceller = elsewhere(|| {
        let call = handle.call_soon_threadsafe(move || drop(witness)).expect("the loop is open");
        assert!(!call.cancelled());
        call.cancel();
        call.cancel();
        assert!(call.cancelled());
        thread::current().id()
    });
    assert_eq!(dropped.try_recv(), Ok(canceller));
    lp.run_until_complete(yield_now()).expect("it runs");
}

#[test]
fn after_cancel_the_callback_is_over() {
    let lp = real_loop();
    let (over, cancelled) = run_beside(&lp, |handle| {
        let (begun, begins) = mpsc::channel();
        let over = Arc::new(AtomicUsize::new(0));
        let ends = Arc::clone(&over);
        let call = handle.call_soon_threadsafe(move || {
            begun.send(()).unwrap();
            thread::sleep(Duration::from_millis(20)); // while the other cancels
            ends.store(1, Ordering::Relaxed);
        });
        let call = call.expect("the loop is open");
        begins.recv_timeout(PATIENCE).expect("it begins");
        call.cancel();
        (over.load(Ordering::Relaxed), call.cancelled())
    });
    assert_eq!((over, cancelled), (1, true));
}

#[test]
fn a_callback_may_cancel_itself() {
    let lp = real_loop();
    let place = Arc::new(Mutex::new(None::<ThreadsafeHandle>));
    let own = Arc::clone(&place);
    let call = move || {
        let own = own.lock().unwrap().clone().expect("it is there");
        own.cancel();
        assert!(own.cancelled());
    };
    *place.lock().unwrap() = Some(lp.remote().call_soon_threadsafe(call).expect("the loop is open"));
    lp.run_until_complete(yield_now()).expect("it runs");
    assert!(place.lock().unwrap().as_ref().is_some_and(ThreadsafeHandle::cancelled));
}

#[test]
fn stop_from_another_thread_ends_the_run_after_its_iteration() {
    let lp = real_loop();
    lp.remote().stop();
    lp.remote().stop();
    let ran = Rc::new(Cell::new(false));
    let runs = Rc::clone(&ran);
    lp.call_soon(move || runs.set(true));
    lp.run_forever().expect("it is stopped");
    assert!(ran.get());
    lp.run_until_complete(yield_now()).expect("one stop is enough for one run");
}

#[test]
fn a_coroutine_that_is_not_send_runs_and_its_value_comes_back() {
    let lp = real_loop();
    let value = run_beside(&lp, |handle| {
        let asked = handle.run_coroutine_threadsafe(|| async {
            let not_send = Rc::new(Cell::new(40));
            sleep(Duration::from_millis(1)).await;
            not_send.get() + 2
        });
        let asked = asked.expect("the loop is open");
        let value = asked.result();
        assert!(asked.done() && !asked.cancelled() && !asked.cancel());
        assert!(matches!(asked.result(), Err(TaskError::Taken)));
        value
    });
    assert!(matches!(value, Ok(42)));
}

#[test]
fn a_panic_of_the_coroutine_comes_back_and_is_not_reported() {
    let lp = real_loop();
    lp.set_exception_handler(|context| panic!("reported: {context}"));
    let ended = run_beside(&lp, |handle| {
        let asked = handle.run_coroutine_threadsafe(|| async { panic!("oh") as () });
        asked.expect("the loop is open").result_timeout(PATIENCE)
    });
    let Err(TaskError::Panicked(panic)) = ended else { panic!("{ended:?}") };
    assert_eq!(panic_of(|| panic.resume()), "oh");
}

#[test]
fn a_panic_of_a_coroutine_that_no_thread_looks_at_is_reported_once() {
    let lp = real_loop();
    let reports = reports(&lp);
    let panics = || async {
        yield_now().await;
        panic!("oh") as ()
    };
    // dropped before its end, and after it; and one whose result is looked at
    run_beside(&lp, move |handle| drop(handle.run_coroutine_threadsafe(panics).expect("the loop is open")));
    lp.run_until_complete(until(|| !reports.borrow().is_empty())).expect("it runs");
    run_beside(&lp, move |handle| {
        let asked = handle.run_coroutine_threadsafe(panics).expect("the loop is open");
        while !asked.done() {
            thread::yield_now();
        }
    });
    lp.run_until_complete(until(|| reports.borrow().len() > 1)).expect("it runs");
    run_beside(&lp, move |handle| {
        let asked = handle.run_coroutine_threadsafe(panics).expect("the loop is open");
        assert!(matches!(asked.result_timeout(PATIENCE), Err(TaskError::Panicked(_))));
    });
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!(reports.take(), ["Future exception was never retrieved: panicked: oh"; 2]);
}

#[test]
fn a_coroutine_that_fails_to_start_is_reported_once() {
    let lp = real_loop();
    let reports = reports(&lp);
    let start = || -> Pending<()> { panic!("oh") };
    run_beside(&lp, move |handle| drop(handle.run_coroutine_threadsafe(start).expect("the loop is open")));
    lp.run_until_complete(until(|| !reports.borrow().is_empty())).expect("it runs");
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!(reports.take().len(), 1);
}

#[test]
fn a_result_is_waited_for_no_longer_than_asked() {
    let lp = real_loop();
    run_beside(&lp, |handle| {
        let asked = handle.run_coroutine_threadsafe(pending::<()>).expect("the loop is open");
        assert!(matches!(asked.result_timeout(Duration::from_millis(5)), Err(TaskError::NotDone)));
        assert!(!asked.done());
    });
    // dropping the thread's share cancels nothing
    let _in = lp.enter();
    assert_eq!(all_tasks().len(), 1);
}

#[test]
fn cancelling_from_the_thread_cancels_the_task_which_may_clean_up() {
    let lp = real_loop();
    let (begins, started) = mpsc::channel();
    let (cleaned, clean) = mpsc::channel();
    run_beside(&lp, move |handle| {
        let asked = handle.run_coroutine_threadsafe(move || async move {
            begins.send(()).unwrap();
            let caught = catch_cancelled(pending::<()>()).await;
            yield_now().await;
            cleaned.send(caught.is_err()).unwrap();
        });
        let asked = asked.expect("the loop is open");
        started.recv_timeout(PATIENCE).expect("it begins");
        assert!(asked.cancel() && asked.cancel());
        assert!(asked.done() && asked.cancelled());
        assert!(matches!(asked.result(), Err(TaskError::Cancelled(_))));
        assert_eq!(clean.recv_timeout(PATIENCE), Ok(true));
        assert!(asked.cancelled(), "whatever the task makes of it");
    });
    let _in = lp.enter();
    assert!(all_tasks().is_empty());
}

#[test]
fn a_coroutine_that_is_cancelled_before_it_begins_never_does() {
    let lp = real_loop();
    let (witness, dropped) = witness();
    let handle = lp.remote();
    elsewhere(|| {
        let asked = handle.run_coroutine_threadsafe(move || {
            drop(witness);
            async { panic!("it began") as () }
        });
        assert!(asked.expect("the loop is open").cancel());
    });
    lp.run_until_complete(async {
        yield_now().await;
        assert_eq!(all_tasks().len(), 1);
    })
    .expect("it runs");
    assert_eq!(dropped.try_recv(), Ok(thread::current().id()));
}

#[test]
fn a_cancelled_task_shows_as_cancelled_to_the_thread() {
    let lp = real_loop();
    run_beside(&lp, |handle| {
        let asked = handle.run_coroutine_threadsafe(|| async {
            current_task().expect("inside a task").cancel_with("enough");
            yield_now().await;
        });
        let asked = asked.expect("the loop is open");
        let ended = asked.result_timeout(PATIENCE);
        assert!(matches!(ended, Err(TaskError::Cancelled(by)) if by.message() == Some("enough")));
        assert!(asked.cancelled());
    });
}

#[test]
fn a_cancellation_that_comes_late_hits_no_other_task() {
    let lp = real_loop();
    let handle = lp.remote();
    let asked = handle.run_coroutine_threadsafe(|| async {}).expect("the loop is open");
    let other = lp
        .run_until_complete(async move {
            yield_now().await; // the task has ended, and the thread is told in the next iteration
            assert!(all_tasks().len() == 1 && !asked.done());
            let other = create_task(async {
                yield_now().await;
                yield_now().await;
                yield_now().await;
            });
            assert!(asked.cancel());
            other.await;
            true
        })
        .expect("it runs");
    assert!(other);
}

#[test]
fn closing_the_loop_frees_who_waits_for_a_result() {
    for begun in [false, true] {
        let lp = real_loop();
        let handle = lp.remote();
        let (asks, asked) = mpsc::channel();
        let waits = thread::spawn(move || {
            let future = handle.run_coroutine_threadsafe(pending::<()>).expect("the loop is open");
            asks.send(()).unwrap();
            future.result()
        });
        asked.recv_timeout(PATIENCE).expect("it asks");
        if begun {
            lp.run_until_complete(async {
                yield_now().await;
                yield_now().await;
            })
            .expect("it runs");
        }
        drop(lp);
        let ended = waits.join().expect("it does not panic");
        assert!(matches!(ended, Err(TaskError::Closed)), "{ended:?}");
    }
}

#[test]
fn result_on_the_loops_own_thread_is_refused() {
    let lp = real_loop();
    lp.run_until_complete(async {
        let asked = LoopHandle::current().run_coroutine_threadsafe(|| async { 1 }).expect("the loop is open");
        assert!(matches!(asked.result_timeout(Duration::ZERO), Err(TaskError::NotDone)));
        for wait in [ThreadsafeFuture::result, |asked: &_| ThreadsafeFuture::result_timeout(asked, PATIENCE)] {
            let text = panic_of(|| wait(&asked));
            assert!(text.contains("own thread") && text.contains("create_task"), "{text}");
        }
        for _ in 0..4 {
            yield_now().await;
        }
        assert!(matches!(asked.result(), Ok(1)), "what is done can be had there");
    })
    .expect("it runs");
}

#[test]
fn a_loop_awaits_a_coroutine_of_another_threads_loop() {
    let lp = real_loop();
    let value = run_beside(&lp, |handle| {
        let asked = handle.run_coroutine_threadsafe(|| async {
            sleep(Duration::from_millis(1)).await;
            7
        });
        real_loop().run_until_complete(asked.expect("the loop is open")).expect("it runs")
    });
    assert!(matches!(value, Ok(7)));
}

#[test]
fn a_value_that_is_not_waited_for_is_dropped_on_the_loops_thread() {
    let lp = real_loop();
    let (witness, dropped) = witness();
    let handle = lp.remote();
    elsewhere(|| drop(handle.run_coroutine_threadsafe(move || async { witness }).expect("the loop is open")));
    lp.run_until_complete(async {
        yield_now().await;
        yield_now().await;
    })
    .expect("it runs");
    assert_eq!(dropped.try_recv(), Ok(thread::current().id()));
}

#[test]
fn a_handle_held_elsewhere_does_not_hold_up_a_virtual_clock() {
    let lp = virtual_loop();
    let handle = lp.remote();
    lp.run_until_complete(sleep(Duration::from_secs(3600))).expect("time jumps");
    let never = lp.run_until_complete(async { create_future::<()>().await });
    assert!(matches!(never, Err(oneloop::Error::Deadlock(_))));
    assert!(!handle.is_closed());
}

#[test]
fn another_thread_is_given_the_call_graph_in_the_next_iteration() {
    let lp = real_loop();
    lp.create_task(pending::<()>()).named("waits");
    let graph = run_beside(&lp, |handle| handle.call_graph().expect("the loop is open").result_timeout(PATIENCE));
    let graph = graph.expect("the loop runs");
    let names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["waits"], "no task was made for the answer");
}

#[test]
fn a_loop_gives_itself_the_call_graph_at_once() {
    let lp = real_loop();
    let handle = lp.remote();
    let graph = lp.run_until_complete(async move { handle.call_graph().unwrap().result() }).unwrap().unwrap();
    assert!(graph.to_string().starts_with("Task-1 runs"), "{graph}");
}

#[test]
fn a_call_graph_comes_late_from_a_loop_that_does_not_run_and_never_from_one_that_is_closed() {
    let lp = real_loop();
    let handle = lp.remote();
    let asked = elsewhere(|| handle.call_graph().unwrap());
    let early = elsewhere(|| asked.result_timeout(Duration::from_millis(5)));
    assert!(matches!(early, Err(TaskError::NotDone)));
    let other = elsewhere(|| handle.call_graph().unwrap());
    lp.run_until_complete(yield_now()).unwrap();
    assert!(asked.result().is_ok() && other.result().is_ok());
    let late = elsewhere(|| handle.call_graph().unwrap());
    lp.close().unwrap();
    assert!(matches!(late.result(), Err(TaskError::Closed)));
    assert!(matches!(handle.call_graph(), Err(Closed)));
    assert!(matches!(elsewhere(|| handle.call_graph()), Err(Closed)));
}
