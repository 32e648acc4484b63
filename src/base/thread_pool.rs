//! Threads for what blocks: asyncio's `ThreadPoolExecutor`. Owns the queue of jobs and the threads that take them; must not
//! know a loop, nor what a job does.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io, thread};

/// How long a thread waits for a job before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// Something to be done on a thread of a pool.
pub(crate) trait Job: Send + Sync {
    /// Does it, if it is still wanted. Must not panic.
    fn run(&self);
    /// Tells whoever waits for it, when its thread can be had for the next. Must not panic.
    fn tell(&self);
}

/// Threads for calls that block. A loop has one of its own, its default executor; make one to bound certain calls apart from
/// the others, or to share it between loops, and give it to
/// [`EventLoop::run_in_executor`](crate::EventLoop::run_in_executor). Clones are the same pool.
///
/// A thread is started when a job comes and no thread is idle, up to the pool's limit; one that has been idle for ten
/// seconds ends. When the last handle goes, the threads end after the jobs that are queued.
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
    /// A pool of so many threads at the most.
    ///
    /// # Panics
    /// If that is none.
    pub fn new(max_threads: usize) -> Self {
        assert!(max_threads > 0, "a thread pool needs a thread; give ThreadPool::new() 1 or more");
        let shared = Shared { state: Mutex::default(), jobs: Condvar::new(), max_threads };
        Self { owner: Arc::new(Owner(Arc::new(shared))) }
    }

    /// How many threads there are now.
    pub fn thread_count(&self) -> usize {
        self.shared().lock().threads
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.owner.0
    }

    /// Queues a job, and starts a thread for it if none is idle.
    ///
    /// # Errors
    /// If the pool is shut down, or the system has no thread for it.
    pub(crate) fn submit(&self, job: Arc<dyn Job>) -> io::Result<()> {
        let shared = self.shared();
        let mut state = shared.lock();
        if state.shut {
            return Err(io::Error::other("the thread pool is shut down and takes no jobs; make a new one"));
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

    /// Takes no more jobs. Threads end after those that are queued; `ended` is called when the last one has, by that thread
    /// or here.
    pub(crate) fn shut_down(&self, ended: impl FnOnce() + Send + 'static) {
        self.shared().shut_down(Box::new(ended));
    }
}

/// As many threads as CPython's executor has: four more than there are processors, 32 at the most.
impl Default for ThreadPool {
    fn default() -> Self {
        Self::new((thread::available_parallelism().map_or(1, usize::from) + 4).min(32))
    }
}

/// The same pool.
impl PartialEq for ThreadPool {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.owner, &other.owner)
    }
}

impl Eq for ThreadPool {}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("max_threads", &self.shared().max_threads)
            .field("threads", &self.thread_count())
            .finish_non_exhaustive()
    }
}

/// What the handles share and the threads do not: when it goes, nobody can queue a job any more.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.shut_down(Box::new(|| ()));
    }
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<dyn Job>>,
    threads: usize,
    /// How many threads wait for a job, or are about to look for one. One that was told of a job and has not woken yet
    /// counts still.
    idle: usize,
    /// How many threads were started, for their names.
    started: usize,
    shut: bool,
    ended: Vec<Box<dyn FnOnce() + Send>>,
}

struct Shared {
    state: Mutex<State>,
    /// Told of a job, and of the end.
    jobs: Condvar,
    max_threads: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_thread(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        let shared = Arc::clone(self);
        thread::Builder::new().name(format!("oneloop-{}", state.started)).spawn(move || shared.work())?;
        state.started += 1;
        state.threads += 1;
        Ok(())
    }

    /// The life of a thread: one job after another, until there is none for a while, or never again.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                job.run();
                // who is told and goes on to the next job finds this thread idle
                self.lock().idle += 1;
                job.tell();
                drop(job);
                state = self.lock();
                state.idle -= 1;
            } else if state.shut {
                break;
            } else {
                state.idle += 1;
                let (woken, waited) = self.jobs.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
                state = woken;
                state.idle -= 1;
                if waited.timed_out() && state.queue.is_empty() {
                    break;
                }
            }
        }
        state.threads -= 1;
        Self::tell_of_the_end(state);
    }

    fn shut_down(&self, ended: Box<dyn FnOnce() + Send>) {
        let mut state = self.lock();
        state.shut = true;
        state.ended.push(ended);
        self.jobs.notify_all();
        Self::tell_of_the_end(state);
    }

    fn tell_of_the_end(mut state: MutexGuard<'_, State>) {
        if state.shut && state.threads == 0 {
            let ended = std::mem::take(&mut state.ended);
            drop(state);
            for told in ended {
                told();
            }
        }
    }
}
