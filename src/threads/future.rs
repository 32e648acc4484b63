//! What a coroutine on a loop is to the thread that started it: asyncio's `concurrent.futures.Future`. Owns the blocking
//! wait and the way of a cancellation to the loop; must not know how the coroutine is started.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::callback::ThreadsafeHandle;
use crate::base::TaskKey;
use crate::cancel::{cancel, is_throwing, wait_for};
use crate::current;
use crate::error::{Cancelled, TaskError};
use crate::kernel::{LoopSender, Message};
use crate::node::{Kind, TaskState};

/// A coroutine that runs on a loop, as the thread sees it that started it:
/// [`LoopHandle::run_coroutine_threadsafe`](crate::LoopHandle::run_coroutine_threadsafe) makes it.
///
/// Its methods may be called on any thread; the value goes to the first that asks. Dropping it lets the coroutine run on.
/// It is a future as well, for whoever waits on an executor of another thread, be that another loop.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, TaskError, sleep, to_thread};
/// use std::time::Duration;
///
/// oneloop::run(async {
///     let handle = EventLoop::current().remote();
///     to_thread(move || {
///         let asked = handle.run_coroutine_threadsafe(|| sleep(Duration::from_secs(3600))).expect("the loop is open");
///         let early = asked.result_timeout(Duration::from_millis(1));
///         assert!(matches!(early, Err(TaskError::NotDone)));
///         assert!(asked.cancel() && asked.cancelled());
///     })
///     .await;
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Cancel safety
/// Dropping an await loses nothing: the coroutine runs on.
#[must_use = "dropping it lets the coroutine run on, but nobody will see how it ends"]
pub struct ThreadsafeFuture<T> {
    shared: Arc<Shared<T>>,
    door: LoopSender,
}

impl<T: Send + 'static> ThreadsafeFuture<T> {
    pub(crate) fn new(door: LoopSender) -> (Self, Reply<T>) {
        let state = State { outcome: Outcome::Pending, task: None, waker: None };
        let shared = Arc::new(Shared { state: Mutex::new(state), settled: Condvar::new() });
        (Self { shared: Arc::clone(&shared), door }, Reply(shared))
    }

    /// Blocks this thread until the coroutine has ended and gives its value: asyncio's `result()`.
    ///
    /// # Errors
    /// [`TaskError::Cancelled`], [`TaskError::Panicked`], [`TaskError::Closed`] if the loop was closed before the coroutine
    /// had ended, [`TaskError::Taken`] if somebody has had the value.
    ///
    /// # Panics
    /// On the loop's own thread, if it is not done: the thread would wait for itself.
    pub fn result(&self) -> Result<T, TaskError> {
        let state = self.lock_to_wait();
        let pending = |state: &mut State<T>| state.is_pending();
        let mut state = self.shared.settled.wait_while(state, pending).unwrap_or_else(PoisonError::into_inner);
        state.take()
    }

    /// [`result`](Self::result), but blocks no longer than `limit`: asyncio's `result(timeout)`. The coroutine runs on.
    ///
    /// # Errors
    /// [`TaskError::NotDone`] if the time was up, and those of [`result`](Self::result).
    ///
    /// # Panics
    /// On the loop's own thread, if it is not done and `limit` is not zero.
    pub fn result_timeout(&self, limit: Duration) -> Result<T, TaskError> {
        let state = if limit.is_zero() { self.shared.lock() } else { self.lock_to_wait() };
        let pending = |state: &mut State<T>| state.is_pending();
        let waited = self.shared.settled.wait_timeout_while(state, limit, pending);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.take()
    }

    fn lock_to_wait(&self) -> MutexGuard<'_, State<T>> {
        let state = self.shared.lock();
        let waits_for_itself = state.is_pending() && self.door.is_own_thread();
        if waits_for_itself {
            drop(state);
            panic!(
                "result() was called on the event loop's own thread, which would wait for itself for ever; \
                 use create_task there and await the task"
            );
        }
        state
    }

    /// Cancels it, and the coroutine with it: asyncio's `cancel()`. Whoever waits here is told at once; the coroutine meets
    /// the cancellation on the loop's thread, and one that has not begun never does. False if it was done already.
    pub fn cancel(&self) -> bool {
        let state = self.shared.lock();
        if !state.is_pending() {
            return matches!(state.outcome, Outcome::Failed(TaskError::Cancelled(_)));
        }
        let task = state.task;
        self.shared.settle(state, Outcome::Failed(TaskError::Cancelled(Cancelled::default())));
        if let Some(task) = task {
            // the tasks of a closed loop are gone
            let _ = self.door.send(Message::Run(ThreadsafeHandle::new(move || task.cancel()).1));
        }
        true
    }

    /// Whether it has ended, in whatever way: asyncio's `done()`.
    pub fn done(&self) -> bool {
        !self.shared.lock().is_pending()
    }

    /// Whether it has ended by cancellation, from here or from the loop: asyncio's `cancelled()`.
    pub fn cancelled(&self) -> bool {
        matches!(self.shared.lock().outcome, Outcome::Failed(TaskError::Cancelled(_)))
    }
}

impl<T: Send + 'static> Future for ThreadsafeFuture<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        let waker = cx.waker().clone();
        let mut state = self.shared.lock();
        if !state.is_pending() {
            return Poll::Ready(state.take());
        }
        let replaced = state.waker.replace(waker);
        drop(state);
        drop(replaced);
        wait_for(&"a coroutine of another thread's event loop");
        Poll::Pending
    }
}

impl<T> Drop for ThreadsafeFuture<T> {
    fn drop(&mut self) {
        let waker = self.shared.lock().waker.take();
        drop(waker);
    }
}

impl<T> fmt::Debug for ThreadsafeFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = !self.shared.lock().is_pending();
        f.debug_struct("ThreadsafeFuture").field("done", &done).finish_non_exhaustive()
    }
}

/// `Pending` → `Value` → `Taken`, or `Pending` → `Failed`.
enum Outcome<T> {
    Pending,
    Value(T),
    Failed(TaskError),
    Taken,
}

struct State<T> {
    outcome: Outcome<T>,
    /// The task, once there is one.
    task: Option<TaskName>,
    waker: Option<Waker>,
}

impl<T> State<T> {
    fn is_pending(&self) -> bool {
        matches!(self.outcome, Outcome::Pending)
    }

    fn take(&mut self) -> Result<T, TaskError> {
        match &self.outcome {
            Outcome::Pending => return Err(TaskError::NotDone),
            Outcome::Failed(error) => return Err(error.clone()),
            Outcome::Value(_) | Outcome::Taken => {}
        }
        match std::mem::replace(&mut self.outcome, Outcome::Taken) {
            Outcome::Value(value) => Ok(value),
            _ => Err(TaskError::Taken),
        }
    }
}

struct Shared<T> {
    state: Mutex<State<T>>,
    settled: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settles what is pending, or drops `outcome`; tells who waits.
    fn settle(&self, mut state: MutexGuard<'_, State<T>>, outcome: Outcome<T>) {
        if !state.is_pending() {
            drop(state);
            drop(outcome);
            return;
        }
        state.outcome = outcome;
        let waker = state.waker.take();
        drop(state);
        self.settled.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The loop's end of it. Dropped unsettled, it says that the loop was closed.
pub(crate) struct Reply<T>(Arc<Shared<T>>);

impl<T> Reply<T> {
    /// Whether it was cancelled on the other side.
    pub(crate) fn is_settled(&self) -> bool {
        !self.0.lock().is_pending()
    }

    /// There is a task now. False if it was cancelled before that.
    pub(crate) fn starts(&self, task: &TaskState) -> bool {
        let mut state = self.0.lock();
        state.task = Some(TaskName { key: task.key(), id: task.id() });
        state.is_pending()
    }

    pub(crate) fn settle(self, result: Result<T, TaskError>) {
        let outcome = match result {
            Ok(value) => Outcome::Value(value),
            Err(error) => Outcome::Failed(error),
        };
        self.0.settle(self.0.lock(), outcome);
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        self.0.settle(self.0.lock(), Outcome::Failed(TaskError::Closed));
    }
}

/// Names one task for good: its key finds it, its number tells it from a later one with that key.
#[derive(Clone, Copy)]
struct TaskName {
    key: TaskKey,
    id: u64,
}

impl TaskName {
    /// Cancels the task, on its loop's thread, if it still lives.
    fn cancel(self) {
        let kernel = current::expect();
        let task = kernel.task(self.key);
        let task = task.filter(|task| matches!(task.kind(), Kind::Task(suspension) if suspension.id() == self.id));
        if let Some(task) = task {
            cancel(&task, &None);
        }
    }
}
