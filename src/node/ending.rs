//! How a node ends. Owns the states of a node; must not know what a node is.

use crate::error::{Cancelled, Panic, TaskError};

/// The state of a node. `Pending` becomes one of the other three, and these are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    /// The node has a value, or had one until it was taken.
    Finished,
    Cancelled,
    Panicked,
}

/// What a node keeps when it ends without a value.
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

    /// Whether it says more than its state does: a cancellation without a message does not.
    pub(crate) fn has_more_than_its_state(&self) -> bool {
        match self {
            Self::Cancelled(cancelled) => cancelled.message().is_some(),
            Self::Panicked(_) => true,
        }
    }

    /// No `From`, because a compiler lists every `From` of a public error to users, with the types.
    pub(crate) fn into_error(self) -> TaskError {
        match self {
            Self::Cancelled(cancelled) => cancelled.into(),
            Self::Panicked(panic) => panic.into(),
        }
    }
}
