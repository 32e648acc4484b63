//! Blocking calls on threads, awaited on the loop: asyncio's `run_in_executor` and `to_thread`. Owns the public
//! functions, and the wait for the threads of the default executor; must not know how a job and its result cross
//! threads.

use std::time::Duration;

use super::default_executor::default_executor;
use super::pool::ThreadPool;
use super::thread_job::submit;
use crate::awaitables::{Awaitable, Future};
use crate::base::{PooledRc, unsize};
use crate::current::CarriedContext;
use crate::error::TimeoutError;
use crate::event_loop::EventLoop;
use crate::kernel::{Message, Run};
use crate::node::Loop;
use crate::primitives::timeout;

/// Calls `f` on a thread of the loop's default executor and returns its value: asyncio's `to_thread`. The call is
/// queued when the future is first polled. A panic of `f` continues in the task that awaits it.
///
/// Until the call has ended, a virtual clock does not jump: the loop waits in real time.
///
/// `f` runs in a context of its own with the values of the variables made by
/// [`ContextVar::new_send`](crate::ContextVar::new_send), copied at the first poll. The values of all others never
/// leave their thread: pass `f` what it needs of them.
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
/// loop's thread. Otherwise it runs on, and its value is dropped on its own thread; a panic of it is reported to the
/// exception handler.
#[doc(alias = "spawn_blocking")]
#[doc(alias = "unblock")]
pub async fn to_thread<T, F>(f: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let carried = CarriedContext::current();
    // the handle on the loop is dropped before the wait: a task must not keep its own loop open
    let job = EventLoop::current().run_in_executor(None, move || carried.run(f));
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
    /// thread; a panic of it is reported to the exception handler. Dropping the `Awaitable` lets the call go on.
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
