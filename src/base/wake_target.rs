//! What is to be woken when something happens. Owns the two kinds; must not know how either is woken.

use std::fmt;
use std::task::Waker;

use super::task_key::TaskKey;

/// What waits: a task of this crate, or a future whose waker is foreign. A foreign waker is made by a combinator of
/// another crate (`FuturesUnordered`, say), or by another runtime.
pub(crate) enum WakeTarget {
    /// Waking it queues the task, and runs no code of a user.
    Task(TaskKey),
    /// Waking it may run code of a user, and so may dropping it.
    Foreign(Waker),
}

impl WakeTarget {
    /// Stands for no target where one was moved out.
    pub(crate) const NOTHING: Self = Self::Task(TaskKey::from_word(0));
}

impl fmt::Debug for WakeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Task(_) => "Task",
            Self::Foreign(_) => "Foreign",
        })
    }
}
