//! Threads for blocking calls: asyncio's `ThreadPoolExecutor`. Owns the queue of jobs and the threads that run them;
//! must not know loops, nor the work of a job.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::PoisonError;
use std::thread::available_parallelism;
use std::time::Duration;
use std::{fmt, io};

use super::ignoring_panic::ignoring_panic;
use crate::base::concurrency::{Arc, Condvar, Mutex, MutexGuard, lock, thread};

/// How long a thread waits for a job before it ends.
const IDLE_LIMIT: Duration = Duration::from_secs(10);

/// Work for a thread of a pool.
pub(crate) trait Job: Send + Sync {
    /// Does the work, unless the job was withdrawn. Must not panic.
    fn run(&self);
    /// Reports the end of `run` to the loop that waits for it. Called when the thread counts as idle, so that a new job
    /// that follows from the report finds this thread. Must not panic.
    fn report_end(&self);
}

/// Threads for calls that block. Every loop has a pool of its own, its default executor. Make another one to limit
/// certain calls apart from the others, or to share a pool between loops, and pass it to
/// [`EventLoop::run_in_executor`](crate::EventLoop::run_in_executor). Clones are the same pool.
///
/// When a job comes and no thread is idle, the pool starts a thread, up to its limit. A thread that has been idle for
/// ten seconds ends. When the last handle on the pool is dropped, the threads finish the queued jobs and end.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, ThreadPool, gather, run};
///
/// let squares = run(async {
///     let (lp, two) = (EventLoop::current(), ThreadPool::new(2));
///     gather((1..=3).map(|n| lp.run_in_executor(Some(&two), move || n * n))).await
/// })?;
/// assert_eq!(squares, [1, 4, 9]);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct ThreadPool {
    owner: Arc<Owner>,
}

impl ThreadPool {
    /// A pool of at most `max_threads` threads.
    ///
    /// # Panics
    /// If `max_threads` is 0.
    #[track_caller]
    pub fn new(max_threads: usize) -> Self {
        assert!(max_threads > 0, "a thread pool needs a thread; give ThreadPool::new() 1 or more");
        let shared = PoolInner { state: Mutex::default(), jobs: Condvar::new(), max_threads };
        Self { owner: Arc::new(Owner(Arc::new(shared))) }
    }

    /// The number of threads that are running now, busy or idle.
    pub fn thread_count(&self) -> usize {
        self.shared().lock().threads
    }

    fn shared(&self) -> &Arc<PoolInner> {
        &self.owner.0
    }

    /// Queues a job, and starts a thread for it if none is idle.
    ///
    /// # Errors
    /// If the pool is shut down, or the system has no thread for it.
    pub(crate) fn submit(&self, job: Arc<dyn Job>) -> io::Result<()> {
        let shared = self.shared();
        let mut state = shared.lock();
        if state.is_shut_down {
            return Err(io::Error::other("the thread pool is shut down and accepts no jobs; make a new one"));
        }
        state.queue.push_back(job);
        if state.queue.len() <= state.idle {
            shared.jobs.notify_one();
        } else if state.threads < shared.max_threads
            && let Err(error) = shared.start_thread(&mut state)
            && state.threads == 0
        {
            let refused = state.queue.pop_back();
            drop(state);
            drop(refused);
            return Err(error);
        }
        Ok(())
    }

    /// Refuses jobs from now on. The threads finish the queued jobs and end. `ended` is called when the last thread has
    /// ended, on that thread; if there is no thread, here.
    pub(crate) fn shut_down(&self, ended: impl FnOnce() + Send + 'static) {
        self.shared().shut_down(Box::new(ended));
    }
}

/// As many threads as CPython's executor has: four more than there are processors, but at most 32.
impl Default for ThreadPool {
    fn default() -> Self {
        const MORE_THAN_PROCESSORS: usize = 4;
        const MAX_THREADS: usize = 32;
        let processors = available_parallelism().map_or(1, usize::from);
        Self::new((processors + MORE_THAN_PROCESSORS).min(MAX_THREADS))
    }
}

/// Equal if it is the same pool.
impl PartialEq for ThreadPool {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.owner, &other.owner)
    }
}

impl Eq for ThreadPool {}

impl Hash for ThreadPool {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.owner).hash(state);
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("max_threads", &self.shared().max_threads)
            .field("threads", &self.thread_count())
            .finish_non_exhaustive()
    }
}

/// The share of the handles, which the threads do not have. When it is dropped, no handle is left that could queue a
/// job.
struct Owner(Arc<PoolInner>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.shut_down(Box::new(|| ()));
    }
}

#[derive(Default)]
struct PoolState {
    queue: VecDeque<Arc<dyn Job>>,
    threads: usize,
    /// The number of threads that wait for a job or are about to look for one. A thread that was notified of a job
    /// counts until it wakes.
    idle: usize,
    /// The number of threads started so far, for their names.
    started: usize,
    is_shut_down: bool,
    /// The callbacks for the end of the last thread.
    on_end: Vec<Box<dyn FnOnce() + Send>>,
}

struct PoolInner {
    state: Mutex<PoolState>,
    /// Notified of every job, and of the shutdown.
    jobs: Condvar,
    max_threads: usize,
}

impl PoolInner {
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        lock(&self.state)
    }

    fn start_thread(self: &Arc<Self>, state: &mut PoolState) -> io::Result<()> {
        let shared = Arc::clone(self);
        thread::Builder::new().name(format!("oneloop-{}", state.started)).spawn(move || shared.work())?;
        state.started += 1;
        state.threads += 1;
        Ok(())
    }

    /// The body of a thread: runs one job after another, until none comes for `IDLE_LIMIT` or the pool is shut down.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                self.do_job(job);
                state = self.lock();
                state.idle -= 1;
            } else if state.is_shut_down {
                break;
            } else {
                state.idle += 1;
                let (woken, waited) = self.jobs.wait_timeout(state, IDLE_LIMIT).unwrap_or_else(PoisonError::into_inner);
                state = woken;
                state.idle -= 1;
                if waited.timed_out() && state.queue.is_empty() {
                    break;
                }
            }
        }
        state.threads -= 1;
        Self::report_end_of_threads(state);
    }

    /// Does a job. When it returns, the thread counts as idle. Nothing of the job unwinds into the thread, which is
    /// counted: not the destructor of its value either, to which this may be the last pointer.
    fn do_job(&self, job: Arc<dyn Job>) {
        ignoring_panic(|| job.run());
        // before the report: a job that is submitted because of it must find this thread idle
        self.lock().idle += 1;
        ignoring_panic(|| job.report_end());
        ignoring_panic(|| drop(job));
    }

    fn shut_down(&self, ended: Box<dyn FnOnce() + Send>) {
        let mut state = self.lock();
        state.is_shut_down = true;
        state.on_end.push(ended);
        self.jobs.notify_all();
        Self::report_end_of_threads(state);
    }

    fn report_end_of_threads(mut state: MutexGuard<'_, PoolState>) {
        if state.is_shut_down && state.threads == 0 {
            let callbacks = std::mem::take(&mut state.on_end);
            drop(state);
            for callback in callbacks {
                callback();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// What panics in a job, in spite of its promise.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum In {
        Run,
        Report,
        Drop,
        Nothing,
    }

    struct Panics {
        panics: In,
        ran: mpsc::SyncSender<()>,
    }

    impl Panics {
        fn panic_in(&self, place: In) {
            assert!(self.panics != place, "the job went off");
        }
    }

    impl Job for Panics {
        fn run(&self) {
            self.ran.send(()).expect("the test waits");
            self.panic_in(In::Run);
        }

        fn report_end(&self) {
            self.panic_in(In::Report);
        }
    }

    impl Drop for Panics {
        fn drop(&mut self) {
            self.panic_in(In::Drop);
        }
    }

    #[test]
    fn a_job_that_panics_costs_the_pool_no_thread() {
        let pool = ThreadPool::new(1);
        let (ran, runs) = mpsc::sync_channel(1);
        for panics in [In::Run, In::Report, In::Drop, In::Run, In::Nothing] {
            pool.submit(Arc::new(Panics { panics, ran: ran.clone() })).expect("a thread");
            runs.recv_timeout(IDLE_LIMIT / 2).expect("the only thread does one job after another");
        }
        assert_eq!(pool.thread_count(), 1);
    }
}
