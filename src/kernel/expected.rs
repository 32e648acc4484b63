//! Results that are expected from other threads. Owns the callbacks that wait for them; must not know the threads.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::ready_queue::RunRef;
use crate::base::IdMap;

/// Callbacks that wait for a result from another thread, by the number that the thread will send. While there is any,
/// something may still happen: a virtual clock does not jump, and the loop waits for real time.
#[derive(Default)]
pub(crate) struct Expected {
    callbacks: RefCell<IdMap<RunRef>>,
    /// How long a virtual clock has been waited for in real time since it moved.
    waited: Cell<Duration>,
}

impl Expected {
    pub(crate) fn is_empty(&self) -> bool {
        self.callbacks.borrow().is_empty()
    }

    /// The callback that `make` makes of its number is to take a turn when a message says that its result has come.
    /// Returns the number that the message has to carry.
    pub(crate) fn insert(&self, make: impl FnOnce(u64) -> RunRef) -> u64 {
        self.callbacks.borrow_mut().insert_with(make)
    }

    /// Forgets a callback, which comes back to be dropped by the caller.
    pub(crate) fn remove(&self, number: u64) -> Option<RunRef> {
        self.callbacks.borrow_mut().remove(number)
    }

    /// The loop closes: all callbacks, to be dropped by the caller.
    pub(crate) fn take_all(&self) -> impl Iterator<Item = RunRef> + use<> {
        self.callbacks.borrow_mut().take_all()
    }

    /// How long a virtual clock that stands still has been waited for in real time.
    pub(crate) fn waited(&self) -> &Cell<Duration> {
        &self.waited
    }
}
