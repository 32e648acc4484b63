//! A timer that is removed when it is dropped. Owns its place in the timer wheel; must not know what happens when it is
//! due.

use std::rc::Rc;
use std::task::Context;
use std::time::Duration;

use super::waker::key_of;
use crate::base::TaskKey;
use crate::kernel::{Alarm, Leaf, Phase, RunRef, What};
use crate::node::Loop;
use crate::timer_wheel::TimerKey;

/// What a sleeping task waits for, in the await graph.
pub(crate) const TIMER: Leaf = Leaf::of(What::Timer);

/// A timer that belongs to one future, and is removed when that is dropped.
#[derive(Debug)]
pub(crate) struct Timer {
    kernel: Rc<Loop>,
    /// `TimerKey::NONE` once the timer has been carried out. (An `Option` would make each sleep a word larger.)
    key: TimerKey,
}

impl Timer {
    /// Sets a timer that wakes `task`, or else the future that is polled with `cx`.
    #[inline]
    pub(crate) fn waking(kernel: Rc<Loop>, deadline: u64, task: Option<TaskKey>, cx: &Context<'_>) -> Self {
        let key = kernel.set_timer(deadline, task.map_or_else(|| alarm(cx), Alarm::Task));
        Self { kernel, key }
    }

    /// Sets a timer that runs `run`.
    pub(crate) fn running(kernel: &Rc<Loop>, deadline: u64, run: RunRef) -> Self {
        let key = kernel.set_timer(deadline, Alarm::Run(run));
        Self { kernel: Rc::clone(kernel), key }
    }

    pub(crate) fn kernel(&self) -> &Loop {
        &self.kernel
    }

    /// Whether the timer was due and has been carried out. A loop that is closed has no timers, and carries none out.
    #[inline]
    pub(crate) fn is_over(&mut self) -> bool {
        let over = !self.kernel.has_timer(self.key) && self.kernel.life().phase() != Phase::Closed;
        if over {
            self.key = TimerKey::NONE;
        }
        over
    }

    /// From now on the timer wakes the future that is polled with `cx`. Does nothing if it has been carried out.
    #[cold]
    pub(crate) fn wake_instead(&self, cx: &Context<'_>) {
        drop(self.kernel.change_timer(self.key, alarm(cx)));
    }
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        if !self.key.is_none() {
            drop(self.kernel.remove_timer(self.key));
        }
    }
}

/// The time on the loop's clock, in nanoseconds, when `limit` will have passed.
pub(crate) fn deadline_after(kernel: &Loop, limit: Duration) -> u64 {
    kernel.clock().deadline_after(limit)
}

/// The alarm that wakes the future that is polled with `cx`.
#[cold]
fn alarm(cx: &Context<'_>) -> Alarm {
    key_of(cx.waker()).map_or_else(|| Alarm::Foreign(cx.waker().clone()), Alarm::Task)
}
