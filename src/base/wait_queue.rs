//! Who waits for something, first come, first served. Owns the order, and who has been called; must not know what is
//! waited for, nor how one who waits is woken.
//!
//! Below every lock, event, condition, semaphore and queue. A place is found, left and called in O(1), and used again, so
//! that a list allocates only when it grows longer than it ever was. Who waits is a `Copy` name for that, so that nothing
//! has to be dropped on the way.

/// No place: the neighbour of the first and of the last.
const NONE: u32 = u32::MAX;

/// One's place in a list, until one leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u32);

/// `Waiting` → `Called` when its turn has come, or `Waiting` → `PassedOver` when others are to have theirs instead. Whoever
/// has a place leaves it in the end, from any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State<W> {
    Waiting(W),
    PassedOver,
    Called,
    /// The place is free.
    Nobody,
}

#[derive(Clone, Copy, Debug)]
struct Slot<W> {
    state: State<W>,
    /// The neighbours of one who waits. Behind a free place is the next free one.
    before: u32,
    behind: u32,
}

#[derive(Debug)]
pub(crate) struct WaitQueue<W> {
    slots: Vec<Slot<W>>,
    free: u32,
    first: u32,
    last: u32,
    called: u32,
    passed_over: u32,
}

impl<W> Default for WaitQueue<W> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: NONE, first: NONE, last: NONE, called: 0, passed_over: 0 }
    }
}

impl<W: Copy> WaitQueue<W> {
    /// Whether nobody has a place, in whatever state.
    pub(crate) fn is_empty(&self) -> bool {
        self.first == NONE && self.called == 0 && self.passed_over == 0
    }

    /// How many have been called and have not left yet.
    pub(crate) fn called(&self) -> u32 {
        self.called
    }

    /// How many were passed over and have not left yet.
    pub(crate) fn passed_over(&self) -> u32 {
        self.passed_over
    }

    /// Those who wait, who has waited longest first.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = W> {
        let mut at = self.first;
        std::iter::from_fn(move || {
            let slot = self.slots.get(at as usize)?;
            at = slot.behind;
            slot.waiter()
        })
    }

    /// Who has waited longest.
    #[inline]
    pub(crate) fn first(&self) -> Option<Place> {
        (self.first != NONE).then_some(Place(self.first))
    }

    /// Who waits at `place`, if one does.
    #[inline]
    pub(crate) fn waiter(&self, place: Place) -> Option<W> {
        self.slots[place.0 as usize].waiter()
    }

    /// How the one at `place` stands.
    pub(crate) fn state(&self, place: Place) -> State<W> {
        self.slots[place.0 as usize].state
    }

    /// Somebody else waits at the place of one who waits.
    pub(crate) fn replace(&mut self, place: Place, waiter: W) {
        let slot = &mut self.slots[place.0 as usize];
        debug_assert!(matches!(slot.state, State::Waiting(_)), "nobody waits there");
        slot.state = State::Waiting(waiter);
    }

    /// Takes the last place.
    #[inline]
    pub(crate) fn join(&mut self, waiter: W) -> Place {
        if self.free == NONE {
            self.grow();
        }
        let at = self.free;
        let slot = &mut self.slots[at as usize];
        self.free = slot.behind;
        *slot = Slot { state: State::Waiting(waiter), before: self.last, behind: NONE };
        match self.slots.get_mut(self.last as usize) {
            Some(last) => last.behind = at,
            None => self.first = at,
        }
        self.last = at;
        Place(at)
    }

    /// The turn of one who waits has come: out of the order, to be woken by the caller.
    pub(crate) fn call(&mut self, place: Place) {
        self.take_out(place, State::Called);
        self.called += 1;
    }

    /// One who waits is passed over: out of the order, in nobody's way any more.
    pub(crate) fn pass_over(&mut self, place: Place) {
        self.take_out(place, State::PassedOver);
        self.passed_over += 1;
    }

    /// Gives a place up. Answers how the one who had it stood.
    pub(crate) fn leave(&mut self, place: Place) -> State<W> {
        let slot = &self.slots[place.0 as usize];
        let state = slot.state;
        match state {
            State::Waiting(_) => self.join_up(slot.before, slot.behind),
            State::PassedOver => self.passed_over -= 1,
            State::Called => self.called -= 1,
            State::Nobody => unreachable!("a place is left once"),
        }
        self.set_free(place);
        state
    }

    /// Gives the place of one who has been called up: whether it has.
    #[inline]
    pub(crate) fn leave_if_called(&mut self, place: Place) -> bool {
        let called = matches!(self.slots[place.0 as usize].state, State::Called);
        if called {
            self.called -= 1;
            self.set_free(place);
        }
        called
    }

    #[inline]
    fn set_free(&mut self, place: Place) {
        let slot = &mut self.slots[place.0 as usize];
        slot.state = State::Nobody;
        slot.behind = std::mem::replace(&mut self.free, place.0);
    }

    #[inline]
    fn take_out(&mut self, place: Place, to: State<W>) {
        let slot = &mut self.slots[place.0 as usize];
        debug_assert!(matches!(slot.state, State::Waiting(_)), "nobody waits there");
        slot.state = to;
        let (before, behind) = (slot.before, slot.behind);
        self.join_up(before, behind);
    }

    /// Two become neighbours, as who stood between them is out of the order.
    fn join_up(&mut self, before: u32, behind: u32) {
        match self.slots.get_mut(before as usize) {
            Some(slot) => slot.behind = behind,
            None => self.first = behind,
        }
        match self.slots.get_mut(behind as usize) {
            Some(slot) => slot.before = before,
            None => self.last = before,
        }
    }

    /// Makes a free place.
    #[cold]
    fn grow(&mut self) {
        let at = u32::try_from(self.slots.len()).ok().filter(|at| *at != NONE);
        self.slots.push(Slot { state: State::Nobody, before: NONE, behind: NONE });
        self.free = at.expect("fewer than 2^32 wait for one thing");
    }
}

impl<W: Copy> Slot<W> {
    #[inline]
    fn waiter(&self) -> Option<W> {
        if let State::Waiting(waiter) = self.state { Some(waiter) } else { None }
    }
}

#[cfg(test)]
mod tests;
