//! All interleavings of what threads do with the parts of this folder, tried by loom: a callback that is cancelled
//! while it runs, a result that is waited for while it is settled, a pool that gets jobs while it shuts down. Must not
//! know loops.

use super::callback::ThreadsafeHandle;
use super::future::ThreadsafeFuture;
use super::pool::{Job, ThreadPool};
use crate::base::concurrency::{Arc, AtomicBool, AtomicU64, Ordering, interleave, thread};
use crate::error::TaskError;
use crate::kernel::LoopSender;

/// A thread of the test; not that of a loop.
fn on_another_thread<R: 'static>(f: impl FnOnce() -> R + 'static) -> thread::JoinHandle<R> {
    thread::spawn(f)
}

/// Counts how often it was made and not dropped.
struct Counted(Arc<AtomicU64>);

impl Counted {
    fn new(alive: &Arc<AtomicU64>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn after_cancel_has_returned_the_callback_does_not_run_and_what_it_held_is_dropped() {
    interleave("a callback is called and cancelled", || {
        let (is_taken_down, alive) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (used, held) = (Arc::clone(&is_taken_down), Counted::new(&alive));
        let (handle, call) = ThreadsafeHandle::new(move || {
            assert!(!used.load(Ordering::Relaxed), "it runs although cancel() has returned");
            drop(held);
            assert!(!used.load(Ordering::Relaxed), "it still runs although cancel() has returned");
        });
        let runs = on_another_thread(move || call.run());
        handle.cancel();
        is_taken_down.store(true, Ordering::Relaxed);
        assert_eq!(alive.load(Ordering::Relaxed), 0);
        assert!(handle.cancelled());
        runs.join().unwrap();
    });
}

#[test]
fn a_callback_that_two_threads_cancel_while_its_loop_discards_it_is_dropped_once() {
    interleave("a callback is discarded and cancelled", || {
        let alive = Arc::new(AtomicU64::new(0));
        let held = Counted::new(&alive);
        let (handle, call) = ThreadsafeHandle::new(move || drop(held));
        let again = handle.clone();
        let others = [on_another_thread(move || drop(call)), on_another_thread(move || again.cancel())];
        handle.cancel();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_result_is_received_by_one_of_two_that_wait_for_it() {
    interleave("a result is settled and waited for", || {
        // the future of a loop that another thread runs
        let (future, reply) =
            on_another_thread(|| ThreadsafeFuture::<u8>::new(LoopSender::to_nowhere())).join().unwrap();
        let future = Arc::new(future);
        let waiting = Arc::clone(&future);
        let waits = on_another_thread(move || waiting.result());
        let settles = on_another_thread(move || reply.settle(Ok(7)));
        let results = [future.result(), waits.join().unwrap()];
        settles.join().unwrap();
        let received = results.iter().filter(|result| matches!(result, Ok(7))).count();
        let taken = results.iter().filter(|result| matches!(result, Err(TaskError::Taken))).count();
        assert_eq!((received, taken), (1, 1));
    });
}

#[test]
fn a_wait_ends_when_the_coroutine_is_cancelled_while_its_loop_closes() {
    interleave("a future is cancelled and its loop closes", || {
        let (future, reply) =
            on_another_thread(|| ThreadsafeFuture::<u8>::new(LoopSender::to_nowhere())).join().unwrap();
        let future = Arc::new(future);
        let cancelling = Arc::clone(&future);
        let cancels = on_another_thread(move || cancelling.cancel());
        let closes = on_another_thread(move || drop(reply));
        let ended = future.result();
        let is_cancelled = cancels.join().unwrap();
        closes.join().unwrap();
        match ended {
            Err(TaskError::Cancelled(_)) => assert!(is_cancelled && future.cancelled()),
            Err(TaskError::Closed) => assert!(!is_cancelled && !future.cancelled()),
            other => panic!("{other:?}"),
        }
    });
}

/// A job that notes that it was run, and that its end was reported.
#[derive(Default)]
struct Noted {
    runs: AtomicU64,
    reports: AtomicU64,
}

impl Job for Noted {
    fn run(&self) {
        self.runs.fetch_add(1, Ordering::Relaxed);
    }

    fn report_end(&self) {
        self.reports.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_pool_that_is_dropped_runs_its_jobs_and_ends_its_threads() {
    interleave("a pool of two gets two jobs and is dropped", || {
        let (pool, jobs) = (ThreadPool::new(2), [(); 2].map(|()| Arc::new(Noted::default())));
        for job in &jobs {
            pool.submit(Arc::clone(job) as Arc<dyn Job>).unwrap();
        }
        let ended = Arc::new(AtomicU64::new(0));
        let end = Arc::clone(&ended);
        pool.shut_down(move || {
            end.fetch_add(1, Ordering::Release);
        });
        while ended.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
        for job in &jobs {
            assert_eq!((job.runs.load(Ordering::Relaxed), job.reports.load(Ordering::Relaxed)), (1, 1));
        }
        assert_eq!((pool.thread_count(), ended.load(Ordering::Relaxed)), (0, 1));
    });
}

#[test]
fn a_job_that_comes_while_the_pool_shuts_down_runs_or_is_refused() {
    interleave("a pool gets a job while it shuts down", || {
        let (pool, job) = (ThreadPool::new(1), Arc::new(Noted::default()));
        let (closing, ended) = (pool.clone(), Arc::new(AtomicBool::new(false)));
        let end = Arc::clone(&ended);
        let closes = on_another_thread(move || closing.shut_down(move || end.store(true, Ordering::Release)));
        let is_accepted = pool.submit(Arc::clone(&job) as Arc<dyn Job>).is_ok();
        closes.join().unwrap();
        while !ended.load(Ordering::Acquire) {
            thread::yield_now();
        }
        assert_eq!(job.runs.load(Ordering::Relaxed), u64::from(is_accepted));
        assert_eq!(pool.thread_count(), 0);
    });
}
