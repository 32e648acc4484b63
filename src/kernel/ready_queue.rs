//! The ready queue: the entries that run next, first in, first out. Owns the kinds of entry and their order; must not
//! know what an entry does, nor when it is run.
#![expect(
    unsafe_code,
    reason = "every wake and every callback passes through here: with a RefCell a step costs a sixth more; measured"
)]

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::base::{self, PooledRc, RemoteCall, TaskKey, Typed, unsize};
use crate::reactor::OwnEvents;
use crate::timer_wheel::TimerKey;

/// Something with an entry of its own in the ready queue: a callback, or a primitive whose time is up.
pub(crate) trait Run {
    fn run(&self);

    /// If a timer runs this: the task whose wait ends by it, and which part of the wait. Asked under a borrow of the
    /// timers, so it must not use the loop.
    fn limits(&self) -> Option<(TaskKey, Deadline)> {
        None
    }

    /// Where the program has made this, if it is a callback of it.
    fn created(&self) -> Option<&'static Location<'static>> {
        None
    }
}

/// What ends when a timer is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Deadline {
    /// A sleep.
    Sleep,
    /// A wait for several tasks.
    Wait,
    /// What is under a time limit.
    Limit,
}

/// A counted pointer to a `Run`.
pub(crate) type RunRef = PooledRc<dyn Run>;

/// A primitive that has an entry for each of its children that ends: where asyncio queues the done callback of a child.
pub(crate) trait ChildTurn: Typed {
    /// Runs the entry. `number` is the number that it was queued with: the index of the child, or the round of a wait.
    /// `me` points to `self`.
    fn child_turn(&self, me: &ChildTurnRef, number: u32);
}

/// A counted pointer to a `ChildTurn`.
pub(crate) type ChildTurnRef = PooledRc<dyn ChildTurn>;

/// A counted pointer to a task. However many entries a task has in the ready queue, only one of them steps it.
///
/// # Safety
/// `clone` and `queued` must not call the kernel, so they must not call code of a user: the task table calls both while
/// it holds a reference to itself.
pub(crate) unsafe trait Queued: Clone {
    /// What is kept of a task, which the kernel shows while the task is running, and does not know.
    type State;

    /// The mark of a task that is to take a step when its entry is reached. An entry whose task has lost the mark does
    /// nothing: so a task leaves the queue without a search for its entry.
    fn queued(&self) -> &Cell<bool>;
}

/// One place in the ready queue.
pub(crate) enum Entry<P> {
    /// Steps the task, if it still has the mark of [`Queued`].
    Task(P),
    /// Does what the alarm of a timer says, if the timer has not been removed meanwhile.
    Timer(TimerKey),
    /// Runs a callback or a primitive.
    Run(RunRef),
    /// Runs a primitive for one of its children.
    Child(ChildTurnRef, u32),
}

impl<P> Entry<P> {
    pub(super) fn of_remote_call(call: RemoteCall) -> Self {
        Self::Run(unsize!(PooledRc::new(RunRemoteCall(Cell::new(Some(call)))) => dyn Run))
    }
}

/// The entry of a call from another thread. (With a kind of entry of its own, every other entry would cost more:
/// measured.)
struct RunRemoteCall(Cell<Option<RemoteCall>>);

impl Run for RunRemoteCall {
    fn run(&self) {
        if let Some(call) = self.0.take() {
            call.run();
        }
    }
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

/// Memory for so many entries is always kept.
const FEW: usize = 1_024;

/// Memory for so many times the entries that are needed is given back.
const MUCH_MORE: usize = 4;

/// Entries in the order in which they were queued.
type Entries<P> = Vec<Entry<P>>;

/// Entries that are run, in that order.
pub(crate) type Batch<P> = base::Batch<Entry<P>>;

/// The entries that are ready. An iteration takes all of them at once, as its batch; what is queued while the batch
/// runs waits for the next iteration, as in asyncio.
///
/// Invariant, **one at a time**: only the methods below make a reference to `entries`. None of them returns the
/// reference, and none calls code that could reach the queue again: they move entries, and never drop or clone one.
pub(crate) struct ReadyQueue<P> {
    entries: UnsafeCell<Entries<P>>,
    /// What is left of a batch that the last turn or run did not finish: a turn whose budget was spent, or a run that a
    /// panic ended. It comes before the entries, and before the next iteration. Usually it is empty, and kept for its
    /// memory.
    rest: Cell<Batch<P>>,
    /// Set while the loop is asleep and a host watches it: the memory of `entries`, and what is to be told of the first
    /// entry. Without its memory, `entries` has to grow for that entry: so only then is this looked at.
    parked: Cell<Option<(Entries<P>, Rc<OwnEvents>)>>,
}

impl<P> Default for ReadyQueue<P> {
    fn default() -> Self {
        Self { entries: UnsafeCell::default(), rest: Cell::default(), parked: Cell::new(None) }
    }
}

impl<P> ReadyQueue<P> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: one at a time.
        unsafe { &*self.entries.get() }.is_empty()
    }

    /// Adds an entry at the end. Only the kernel does, after it has queued what other threads have sent before.
    #[inline]
    pub(super) fn push(&self, entry: Entry<P>) {
        self.push_made(|| entry);
    }

    /// Adds the entry of a task. It is written in its place, and not made before it is known which that is.
    #[inline]
    pub(super) fn push_task(&self, task: P) {
        self.push_made(|| Entry::Task(task));
    }

    #[inline]
    fn push_made(&self, make: impl FnOnce() -> Entry<P>) {
        // SAFETY: one at a time.
        let entries = unsafe { &mut *self.entries.get() };
        if entries.len() == entries.capacity() {
            return self.grow(make()); // out of line, so that the usual case saves no registers
        }
        entries.push(make());
    }

    #[cold]
    fn grow(&self, entry: Entry<P>) {
        if self.unpark() {
            return self.push(entry);
        }
        // SAFETY: one at a time.
        unsafe { &mut *self.entries.get() }.push(entry);
    }

    /// Makes the next entry tell the host by `own_events`: the queue is empty, and a host watches the loop.
    pub(super) fn park(&self, own_events: Rc<OwnEvents>) {
        // SAFETY: one at a time.
        let memory = std::mem::take(unsafe { &mut *self.entries.get() });
        debug_assert!(memory.is_empty(), "a loop with an entry is not asleep");
        self.parked.set(Some((memory, own_events)));
    }

    /// Makes the queue ready for entries again, without telling of them.
    pub(super) fn resume(&self) {
        if let Some((memory, _)) = self.parked.take() {
            // SAFETY: one at a time. Parked, the queue is empty.
            unsafe { *self.entries.get() = memory };
        }
    }

    /// Tells the host of the first entry since the queue was parked, if it is. Returns whether it was.
    fn unpark(&self) -> bool {
        let parked = self.parked.take();
        if let Some((_, own_events)) = &parked {
            own_events.set_ready(true);
        }
        let was_parked = parked.is_some();
        self.parked.set(parked);
        self.resume();
        was_parked
    }

    /// How many entries are queued.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: one at a time.
        unsafe { &*self.entries.get() }.len()
    }

    /// The task whose entry is at this place, counted from the front; `None` if the entry is not that of a task.
    pub(crate) fn task_at(&self, place: usize) -> Option<P>
    where
        P: Queued,
    {
        // SAFETY: one at a time: `clone` calls nothing of the kernel.
        match unsafe { &*self.entries.get() }.get(place)? {
            Entry::Task(task) => Some(task.clone()),
            Entry::Timer(_) | Entry::Run(_) | Entry::Child(..) => None,
        }
    }

    /// Takes the last entry off, if it is that of a task with this mark. The caller drops it.
    pub(crate) fn pop_last(&self, mark: &Cell<bool>) -> Option<Entry<P>>
    where
        P: Queued,
    {
        // SAFETY: one at a time: `queued` calls nothing of the kernel.
        let entries = unsafe { &mut *self.entries.get() };
        match entries.last() {
            Some(Entry::Task(task)) if std::ptr::eq(task.queued(), mark) => entries.pop(),
            _ => None,
        }
    }

    /// Gives all entries to a batch that is empty. Its memory is filled from now on.
    #[inline]
    pub(crate) fn take_all(&self, batch: &mut Batch<P>) {
        // SAFETY: one at a time.
        batch.refill(unsafe { &mut *self.entries.get() });
    }

    /// Frees memory of the queue and of `batch`, which are both empty, if both were never larger than `needed` for a
    /// while.
    #[inline]
    pub(crate) fn shrink(&self, batch: &mut Batch<P>, needed: usize) {
        // SAFETY: one at a time.
        let entries = unsafe { &mut *self.entries.get() };
        let is_too_large = |capacity: usize| capacity > FEW && capacity / MUCH_MORE > needed;
        if is_too_large(entries.capacity().max(batch.capacity())) {
            entries.shrink_to(FEW.max(needed));
            batch.shrink_to(FEW.max(needed));
        }
    }

    /// The batch for a turn or run of the loop, which begins now. It holds what is left of an unfinished batch.
    pub(crate) fn take_rest(&self) -> Batch<P> {
        self.rest.take()
    }

    /// Takes back the batch of a turn or run, which ends now.
    pub(crate) fn give_back(&self, batch: Batch<P>) {
        self.rest.set(batch);
    }

    /// Whether a batch is unfinished.
    pub(crate) fn has_rest(&self) -> bool {
        let rest = self.rest.take();
        let has_rest = !rest.is_empty();
        self.rest.set(rest);
        has_rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_batch_is_kept_apart_from_what_was_queued_since() {
        let queue = ReadyQueue::default();
        (0..3).for_each(|n| queue.push(Entry::Task(n)));
        let mut batch = queue.take_rest();
        queue.take_all(&mut batch);
        batch.pop();
        queue.push(Entry::Task(3));
        queue.give_back(batch);
        assert!(queue.has_rest() && !queue.is_empty());
        let mut rest = queue.take_rest();
        let number = |entry| if let Entry::Task(number) = entry { number } else { unreachable!("only tasks") };
        let numbers = |batch: &mut Batch<i32>| std::iter::from_fn(|| batch.pop()).map(number).collect::<Vec<_>>();
        assert_eq!(numbers(&mut rest), [1, 2]);
        queue.take_all(&mut rest);
        assert_eq!(numbers(&mut rest), [3]);
    }
}
