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

/// `Waiting` → `Called` when its turn has come, or `Waiting` → `PassedOver` when others are to have theirs instead. Whoever
/// has a place leaves it in the end, from any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    PassedOver,
    Called,
}

#[derive(Debug)]
struct Slot<W> {
    state: State,
    /// There while it waits.
    waiter: Option<W>,
    /// The neighbours of one who waits.
    before: usize,
    behind: usize,
}

#[derive(Debug)]
pub(crate) struct WaitList<W> {
    slots: Slab<Slot<W>>,
    first: usize,
    last: usize,
    called: usize,
    passed_over: usize,
}

impl<W> Default for WaitList<W> {
    fn default() -> Self {
        Self { slots: Slab::new(), first: NONE, last: NONE, called: 0, passed_over: 0 }
    }
}

impl<W> WaitList<W> {
    /// Whether nobody has a place, in whatever state.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many have been called and have not left yet.
    pub(crate) fn called(&self) -> usize {
        self.called
    }

    /// How many were passed over and have not left yet.
    pub(crate) fn passed_over(&self) -> usize {
        self.passed_over
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.slots.len() - self.called - self.passed_over
    }

    /// How the one at `place` stands.
    pub(crate) fn state(&self, place: Place) -> State {
        self.slots[place.0].state
    }

    /// Takes the last place.
    pub(crate) fn join(&mut self, waiter: W) -> Place {
        let slot = Slot { state: State::Waiting, waiter: Some(waiter), before: NONE, behind: NONE };
        let at = self.slots.insert(slot);
        self.append(at);
        Place(at)
    }

    /// Who has waited longest.
    pub(crate) fn first(&self) -> Option<Place> {
        (self.first != NONE).then_some(Place(self.first))
    }

    /// Who waits next behind one who waits.
    pub(crate) fn behind(&self, place: Place) -> Option<Place> {
        let behind = self.slots[place.0].behind;
        (behind != NONE).then_some(Place(behind))
    }

    /// Who waits at `place`, if one does.
    pub(crate) fn waiter(&self, place: Place) -> Option<&W> {
        self.slots[place.0].waiter.as_ref()
    }

    pub(crate) fn waiter_mut(&mut self, place: Place) -> Option<&mut W> {
        self.slots[place.0].waiter.as_mut()
    }

    /// The turn of one who waits has come: out of the order, to be woken by the caller. `None` if it does not wait.
    pub(crate) fn call(&mut self, place: Place) -> Option<W> {
        let waiter = self.take_out(place, State::Called)?;
        self.called += 1;
        Some(waiter)
    }

    /// One who waits is passed over: out of the order, in nobody's way any more. `None` if it does not wait.
    pub(crate) fn pass_over(&mut self, place: Place) -> Option<W> {
        let waiter = self.take_out(place, State::PassedOver)?;
        self.passed_over += 1;
        Some(waiter)
    }

    /// Gives a place up. Answers who waited there, if one did.
    pub(crate) fn leave(&mut self, place: Place) -> Option<W> {
        match self.slots[place.0].state {
            State::Waiting => self.unlink(place),
            State::PassedOver => self.passed_over -= 1,
            State::Called => self.called -= 1,
        }
        self.slots.remove(place.0).waiter
    }

    fn take_out(&mut self, place: Place, state: State) -> Option<W> {
        let waiter = self.slots[place.0].waiter.take()?;
        self.slots[place.0].state = state;
        self.unlink(place);
        Some(waiter)
    }

    fn append(&mut self, at: usize) {
        let slot = &mut self.slots[at];
        (slot.before, slot.behind) = (self.last, NONE);
        match self.slots.get_mut(self.last) {
            Some(last) => last.behind = at,
            None => self.first = at,
        }
        self.last = at;
    }

    fn unlink(&mut self, place: Place) {
        let Slot { before, behind, .. } = self.slots[place.0];
        match self.slots.get_mut(before) {
            Some(slot) => slot.behind = behind,
            None => self.first = behind,
        }
        match self.slots.get_mut(behind) {
            Some(slot) => slot.before = before,
            None => self.last = before,
        }
    }
}

#[cfg(test)]
mod tests;
