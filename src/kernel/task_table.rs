//! Which tasks there are, and which of them runs. Owns the table that a waker's number is looked up in; must not know what
//! a task is.
#![expect(
    unsafe_code,
    reason = "every wake comes by here; borrows cost it a tenth, and a share of the running task a tenth of a step"
)]

use std::cell::{Cell, UnsafeCell};
use std::ptr;

use slab::Slab;

use super::kernel::{Kernel, advance};
use super::ready::Queued;
use crate::base::TaskKey;

/// The tasks that are not done, each under its key.
///
/// Invariant, **one at a time**: a reference to the table is made by `with` alone, for as long as one of the closures in
/// this file runs. They call the slab, and of `P` no more than [`Queued`] has, which comes back here from nowhere.
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

impl<P> TaskTable<P> {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut Table<P>) -> R) -> R {
        // SAFETY: one at a time.
        f(unsafe { &mut *self.0.get() })
    }
}

impl<P> Table<P> {
    #[inline]
    fn get(&self, key: TaskKey) -> Option<&P> {
        let slot = self.slots.get(key.slot())?;
        (slot.key == key).then_some(&slot.task)
    }
}

impl<P: Queued> Kernel<P> {
    /// The id of the next task, counted from 1, and the key that it will have.
    #[inline]
    pub(crate) fn next_task(&self) -> (u64, TaskKey) {
        self.tasks.with(|table| {
            table.last_id += 1;
            (table.last_id, TaskKey::new(self.number, table.last_id, table.slots.vacant_key()))
        })
    }

    /// A number for a watcher's place among the others of a node.
    pub(crate) fn next_watch(&self) -> u64 {
        advance(&self.last_watch)
    }

    /// Takes a task in under the key that `next_task` gave. `queued` says whether it is to take its first step in the
    /// next iteration.
    #[inline]
    pub(crate) fn insert_task(&self, key: TaskKey, queued: bool, task: P) {
        let share = queued.then(|| task.clone());
        let slot = self.tasks.with(|table| table.slots.insert(Slot { key, task }));
        debug_assert_eq!(slot, key.slot(), "nothing was taken in meanwhile");
        if let Some(task) = share {
            task.queued().set(true);
            self.push_task(task);
        }
    }

    /// Queues a task, unless it is queued already or gone.
    pub(crate) fn wake(&self, key: TaskKey) {
        self.wakes(key);
    }

    /// The same. Answers whether it was not queued before.
    pub(crate) fn wakes(&self, key: TaskKey) -> bool {
        let Some(task) = self.mark_queued(key) else { return false };
        self.push_task(task);
        true
    }

    /// A share of the task to be queued, if it lives and was not queued. Now it counts as queued.
    #[inline]
    pub(super) fn mark_queued(&self, key: TaskKey) -> Option<P> {
        self.tasks.with(|table| {
            let task = table.get(key)?;
            if task.queued().replace(true) { None } else { Some(task.clone()) }
        })
    }

    pub(crate) fn is_queued(&self, key: TaskKey) -> bool {
        self.task(key).is_some_and(|task| task.queued().get())
    }

    /// Lets a task miss the step that it is queued for, and answers whether it was. It can be queued again.
    pub(crate) fn unqueue(&self, key: TaskKey) -> bool {
        self.task(key).is_some_and(|task| task.queued().replace(false))
    }

    /// A share of a task, if it still lives.
    pub(crate) fn task(&self, key: TaskKey) -> Option<P> {
        self.tasks.with(|table| table.get(key).cloned())
    }

    /// Gives the table's share of a task back, to be dropped by the caller. If it is queued, it misses that step.
    pub(crate) fn remove_task(&self, key: TaskKey) -> Option<P> {
        self.tasks.with(|table| {
            table.get(key)?.queued().set(false);
            Some(table.slots.remove(key.slot()).task)
        })
    }

    /// All tasks, in no order.
    pub(crate) fn tasks(&self) -> Vec<P> {
        self.tasks.with(|table| table.slots.iter().map(|(_, slot)| slot.task.clone()).collect())
    }
}

/// The task whose step it is, if it is any's.
///
/// Invariant, **on the stack**: the pointer is null or comes from a reference that outlives a call of `while_running`
/// that has not returned.
pub(super) struct Running<P>(Cell<*const P>);

impl<P> Default for Running<P> {
    fn default() -> Self {
        Self(Cell::new(ptr::null()))
    }
}

/// What ran before runs again when this is dropped.
struct Before<'a, P>(&'a Running<P>, *const P);

impl<P> Drop for Before<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.0.0.set(self.1);
    }
}

impl<P: Queued> Kernel<P> {
    /// `task` is the running one while `f` runs.
    #[inline]
    pub(crate) fn while_running<R>(&self, task: &P, f: impl FnOnce() -> R) -> R {
        let _before = Before(&self.running_task, self.running_task.0.replace(task));
        f()
    }

    #[inline]
    pub(crate) fn with_current<R>(&self, f: impl FnOnce(Option<&P>) -> R) -> R {
        // SAFETY: on the stack: `f` runs within that call of `while_running`, if there is any.
        f(unsafe { self.running_task.0.get().as_ref() })
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method is not general enough over lifetimes")]
    pub(crate) fn current(&self) -> Option<P> {
        self.with_current(|task| task.cloned())
    }
}
