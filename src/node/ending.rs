//! How a node ends. Owns the states of a node; must not know what a node is.

use crate::error::{Cancelled, Panic, TaskError};

/// `Pending` → one of the others, once and for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    /// It has a value, or had one that was taken.
    Finished,
    Cancelled,
    Panicked,
}

/// What is kept of an ending without a value.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    Cancelled(Cancelled),
    Panicked(Panic),
}

impl Ending {
    pub(crate) fn state(&self) -> State {
        match self {
            Self::Cancelled(_) => State::Cancelled,
            Self::Panicked(_) => State::Panicked,
        }
    }
}

impl From<Ending> for TaskError {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Cancelled(cancelled) => cancelled.into(),
            Ending::Panicked(panic) => panic.into(),
        }
    }
}
