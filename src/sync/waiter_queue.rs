//! The waiters of one primitive as data: their order, and how each is woken. Owns what it means to notify the first of
//! them; must not know how a task waits, nor call a foreign waker, which may run code of a user.

use std::task::Waker;

use slab::Slab;

use crate::base::{TaskKey, WaitQueue};
use crate::node::{Loop, is_interrupted};

/// Who waits, in order, and the wakers of those that are not woken by the key of their task.
#[derive(Default)]
pub(super) struct WaiterQueue {
    pub(super) waiters: WaitQueue<Waiter>,
    pub(super) wakers: Slab<HeldWaker>,
}

/// How a waiter is woken.
#[derive(Clone, Copy)]
pub(super) enum Waiter {
    /// By queueing this task of the same loop, which runs no code of a user.
    Task(TaskKey),
    /// By the waker with this index in `WaiterQueue::wakers`, which may run code of a user.
    Waker(usize),
}

/// A waker of another crate, and the task that has waited with it.
pub(super) type HeldWaker = (Waker, TaskKey);

/// What happens to a waiter whose task is being cancelled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenCancelled {
    /// It is passed over, and the next one is notified instead.
    Skip,
    /// It is notified as any other.
    Notify,
}

/// What `notify_task` did with the first waiter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Notify {
    Notified(TaskKey),
    Skipped,
    /// Nothing: the waiter has a foreign waker, which must not be called under a borrow.
    NotATask,
}

impl WaiterQueue {
    /// Notifies or skips the first waiter if it is a task.
    ///
    /// A cancelled task stays in the ready queue until its next step. So only a task that was queued already
    /// (`wake` returns false) can have been cancelled, and only for such a one the cancellation is looked up.
    #[inline]
    pub(super) fn notify_task(&mut self, kernel: &Loop, when_cancelled: WhenCancelled) -> Notify {
        let task = |waiter| if let Waiter::Task(key) = waiter { Some(key) } else { None };
        let Some((first, key)) = self.waiters.notify_first(task) else { return Notify::NotATask };
        if kernel.wake(key) || when_cancelled == WhenCancelled::Notify || !was_cancelled(kernel, key) {
            return Notify::Notified(key);
        }
        self.waiters.skip(first);
        Notify::Skipped
    }

    pub(super) fn insert_waker(&mut self, waker: HeldWaker) -> Waiter {
        Waiter::Waker(self.wakers.insert(waker))
    }

    /// The task that waits as the first one, by a foreign waker.
    pub(super) fn task_of_first(&self) -> Option<TaskKey> {
        match self.waiters.waiting().next()? {
            Waiter::Task(key) => Some(key),
            Waiter::Waker(index) => self.wakers.get(index).map(|(_, task)| *task),
        }
    }

    /// Takes out the waker of a waiter that no longer needs it.
    pub(super) fn remove_waker(&mut self, waiter: Waiter) -> Option<HeldWaker> {
        match waiter {
            Waiter::Task(_) => None,
            Waiter::Waker(index) => Some(self.wakers.remove(index)),
        }
    }
}

#[cold]
pub(super) fn was_cancelled(kernel: &Loop, key: TaskKey) -> bool {
    is_interrupted(kernel, key)
}
