//! Results that other threads will send to the loop. Owns the callbacks that wait for them; must not know the threads.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::ready_queue::RunRef;
use crate::base::IdMap;

/// The callbacks that wait for a result from another thread, each under an id. The thread sends only the id
/// (`Message::Arrived`), so the callback need not be `Send`.
///
/// While there is a callback, the program can go on even if nothing else happens. So a virtual clock does not jump: the
/// loop waits for the thread, in real time.
#[derive(Default)]
pub(crate) struct Expected {
    callbacks: RefCell<IdMap<RunRef>>,
    /// How long the loop has waited in real time since its virtual clock last moved.
    waited: Cell<Duration>,
}

impl Expected {
    pub(crate) fn is_empty(&self) -> bool {
        self.callbacks.borrow().is_empty()
    }

    /// Inserts the callback that `make` makes, and returns its id. `make` is called with the id. The callback is queued
    /// when the id arrives.
    pub(crate) fn insert(&self, make: impl FnOnce(u64) -> RunRef) -> u64 {
        self.callbacks.borrow_mut().insert_with(make)
    }

    /// Removes a callback. The caller drops it, outside the borrow.
    pub(crate) fn remove(&self, id: u64) -> Option<RunRef> {
        self.callbacks.borrow_mut().remove(id)
    }

    /// Removes all callbacks, because the loop closes. The caller drops them, outside the borrow.
    pub(crate) fn take_all(&self) -> impl Iterator<Item = RunRef> + use<> {
        self.callbacks.borrow_mut().take_all()
    }

    /// How long the loop has waited in real time since its virtual clock last moved.
    pub(crate) fn waited(&self) -> &Cell<Duration> {
        &self.waited
    }
}
