//! A timer that belongs to what waits for it. Owns its place in the timer wheel; must not know what happens when it is due.

use std::rc::Rc;
use std::task::Context;
use std::time::Duration;

use super::waker::wake_target;
use crate::base::nanos;
use crate::kernel::{Alarm, RunRef};
use crate::node::Loop;
use crate::timer_wheel::TimerKey;

/// A timer, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Timer {
    kernel: Rc<Loop>,
    key: TimerKey,
}

impl Timer {
    /// A timer that wakes what is polled with `cx`.
    pub(crate) fn waking(kernel: Rc<Loop>, deadline: u64, cx: &Context<'_>) -> Self {
        let key = kernel.set_timer(deadline, Alarm::Wake(wake_target(cx)));
        Self { kernel, key }
    }

    /// A timer that runs `run`.
    pub(crate) fn running(kernel: &Rc<Loop>, deadline: u64, run: RunRef) -> Self {
        Self { key: kernel.set_timer(deadline, Alarm::Run(run)), kernel: Rc::clone(kernel) }
    }

    /// Whether it was due and has been carried out.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        !self.kernel.has_timer(self.key)
    }

    /// From now on it wakes what is polled with `cx`, if it is not over.
    pub(crate) fn wake_instead(&self, cx: &Context<'_>) {
        drop(self.kernel.change_timer(self.key, Alarm::Wake(wake_target(cx))));
    }
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        drop(self.kernel.remove_timer(self.key));
    }
}

/// The time on the loop's clock when `limit` will have passed, in nanoseconds.
pub(crate) fn deadline_after(kernel: &Loop, limit: Duration) -> u64 {
    kernel.clock().now().saturating_add(nanos(limit))
}
