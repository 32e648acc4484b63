//! A place for one waiter: what waits for an event that at most one future waits for. Owns the waiter; must not know
//! what the event is.

use std::cell::Cell;
use std::task::Context;

use super::waker::wake_target;
use crate::base::{TaskKey, WakeTarget};
use crate::node::{Loop, wake};

/// What to wake when an event happens for which at most one future waits.
#[derive(Default)]
pub(crate) struct SingleWaiter {
    target: Cell<Option<WakeTarget>>,
}

impl SingleWaiter {
    /// The future that is polled with `cx` waits now, in place of any earlier one.
    pub(crate) fn set(&self, cx: &Context<'_>) {
        drop(self.target.replace(Some(wake_target(cx))));
    }

    /// The task that waits, if it waits by its own waker.
    pub(crate) fn task(&self) -> Option<TaskKey> {
        let target = self.target.take();
        let task = match &target {
            Some(WakeTarget::Task(key)) => Some(*key),
            Some(WakeTarget::Foreign(_)) | None => None,
        };
        self.target.set(target);
        task
    }

    pub(crate) fn clear(&self) {
        drop(self.target.take());
    }

    pub(crate) fn wake(&self, kernel: &Loop) {
        if let Some(target) = self.target.take() {
            wake(kernel, target);
        }
    }
}
