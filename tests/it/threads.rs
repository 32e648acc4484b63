//! Calls that block, awaited on the loop: results, panics, cancellations, the clock; and names looked up so.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self};
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use oneloop::{
    Awaitable, Error, EventLoop, ThreadPool, create_future, create_task, gather, getaddrinfo, sleep, timeout,
    to_thread, yield_now,
};

use crate::support::{Bomb, PATIENCE, real_loop, reports, until, virtual_loop, witness};

/// What opens a job that waits, and the wait.
fn gate() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
    let (opens, opened) = mpsc::channel::<()>();
    (opens, move || {
        assert_ne!(opened.recv_timeout(PATIENCE), Err(mpsc::RecvTimeoutError::Timeout), "the gate stays shut");
    })
}

#[test]
fn to_thread_begins_when_it_is_awaited_and_run_in_executor_at_once() {
    let lp = real_loop();
    let begun = Arc::new(AtomicBool::new(false));
    let begins = || {
        let begun = Arc::clone(&begun);
        move || begun.store(true, Ordering::Release)
    };
    lp.run_until_complete(async {
        let lazy = to_thread(begins());
        sleep(Duration::from_millis(5)).await;
        assert!(!begun.load(Ordering::Acquire));
        lazy.await;
        assert!(begun.swap(false, Ordering::AcqRel));
    })
    .expect("it runs");
    drop(lp.run_in_executor(None, begins()));
    let started = Instant::now();
    while !begun.load(Ordering::Acquire) {
        assert!(started.elapsed() < PATIENCE, "the loop did not run, nor need to");
        thread::yield_now();
    }
}

#[test]
fn the_loop_goes_on_while_a_job_blocks() {
    let lp = real_loop();
    let (opens, wait) = gate();
    lp.run_until_complete(async {
        let job = create_task(to_thread(wait));
        sleep(Duration::from_millis(1)).await;
        assert!(!job.done(), "it blocks its thread");
        opens.send(()).expect("the job waits");
        job.await;
    })
    .expect("it runs");
}

#[test]
fn a_panic_goes_on_in_the_awaiter_with_its_payload() {
    let payload = catch_unwind(|| {
        let ended: Result<(), _> = real_loop().run_until_complete(to_thread(|| std::panic::panic_any(7_u8)));
        unreachable!("{ended:?}");
    })
    .unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&7_u8));
}

#[test]
fn a_panic_that_is_not_awaited_is_reported() {
    let lp = real_loop();
    let reports = reports(&lp);
    drop(lp.run_in_executor(None, || panic!("oh") as ()));
    assert_eq!(lp.run_until_complete(lp.shutdown_default_executor(PATIENCE)).expect("it runs"), Ok(()));
    assert_eq!(*reports.borrow(), ["Future exception was never retrieved: panicked: oh"]);
}

/// What is reported when `call` runs on a thread, and the wait for it is cancelled before it has ended.
fn reports_of_a_call_that_was_given_up<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Vec<String> {
    let lp = real_loop();
    let reports = reports(&lp);
    let (opens, wait) = gate();
    let (begins, begun) = mpsc::channel();
    lp.run_until_complete(async {
        let job = create_task(to_thread(move || {
            begins.send(()).unwrap();
            wait();
            call()
        }));
        until(|| begun.try_recv().is_ok()).await;
        assert!(job.cancel());
        until(|| job.cancelled()).await;
        opens.send(()).expect("the job waits");
        until(|| !reports.borrow().is_empty()).await;
    })
    .expect("it runs");
    reports.take()
}

#[test]
fn a_panic_of_a_call_that_was_given_up_is_reported_to_its_loop() {
    let late = reports_of_a_call_that_was_given_up(|| panic!("late") as ());
    assert_eq!(late, ["Exception in a thread for a task that has given it up: panicked: late"]);
    let of_its_value = reports_of_a_call_that_was_given_up(|| Bomb);
    assert_eq!(of_its_value, ["Exception in destructor: panicked: the bomb went off"]);
}

#[test]
fn a_panic_that_has_come_and_is_cancelled_before_its_turn_is_reported() {
    let (lp, pool) = (real_loop(), ThreadPool::new(1));
    let reports = reports(&lp);
    let job: Awaitable<()> = lp.run_in_executor(Some(&pool), || panic!("late"));
    let (sender, receiver) = mpsc::channel();
    drop(lp.run_in_executor(Some(&pool), move || sender.send(()).unwrap()));
    receiver.recv_timeout(PATIENCE).expect("it begins when the first has ended");
    assert!(job.cancel(), "the loop has not run since");
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!(reports.take(), ["Exception in a thread for a task that has given it up: panicked: late"]);
}

#[test]
fn a_panic_that_a_closed_loop_no_longer_takes_is_reported_as_it_closes() {
    let (lp, pool) = (real_loop(), ThreadPool::new(1));
    let reports = reports(&lp);
    drop(lp.run_in_executor(Some(&pool), || panic!("late") as ()));
    let (sender, receiver) = mpsc::channel();
    drop(lp.run_in_executor(Some(&pool), move || sender.send(()).unwrap()));
    receiver.recv_timeout(PATIENCE).expect("it begins when the first has ended");
    lp.close().expect("it does not run");
    assert_eq!(reports.take(), ["Exception in a thread for a task that has given it up: panicked: late"]);
}

#[test]
fn a_cancelled_wait_does_not_wait_for_the_thread_and_the_result_is_dropped_there() {
    let lp = real_loop();
    let (opens, wait) = gate();
    let (witness, dropped) = witness();
    let (ran, runs) = mpsc::channel();
    lp.run_until_complete(async {
        let job = create_task(to_thread(move || {
            ran.send(thread::current().id()).unwrap();
            wait();
            witness
        }));
        let thread = loop {
            yield_now().await;
            if let Ok(thread) = runs.try_recv() {
                break thread;
            }
        };
        job.cancel();
        let handle = job.handle();
        drop(job);
        yield_now().await;
        yield_now().await;
        assert!(handle.cancelled(), "although the job blocks");
        opens.send(()).expect("the job waits");
        assert_eq!(dropped.recv_timeout(PATIENCE), Ok(thread));
    })
    .expect("it runs");
}

#[test]
fn a_job_that_has_not_begun_is_withdrawn_and_dropped_on_the_loops_thread() {
    for by_drop in [false, true] {
        let lp = real_loop();
        lp.set_default_executor(ThreadPool::new(1));
        let (opens, wait) = gate();
        let (witness, dropped) = witness();
        let first = lp.run_in_executor(None, wait);
        lp.run_until_complete(async {
            let mut second = Box::pin(to_thread(move || {
                drop(witness);
                unreachable!("it began");
            }));
            if by_drop {
                assert!(matches!(select(&mut second, Box::pin(yield_now())).await, Either::Right(_)));
                drop(second);
            } else {
                let second = create_task(second);
                yield_now().await;
                second.cancel();
            }
            yield_now().await;
            yield_now().await;
            assert_eq!(dropped.try_recv(), Ok(thread::current().id()));
            opens.send(()).expect("the job waits");
            first.await;
            let _ = EventLoop::current().shutdown_default_executor(PATIENCE).await;
        })
        .expect("it runs");
    }
}

#[test]
fn a_job_whose_handle_is_dropped_runs_all_the_same() {
    let lp = real_loop();
    let (sender, receiver) = mpsc::channel();
    drop(lp.run_in_executor(None, move || sender.send(1).unwrap()));
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(1));
}

#[test]
fn a_result_that_has_come_and_is_cancelled_before_its_turn_is_dropped_on_the_loops_thread() {
    let (lp, pool) = (real_loop(), ThreadPool::new(1));
    let (witness, dropped) = witness();
    let job = lp.run_in_executor(Some(&pool), move || witness);
    let (sender, receiver) = mpsc::channel();
    drop(lp.run_in_executor(Some(&pool), move || sender.send(()).unwrap()));
    receiver.recv_timeout(PATIENCE).expect("it begins when the first has ended");
    assert!(job.cancel(), "the loop has not run since");
    lp.run_until_complete(yield_now()).expect("it runs");
    assert!(job.cancelled());
    assert_eq!(dropped.try_recv(), Ok(thread::current().id()));
}

#[test]
fn jobs_are_gathered_and_limited_in_time() {
    let lp = real_loop();
    let (opens, wait) = gate();
    lp.run_until_complete(async {
        let lp = EventLoop::current();
        let values = gather((0..20).map(|i| lp.run_in_executor(None, move || i * i))).await;
        assert_eq!(values, (0..20).map(|i| i * i).collect::<Vec<_>>());
        assert!(timeout(Duration::from_millis(5), to_thread(wait)).await.is_err());
        drop(opens);
    })
    .expect("it runs");
}

#[test]
fn a_job_may_send_to_the_loop_that_waits_for_it() {
    let lp = real_loop();
    let handle = lp.remote();
    let value = lp.run_until_complete(to_thread(move || {
        let asked = handle.run_coroutine_threadsafe(|| async {
            yield_now().await;
            to_thread(|| 5).await
        });
        asked.expect("the loop is open").result_timeout(PATIENCE)
    }));
    assert!(matches!(value, Ok(Ok(5))));
}

#[test]
fn a_virtual_clock_does_not_jump_while_a_job_is_on_its_way() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let lp = EventLoop::current();
        let before = lp.time();
        let value = timeout(
            PATIENCE,
            to_thread(|| {
                thread::sleep(Duration::from_millis(20)); // while the loop could jump
                1
            }),
        );
        assert_eq!(value.await, Ok(1));
        assert_eq!(lp.time(), before, "only deadlines move it");
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(lp.time() - before, Duration::from_secs(3600));
    })
    .expect("a job is no deadlock");
}

#[test]
fn a_deadline_on_a_virtual_clock_comes_by_the_real_one_while_a_job_is_on_its_way() {
    let lp = virtual_loop();
    let handle = lp.remote();
    let (before, started) = (lp.time(), Instant::now());
    let job = to_thread(move || {
        let asked = handle.run_coroutine_threadsafe(|| async {
            sleep(Duration::from_millis(10)).await;
            sleep(Duration::from_millis(10)).await;
        });
        let asked = asked.expect("the loop is open");
        // messages meanwhile do not put it off
        while !asked.done() {
            handle.call_soon_threadsafe(|| ()).expect("the loop is open");
            thread::sleep(Duration::from_millis(1));
        }
        asked.result()
    });
    assert!(matches!(lp.run_until_complete(timeout(PATIENCE, job)), Ok(Ok(Ok(())))));
    assert_eq!(lp.time() - before, Duration::from_millis(20));
    assert!(started.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_virtual_clock_goes_on_when_the_job_was_cancelled() {
    let lp = virtual_loop();
    let (opens, wait) = gate();
    let job = lp.run_in_executor(None, wait);
    lp.run_until_complete(async move {
        job.cancel();
        sleep(Duration::from_secs(3600)).await;
    })
    .expect("time jumps");
    let never = lp.run_until_complete(async { create_future::<()>().await });
    assert!(matches!(never, Err(Error::Deadlock(_))));
    drop(opens);
}

#[test]
fn a_loop_is_closed_and_dropped_with_jobs_on_their_way() {
    let witness = Arc::new(());
    for _ in 0..50 {
        let lp = real_loop();
        let jobs: Vec<_> = (0..20)
            .map(|_| {
                let held = Arc::clone(&witness);
                lp.run_in_executor(None, move || held)
            })
            .collect();
        lp.run_until_complete(yield_now()).expect("it runs");
        drop(lp);
        drop(jobs);
    }
    let started = Instant::now();
    while Arc::strong_count(&witness) > 1 {
        assert!(started.elapsed() < PATIENCE, "a job or its result is kept");
        thread::yield_now();
    }
}

/// Else the last handle of the program would not be the last one.
#[test]
fn a_task_that_waits_for_a_thread_does_not_keep_its_loop_open() {
    for of_a_pool in [false, true] {
        let (opens, wait) = gate();
        let (witness, dropped) = witness();
        let lp = real_loop();
        drop(lp.create_task(async move {
            let _witness = witness;
            if of_a_pool {
                let job = EventLoop::current().run_in_executor(None, wait);
                job.await;
            } else {
                to_thread(wait).await;
            }
        }));
        lp.run_until_complete(yield_now()).expect("it runs");
        drop(lp);
        assert!(dropped.try_recv().is_ok(), "the loop is closed, and the task with it");
        drop(opens);
    }
}

#[test]
fn a_closed_loop_takes_no_job() {
    let lp = real_loop();
    lp.close().expect("it does not run");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(lp.run_in_executor(None, || ())))).is_err());
}

#[test]
fn numeric_addresses_are_answered_at_once_and_without_a_thread() {
    let lp = virtual_loop();
    let pool = ThreadPool::new(1);
    lp.set_default_executor(pool.clone());
    for (host, address) in [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("0.0.0.0", "0.0.0.0:80")] {
        let found = lp.run_until_complete(getaddrinfo(host, 80)).expect("it runs").expect("an address");
        assert_eq!(found, [address.parse().expect("an address")]);
    }
    assert_eq!(pool.thread_count(), 0);
}

#[test]
fn names_are_looked_up_on_a_thread() {
    let lp = real_loop();
    let pool = ThreadPool::new(1);
    lp.set_default_executor(pool.clone());
    let found = lp.run_until_complete(getaddrinfo("localhost", 7)).expect("it runs").expect("every machine has it");
    assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback() && address.port() == 7));
    assert_eq!(pool.thread_count(), 1);
    let unknown = lp.run_until_complete(getaddrinfo("no such name", 7)).expect("it runs");
    assert!(unknown.is_err());
}
