//! What a timer does when it is due. Owns the kinds; must not know how they are carried out.

use std::fmt;
use std::task::Waker;

use super::ready_queue::RunRef;
use crate::base::TaskKey;

/// What a timer does when its entry is run.
pub(crate) enum Alarm {
    /// Wakes a sleeping task. (A `WakeTarget` inside would cost arming and cancelling 3 %: measured.)
    Task(TaskKey),
    /// Wakes a sleeper inside a combinator of another crate.
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
