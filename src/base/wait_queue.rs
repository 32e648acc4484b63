//! A FIFO queue of waiters. Owns their order and the state of each; must not know wakers or primitives.
//!
//! It is below every lock, event, condition, semaphore, barrier and queue. Every operation on a waiter takes O(1).
//! Slots are reused, so the queue allocates only when more wait than ever before. A waiter is a `Copy` name (`W`), so
//! no operation drops anything.

/// The index of no slot: the neighbour of the first waiter and of the last, and the end of the list of free slots.
const NONE: u32 = u32::MAX;

/// Names one waiter from `enqueue` until `remove`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaiterId(u32);

impl WaiterId {
    /// A small number, which no other waiter of the queue has meanwhile.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The state of one waiter. `Waiting` → `Notified` by `notify`, `Waiting` → `Skipped` by `skip`, and from each of the
/// three to `Removed` by `remove`.
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

    /// The waiter that has waited longest.
    #[inline]
    pub(crate) fn first(&self) -> Option<WaiterId> {
        (self.first != NONE).then_some(WaiterId(self.first))
    }

    /// The name of a waiter in state `Waiting`.
    #[inline]
    pub(crate) fn waiter(&self, id: WaiterId) -> Option<W> {
        self.slots[id.0 as usize].waiter()
    }

    pub(crate) fn state(&self, id: WaiterId) -> WaiterState<W> {
        self.slots[id.0 as usize].state
    }

    /// Gives a waiter in state `Waiting` another name. It keeps its position.
    pub(crate) fn rename(&mut self, id: WaiterId, waiter: W) {
        let slot = &mut self.slots[id.0 as usize];
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
        WaiterId(at)
    }

    /// Marks that the turn of a waiter has come. The caller has to wake it.
    pub(crate) fn notify(&mut self, id: WaiterId) {
        self.take_out(id, WaiterState::Notified);
        self.notified += 1;
    }

    /// Takes a waiter out of the order without notifying it.
    pub(crate) fn skip(&mut self, id: WaiterId) {
        self.take_out(id, WaiterState::Skipped);
        self.skipped += 1;
    }

    /// Removes a waiter in any state, and returns that state.
    pub(crate) fn remove(&mut self, id: WaiterId) -> WaiterState<W> {
        let slot = &self.slots[id.0 as usize];
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
        let notified = matches!(self.slots[id.0 as usize].state, WaiterState::Notified);
        if notified {
            self.notified -= 1;
            self.free_slot(id);
        }
        notified
    }

    #[inline]
    fn free_slot(&mut self, id: WaiterId) {
        let slot = &mut self.slots[id.0 as usize];
        slot.state = WaiterState::Removed;
        slot.next = std::mem::replace(&mut self.free, id.0);
    }

    #[inline]
    fn take_out(&mut self, id: WaiterId, to: WaiterState<W>) {
        let slot = &mut self.slots[id.0 as usize];
        debug_assert!(matches!(slot.state, WaiterState::Waiting(_)), "this waiter does not wait");
        slot.state = to;
        let (prev, next) = (slot.prev, slot.next);
        self.link(prev, next);
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
