//! What happens when a timer is due. Owns the three kinds; must not know how any of them is carried out.

use std::fmt;
use std::task::Waker;

use super::ready_queue::RunRef;
use crate::base::TaskKey;

/// What the entry of a timer does.
pub(crate) enum Alarm {
    /// Wakes a sleeping task. (A `WakeTarget` for this kind and the next would make setting and removing a timer 3 %
    /// slower: measured.)
    Task(TaskKey),
    /// Wakes a sleeper inside a combinator of another crate, which has a waker of its own.
    Foreign(Waker),
    /// Runs a callback, or a primitive whose time is up.
    Run(RunRef),
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Task(_) => "Task",
            Self::Foreign(_) => "Foreign",
            Self::Run(_) => "Run",
        })
    }
}
