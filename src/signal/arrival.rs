//! What a task waits for that waits for a signal. Owns whether the signal has come, and what is woken then; must not
//! know signals.

use std::cell::Cell;
use std::fmt;
use std::task::{Context, Poll};

use crate::current::SingleWaiter;
use crate::node::Loop;

/// The next signal, for one wait of a task.
#[derive(Default)]
pub(super) struct Arrival {
    has_come: Cell<bool>,
    waiter: SingleWaiter,
}

impl Arrival {
    /// The signal has come.
    pub(super) fn tell(&self, kernel: &Loop) {
        self.has_come.set(true);
        self.waiter.wake(kernel);
    }

    /// Ready once the signal has come.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.has_come.get() {
            self.waiter.set(cx); // code of a user, if it is a waker of another crate: the signal may come in it
        }
        if self.has_come.get() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival").field("has_come", &self.has_come.get()).finish_non_exhaustive()
    }
}
