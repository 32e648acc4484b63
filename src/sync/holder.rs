//! Which task holds a lock, for those who look inside. Owns what is kept of it; must not know how a lock is acquired.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use crate::base::{FACTS, TaskKey};
use crate::current::running_key_and_step;
use crate::kernel::{Hold, HoldCell, Leaf, What};
use crate::node::Loop;

/// The task that has acquired a lock last, or is to acquire it now. Once another task has had to wait for the lock, the
/// loop knows the cell.
///
/// A lock for which tasks wait goes from one to the next: so it is noted once, by the task that releases it.
pub(super) struct Holder {
    /// Before a task has had to wait.
    alone: Cell<Hold>,
    /// From then on.
    told: OnceCell<Told>,
}

struct Told {
    cell: HoldCell,
    kernel: Rc<Loop>,
    /// What a task waits for that wants the lock: the lock with its number.
    awaited: Leaf,
}

impl Holder {
    /// The running task acquires the lock, for which none has had to wait.
    #[inline]
    pub(super) fn set_running(&self) {
        if FACTS {
            let (task, step) = running_key_and_step();
            self.told.get().map_or(&self.alone, |told| &told.cell).set(Hold { task, step });
        }
    }

    /// The lock is released, and this task is the next that gets it; or `TaskKey::NONE`. It gets it in a later step than
    /// the one that is on. If none has ever waited, no one can ask.
    #[inline]
    pub(super) fn set_next(&self, task: TaskKey) {
        if FACTS && let Some(told) = self.told.get() {
            told.cell.set(Hold { task, step: told.kernel.step().next_number() });
        }
    }

    /// What a task waits for that wants the lock.
    #[inline]
    pub(super) fn awaited(&self, kernel: impl FnOnce() -> Option<Rc<Loop>>) -> Leaf {
        match self.told.get() {
            Some(told) => told.awaited,
            None if FACTS => self.tell(kernel),
            None => Leaf::of(What::Lock),
        }
    }

    #[cold]
    #[inline(never)]
    fn tell(&self, kernel: impl FnOnce() -> Option<Rc<Loop>>) -> Leaf {
        let entered = kernel().and_then(|kernel| Some((kernel.holders().enter(self.alone.get())?, kernel)));
        let Some(((number, cell), kernel)) = entered else { return Leaf::of(What::Lock) };
        self.told.get_or_init(|| Told { cell, kernel, awaited: Leaf::numbered(What::Lock, number) }).awaited
    }
}

impl Default for Holder {
    fn default() -> Self {
        Self { alone: Cell::new(Hold::NONE), told: OnceCell::new() }
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
