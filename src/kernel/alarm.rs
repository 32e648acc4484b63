//! What a timer does when it is due. Owns the kinds; must not know how they are carried out.

use std::fmt;

use super::ready_queue::RunRef;
use crate::base::WakeTarget;

/// What a timer does when its entry is run.
pub(crate) enum Alarm {
    /// Wakes a sleeper.
    Wake(WakeTarget),
    /// Runs a callback, or a primitive whose time is up.
    Run(RunRef),
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wake(_) => "Wake",
            Self::Run(_) => "Run",
        })
    }
}
