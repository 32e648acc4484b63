//! Every error type a user can meet. Owns the words in which the loop says no; must not know any other module.

use std::any::Any;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io};

use thiserror::Error;

/// Why a run of the loop gave no value.
///
/// # Examples
/// ```
/// use oneloop::{Error, EventLoop, current_task, yield_now};
///
/// let lp = EventLoop::new()?;
/// let ended = lp.run_until_complete(async {
///     current_task().expect("inside a task").cancel();
///     yield_now().await;
/// });
/// assert!(matches!(ended, Err(Error::Cancelled(_))));
/// # Ok::<(), Error>(())
/// ```
#[derive(Error)]
#[non_exhaustive]
pub enum Error {
    /// The main future was cancelled and did not catch it.
    #[error("the main future was cancelled{}", .0.suffix())]
    Cancelled(Cancelled),
    /// Ctrl-C ended [`run`](crate::run::run), which it does with the feature `signal`: asyncio's `KeyboardInterrupt`.
    #[error("interrupted by Ctrl-C")]
    Interrupted,
    /// `stop()` ended the run before the main future was done.
    #[error("the event loop was stopped before the main future was done; do not call stop() inside run_until_complete")]
    Stopped,
    /// A loop is running on this thread already.
    #[error(
        "an event loop is already running on this thread; await the future or use create_task instead of a second run"
    )]
    Running,
    /// The loop has been closed.
    #[error("the event loop is closed; make a new one with EventLoop::new()")]
    Closed,
    /// The future belongs to another loop.
    #[error("this future belongs to another event loop; run it with the loop that made it")]
    ForeignLoop,
    /// Nothing is ready, no timer is set, and the clock is virtual: the program can never go on.
    #[error("{0}")]
    Deadlock(Deadlock),
    /// The operating system refused something that the loop needs.
    #[error("the event loop failed: {0}")]
    Io(#[from] io::Error),
}

/// The text of the error, since this is what a `main` that returns it shows.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The cancellation of a task or future: asyncio's `CancelledError`, as a value.
///
/// [`catch_cancelled`](fn@crate::catch_cancelled) gives it to whoever catches a cancellation, and
/// [`Cancelled::reraise`] raises it on.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Error)]
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

    fn suffix(&self) -> String {
        self.message.as_ref().map_or_else(String::new, |m| format!(": {m}"))
    }
}

/// How a task or future ended without a value, or that it has not ended.
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
    /// Its loop was closed before it was done. Seen from other threads alone.
    #[error("its event loop was closed before it was done; let the loop run until those who wait have their results")]
    Closed,
}

/// The loop is closed and takes nothing from other threads any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("the event loop is closed; keep it open until the threads that send to it are done")]
pub struct Closed;

/// A caught panic: what asyncio keeps as the exception of a task.
///
/// Cloneable, so that every awaiter of a shared task meets it; the payload itself goes to the first that resumes it.
#[derive(Clone, Error)]
#[error("panicked: {message}")]
pub struct Panic {
    message: Arc<str>,
    payload: Arc<Payload>,
}

/// What was panicked with. It may panic again when it is dropped, which must not reach whoever happens to drop it.
struct Payload(Mutex<Option<Box<dyn Any + Send>>>);

impl Payload {
    fn take(&self) -> Option<Box<dyn Any + Send>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        /// A payload whose drop panics has a payload, whose drop may panic, and so on; who goes on like this is left.
        const PATIENCE: usize = 100;
        let mut payload = self.take();
        for _ in 0..PATIENCE {
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

    /// The text of the panic.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Goes on with the panic in the caller: awaiting a panicked task does this.
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

/// A time limit has passed: asyncio's `TimeoutError`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("timed out")]
pub struct TimeoutError;

/// A time limit that cannot be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RescheduleError {
    /// It has not begun.
    #[error("Timeout has not been entered; call reschedule() inside what it runs")]
    NotEntered,
    /// The time is up, or what it ran is done.
    #[error("the Timeout is over, so its deadline cannot be moved any more")]
    Over,
}

/// Nobody has forgotten a permit of this semaphore, so none can be added: asyncio's `ValueError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("BoundedSemaphore released too many times: all its permits are free, or will be given back by who holds them")]
pub struct ReleaseError;

/// The barrier was aborted, or reset under those who waited: asyncio's `BrokenBarrierError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the barrier is broken: it was aborted, or reset while this task waited")]
pub struct BrokenBarrierError;

/// The queue takes no items any more, or has none left to give: asyncio's `QueueShutDown`. Gives the item back, if there
/// was one.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("the queue is shut down")]
pub struct QueueShutDown<T = ()>(pub T);

impl<T> fmt::Debug for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueShutDown(..)")
    }
}

/// Why an item was not put at once. Gives it back.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
pub enum PutError<T> {
    /// There is no room now: asyncio's `QueueFull`.
    #[error("the queue is full; await put() to wait for room")]
    QueueFull(T),
    /// There will be none.
    #[error("the queue is shut down")]
    QueueShutDown(T),
}

impl<T> PutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Self::QueueFull(item) | Self::QueueShutDown(item) => item,
        }
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull(_) => "QueueFull(..)",
            Self::QueueShutDown(_) => "QueueShutDown(..)",
        })
    }
}

/// Why there was no item to be had at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GetError {
    /// There is none now: asyncio's `QueueEmpty`.
    #[error("the queue is empty; await get() to wait for an item")]
    QueueEmpty,
    /// There will be none.
    #[error("the queue is shut down, and nothing is left in it")]
    QueueShutDown,
}

/// `task_done()` was called more often than items were put: asyncio's `ValueError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("task_done() called too many times; call it once for each item that was got")]
pub struct TaskDoneError;

/// The future was settled already: asyncio's `InvalidStateError`. Gives the value back.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("the future is already done; its first result stands")]
pub struct InvalidState<T>(pub T);

impl<T> fmt::Debug for InvalidState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvalidState(..)")
    }
}

/// The errors of a task group's children in the order in which they ended, the body's own last:
/// asyncio's `ExceptionGroup`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unhandled errors in a task group ({} in all)", .errors.len())]
#[non_exhaustive]
pub struct GroupError<E> {
    /// The errors themselves; never empty.
    pub errors: Vec<E>,
}

impl<E> GroupError<E> {
    pub(crate) fn new(errors: Vec<E>) -> Self {
        Self { errors }
    }
}

/// Why a descriptor cannot be watched by a callback.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WatchError {
    /// A socket or [`Descriptor`](crate::Descriptor) of the loop has it: asyncio's `RuntimeError`.
    #[error("descriptor {0} belongs to a socket of this loop; await the socket's own methods, or take it out first")]
    InUse(i32),
    /// The system has no readiness for it, as for a regular file: asyncio's `PermissionError`.
    #[error("descriptor {0} cannot be watched: a regular file is always ready; read it in a thread")]
    NotPollable(i32),
    /// It is no descriptor, or the system has no memory left.
    #[error("descriptor {0} cannot be watched: {1}")]
    Io(i32, #[source] io::Error),
}

impl From<WatchError> for io::Error {
    fn from(error: WatchError) -> Self {
        let kind = match &error {
            WatchError::InUse(_) => io::ErrorKind::AlreadyExists,
            WatchError::NotPollable(_) => io::ErrorKind::PermissionDenied,
            WatchError::Io(_, source) => source.kind(),
        };
        Self::new(kind, error)
    }
}

/// No connection came about: what became of every address that was tried.
///
/// It becomes an `io::Error` by `?`, with the kind on which all attempts agree.
#[derive(Debug)]
pub struct ConnectError {
    to: String,
    attempts: Vec<(SocketAddr, io::Error)>,
    /// Why there was nothing to try.
    no_address: Option<io::Error>,
}

impl ConnectError {
    pub(crate) fn new(to: String, attempts: Vec<(SocketAddr, io::Error)>) -> Self {
        Self { to, attempts, no_address: None }
    }

    pub(crate) fn without_address(to: String, error: io::Error) -> Self {
        Self { to, attempts: Vec::new(), no_address: Some(error) }
    }

    /// The addresses that were tried, in order, each with its error. Empty if no address was found.
    pub fn attempts(&self) -> &[(SocketAddr, io::Error)] {
        &self.attempts
    }

    /// The kind of the errors if they agree, else `Other`.
    pub fn kind(&self) -> io::ErrorKind {
        let mut kinds = self.errors().map(io::Error::kind);
        let first = kinds.next().unwrap_or(io::ErrorKind::Other);
        if kinds.all(|kind| kind == first) { first } else { io::ErrorKind::Other }
    }

    fn errors(&self) -> impl Iterator<Item = &io::Error> {
        self.attempts.iter().map(|(_, error)| error).chain(&self.no_address)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot connect to {}", self.to)?;
        if let Some(error) = &self.no_address {
            return write!(f, ": {error}");
        }
        match &self.attempts[..] {
            [(address, error)] if address.to_string() == self.to => write!(f, ": {error}"),
            attempts => attempts.iter().enumerate().try_for_each(|(i, (address, error))| {
                write!(f, "{} {address}: {error}", if i == 0 { ":" } else { ";" })
            }),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.errors().last().map(|error| error as _)
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        Self::new(error.kind(), error)
    }
}

/// A program that can never go on: who waits for what.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlock {
    /// One line a pending task, in order of creation, such as `Task-2 waits for Task-1`.
    pub waiting: Vec<String>,
}

impl Deadlock {
    pub(crate) fn new(waiting: Vec<String>) -> Self {
        Self { waiting }
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadlock: nothing is ready and no timer is set, so the main future can never be done")?;
        self.waiting.iter().try_for_each(|line| write!(f, "; {line}"))
    }
}

/// What the exception handler is told: asyncio's `context` dictionary.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExceptionContext {
    /// What happened, in asyncio's words.
    pub message: &'static str,
    /// What was raised.
    pub exception: Exception,
    /// The name of the task, if it was one.
    pub task: Option<String>,
    /// Where the task or callback was created.
    pub created: Option<&'static Location<'static>>,
}

/// What was raised where nobody awaits.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Exception {
    /// A panic.
    #[error(transparent)]
    Panic(#[from] Panic),
    /// An error, by its text.
    #[error("{0}")]
    Error(String),
}

impl Exception {
    /// The text of the panic or error.
    pub fn message(&self) -> &str {
        match self {
            Self::Panic(panic) => panic.message(),
            Self::Error(text) => text,
        }
    }
}

impl fmt::Display for ExceptionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if let Some(task) = &self.task {
            write!(f, " ({task})")?;
        }
        write!(f, ": {}", self.exception)?;
        self.created.map_or(Ok(()), |place| write!(f, ", created at {place}"))
    }
}
