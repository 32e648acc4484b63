//! Which task holds a lock, for those who look inside. Owns what is kept of it; must not know how a lock is acquired.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use super::waiters::Waiters;
use crate::base::FACTS;
use crate::current::{self, acquirer};
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
            let acquirer = acquirer();
            let hold = Hold::taken_in(acquirer.step, acquirer.task);
            self.told.get().map_or(&self.alone, |told| &told.cell).set(hold);
            if acquirer.is_to_be_told {
                self.awaited(current::current);
            }
        }
    }

    /// The lock is free for the first of those who wait: notifies it, and notes that it is the next to hold the lock.
    #[inline]
    pub(super) fn pass_on(&self, waiters: &Waiters) {
        waiters.ensure_one_notified(|next| {
            if FACTS && let Some(told) = self.told.get() {
                let hold = next.map(|(kernel, task)| Hold::handed_over_in(kernel.step().number(), task));
                told.cell.set(hold.unwrap_or(Hold::NONE));
            }
        });
    }

    /// What a task waits for that wants the lock.
    #[inline]
    pub(super) fn awaited(&self, kernel: impl FnOnce() -> Option<Rc<Loop>>) -> Leaf {
        match self.told.get() {
            _ if !FACTS => Leaf::of(What::Lock),
            Some(told) => told.awaited,
            None => self.tell(kernel),
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
