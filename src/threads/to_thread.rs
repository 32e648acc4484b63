//! Calls that block, done on threads and awaited on the loop: asyncio's `run_in_executor` and `to_thread`. Owns the way of a
//! job to its thread and of its result back; must not know how threads are kept.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use crate::awaitables::{AnyFuture, Awaitable, Future};
use crate::base::{Job, PooledRc, ThreadPool, unsize};
use crate::error::{Panic, TimeoutError};
use crate::event_loop::EventLoop;
use crate::kernel::{ChildTurn, ChildTurnRef, LoopSender, Message, Run};
use crate::node::{Core, Loop, State, Watch, WatchRef, Watcher};
use crate::primitives::timeout;

/// Calls `f` on a thread of the loop's default executor and gives what it returns: asyncio's `to_thread`. It is queued when
/// this is first awaited. A panic of `f` goes on here.
///
/// While a job is on its way, a virtual clock does not jump: the loop waits for it really.
///
/// Context variables do not go along, since their values never leave their thread: hand `f` what it needs of them.
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
/// If this thread is in no loop, or [`EventLoop::shutdown_default_executor`] was called. A panic of `f` goes on here.
///
/// # Cancel safety
/// A cancelled or dropped wait does not wait for the thread. If `f` has not begun, it never does, and is dropped on the
/// loop's thread; else it runs on, and what it returns is dropped on its own thread.
pub async fn to_thread<T, F>(f: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let job = EventLoop::current().run_in_executor(None, f);
    let _withdrawn = CancelOnDrop(job.handle());
    job.await
}

/// What is still wanted of a job when this is dropped is wanted no longer.
struct CancelOnDrop(AnyFuture);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl EventLoop {
    /// Calls `f` on a thread of `executor`, or of the loop's default one: asyncio's `run_in_executor`. The job is queued
    /// now, awaited or not. A panic of `f` goes on in whoever awaits it, and is reported if nobody does.
    ///
    /// The default executor is made when it is first needed, of as many threads as CPython's.
    ///
    /// Cancelling what this returns does not wait for the thread: a job that has not begun never does, and `f` is dropped on
    /// the loop's thread in the next iteration; one that has begun runs on, and what it returns is dropped on its own
    /// thread. Dropping it lets the job run.
    ///
    /// While a job is on its way that was not cancelled, a virtual clock does not jump: the loop waits for it really.
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

    /// Makes `pool` the default executor from now on: asyncio's `set_default_executor`. It ends with the loop, whoever has
    /// handles on it. The jobs of the one before it are done as if nothing had happened.
    pub fn set_default_executor(&self, pool: ThreadPool) {
        default_executor(self.kernel()).set_pool(pool);
    }

    /// Ends the default executor: it takes no more jobs, and this waits until its threads have done those they have and
    /// ended, for `limit` at the most: asyncio's `shutdown_default_executor`. [`run`](fn@crate::run::run) does it at its end;
    /// [`close`](Self::close) ends the executor without waiting.
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
    /// If the time was up. The threads end by themselves when their jobs have.
    ///
    /// # Cancel safety
    /// The executor stays shut; its threads end by themselves. It can be waited for again.
    pub async fn shutdown_default_executor(&self, limit: impl Into<Option<Duration>>) -> Result<(), TimeoutError> {
        let kernel = self.kernel();
        let Some(pool) = default_executor(kernel).shut() else { return Ok(()) };
        let ended = self.create_future();
        let number = kernel.expected().insert(|_| unsize!(PooledRc::new(Ended(ended.clone())) => dyn Run));
        let _expects = Expects { kernel, number };
        let door = kernel.sender();
        pool.shut_down(move || {
            // a closed loop waits for nobody
            let _ = door.send(Message::Arrived(number));
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
    let pool = default_executor(kernel).pool.borrow().clone();
    pool.is_some_and(|pool| pool.threads() > 0)
}

/// The threads of an executor have ended.
struct Ended(Future<()>);

impl Run for Ended {
    fn run(&self) {
        // it may have been cancelled
        let _ = self.0.set_result(());
    }
}

/// Something is expected while this lives.
struct Expects<'a> {
    kernel: &'a Loop,
    number: u64,
}

impl Drop for Expects<'_> {
    fn drop(&mut self) {
        drop(self.kernel.expected().remove(self.number));
    }
}

/// Queues a job whose result settles the future that this answers.
fn submit<T, F>(lp: &EventLoop, pool: &ThreadPool, f: F) -> io::Result<Future<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let kernel = lp.kernel();
    let future = lp.create_future();
    let mut work = None;
    let number = kernel.expected().insert(|number| {
        let made = Arc::new(Work { stage: Mutex::new(Stage::Waits(f)), door: kernel.sender(), number });
        work = Some(Arc::clone(&made));
        unsize!(PooledRc::new(Arrival { work: made, future: future.clone() }) => dyn Run)
    });
    let work = work.expect("it has been made");
    if let Err(error) = pool.submit(Arc::clone(&work) as Arc<dyn Job>) {
        drop(kernel.expected().remove(number));
        return Err(error);
    }
    let withdrawal = PooledRc::new(Withdrawal { kernel: Rc::clone(kernel), work });
    let core = future.join().core();
    core.watchers().add(kernel.next_watch(), Watcher::Watch(unsize!(withdrawal => dyn Watch), 0));
    Ok(future)
}

/// `Waits` → `Runs` → `Done` → `Over`; from any of them to `Over` when the job is withdrawn.
enum Stage<F, T> {
    Waits(F),
    Runs,
    Done(thread::Result<T>),
    Over,
}

/// What the loop and the thread share of a job.
struct Work<F, T> {
    stage: Mutex<Stage<F, T>>,
    door: LoopSender,
    /// Under which the loop expects the result.
    number: u64,
}

impl<F, T> Work<F, T> {
    fn lock(&self) -> MutexGuard<'_, Stage<F, T>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody wants it any more: what there is of it comes back, to be dropped.
    fn withdraw(&self) -> Stage<F, T> {
        std::mem::replace(&mut *self.lock(), Stage::Over)
    }

    /// Takes the closure, if the job was not withdrawn.
    fn begin(&self) -> Option<F> {
        let mut stage = self.lock();
        match std::mem::replace(&mut *stage, Stage::Runs) {
            Stage::Waits(f) => Some(f),
            other => {
                *stage = other;
                None
            }
        }
    }

    /// Leaves the result for the loop, or hands it back if nobody wants it.
    fn end(&self, result: thread::Result<T>) -> Stage<F, T> {
        let mut stage = self.lock();
        match *stage {
            Stage::Runs => std::mem::replace(&mut *stage, Stage::Done(result)),
            _ => Stage::Done(result),
        }
    }
}

impl<F, T> Job for Work<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn run(&self) {
        if let Some(f) = self.begin() {
            drop_quietly(self.end(catch_unwind(AssertUnwindSafe(f))));
        }
    }

    fn tell(&self) {
        let done = matches!(*self.lock(), Stage::Done(_));
        if done && self.door.send(Message::Arrived(self.number)).is_err() {
            drop_quietly(self.withdraw());
        }
    }
}

/// Drops what nobody wants. The panic of a destructor has been told of by the panic hook, and there is nobody else to tell.
fn drop_quietly<T>(unwanted: T) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(unwanted)));
    drop(dropped.map_err(Panic::new));
}

/// Takes the result, on the loop.
struct Arrival<F, T> {
    work: Arc<Work<F, T>>,
    future: Future<T>,
}

impl<F: 'static, T: 'static> Run for Arrival<F, T> {
    fn run(&self) {
        match self.work.withdraw() {
            // if the future was cancelled meanwhile, the value is dropped here
            Stage::Done(Ok(value)) => drop(self.future.set_result(value)),
            Stage::Done(Err(payload)) => self.future.set_panic(Panic::new(payload)),
            Stage::Waits(_) | Stage::Runs | Stage::Over => {}
        }
    }
}

/// Sees to it that a job whose future was cancelled does not begin.
struct Withdrawal<F, T> {
    kernel: Rc<Loop>,
    work: Arc<Work<F, T>>,
}

impl<F: 'static, T: 'static> Watch for Withdrawal<F, T> {
    fn child_done(&self, me: &WatchRef, index: u32, child: &Core) {
        if child.state() == State::Cancelled {
            self.kernel.push_child_turn(me.clone().into_turn(), index);
        }
    }
}

impl<F: 'static, T: 'static> ChildTurn for Withdrawal<F, T> {
    fn child_turn(&self, _me: &ChildTurnRef, _index: u32) {
        drop(self.kernel.expected().remove(self.work.number));
        drop(self.work.withdraw());
    }
}
