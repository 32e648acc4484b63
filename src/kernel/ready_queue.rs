//! The ready queue: what runs next, first in, first out. Owns the kinds of entry and their order; must not know what an
//! entry does, nor when it is run.
#![expect(
    unsafe_code,
    reason = "every wake and every callback comes by here: a sixth of a step with a RefCell; measured"
)]

use std::cell::{Cell, UnsafeCell};
use std::collections::VecDeque;
use std::fmt;

use crate::base::{PooledRc, Typed};
use crate::timer_wheel::TimerKey;

/// Something that takes a turn of its own: a callback, or what a timer runs.
pub(crate) trait Run {
    fn run(&self);
}

/// A counted pointer to something that takes a turn of its own.
pub(crate) type RunRef = PooledRc<dyn Run>;

/// A primitive that takes a turn when one of its children has ended.
pub(crate) trait ChildTurn: Typed {
    /// `number` is what the turn was queued with: which child has ended, or in which round of a wait. `me` points to this
    /// very value.
    fn child_turn(&self, me: &ChildTurnRef, number: u32);
}

/// A counted pointer to such a primitive.
pub(crate) type ChildTurnRef = PooledRc<dyn ChildTurn>;

/// A counted pointer to something that is queued to take a step, once at a time.
///
/// # Safety
/// To clone it and to look whether it is queued must not come back to the kernel: the task table does both under a
/// reference to itself. So neither may call code of a user.
pub(crate) unsafe trait Queued: Clone {
    /// Whether it is to take a step when its place in the queue is reached.
    fn queued(&self) -> &Cell<bool>;
}

/// One place in the ready queue.
pub(crate) enum Entry<P> {
    /// Step the task, if it is still to take one.
    Task(P),
    /// The timer is due: wake its sleeper or run its callback, if it was not cancelled meanwhile.
    Timer(TimerKey),
    /// Run it.
    Run(RunRef),
    /// Let it take the turn of one of its children.
    Child(ChildTurnRef, u32),
}

impl<P> fmt::Debug for Entry<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(_) => f.write_str("Task"),
            Self::Timer(key) => f.debug_tuple("Timer").field(key).finish(),
            Self::Run(_) => f.write_str("Run"),
            Self::Child(_, number) => f.debug_tuple("Child").field(number).finish(),
        }
    }
}

/// Entries in the order in which they are run.
pub(crate) type Batch<P> = VecDeque<Entry<P>>;

/// The entries that are ready. They are taken a batch at a time: what is queued meanwhile waits for the next batch, as in
/// asyncio.
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

    /// Everything that is queued, for an empty batch, which is filled from now on: so the memory of both is used in turn.
    #[inline]
    pub(super) fn swap(&self, batch: &mut Batch<P>) {
        debug_assert!(batch.is_empty(), "all its entries were run");
        // SAFETY: one at a time.
        std::mem::swap(unsafe { &mut *self.list.get() }, batch);
    }

    /// The batch of a run that begins.
    pub(super) fn take_spare(&self) -> Batch<P> {
        self.spare.take()
    }

    /// A run is over: its batch, which is empty, serves the next.
    pub(super) fn keep_spare(&self, batch: Batch<P>) {
        debug_assert!(batch.is_empty(), "all its entries were run");
        self.spare.set(batch);
    }
}
