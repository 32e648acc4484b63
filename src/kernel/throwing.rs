//! The cancellation that is on its way up through the awaits of the running task. Owns its state; must not know how it is
//! raised or caught.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// A cancellation on its way up through the awaits of the running task: `Off` → `Delivered` when a step begins with a
/// cancellation of the task itself, `Off` → `Raised` when a leaf raises one; back to `Off` when a `catch_cancelled`
/// or the task's edge takes it, or when the leaf that raised it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Throw {
    Off,
    Delivered,
    /// By the leaf with this number.
    Raised(u32),
}

/// The state of a throw.
pub(crate) struct Throwing {
    throw: Cell<Throw>,
    message: RefCell<Option<Arc<str>>>,
    last_raise: Cell<u32>,
    /// A leaf had something to raise while another's raise was on its way.
    raise_waits: Cell<bool>,
    /// A leaf returned `Pending` for the throw that is on, and may have missed what it waits for.
    held_back: Cell<bool>,
}

impl Default for Throwing {
    fn default() -> Self {
        Self {
            throw: Cell::new(Throw::Off),
            message: RefCell::default(),
            last_raise: Cell::new(0),
            raise_waits: Cell::new(false),
            held_back: Cell::new(false),
        }
    }
}

impl Throwing {
    #[inline]
    pub(crate) fn throw(&self) -> Throw {
        self.throw.get()
    }

    pub(crate) fn start(&self, throw: Throw, message: Option<Arc<str>>) {
        if throw == Throw::Delivered {
            self.held_back.set(false);
        }
        self.throw.set(throw);
        self.message.replace(message);
    }

    /// Ends the throw and returns its message.
    pub(crate) fn take(&self) -> Option<Arc<str>> {
        self.throw.set(Throw::Off);
        self.message.take()
    }

    pub(crate) fn raise_waits(&self) -> &Cell<bool> {
        &self.raise_waits
    }

    pub(crate) fn held_back(&self) -> &Cell<bool> {
        &self.held_back
    }

    /// A number for a leaf that raises; never 0.
    pub(crate) fn next_raise(&self) -> u32 {
        let next = self.last_raise.get().wrapping_add(1).max(1);
        self.last_raise.set(next);
        next
    }
}
