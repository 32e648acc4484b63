//! Errors of time limits and task groups. Owns their types and texts; must not know timers or tasks.

use thiserror::Error;

/// A time limit has passed: asyncio's `TimeoutError`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("timed out")]
pub struct TimeoutError;

/// A time limit that cannot be moved.
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
