//! Blocking calls on threads, awaited on the loop: asyncio's `run_in_executor` and `to_thread`. Owns how a job gets to
//! a thread and its result back to the loop; must not know how a pool manages its threads.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;
use std::{io, thread};

use super::pool::{Job, ThreadPool};
use super::quietly::quietly;
use crate::awaitables::{Awaitable, Future};
use crate::base::concurrency::{Arc, Mutex, MutexGuard, lock};
use crate::base::{PooledRc, unsize};
use crate::current::CarriedContext;
use crate::error::{Panic, TimeoutError};
use crate::event_loop::EventLoop;
use crate::kernel::{ChildTurn, ChildTurnRef, Leaf, LoopSender, Message, Run, What};
use crate::node::{Core, Loop, State, Watch, WatchRef, Watcher};
use crate::primitives::timeout;

/// Calls `f` on a thread of the loop's default executor and returns its value: asyncio's `to_thread`. The call is
/// queued when the future is first polled. A panic of `f` continues in the task that awaits it.
///
/// Until the call has ended, a virtual clock does not jump: the loop waits in real time.
///
/// `f` runs in a context of its own with the values of the variables made by
/// [`ContextVar::new_send`](crate::ContextVar::new_send), copied at the first poll. The values of all others never leave
/// their thread: pass `f` what it needs of them.
///
/// # Examples
/// ```
/// use oneloop::{gather, run, to_thread};
/// use std::{thread, time::Duration};
///
/// let both = run(async {
///     gather([1, 2].map(|n| to_thread(move || {
///         thread::sleep(Duration::from_millis(1)); // anything that blocks
///         n
///     })))
///     .await
/// })?;
/// assert_eq!(both, [1, 2]);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If this thread is in no loop, or [`EventLoop::shutdown_default_executor`] was called. A panic of `f` continues here.
///
/// # Cancel safety
/// A cancelled or dropped wait does not wait for the thread. If `f` has not begun, it never does, and is dropped on the
/// loop's thread. Otherwise it runs on, and its value is dropped on its own thread.
#[doc(alias = "spawn_blocking")]
#[doc(alias = "unblock")]
pub async fn to_thread<T, F>(f: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let carried = CarriedContext::current();
    let job = EventLoop::current().run_in_executor(None, move || carried.run(f)); // a task must not keep its own loop open while it waits
    job.cancel_on_drop().await
}

impl EventLoop {
    /// Calls `f` on a thread of `executor`, or of the loop's default executor: asyncio's `run_in_executor`. The call is
    /// queued at once, whether it is awaited or not. A panic of `f` continues in the task that awaits it; if none does,
    /// it is reported to the exception handler.
    ///
    /// The default executor is made when it is first needed. It has as many threads as CPython's.
    ///
    /// Cancelling the returned `Awaitable` does not wait for the thread. If `f` has not begun, it never does, and is
    /// dropped on the loop's thread in the next iteration. Otherwise it runs on, and its value is dropped on its own
    /// thread. Dropping the `Awaitable` lets the call go on.
    ///
    /// Until a call has ended or was cancelled, a virtual clock does not jump: the loop waits in real time.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    ///
    /// let lp = EventLoop::new()?;
    /// let name = lp.run_in_executor(None, || std::thread::current().name().map(str::to_owned));
    /// assert_eq!(lp.run_until_complete(name)?.as_deref(), Some("oneloop-0"));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the loop is closed, the executor is shut down, or the system has no thread for it.
    #[track_caller]
    pub fn run_in_executor<T, F>(&self, executor: Option<&ThreadPool>, f: F) -> Awaitable<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.refuse_if_closed();
        let pool = executor.cloned().or_else(|| default_executor(self.kernel()).pool());
        let pool = pool.expect(
            "shutdown_default_executor() has been called; start no more jobs after it, or use a ThreadPool of your own",
        );
        match submit(self, &pool, f) {
            Ok(future) => Awaitable::from(future),
            Err(error) => panic!("run_in_executor could not start its job: {error}"),
        }
    }

    /// Makes `pool` the default executor from now on: asyncio's `set_default_executor`. The loop shuts it down when it
    /// closes, even if there are other handles on the pool. The previous executor finishes its jobs.
    pub fn set_default_executor(&self, pool: ThreadPool) {
        default_executor(self.kernel()).set_pool(pool);
    }

    /// Shuts the default executor down: asyncio's `shutdown_default_executor`. It accepts no more jobs, and this waits
    /// until its threads have finished the queued jobs and ended, but no longer than `limit`.
    /// [`run`](fn@crate::run::run) does so at its end; [`close`](Self::close) shuts the executor down without waiting.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    /// use std::time::Duration;
    ///
    /// let lp = EventLoop::new()?;
    /// let job = lp.run_in_executor(None, || 1);
    /// assert_eq!(lp.run_until_complete(lp.shutdown_default_executor(Duration::from_secs(60)))?, Ok(()));
    /// assert_eq!(lp.run_until_complete(job)?, 1);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the time is up. The threads end by themselves after their jobs.
    ///
    /// # Cancel safety
    /// The executor stays shut down, and its threads end by themselves. A second call waits for them again.
    pub async fn shutdown_default_executor(&self, limit: impl Into<Option<Duration>>) -> Result<(), TimeoutError> {
        let kernel = self.kernel();
        let Some(pool) = default_executor(kernel).shut() else { return Ok(()) };
        let ended = self.create_future();
        let number = kernel.expected().insert(|_| unsize!(PooledRc::new(ExecutorEnded(ended.clone())) => dyn Run));
        let _expected = ExpectUntilDrop { kernel, number };
        let sender = kernel.sender();
        pool.shut_down(move || {
            // fails if the loop is closed, and then no task waits
            let _ = sender.send(Message::Arrived(number));
        });
        match limit.into() {
            Some(limit) => timeout(limit, ended).await?,
            None => ended.await,
        }
        Ok(())
    }
}

/// The default executor of a loop: made when it is first needed, shut once and for all.
#[derive(Default)]
struct DefaultExecutor {
    pool: RefCell<Option<ThreadPool>>,
    shut: Cell<bool>,
}

impl DefaultExecutor {
    /// The pool, made now if there is none; none if it was shut down.
    fn pool(&self) -> Option<ThreadPool> {
        (!self.shut.get()).then(|| self.pool.borrow_mut().get_or_insert_default().clone())
    }

    fn set_pool(&self, pool: ThreadPool) {
        let replaced = self.pool.replace(Some(pool));
        drop(replaced);
    }

    /// From now on there is no pool. Returns the one that there was, to be shut down.
    fn shut(&self) -> Option<ThreadPool> {
        self.shut.set(true);
        self.pool.borrow().clone()
    }
}

/// The loop closes: the threads end by themselves.
impl Drop for DefaultExecutor {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.shut_down(|| ());
        }
    }
}

fn default_executor(kernel: &Loop) -> Rc<DefaultExecutor> {
    kernel.extensions().get_or_default()
}

/// Whether the default executor of a loop has threads.
pub(crate) fn has_default_threads(kernel: &Loop) -> bool {
    let executor = kernel.extensions().get::<DefaultExecutor>();
    let pool = executor.and_then(|executor| executor.pool.borrow().clone());
    pool.is_some_and(|pool| pool.thread_count() > 0)
}

/// Settles a future when all threads of an executor have ended.
struct ExecutorEnded(Future<()>);

impl Run for ExecutorEnded {
    fn run(&self) {
        // fails if the future was cancelled
        let _ = self.0.set_result(());
    }
}

/// The loop expects the message `number` until this is dropped.
struct ExpectUntilDrop<'a> {
    kernel: &'a Loop,
    number: u64,
}

impl Drop for ExpectUntilDrop<'_> {
    fn drop(&mut self) {
        drop(self.kernel.expected().remove(self.number));
    }
}

/// Queues a job, and returns a future that its result will settle.
///
/// # Errors
/// If the pool is shut down, or the system has no thread for it.
pub(crate) fn submit<T, F>(lp: &EventLoop, pool: &ThreadPool, f: F) -> io::Result<Future<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let kernel = lp.kernel();
    let future = lp.create_future();
    let mut submitted = None;
    let number = kernel.expected().insert(|number| {
        let job = Arc::new(ThreadJob { stage: Mutex::new(Stage::Waiting(f)), sender: kernel.sender(), number });
        submitted = Some(Arc::clone(&job));
        unsize!(PooledRc::new(TakeResult { job, future: future.clone() }) => dyn Run)
    });
    let job = submitted.expect("the map calls its argument");
    if let Err(error) = pool.submit(Arc::clone(&job) as Arc<dyn Job>) {
        drop(kernel.expected().remove(number));
        return Err(error);
    }
    let withdrawal = PooledRc::new(WithdrawIfCancelled { kernel: Rc::clone(kernel), job });
    let core = future.join().core();
    core.watchers().add(kernel.next_watch(), Watcher::Watch(unsize!(withdrawal => dyn Watch), 0));
    Ok(future)
}

/// `Waiting` → `Running` → `Done` → `Over`, and from any of them to `Over` when the job is withdrawn.
enum Stage<F, T> {
    Waiting(F),
    Running,
    Done(thread::Result<T>),
    Over,
}

/// A job, shared by the loop and the thread.
struct ThreadJob<F, T> {
    stage: Mutex<Stage<F, T>>,
    sender: LoopSender,
    /// The number of the message that the loop expects.
    number: u64,
}

impl<F, T> ThreadJob<F, T> {
    fn lock(&self) -> MutexGuard<'_, Stage<F, T>> {
        lock(&self.stage)
    }

    /// Ends the job and returns its last stage. The caller drops what is in it.
    fn withdraw(&self) -> Stage<F, T> {
        std::mem::replace(&mut *self.lock(), Stage::Over)
    }

    /// Takes the closure, unless the job was withdrawn.
    fn withdraw_result(&self) -> Option<Stage<F, T>> {
        let mut stage = self.lock();
        matches!(*stage, Stage::Done(_)).then(|| std::mem::replace(&mut *stage, Stage::Over))
    }

    fn begin(&self) -> Option<F> {
        let mut stage = self.lock();
        match std::mem::replace(&mut *stage, Stage::Running) {
            Stage::Waiting(f) => Some(f),
            other => {
                *stage = other;
                None
            }
        }
    }

    /// Stores the result for the loop and returns the previous stage. If the job was withdrawn, returns the result.
    fn end(&self, result: thread::Result<T>) -> Stage<F, T> {
        let mut stage = self.lock();
        match *stage {
            Stage::Running => std::mem::replace(&mut *stage, Stage::Done(result)),
            _ => Stage::Done(result),
        }
    }
}

impl<F, T> Job for ThreadJob<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn run(&self) {
        if let Some(f) = self.begin() {
            let unwanted = self.end(catch_unwind(AssertUnwindSafe(f)));
            quietly(|| drop(unwanted));
        }
    }

    fn report_end(&self) {
        let done = matches!(*self.lock(), Stage::Done(_));
        if done && self.sender.send(Message::Arrived(self.number)).is_err() {
            let unwanted = self.withdraw();
            quietly(|| drop(unwanted));
        }
    }
}

/// Moves the result of a job into its future, on the loop.
struct TakeResult<F, T> {
    job: Arc<ThreadJob<F, T>>,
    future: Future<T>,
}

impl<F: 'static, T: 'static> Run for TakeResult<F, T> {
    fn run(&self) {
        match self.job.withdraw() {
            // refused if the future was cancelled meanwhile
            Stage::Done(Ok(value)) => drop(self.future.set_result(value)),
            Stage::Done(Err(payload)) => self.future.set_panic(Panic::new(payload)),
            Stage::Waiting(_) | Stage::Running | Stage::Over => {}
        }
    }
}

/// If the loop closes before it has taken a result, that is dropped here and not on the thread of the pool, which may
/// have the last pointer to the job.
impl<F, T> Drop for TakeResult<F, T> {
    fn drop(&mut self) {
        drop(self.job.withdraw_result());
    }
}

/// Withdraws a job when its future is cancelled, so that it does not begin.
struct WithdrawIfCancelled<F, T> {
    kernel: Rc<Loop>,
    job: Arc<ThreadJob<F, T>>,
}

impl<F: 'static, T: 'static> Watch for WithdrawIfCancelled<F, T> {
    fn child_done(&self, me: &WatchRef, index: u32, child: &Core) {
        if child.state() == State::Cancelled {
            self.kernel.push_child_turn(me.clone().into_turn(), index);
        }
    }

    fn stands_for(&self) -> Option<Leaf> {
        Some(Leaf::of(What::Job))
    }
}

impl<F: 'static, T: 'static> ChildTurn for WithdrawIfCancelled<F, T> {
    fn child_turn(&self, _me: &ChildTurnRef, _index: u32) {
        drop(self.kernel.expected().remove(self.job.number));
        drop(self.job.withdraw());
    }
}
