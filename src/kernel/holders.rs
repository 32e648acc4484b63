//! Which task holds each lock that tasks wait for. Owns the numbers of those locks; must not know what a lock is.

use std::cell::RefCell;

use slab::Slab;

use crate::base::TaskKey;

/// The holders, each under the number of its lock, which is not 0. A lock has a number once a task has had to wait for it,
/// so that one that is free when it is acquired costs nothing here.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    holders: RefCell<Slab<Option<TaskKey>>>,
}

impl Holders {
    /// A number for a lock. `None` if there are more locks than numbers.
    pub(crate) fn enter(&self) -> Option<u32> {
        let number = self.holders.borrow_mut().insert(None);
        u32::try_from(number + 1).ok()
    }

    /// Tells which task holds the lock, if any.
    pub(crate) fn set(&self, number: u32, holder: Option<TaskKey>) {
        if let Some(held) = self.holders.borrow_mut().get_mut(index(number)) {
            *held = holder;
        }
    }

    /// The task that holds the lock with this number.
    pub(crate) fn of(&self, number: u32) -> Option<TaskKey> {
        self.holders.borrow().get(index(number)).copied().flatten()
    }

    /// The lock is gone.
    pub(crate) fn leave(&self, number: u32) {
        self.holders.borrow_mut().try_remove(index(number));
    }
}

fn index(number: u32) -> usize {
    (number as usize).wrapping_sub(1)
}
