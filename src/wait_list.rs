//! Who waits for something, first come, first served. Owns the order, and who has been called; must not know what is
//! waited for, nor how one who waits is woken.
//!
//! Below every lock, event, condition, semaphore and queue. A place is found, left and called in O(1), and used again, so
//! that a list allocates only when it grows longer than it ever was.

use slab::Slab;

/// No place: the neighbour of the first and of the last.
const NONE: usize = usize::MAX;

/// One's place in a list, until one leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// `Waiting` → `Called` when its turn has come. Whoever has a place leaves it, called or not.
#[derive(Debug)]
enum Slot<W> {
    Waiting { waiter: W, before: usize, behind: usize },
    Called,
}

/// How one who left had stood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Left<W> {
    Waiting(W),
    Called,
}

#[derive(Debug)]
pub(crate) struct WaitList<W> {
    slots: Slab<Slot<W>>,
    first: usize,
    last: usize,
    called: usize,
}

impl<W> Default for WaitList<W> {
    fn default() -> Self {
        Self { slots: Slab::new(), first: NONE, last: NONE, called: 0 }
    }
}

impl<W> WaitList<W> {
    /// Whether nobody has a place, neither waiting nor called.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many have been called and have not left yet.
    pub(crate) fn called(&self) -> usize {
        self.called
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.slots.len() - self.called
    }

    /// Takes the last place.
    pub(crate) fn join(&mut self, waiter: W) -> Place {
        let at = self.slots.insert(Slot::Waiting { waiter, before: self.last, behind: NONE });
        self.link(self.last, at);
        self.link(at, NONE);
        Place(at)
    }

    /// Who has waited longest.
    pub(crate) fn first(&self) -> Option<Place> {
        (self.first != NONE).then_some(Place(self.first))
    }

    /// Who waits next behind `place`; nobody if that one does not wait.
    pub(crate) fn behind(&self, place: Place) -> Option<Place> {
        match self.slots.get(place.0) {
            Some(Slot::Waiting { behind, .. }) if *behind != NONE => Some(Place(*behind)),
            _ => None,
        }
    }

    /// Who waits at `place`, if one does: it may have been called.
    pub(crate) fn waiter(&self, place: Place) -> Option<&W> {
        match self.slots.get(place.0) {
            Some(Slot::Waiting { waiter, .. }) => Some(waiter),
            _ => None,
        }
    }

    pub(crate) fn waiter_mut(&mut self, place: Place) -> Option<&mut W> {
        match self.slots.get_mut(place.0) {
            Some(Slot::Waiting { waiter, .. }) => Some(waiter),
            _ => None,
        }
    }

    /// The turn of one who waits has come: out of the order, to be woken by the caller. `None` if it does not wait.
    pub(crate) fn call(&mut self, place: Place) -> Option<W> {
        let slot = self.slots.get_mut(place.0)?;
        match std::mem::replace(slot, Slot::Called) {
            Slot::Waiting { waiter, before, behind } => {
                self.called += 1;
                self.close_gap(before, behind);
                Some(waiter)
            }
            Slot::Called => None,
        }
    }

    /// Gives a place up; answers how one had stood there.
    pub(crate) fn leave(&mut self, place: Place) -> Left<W> {
        match self.slots.remove(place.0) {
            Slot::Waiting { waiter, before, behind } => {
                self.close_gap(before, behind);
                Left::Waiting(waiter)
            }
            Slot::Called => {
                self.called -= 1;
                Left::Called
            }
        }
    }

    fn close_gap(&mut self, before: usize, behind: usize) {
        self.link(before, behind);
        if behind != NONE {
            self.set_before(behind, before);
        }
    }

    /// Puts `behind` next behind `before`, or at an end of the order.
    fn link(&mut self, before: usize, behind: usize) {
        match self.slots.get_mut(before) {
            Some(Slot::Waiting { behind: next, .. }) => *next = behind,
            _ => self.first = behind,
        }
        if behind == NONE {
            self.last = before;
        }
    }

    fn set_before(&mut self, at: usize, before: usize) {
        if let Some(Slot::Waiting { before: previous, .. }) = self.slots.get_mut(at) {
            *previous = before;
        }
    }
}

#[cfg(test)]
mod tests;
