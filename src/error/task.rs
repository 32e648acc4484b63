//! The end of a task or future without a value. Owns cancellations and panics as values; must not know tasks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io};

use thiserror::Error;

/// The cancellation of a task or future: asyncio's `CancelledError`, as a value.
///
/// [`catch_cancelled`](fn@crate::catch_cancelled) returns it to the code that catches a cancellation, and
/// [`Cancelled::reraise`] lets the cancellation go on from there.
///
/// # Examples
/// ```
/// use oneloop::{catch_cancelled, create_task, run, yield_now};
/// use std::time::Duration;
///
/// run(async {
///     let task = create_task(async {
///         let ended = catch_cancelled(oneloop::sleep(Duration::from_secs(60))).await;
///         ended.unwrap_err().message().map(str::to_owned)
///     });
///     yield_now().await;
///     task.cancel_with("shutting down");
///     assert_eq!(task.await.as_deref(), Some("shutting down"));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Error)]
#[error("cancelled{}", self.suffix())]
pub struct Cancelled {
    message: Option<Arc<str>>,
}

impl Cancelled {
    pub(crate) fn new(message: Option<Arc<str>>) -> Self {
        Self { message }
    }

    /// The message given to `cancel_with`, if any.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    pub(crate) fn into_message(self) -> Option<Arc<str>> {
        self.message
    }

    /// The message as the end of an error text, or nothing.
    pub(super) fn suffix(&self) -> String {
        self.message.as_ref().map_or_else(String::new, |m| format!(": {m}"))
    }
}

/// How a task or future ended without a value, or that it has not ended. It becomes an `io::Error` by `?`.
///
/// # Examples
/// ```
/// use oneloop::{TaskError, create_task, run};
///
/// run(async {
///     let task = create_task(std::future::pending::<()>());
///     assert!(matches!(task.result(), Err(TaskError::NotDone)));
///     task.cancel();
///     assert!(matches!(task.into_outcome().await, Err(TaskError::Cancelled(_))));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum TaskError {
    /// It is still running: asyncio's `InvalidStateError`.
    #[error("not done yet; await it, or look at done() first")]
    NotDone,
    /// It was cancelled.
    #[error("{0}")]
    Cancelled(#[from] Cancelled),
    /// It panicked.
    #[error("{0}")]
    Panicked(#[from] Panic),
    /// Its value was moved out by an earlier await.
    #[error("its value was taken by an earlier await; use shared() to let several tasks have it")]
    Taken,
    /// Its loop was closed before it was done. Only other threads see this.
    #[error("its event loop was closed before it was done; keep the loop running until its results have arrived")]
    Closed,
}

impl From<TaskError> for io::Error {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::NotDone => Self::new(io::ErrorKind::WouldBlock, error),
            error => Self::other(error),
        }
    }
}

/// A caught panic: what asyncio keeps as the exception of a task.
///
/// It can be cloned, so every task that awaits a shared task receives it. The payload itself goes to the first clone
/// that is resumed.
///
/// # Examples
/// ```
/// use oneloop::{TaskError, create_task, run};
///
/// run(async {
///     let task = create_task(async { panic!("no page {}", 7) });
///     let outcome: Result<(), TaskError> = task.into_outcome().await;
///     let Err(TaskError::Panicked(panic)) = outcome else { unreachable!("it panics") };
///     assert_eq!(panic.message(), "no page 7");
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Error)]
#[error("panicked: {message}")]
pub struct Panic {
    message: Arc<str>,
    payload: Arc<Payload>,
}

/// The payload of a panic. Dropping it may panic again, and that panic must not reach the code that drops it.
struct Payload(Mutex<Option<Box<dyn Any + Send>>>);

impl Payload {
    fn take(&self) -> Option<Box<dyn Any + Send>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        /// If dropping a payload panics, that panic has a payload too, and dropping that may panic in turn. After this
        /// many the last payload is leaked.
        const MAX_PANICS_IN_DROP: usize = 100;
        let mut payload = self.take();
        for _ in 0..MAX_PANICS_IN_DROP {
            match catch_unwind(AssertUnwindSafe(|| drop(payload.take()))) {
                Ok(()) => return,
                Err(again) => payload = Some(again),
            }
        }
        std::mem::forget(payload);
    }
}

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a value that is not a string");
        Self { message: Arc::from(message), payload: Arc::new(Payload(Mutex::new(Some(payload)))) }
    }

    /// Whether some code has met this panic with its payload: it was resumed.
    pub(crate) fn was_resumed(&self) -> bool {
        self.payload.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The text of the panic.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Panics with this panic: awaiting a panicked task does this.
    ///
    /// # Panics
    /// Always: with the original payload the first time, with its text afterwards.
    pub fn resume(self) -> ! {
        match self.payload.take() {
            Some(payload) => std::panic::resume_unwind(payload),
            None => std::panic::resume_unwind(Box::new(self.message.to_string())),
        }
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message).finish()
    }
}

/// The future was settled already: asyncio's `InvalidStateError`. Holds the value that was refused.
///
/// # Examples
/// ```
/// use oneloop::error::InvalidState;
/// use oneloop::{create_future, run};
///
/// run(async {
///     let reply = create_future();
///     assert_eq!(reply.set_result(1), Ok(()));
///     assert_eq!(reply.set_result(2), Err(InvalidState(2)));
///     assert_eq!(reply.await, 1);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("the future is already done; its first result stands; ask done() before you set one")]
pub struct InvalidState<T>(pub T);

impl<T> fmt::Debug for InvalidState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvalidState(..)")
    }
}
