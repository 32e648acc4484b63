//! Whose turn it is: the ready queue. Owns the order; must not know what a turn does.
#![expect(
    unsafe_code,
    reason = "every wake and every callback comes by here: a sixth of a step with a RefCell; measured"
)]

use std::cell::{Cell, UnsafeCell};
use std::collections::VecDeque;
use std::rc::Rc;

use super::kernel::{Kernel, Phase};
use super::ready::{Entry, Queued, Run};

/// Turns in the order in which they are taken.
pub(crate) type Batch<P> = VecDeque<Entry<P>>;

/// First in, first out. It is taken a batch at a time: what is queued meanwhile waits for the next batch, as in asyncio.
///
/// Invariant, **one at a time**: a reference to the list is made by these methods alone. None of them hands it out or
/// calls code that could reach the queue again: entries are moved, never dropped or cloned here.
pub(super) struct ReadyQueue<P> {
    list: UnsafeCell<Batch<P>>,
    /// An empty batch, kept from one run to the next for its memory.
    spare: Cell<Batch<P>>,
}

impl<P> Default for ReadyQueue<P> {
    fn default() -> Self {
        Self { list: UnsafeCell::default(), spare: Cell::default() }
    }
}

impl<P> ReadyQueue<P> {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        // SAFETY: one at a time.
        unsafe { &*self.list.get() }.is_empty()
    }

    #[inline]
    pub(super) fn push(&self, entry: Entry<P>) {
        // SAFETY: one at a time.
        let list = unsafe { &mut *self.list.get() };
        if list.len() == list.capacity() {
            return self.grow(entry); // out of the way, so that the usual case needs no registers to be saved
        }
        list.push_back(entry);
    }

    #[cold]
    fn grow(&self, entry: Entry<P>) {
        // SAFETY: one at a time.
        unsafe { &mut *self.list.get() }.push_back(entry);
    }

    #[inline]
    fn swap(&self, batch: &mut Batch<P>) {
        // SAFETY: one at a time.
        std::mem::swap(unsafe { &mut *self.list.get() }, batch);
    }
}

impl<P: Queued> Kernel<P> {
    /// Queues a turn, behind what other threads have sent so far. A closed loop drops it, as nobody would ever take it.
    pub(crate) fn push(&self, turn: Rc<dyn Run>, index: u32) {
        if self.phase.get() != Phase::Closed {
            self.take_messages();
            self.ready.push(Entry::Run(turn, index));
        }
    }

    /// Queues a task that is marked as queued, behind what other threads have sent so far. A closed loop has none.
    #[inline]
    pub(super) fn push_task(&self, task: P) {
        if self.has_messages() {
            return self.push_behind_messages(task);
        }
        self.ready.push(Entry::Task(task));
    }

    #[cold]
    fn push_behind_messages(&self, task: P) {
        self.take_messages();
        self.ready.push(Entry::Task(task));
    }

    /// The batch of a run that begins.
    pub(crate) fn take_spare_batch(&self) -> Batch<P> {
        self.ready.spare.take()
    }

    /// A run is over: its batch, which is empty, serves the next.
    pub(crate) fn keep_spare_batch(&self, batch: Batch<P>) {
        debug_assert!(batch.is_empty(), "all its turns are taken");
        self.ready.spare.set(batch);
    }

    /// Everything that is queued, for an empty batch, which is filled from now on: so their memory is used in turn.
    #[inline]
    pub(crate) fn swap_batch(&self, batch: &mut Batch<P>) {
        debug_assert!(batch.is_empty(), "all its turns are taken");
        self.ready.swap(batch);
    }
}
