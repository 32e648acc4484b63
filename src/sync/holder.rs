//! Which task holds a lock, for those who look inside. Owns what is kept of it; must not know how a lock is acquired.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::task::Context;

use crate::base::TaskKey;
use crate::current::{key_of, running_key};
use crate::kernel::{HolderCell, Leaf, What};
use crate::node::Loop;

/// The task that has acquired a lock last. Once another task has had to wait for the lock, the loop knows the cell.
pub(super) struct Holder {
    /// Before that.
    task: Cell<TaskKey>,
    /// From then on.
    told: OnceCell<Told>,
}

struct Told {
    cell: HolderCell,
    kernel: Rc<Loop>,
    /// What a task waits for that wants the lock: the lock with its number.
    awaited: Leaf,
}

impl Holder {
    /// The task that is polled with `cx` acquires the lock.
    #[inline]
    pub(super) fn set(&self, cx: &Context<'_>) {
        self.cell().set(key_of(cx.waker()).unwrap_or_else(running_key));
    }

    /// The running task acquires the lock.
    pub(super) fn set_running(&self) {
        self.cell().set(running_key());
    }

    /// The lock is released. Until the next task takes it, the holder has only a meaning for those who wait.
    #[inline]
    pub(super) fn clear(&self) {
        if let Some(told) = self.told.get() {
            told.cell.set(TaskKey::NONE);
        }
    }

    #[inline]
    fn cell(&self) -> &Cell<TaskKey> {
        self.told.get().map_or(&self.task, |told| &told.cell)
    }

    /// What a task waits for that wants the lock.
    #[inline]
    pub(super) fn awaited(&self, kernel: impl FnOnce() -> Option<Rc<Loop>>) -> Leaf {
        match self.told.get() {
            Some(told) => told.awaited,
            None => self.tell(kernel),
        }
    }

    #[cold]
    #[inline(never)]
    fn tell(&self, kernel: impl FnOnce() -> Option<Rc<Loop>>) -> Leaf {
        let entered = kernel().and_then(|kernel| Some((kernel.holders().enter(self.task.get())?, kernel)));
        let Some(((number, cell), kernel)) = entered else { return Leaf::of(What::Lock) };
        self.told.get_or_init(|| Told { cell, kernel, awaited: Leaf::numbered(What::Lock, number) }).awaited
    }
}

impl Default for Holder {
    fn default() -> Self {
        Self { task: Cell::new(TaskKey::NONE), told: OnceCell::new() }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some(told) = self.told.get()
            && let Some(number) = told.awaited.number()
        {
            told.kernel.holders().leave(number);
        }
    }
}
