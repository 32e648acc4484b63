//! Errors of time limits and task groups. Owns their types and texts; must not know timers or tasks.

use std::any::Any;
use std::{fmt, io};

use thiserror::Error;

/// A time limit has passed: asyncio's `TimeoutError`. It becomes an `io::Error` of the kind `TimedOut` by `?`.
///
/// # Examples
/// ```
/// use oneloop::{run, timeout};
/// use std::io;
/// use std::time::Duration;
///
/// async fn answer() -> io::Result<u32> {
///     std::future::pending().await // of a server that says nothing
/// }
///
/// async fn ask() -> io::Result<u32> {
///     timeout(Duration::from_millis(1), answer()).await?
/// }
///
/// let asked = run(ask())?;
/// assert_eq!(asked.unwrap_err().kind(), io::ErrorKind::TimedOut);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Error)]
#[error("timed out")]
pub struct TimeoutError;

impl From<TimeoutError> for io::Error {
    fn from(error: TimeoutError) -> Self {
        Self::new(io::ErrorKind::TimedOut, error)
    }
}

/// A time limit that cannot be moved.
///
/// # Examples
/// ```
/// use oneloop::Timeout;
/// use oneloop::error::RescheduleError;
///
/// let limit = Timeout::none();
/// assert_eq!(limit.reschedule(None), Err(RescheduleError::NotEntered));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RescheduleError {
    /// The time limit has not begun.
    #[error("Timeout has not been entered; call reschedule() inside what it runs")]
    NotEntered,
    /// The time is up, or the body of the time limit has ended.
    #[error("the Timeout is over, so its deadline cannot be moved any more")]
    Over,
}

/// The errors of a task group's children in the order in which they ended, the body's own last:
/// asyncio's `ExceptionGroup`.
///
/// It becomes an `io::Error` by `?`: if all its errors are `io::Error`s of one kind, of that kind, else of the kind
/// `Other`.
///
/// # Examples
/// ```
/// use oneloop::error::GroupError;
/// use oneloop::{run, task_group};
///
/// run(async {
///     let ended: Result<(), GroupError<&str>> = task_group(async |_| Err("no route")).await;
///     assert_eq!(ended.unwrap_err().to_string(), "an error in a task group: no route");
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupError<E> {
    /// The errors themselves. There is none if [`TaskGroup::cancel`](crate::TaskGroup::cancel) has ended the body, and
    /// nothing has failed.
    pub errors: Vec<E>,
}

impl<E> GroupError<E> {
    pub(crate) fn new(errors: Vec<E>) -> Self {
        Self { errors }
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.errors[..] {
            [] => f.write_str("the task group was cancelled"),
            [error] => write!(f, "an error in a task group: {error}"),
            errors => {
                write!(f, "{} errors in a task group: ", errors.len())?;
                errors.iter().enumerate().try_for_each(|(i, error)| {
                    f.write_str(if i == 0 { "" } else { "; " })?;
                    error.fmt(f)
                })
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for GroupError<E> {}

impl<E: fmt::Debug + fmt::Display + Send + Sync + 'static> From<GroupError<E>> for io::Error {
    fn from(error: GroupError<E>) -> Self {
        let kind_of = |error: &E| (error as &dyn Any).downcast_ref::<Self>().map(Self::kind);
        let mut kinds = error.errors.iter().map(kind_of);
        let first = kinds.next().flatten();
        let kind = first.filter(|_| kinds.all(|kind| kind == first)).unwrap_or(io::ErrorKind::Other);
        Self::new(kind, error)
    }
}
