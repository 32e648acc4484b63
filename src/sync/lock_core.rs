//! What a lock is without its value. Owns whether it is locked, for whom, and who waits; must not know what that is.
//!
//! It is the same for locks of all types, so what waits and what releases are functions of their own: the coroutine
//! that they would be inlined into has few registers to spare.

use std::cell::Cell;
use std::task::Context;

use super::holder::Holder;
use super::waiters::{OneWait, Waiters};
use crate::kernel::Leaf;

#[derive(Default)]
pub(super) struct LockCore {
    locked: Cell<bool>,
    pub(super) waiters: Waiters,
    holder: Holder,
}

impl LockCore {
    pub(super) fn is_locked(&self) -> bool {
        self.locked.get()
    }

    /// Locks it for the running task if it is free and no task waits.
    #[expect(clippy::inline_always, reason = "as `Waiters::begin_inline`")]
    #[inline(always)]
    pub(super) fn lock_if_free(&self) -> bool {
        let free = !self.locked.get() && self.waiters.all_cancelled();
        if free {
            self.locked.set(true);
            self.holder.set_running();
        }
        free
    }

    /// As `lock_if_free`, for a task that has waited, and has to try again.
    #[cold]
    pub(super) fn lock_if_free_again(&self) -> bool {
        self.lock_if_free()
    }

    /// Locks it for the running task if it is free and no task waits, or else begins the wait for it.
    #[inline(never)]
    #[track_caller]
    pub(super) fn lock_or_wait(&self, wait: &mut OneWait, cx: &Context<'_>) -> bool {
        let free = self.lock_if_free();
        if !free {
            self.waiters.begin_inline(wait, self.holder.awaited(|| self.waiters.kernel()), cx);
        }
        free
    }

    /// The wait of the running task is over. The code that notified it has told who holds the lock next.
    #[inline]
    pub(super) fn lock_as_notified(&self) {
        self.locked.set(true);
    }

    /// It is free, for the first of those that wait.
    #[inline(never)]
    pub(super) fn unlock(&self) {
        self.locked.set(false);
        self.holder.pass_on(&self.waiters);
    }

    /// A waiter has left without the lock: if that is free, it is so for another.
    #[cold]
    pub(super) fn pass_on(&self) {
        if !self.locked.get() {
            self.unlock();
        }
    }

    /// What a task waits for that wants the lock.
    #[inline(never)]
    pub(super) fn awaited(&self) -> Leaf {
        self.holder.awaited(|| self.waiters.kernel())
    }
}
