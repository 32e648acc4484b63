//! The `Send` handle on a coroutine that runs on a loop, for the thread that started it: asyncio's
//! `concurrent.futures.Future`. Owns the blocking wait, and how a cancellation is sent to the loop; must not know how
//! the coroutine is started.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::ignoring_panic::ignoring_panic;
use super::remote_task::TaskName;
use super::report::report_from_anywhere;
use crate::base::WakeTarget;
use crate::base::concurrency::{Arc, Condvar, Mutex, MutexGuard, lock, wait_while, wait_while_for};
use crate::cancel::Waiting;
use crate::current;
use crate::error::{Cancelled, TaskError};
use crate::kernel::{Leaf, LoopSender, What};
use crate::node::{TaskState, wake};

/// A handle on a coroutine that runs on a loop, for the thread that started it with
/// [`LoopHandle::run_coroutine_threadsafe`](crate::LoopHandle::run_coroutine_threadsafe).
///
/// Its methods may be called on any thread. The value goes to the first caller. Dropping the handle lets the coroutine
/// run on; a panic that no thread has seen then is reported to the exception handler of the loop. It is a future as
/// well: a task of another loop, or of any other executor, can await it.
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
/// Dropping an await of it loses nothing: the coroutine runs on.
#[must_use = "dropping it lets the coroutine run on, but its result is lost"]
pub struct ThreadsafeFuture<T> {
    shared: Arc<FutureInner<T>>,
}

impl<T: Send + 'static> ThreadsafeFuture<T> {
    pub(crate) fn new(sender: LoopSender) -> (Self, Reply<T>) {
        let state = FutureState {
            outcome: Outcome::Pending,
            is_retrieved: false,
            task: None,
            waker: None,
            awaiting: Awaiting::default(),
        };
        let shared = Arc::new(FutureInner { state: Mutex::new(state), settled: Condvar::new(), sender });
        (Self { shared: Arc::clone(&shared) }, Reply(shared))
    }

    /// Blocks this thread until the coroutine has ended, and returns its value: asyncio's `result()`.
    ///
    /// # Errors
    /// [`TaskError::Cancelled`], [`TaskError::Panicked`], [`TaskError::Closed`] if the loop was closed before the
    /// coroutine had ended, [`TaskError::Taken`] if another caller has received the value.
    ///
    /// # Panics
    /// On the loop's own thread, if the coroutine has not ended: the thread would wait for itself.
    #[track_caller]
    pub fn result(&self) -> Result<T, TaskError> {
        let state = self.lock_to_wait();
        wait_while(&self.shared.settled, state, FutureState::is_pending).take()
    }

    /// [`result`](Self::result), but blocks no longer than `limit`: asyncio's `result(timeout)`. When the time is up,
    /// the coroutine runs on.
    ///
    /// # Errors
    /// [`TaskError::NotDone`] if the time was up, and those of [`result`](Self::result).
    ///
    /// # Panics
    /// On the loop's own thread, if the coroutine has not ended and `limit` is not zero.
    #[track_caller]
    pub fn result_timeout(&self, limit: Duration) -> Result<T, TaskError> {
        let state = if limit.is_zero() { self.shared.lock() } else { self.lock_to_wait() };
        wait_while_for(&self.shared.settled, state, limit, FutureState::is_pending).take()
    }

    /// Locks the state for a blocking wait.
    ///
    /// # Panics
    /// If this thread would wait for itself.
    #[track_caller]
    fn lock_to_wait(&self) -> MutexGuard<'_, FutureState<T>> {
        let state = self.shared.lock();
        let waits_for_itself = state.is_pending() && self.shared.sender.is_own_thread();
        if waits_for_itself {
            drop(state);
            panic!(
                "result() was called on the event loop's own thread, which would wait for itself for ever; \
                 use create_task there and await the task"
            );
        }
        state
    }

    /// Cancels the coroutine: asyncio's `cancel()`. Threads that wait for the result are woken at once. The coroutine
    /// receives the cancellation on the loop's thread; if it has not begun, it never does. Returns false if it had
    /// ended already.
    pub fn cancel(&self) -> bool {
        let state = self.shared.lock();
        if !state.is_pending() {
            return matches!(state.outcome, Outcome::Failed(TaskError::Cancelled(_)));
        }
        let task = state.task;
        self.shared.settle(state, Outcome::Failed(TaskError::Cancelled(Cancelled::default())));
        if let Some(task) = task {
            // fails if the loop is closed, and then its tasks are gone
            let _ = task.cancel_from_anywhere(self.shared.sender);
        }
        true
    }

    /// Whether the coroutine has ended, with or without a value: asyncio's `done()`.
    pub fn done(&self) -> bool {
        !self.shared.lock().is_pending()
    }

    /// Whether the coroutine was cancelled, by this handle or on the loop: asyncio's `cancelled()`.
    pub fn cancelled(&self) -> bool {
        matches!(self.shared.lock().outcome, Outcome::Failed(TaskError::Cancelled(_)))
    }
}

impl<T: Send + 'static> Future for ThreadsafeFuture<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = cx.waker().clone();
        let mut state = self.shared.lock();
        if !state.is_pending() {
            state.awaiting.end();
            return Poll::Ready(state.take());
        }
        let replaced = state.waker.replace(waker);
        state.awaiting.note(cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl<T> Drop for ThreadsafeFuture<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.awaiting.end();
        let waker = state.waker.take();
        drop(state);
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

struct FutureState<T> {
    outcome: Outcome<T>,
    /// The program has seen how the coroutine failed.
    is_retrieved: bool,
    /// The task, once the loop has made one.
    task: Option<TaskName>,
    waker: Option<Waker>,
    awaiting: Awaiting,
}

/// That a task awaits the coroutine, perhaps on another loop than the one that runs it.
#[derive(Default)]
struct Awaiting {
    waiting: Waiting,
    loop_number: u16,
}

impl Awaiting {
    fn note(&mut self, cx: &Context<'_>) {
        if let Some(kernel) = current::current() {
            self.loop_number = kernel.number();
            self.waiting.note_woken(&kernel, cx, Leaf::of(What::RemoteCoroutine));
        }
    }

    fn end(&self) {
        self.waiting.end_in(self.loop_number);
    }
}

impl<T> FutureState<T> {
    fn is_pending(&self) -> bool {
        matches!(self.outcome, Outcome::Pending)
    }

    fn take(&mut self) -> Result<T, TaskError> {
        match &self.outcome {
            Outcome::Pending => return Err(TaskError::NotDone),
            Outcome::Failed(error) => {
                self.is_retrieved = true;
                return Err(error.clone());
            }
            Outcome::Value(_) | Outcome::Taken => {}
        }
        match std::mem::replace(&mut self.outcome, Outcome::Taken) {
            Outcome::Value(value) => Ok(value),
            _ => Err(TaskError::Taken),
        }
    }
}

struct FutureInner<T> {
    state: Mutex<FutureState<T>>,
    settled: Condvar,
    /// The way to the loop of the coroutine.
    sender: LoopSender,
}

/// Reports a panic that no thread has seen.
impl<T> Drop for FutureInner<T> {
    fn drop(&mut self) {
        let state = self.lock();
        if let (Outcome::Failed(TaskError::Panicked(panic)), false) = (&state.outcome, state.is_retrieved) {
            report_from_anywhere(self.sender, "Future exception was never retrieved", panic.clone());
        }
    }
}

impl<T> FutureInner<T> {
    fn lock(&self) -> MutexGuard<'_, FutureState<T>> {
        lock(&self.state)
    }

    /// Sets the outcome and wakes what waits for it. Drops `outcome` if there is one already.
    fn settle(&self, mut state: MutexGuard<'_, FutureState<T>>, outcome: Outcome<T>) {
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
            match current::current() {
                Some(kernel) => wake(&kernel, WakeTarget::Foreign(waker)),
                None => ignoring_panic(|| waker.wake()),
            }
        }
    }
}

/// The loop's side of a `ThreadsafeFuture`. If it is dropped before `settle`, the outcome is `TaskError::Closed`.
pub(crate) struct Reply<T>(Arc<FutureInner<T>>);

impl<T> Reply<T> {
    /// Whether it was cancelled by the `ThreadsafeFuture`.
    pub(crate) fn is_settled(&self) -> bool {
        !self.0.lock().is_pending()
    }

    /// Notes the task, so that `ThreadsafeFuture::cancel` can reach it. Returns false if it was cancelled before.
    pub(crate) fn set_task(&self, task: &TaskState) -> bool {
        let mut state = self.0.lock();
        state.task = Some(TaskName::of(task));
        state.is_pending()
    }

    /// The failure with which it is settled next is reported already.
    pub(crate) fn set_retrieved(&self) {
        self.0.lock().is_retrieved = true;
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
