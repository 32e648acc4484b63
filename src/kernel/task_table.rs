//! The tasks that are not done, by key, and the one that runs. Owns the table in which a waker's number is looked up;
//! must not know what a task is.
#![expect(
    unsafe_code,
    reason = "every wake looks here: with a RefCell a wake costs a tenth more, and a step as much again if the running \
              task is cloned; measured"
)]

use std::cell::{Cell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::ptr;
use std::task::Waker;

use slab::Slab;

use super::ready_queue::Queued;
use crate::base::TaskKey;

/// The tasks that are not done, each under its key.
///
/// Invariant, **one at a time**: only `with` makes a reference to the table, and only the closures in this file use it.
/// They call the slab, and the methods of [`Queued`], which promise not to call the kernel.
pub(super) struct TaskTable<P>(UnsafeCell<Table<P>>);

struct Table<P> {
    slots: Slab<Slot<P>>,
    last_id: u64,
    /// The generation of the last task of the loops that had the number of this loop before.
    generations_before: u64,
}

/// A task with its key. The slot alone does not name the task: it is used again when the task is done.
struct Slot<P> {
    key: TaskKey,
    task: P,
}

impl<P> Table<P> {
    #[inline]
    fn get(&self, key: TaskKey) -> Option<&P> {
        let slot = self.slots.get(key.slot())?;
        (slot.key == key).then_some(&slot.task)
    }

    /// The generation of the last task.
    #[inline]
    fn generation(&self) -> u64 {
        self.generations_before + self.last_id
    }
}

impl<P> TaskTable<P> {
    /// An empty table, which goes on behind this generation.
    pub(super) fn behind(generation: u64) -> Self {
        Self(UnsafeCell::new(Table { slots: Slab::new(), last_id: 0, generations_before: generation }))
    }

    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut Table<P>) -> R) -> R {
        // SAFETY: one at a time.
        f(unsafe { &mut *self.0.get() })
    }

    /// The generation of the last task.
    pub(super) fn last_generation(&self) -> u64 {
        self.with(|table| table.generation())
    }
}

impl<P: Queued> TaskTable<P> {
    /// The id of the last task; 0 before the first.
    pub(super) fn last_id(&self) -> u64 {
        self.with(|table| table.last_id)
    }

    /// The key that the next task will have, and its era. `loop_number` is the number of this loop.
    #[inline]
    pub(super) fn next(&self, loop_number: u16) -> (TaskKey, u16) {
        self.with(|table| {
            table.last_id += 1;
            let generation = table.generation();
            (TaskKey::new(loop_number, generation, table.slots.vacant_key()), TaskKey::era(generation))
        })
    }

    /// The id of the task with this key, which is of this era: counted from 1.
    pub(super) fn id(&self, key: TaskKey, era: u16) -> u64 {
        key.count_since(era, self.with(|table| table.generations_before))
    }

    /// Inserts a task under the key that `next` returned.
    #[inline]
    pub(super) fn insert(&self, key: TaskKey, task: P) {
        let slot = self.with(|table| table.slots.insert(Slot { key, task }));
        debug_assert_eq!(slot, key.slot(), "no task was inserted since `next` was called");
    }

    /// Marks a task as queued, and returns a pointer to it, for its entry. `None` if it was queued already, or is done.
    #[inline]
    pub(super) fn mark_queued(&self, key: TaskKey) -> Option<P> {
        self.with(|table| {
            let task = table.get(key)?;
            if task.queued().replace(true) { None } else { Some(task.clone()) }
        })
    }

    /// Has the memory of a task come to the processor, since it will take a step soon and was not touched for long.
    #[inline]
    pub(super) fn fetch(&self, key: TaskKey) {
        self.with(|table| {
            if let Some(task) = table.get(key) {
                fetch(ptr::from_ref(task.queued()).cast());
            }
        });
    }

    /// The task, unless it is done.
    pub(super) fn get(&self, key: TaskKey) -> Option<P> {
        self.with(|table| table.get(key).cloned())
    }

    /// Removes a task. If it is queued, its entry will do nothing. The caller drops the pointer.
    pub(super) fn remove(&self, key: TaskKey) -> Option<P> {
        self.with(|table| {
            table.get(key)?.queued().set(false);
            Some(table.slots.remove(key.slot()).task)
        })
    }

    /// How many tasks are not done.
    pub(super) fn len(&self) -> usize {
        self.with(|table| table.slots.len())
    }

    /// All tasks, in no order.
    pub(super) fn all(&self) -> Vec<P> {
        self.with(|table| table.slots.iter().map(|(_, slot)| slot.task.clone()).collect())
    }
}

/// Has the memory come to the processor in which a task begins.
#[cfg(target_arch = "x86_64")]
#[inline]
fn fetch(task: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    /// The size of a line of the cache.
    const LINE: usize = 64;
    /// The lines behind the mark of a task in which a small one lies.
    const FETCHED: usize = 4 * LINE;
    for line in (0..FETCHED).step_by(LINE) {
        // SAFETY: a hint. It reads nothing, whatever is there.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(task.wrapping_add(line).cast()) };
    }
}

/// Of other processors it is not known what they have for this.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn fetch(_task: *const u8) {}

/// A task that is being stepped, and the waker that its coroutine is polled with.
#[repr(C)] // so that the place of the waker is known without a look at the rest
struct Running<P: Queued> {
    waker: ManuallyDrop<Waker>,
    task: *const P,
    state: *const P::State,
    /// The task in whose step this one is stepped.
    outer: *const Self,
}

/// The task that is stepped now, if there is one. It is the innermost, if a step is taken inside another one.
///
/// Invariant, **on the stack**: `running` is null, or it comes from a call of `during` that has not returned, and its
/// `task` and `state` from the references that were given to that call. The same is true of each `outer`.
pub(crate) struct RunningTask<P: Queued> {
    running: Cell<*const Running<P>>,
}

impl<P: Queued> Default for RunningTask<P> {
    fn default() -> Self {
        Self { running: Cell::new(ptr::null()) }
    }
}

/// Makes the outer task the running one again when it is dropped, also if the inner one panics.
struct Outer<'a, P: Queued> {
    running: &'a RunningTask<P>,
    outer: *const Running<P>,
}

impl<P: Queued> Drop for Outer<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.running.running.set(self.outer);
    }
}

impl<P: Queued> RunningTask<P> {
    /// Calls `f` with `task` as the running task, and with the waker of its step. That is not dropped.
    #[inline]
    pub(crate) fn during<R>(&self, task: &P, state: &P::State, waker: Waker, f: impl FnOnce(&Waker) -> R) -> R {
        let outer = self.running.get();
        let inner = Running { waker: ManuallyDrop::new(waker), task, state, outer };
        self.running.set(&raw const inner);
        let _outer = Outer { running: self, outer };
        f(&inner.waker)
    }

    /// Whether `waker` is the very one of the running step: not a clone of it, nor one of a combinator in between.
    #[inline]
    pub(crate) fn is_polled_with(&self, waker: &Waker) -> bool {
        // the waker is the first field, and nothing lies at the null pointer
        ptr::eq(self.running.get().cast::<Waker>(), waker)
    }

    /// Whether a task is running.
    #[inline]
    pub(crate) fn is_some(&self) -> bool {
        !self.running.get().is_null()
    }

    /// Whether a step of the task with this state is running, be it the innermost or one around that.
    pub(crate) fn is(&self, state: &P::State) -> bool {
        let mut at = self.running.get();
        // SAFETY: on the stack: this returns before those calls of `during` do.
        while let Some(running) = unsafe { at.as_ref() } {
            if ptr::eq(running.state, state) {
                return true;
            }
            at = running.outer;
        }
        false
    }

    /// Shows the state of the running task to `f`.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&P::State) -> R) -> Option<R> {
        // SAFETY: on the stack: `f` returns before that call of `during` does.
        let running = unsafe { self.running.get().as_ref() }?;
        // SAFETY: as above.
        Some(f(unsafe { &*running.state }))
    }

    /// As `with`, if `waker` is the very one of the running step.
    #[inline]
    pub(crate) fn with_polled<R>(&self, waker: &Waker, f: impl FnOnce(&P::State) -> R) -> Option<R> {
        self.is_polled_with(waker).then(|| {
            // SAFETY: on the stack, and not null, since a waker lies there: `f` returns before that call of `during`
            // does.
            let running = unsafe { &*self.running.get() };
            // SAFETY: as above.
            f(unsafe { &*running.state })
        })
    }

    /// Shows the running task to `f`.
    pub(crate) fn with_task<R>(&self, f: impl FnOnce(&P) -> R) -> Option<R> {
        // SAFETY: on the stack: `f` returns before that call of `during` does.
        let running = unsafe { self.running.get().as_ref() }?;
        // SAFETY: as above.
        Some(f(unsafe { &*running.task }))
    }

    pub(crate) fn current(&self) -> Option<P> {
        self.with_task(P::clone)
    }
}
