//! Pools of threads: how many there are, who does what, and how they end.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::{EventLoop, ThreadPool, TimeoutError, gather, sleep};

use crate::support::{PATIENCE, panic_of, real_loop, virtual_loop};

/// A gate that jobs wait at. It opens at the end of a test that fails, too.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// # Panics
    /// If it stays shut.
    fn pass(&self) {
        let opened = self.0.1.wait_timeout_while(self.0.0.lock().unwrap(), PATIENCE, |open| !*open).unwrap();
        assert!(*opened.0, "the gate stays shut");
    }
}

fn name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// Waits until `holds`, which other threads bring about.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_pool_has_no_more_threads_than_it_may_and_starts_one_only_when_none_is_idle() {
    let (lp, pool, gate) = (real_loop(), ThreadPool::new(3), Gate::default());
    assert_eq!(pool.thread_count(), 0);
    let begin = Arc::new(Barrier::new(4));
    let jobs: Vec<_> = (0..7)
        .map(|i| {
            let (gate, begin) = (gate.clone(), Arc::clone(&begin));
            lp.run_in_executor(Some(&pool), move || {
                if i < 3 {
                    begin.wait();
                }
                gate.pass();
                name()
            })
        })
        .collect();
    begin.wait(); // three at once, so there are three
    assert_eq!(pool.thread_count(), 3);
    gate.open();
    let _in = lp.enter();
    let names = lp.run_until_complete(gather(jobs)).expect("they end");
    assert_eq!(
        names.into_iter().collect::<BTreeSet<_>>(),
        ["oneloop-0", "oneloop-1", "oneloop-2"].map(str::to_owned).into()
    );
    assert_eq!(pool.thread_count(), 3);
}

#[test]
fn an_idle_thread_is_used_again() {
    let (lp, pool) = (real_loop(), ThreadPool::new(8));
    for _ in 0..1_000 {
        let name = lp.run_until_complete(lp.run_in_executor(Some(&pool), name)).expect("it ends");
        assert_eq!(name, "oneloop-0");
    }
    assert_eq!(pool.thread_count(), 1);
}

#[test]
fn jobs_begin_in_the_order_in_which_they_were_queued() {
    let (lp, pool) = (real_loop(), ThreadPool::new(1));
    let order = Arc::new(Mutex::new(Vec::new()));
    let jobs: Vec<_> = (0..50)
        .map(|i| {
            let order = Arc::clone(&order);
            lp.run_in_executor(Some(&pool), move || order.lock().unwrap().push(i))
        })
        .collect();
    let _in = lp.enter();
    lp.run_until_complete(gather(jobs)).expect("they end");
    assert_eq!(*order.lock().unwrap(), (0..50).collect::<Vec<_>>());
}

#[test]
fn a_job_that_panics_costs_no_thread() {
    let (lp, pool) = (real_loop(), ThreadPool::new(1));
    let panics = lp.run_in_executor(Some(&pool), || panic!("oh") as ());
    assert!(catch_unwind(AssertUnwindSafe(|| lp.run_until_complete(panics))).is_err());
    let name = lp.run_until_complete(lp.run_in_executor(Some(&pool), name)).expect("it ends");
    assert_eq!((name.as_str(), pool.thread_count()), ("oneloop-0", 1));
}

#[test]
fn the_threads_end_after_their_jobs_when_the_last_handle_goes() {
    let (lp, gate, (sender, receiver)) = (real_loop(), Gate::default(), mpsc::channel());
    let pool = ThreadPool::new(1);
    let other = pool.clone();
    for i in 0..3 {
        let (gate, sender) = (gate.clone(), sender.clone());
        drop(lp.run_in_executor(Some(&other), move || {
            gate.pass();
            sender.send(i).unwrap();
        }));
    }
    drop((pool, other, sender));
    gate.open();
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn two_loops_may_share_a_pool_which_ends_with_the_loop_whose_default_it_is() {
    let pool = ThreadPool::new(2);
    for _ in 0..2 {
        let lp = real_loop();
        let name = lp.run_until_complete(lp.run_in_executor(Some(&pool), name)).expect("it ends");
        assert_eq!(name, "oneloop-0");
    }
    let lp = real_loop();
    lp.set_default_executor(pool.clone());
    drop(lp);
    eventually("the thread ends", || pool.thread_count() == 0);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(real_loop().run_in_executor(Some(&pool), || ())))).is_err());
}

#[test]
fn a_pool_of_no_thread_is_refused() {
    let text = panic_of(|| ThreadPool::new(0));
    assert!(text.contains("1 or more"), "{text}");
}

#[test]
fn shutdown_waits_for_the_jobs_there_are_and_takes_no_more() {
    let (lp, gate) = (real_loop(), Gate::default());
    let pool = ThreadPool::new(1);
    lp.set_default_executor(pool.clone());
    let (first, second) = (gate.clone(), gate.clone());
    let jobs = [lp.run_in_executor(None, move || first.pass()), lp.run_in_executor(None, move || second.pass())];
    lp.run_until_complete(async {
        let ends = oneloop::create_task({
            let lp = EventLoop::current();
            async move { lp.shutdown_default_executor(None).await }
        });
        sleep(Duration::from_millis(5)).await;
        assert!(!ends.done());
        gate.open();
        assert_eq!(ends.await, Ok(()));
        assert_eq!(pool.thread_count(), 0);
        assert_eq!(EventLoop::current().shutdown_default_executor(None).await, Ok(()), "again");
    })
    .expect("it runs");
    assert!(jobs.iter().all(|job| job.done() && !job.cancelled()));
    let text = panic_of(|| drop(lp.run_in_executor(None, || ())));
    assert!(text.contains("shutdown_default_executor()"), "{text}");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(lp.run_in_executor(Some(&pool), || ())))).is_err());
}

#[test]
fn shutdown_gives_up_when_its_time_is_up() {
    gives_up(&real_loop());
    gives_up(&virtual_loop());
}

fn gives_up(lp: &EventLoop) {
    let gate = Gate::default();
    let job = gate.clone();
    drop(lp.run_in_executor(None, move || job.pass()));
    let ended = lp.run_until_complete(lp.shutdown_default_executor(Duration::from_millis(5)));
    assert_eq!(ended.expect("it runs"), Err(TimeoutError));
    gate.open();
    let ended = lp.run_until_complete(lp.shutdown_default_executor(PATIENCE));
    assert_eq!(ended.expect("it runs"), Ok(()));
}

#[test]
fn shutdown_of_an_executor_that_was_never_needed_has_nothing_to_wait_for() {
    let lp = virtual_loop();
    assert_eq!(lp.run_until_complete(lp.shutdown_default_executor(None)).expect("it runs"), Ok(()));
}

#[test]
fn close_ends_the_executor_without_waiting_and_drops_late_results_elsewhere() {
    struct Tells(mpsc::Sender<String>);
    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send(name());
        }
    }
    let (lp, gate, (sender, receiver)) = (real_loop(), Gate::default(), mpsc::channel());
    let pool = ThreadPool::new(1);
    lp.set_default_executor(pool.clone());
    let job = gate.clone();
    let held = lp.run_in_executor(None, move || {
        job.pass();
        Tells(sender)
    });
    lp.close().expect("it does not run");
    drop(lp);
    assert!(receiver.try_recv().is_err());
    gate.open();
    assert_eq!(receiver.recv_timeout(PATIENCE).as_deref(), Ok("oneloop-0"));
    eventually("the thread ends", || pool.thread_count() == 0);
    assert!(!held.done());
}
