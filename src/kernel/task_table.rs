//! The tasks that are not done, by key, and which of them runs. Owns the table that a waker's number is looked up in; must
//! not know what a task is.
#![expect(
    unsafe_code,
    reason = "every wake comes by here; borrows cost it a tenth, and a share of the running task a tenth of a step"
)]

use std::cell::{Cell, UnsafeCell};
use std::ptr;

use slab::Slab;

use super::ready_queue::Queued;
use crate::base::TaskKey;

/// The tasks that are not done, each under its key.
///
/// Invariant, **one at a time**: a reference to the table is made by `with` alone, for as long as one of the closures in
/// this file runs. They call the slab, and of `P` no more than [`Queued`] has, which promises not to come back here.
pub(super) struct TaskTable<P>(UnsafeCell<Table<P>>);

struct Table<P> {
    slots: Slab<Slot<P>>,
    last_id: u64,
}

struct Slot<P> {
    key: TaskKey,
    task: P,
}

impl<P> Default for TaskTable<P> {
    fn default() -> Self {
        Self(UnsafeCell::new(Table { slots: Slab::new(), last_id: 0 }))
    }
}

impl<P> Table<P> {
    #[inline]
    fn get(&self, key: TaskKey) -> Option<&P> {
        let slot = self.slots.get(key.slot())?;
        (slot.key == key).then_some(&slot.task)
    }
}

impl<P: Queued> TaskTable<P> {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut Table<P>) -> R) -> R {
        // SAFETY: one at a time.
        f(unsafe { &mut *self.0.get() })
    }

    /// The id of the next task of the loop with this number, counted from 1, and the key that it will have.
    #[inline]
    pub(super) fn next(&self, loop_number: u16) -> (u64, TaskKey) {
        self.with(|table| {
            table.last_id += 1;
            (table.last_id, TaskKey::new(loop_number, table.last_id, table.slots.vacant_key()))
        })
    }

    /// Takes a task in under the key that `next` returned.
    #[inline]
    pub(super) fn insert(&self, key: TaskKey, task: P) {
        let slot = self.with(|table| table.slots.insert(Slot { key, task }));
        debug_assert_eq!(slot, key.slot(), "nothing was taken in meanwhile");
    }

    /// A share of the task to be queued, if it lives and was not queued. Now it counts as queued.
    #[inline]
    pub(super) fn mark_queued(&self, key: TaskKey) -> Option<P> {
        self.with(|table| {
            let task = table.get(key)?;
            if task.queued().replace(true) { None } else { Some(task.clone()) }
        })
    }

    /// A share of a task, if it still lives.
    pub(super) fn get(&self, key: TaskKey) -> Option<P> {
        self.with(|table| table.get(key).cloned())
    }

    /// Gives the table's share of a task back, to be dropped by the caller. If it is queued, it misses that step.
    pub(super) fn remove(&self, key: TaskKey) -> Option<P> {
        self.with(|table| {
            table.get(key)?.queued().set(false);
            Some(table.slots.remove(key.slot()).task)
        })
    }

    /// All tasks, in no order.
    pub(super) fn all(&self) -> Vec<P> {
        self.with(|table| table.slots.iter().map(|(_, slot)| slot.task.clone()).collect())
    }
}

/// The task whose step it is, if it is any's.
///
/// Invariant, **on the stack**: the pointer is null or comes from a reference that outlives a call of `during`
/// that has not returned.
pub(super) struct RunningTask<P>(Cell<*const P>);

impl<P> Default for RunningTask<P> {
    fn default() -> Self {
        Self(Cell::new(ptr::null()))
    }
}

/// What ran before runs again when this is dropped.
struct Before<'a, P>(&'a RunningTask<P>, *const P);

impl<P> Drop for Before<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.0.0.set(self.1);
    }
}

impl<P> RunningTask<P> {
    /// `task` is the running one while `f` runs.
    #[inline]
    pub(super) fn during<R>(&self, task: &P, f: impl FnOnce() -> R) -> R {
        let _before = Before(self, self.0.replace(task));
        f()
    }

    /// Shows the running task to `f`.
    #[inline]
    pub(super) fn with<R>(&self, f: impl FnOnce(Option<&P>) -> R) -> R {
        // SAFETY: on the stack: `f` runs within that call of `during`, if there is any.
        f(unsafe { self.0.get().as_ref() })
    }
}
