//! The end of a run without a value. Owns `Error`, `Deadlock` and `Closed`; must not know how a loop runs.

use std::{fmt, io};

use thiserror::Error;

use super::inspect::InspectError;
use super::task::{Cancelled, TaskError};

/// Why a run of the loop returned no value. It becomes an `io::Error` by `?`, so a `main` that returns one can run a
/// loop.
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
    /// The main future was cancelled and did not catch the cancellation.
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
    /// A turn of the loop inside a task of another one. Inside a callback of another loop it is allowed.
    #[error(
        "a task of another event loop is running on this thread, and this loop cannot be turned inside it; turn it in \
         a callback (call_soon, add_reader) or outside of both loops"
    )]
    InsideTask,
    /// The loop cannot be closed while it runs: asyncio's `Cannot close a running event loop`.
    #[error("an event loop cannot be closed while it runs; call stop(), and close it when its run has ended")]
    StillRunning,
    /// The loop has been closed.
    #[error("the event loop is closed; make a new one with EventLoop::new()")]
    Closed,
    /// The process was forked after the loop was made, and this is the child.
    #[error(
        "this event loop belongs to the process from which this one was forked; make a new one with EventLoop::new() \
         after fork()"
    )]
    Forked,
    /// The future belongs to another loop.
    #[error("this future belongs to another event loop; run it with the loop that made it")]
    ForeignLoop,
    /// The clock is virtual, and the program can never go on: nothing is ready, no timer is set, no descriptor is
    /// registered, and no result is expected from another thread.
    #[error("{0}")]
    Deadlock(Deadlock),
    /// The loop was to be [inspected](crate::EventLoopBuilder::inspect), and cannot be.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// An error of the operating system. It refused something that the loop needs; or the main future returned the
    /// error, and a `main` that returns this type has converted it, by the second `?` of `run(…)??`. Its text is the
    /// error's own.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            Error::Inspect(error) => error.into(),
            Error::Interrupted => Self::new(io::ErrorKind::Interrupted, error),
            Error::Deadlock(_) => Self::new(io::ErrorKind::Deadlock, error),
            error => Self::other(error),
        }
    }
}

/// Prints the text of the error, because this is what a `main` that returns it shows.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A program that can never go on: which task waits for what.
///
/// # Examples
/// ```
/// use oneloop::{Clock, Error, EventLoop, create_task};
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let ended = lp.run_until_complete(async {
///     let other = create_task(std::future::pending::<()>()).named("other");
///     other.await;
/// });
/// let Err(Error::Deadlock(deadlock)) = ended else { panic!("it waits for ever") };
/// assert!(deadlock.waiting[0].contains("waits for other"), "{deadlock}");
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlock {
    /// One line for each pending task, in order of creation, such as `Task-2 waits for Task-1`.
    pub waiting: Vec<String>,
    /// The call graph, printed as a tree.
    pub tree: String,
}

impl Deadlock {
    pub(crate) fn new(waiting: Vec<String>, tree: String) -> Self {
        Self { waiting, tree }
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadlock: nothing is ready and no timer is set, so the main future can never be done")?;
        self.waiting.iter().try_for_each(|line| write!(f, "; {line}"))?;
        write!(f, "\n{}", self.tree)
    }
}

/// The loop is closed, so it accepts nothing from other threads.
///
/// # Examples
/// ```
/// use oneloop::{Closed, EventLoop};
///
/// let lp = EventLoop::new()?;
/// let remote = lp.remote();
/// lp.close()?;
/// assert_eq!(remote.call_soon_threadsafe(|| ()).unwrap_err(), Closed);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("the event loop is closed; keep it open until the threads that send to it are done")]
pub struct Closed;

/// So `?` on [`run_coroutine_threadsafe`](crate::LoopHandle::run_coroutine_threadsafe) works where its result is
/// awaited.
impl From<Closed> for TaskError {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}
