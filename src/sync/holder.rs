//! Which task holds a lock, for those who look inside. Owns what is kept of it; must not know how a lock is acquired.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::task::Context;

use crate::base::TaskKey;
use crate::current::{key_of, running_key};
use crate::kernel::{Leaf, What};
use crate::node::Loop;

/// The task that has acquired a lock last. It is told to the loop when another task has to wait.
#[derive(Default)]
pub(super) struct Holder {
    task: Cell<Option<TaskKey>>,
    /// The loop and the number that the lock has there, once a task has had to wait.
    told: OnceCell<(Rc<Loop>, u32)>,
}

impl Holder {
    /// The task that is polled with `cx` acquires the lock.
    #[inline]
    pub(super) fn set(&self, cx: &Context<'_>) {
        self.task.set(key_of(cx.waker()).or_else(running_key));
        if self.told.get().is_some() {
            self.tell();
        }
    }

    /// The running task acquires the lock.
    pub(super) fn set_running(&self) {
        self.task.set(running_key());
        self.tell();
    }

    /// The lock is released.
    #[inline]
    pub(super) fn clear(&self) {
        if self.told.get().is_some() {
            self.task.set(None);
            self.tell();
        }
    }

    /// What a task waits for that wants the lock.
    #[cold]
    pub(super) fn awaited(&self, kernel: impl FnOnce() -> Option<Rc<Loop>>) -> Leaf {
        if self.told.get().is_none()
            && let Some(kernel) = kernel()
            && let Some(number) = kernel.holders().enter()
        {
            let _ = self.told.set((kernel, number)); // it is empty
            self.tell();
        }
        Leaf::numbered(What::Lock, self.told.get().map_or(0, |(_, number)| *number))
    }

    #[cold]
    fn tell(&self) {
        if let Some((kernel, number)) = self.told.get() {
            kernel.holders().set(*number, self.task.get());
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some((kernel, number)) = self.told.get() {
            kernel.holders().leave(*number);
        }
    }
}
