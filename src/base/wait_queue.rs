//! A FIFO queue of waiters. Owns their order and the state of each; must not know wakers or primitives.
//!
//! It is below every lock, event, condition, semaphore, barrier and queue. Every operation on a waiter takes O(1).
//! Slots are reused, so the queue allocates only when more wait than ever before. A waiter is a `Copy` name (`W`), so
//! no operation drops anything.

use std::num::NonZeroU32;

/// The index of no slot: the neighbour of the first waiter and of the last, and the end of the list of free slots.
const NONE: u32 = u32::MAX;

/// Names one waiter from `enqueue` until `remove`: one more than the index of its slot. It is not 0, so that an
/// `Option` of it is no larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaiterId(NonZeroU32);

impl WaiterId {
    fn of(index: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(index)) // no slot has the index `NONE`
    }

    /// A small number, which no other waiter of the queue has meanwhile.
    pub(crate) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The state of one waiter. `Waiting` → `Notified` by `notify_first`, `Notified` → `Skipped` by `skip`, and from each
/// of the three to `Removed` by `remove`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaiterState<W> {
    /// In the queue.
    Waiting(W),
    /// Out of the order because another waiter is notified in its stead.
    Skipped,
    /// Out of the order because its turn has come.
    Notified,
    /// No waiter: the slot is free.
    Removed,
}

#[derive(Clone, Copy, Debug)]
struct Slot<W> {
    state: WaiterState<W>,
    /// The slot of the waiter before it, while it waits.
    prev: u32,
    /// The slot of the waiter behind it, while it waits; in a free slot, the next free one.
    next: u32,
}

/// The queue. `WaiterState` tells what its operations do to one waiter.
#[derive(Debug)]
pub(crate) struct WaitQueue<W> {
    slots: Vec<Slot<W>>,
    /// The first free slot.
    free: u32,
    first: u32,
    last: u32,
    notified: u32,
    skipped: u32,
}

impl<W> Default for WaitQueue<W> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: NONE, first: NONE, last: NONE, notified: 0, skipped: 0 }
    }
}

impl<W: Copy> WaitQueue<W> {
    /// Whether there is no waiter in any state.
    pub(crate) fn is_empty(&self) -> bool {
        self.first == NONE && self.notified == 0 && self.skipped == 0
    }

    /// The number of notified waiters that have not been removed yet.
    pub(crate) fn notified(&self) -> u32 {
        self.notified
    }

    /// The number of skipped waiters that have not been removed yet.
    pub(crate) fn skipped(&self) -> u32 {
        self.skipped
    }

    /// The waiters in state `Waiting`, in order.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = W> {
        let mut at = self.first;
        std::iter::from_fn(move || {
            let slot = self.slots.get(at as usize)?;
            at = slot.next;
            slot.waiter()
        })
    }

    /// Whether there is a waiter in state `Waiting`.
    #[inline]
    pub(crate) fn has_waiting(&self) -> bool {
        self.first != NONE
    }

    /// The waiter in state `Waiting` that has waited longest.
    pub(crate) fn first(&self) -> Option<WaiterId> {
        self.has_waiting().then(|| WaiterId::of(self.first))
    }

    pub(crate) fn state(&self, id: WaiterId) -> WaiterState<W> {
        self.slots[id.index()].state
    }

    /// Gives a waiter in state `Waiting` another name. It keeps its position.
    pub(crate) fn rename(&mut self, id: WaiterId, waiter: W) {
        let slot = &mut self.slots[id.index()];
        debug_assert!(matches!(slot.state, WaiterState::Waiting(_)), "this waiter does not wait");
        slot.state = WaiterState::Waiting(waiter);
    }

    /// Adds a waiter at the end.
    #[inline]
    pub(crate) fn enqueue(&mut self, waiter: W) -> WaiterId {
        if self.free == NONE {
            self.grow();
        }
        let at = self.free;
        let slot = &mut self.slots[at as usize];
        self.free = slot.next;
        *slot = Slot { state: WaiterState::Waiting(waiter), prev: self.last, next: NONE };
        match self.slots.get_mut(self.last as usize) {
            Some(last) => last.next = at,
            None => self.first = at,
        }
        self.last = at;
        WaiterId::of(at)
    }

    /// Marks that the turn of the waiter has come that has waited longest, if `accept` accepts its name. Returns the
    /// waiter, and what `accept` has returned. The caller has to wake it.
    #[inline]
    pub(crate) fn notify_first<R>(&mut self, accept: impl FnOnce(W) -> Option<R>) -> Option<(WaiterId, R)> {
        let at = self.first;
        let slot = self.slots.get_mut(at as usize)?;
        let accepted = accept(slot.waiter()?)?;
        slot.state = WaiterState::Notified;
        self.first = slot.next;
        match self.slots.get_mut(self.first as usize) {
            Some(next) => next.prev = NONE,
            None => self.last = NONE,
        }
        self.notified += 1;
        Some((WaiterId::of(at), accepted))
    }

    /// The turn of a waiter that was notified passes to another one.
    pub(crate) fn skip(&mut self, id: WaiterId) {
        let slot = &mut self.slots[id.index()];
        debug_assert!(matches!(slot.state, WaiterState::Notified), "this waiter was not notified");
        slot.state = WaiterState::Skipped;
        self.notified -= 1;
        self.skipped += 1;
    }

    /// Removes a waiter in any state, and returns that state.
    pub(crate) fn remove(&mut self, id: WaiterId) -> WaiterState<W> {
        let slot = &self.slots[id.index()];
        let state = slot.state;
        match state {
            WaiterState::Waiting(_) => self.link(slot.prev, slot.next),
            WaiterState::Skipped => self.skipped -= 1,
            WaiterState::Notified => self.notified -= 1,
            WaiterState::Removed => unreachable!("a waiter is removed once"),
        }
        self.free_slot(id);
        state
    }

    /// Removes a waiter if it has been notified, and returns whether it was.
    #[inline]
    pub(crate) fn remove_if_notified(&mut self, id: WaiterId) -> bool {
        let notified = matches!(self.slots[id.index()].state, WaiterState::Notified);
        if notified {
            self.notified -= 1;
            self.free_slot(id);
        }
        notified
    }

    #[inline]
    fn free_slot(&mut self, id: WaiterId) {
        let slot = &mut self.slots[id.index()];
        slot.state = WaiterState::Removed;
        slot.next = std::mem::replace(&mut self.free, id.0.get() - 1);
    }

    /// Makes two slots neighbours.
    fn link(&mut self, prev: u32, next: u32) {
        match self.slots.get_mut(prev as usize) {
            Some(slot) => slot.next = next,
            None => self.first = next,
        }
        match self.slots.get_mut(next as usize) {
            Some(slot) => slot.prev = prev,
            None => self.last = prev,
        }
    }

    /// Makes a free slot.
    #[cold]
    fn grow(&mut self) {
        let at = u32::try_from(self.slots.len()).ok().filter(|at| *at != NONE);
        self.slots.push(Slot { state: WaiterState::Removed, prev: NONE, next: NONE });
        self.free = at.expect("fewer than 2^32 tasks wait in one queue");
    }
}

impl<W: Copy> Slot<W> {
    #[inline]
    fn waiter(&self) -> Option<W> {
        if let WaiterState::Waiting(waiter) = self.state { Some(waiter) } else { None }
    }
}

#[cfg(test)]
mod tests;
