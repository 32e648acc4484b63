//! What waits for one direction of a descriptor. Owns the waiters in the order in which they came; must not know what
//! they wait for.

use std::mem;
use std::num::NonZeroU64;

use crate::base::{TaskKey, WakeTarget};

/// Names a waiter. That of one that comes later is greater.
pub(crate) type WaiterNumber = NonZeroU64;

/// The bit in the number of a waiter that is gone.
const GONE: u64 = 1 << 63;

/// A list with fewer places than this is not worth closing up.
const FEW: usize = 32;

/// The waiters.
///
/// ```text
///              a task waits              another one waits, too
///     List(None) ─────────▶ One ───────────────────────────────────▶ List(Some)
///         ▲                  │
///         └──────────────────┘ it is woken, or goes
/// ```
///
/// Nearly always one task reads and one writes, so one task that waits takes no memory but the direction's own.
/// Several, and foreign wakers, are kept in a list, which keeps its memory.
#[derive(Debug)]
pub(super) enum FdWaiters {
    One(WaiterNumber, TaskKey),
    List(Option<Box<Places>>),
}

/// For each direction of each connection, also of one that is idle.
const _: () = assert!(size_of::<FdWaiters>() == 16);

impl FdWaiters {
    pub(super) const NONE: Self = Self::List(None);

    /// Lets `target` wait. If there is a waiter with this number, `target` replaces its target, which is returned.
    /// Otherwise `target` waits behind all others, and gets the number `next`, which is greater than all before.
    #[inline]
    pub(super) fn wait(
        &mut self,
        number: &mut Option<WaiterNumber>,
        next: WaiterNumber,
        target: WakeTarget,
    ) -> Option<WakeTarget> {
        match (self, target) {
            (waiters @ Self::List(None), WakeTarget::Task(key)) => {
                *number = Some(next);
                *waiters = Self::One(next, key);
                None
            }
            (Self::One(first, key), WakeTarget::Task(new)) if Some(*first) == *number => {
                Some(WakeTarget::Task(mem::replace(key, new)))
            }
            (waiters, target) => waiters.list().wait(number, next, target),
        }
    }

    /// The list, into which one that waits alone is put.
    fn list(&mut self) -> &mut Places {
        if let Self::One(number, key) = *self {
            let first = Waiter { number: number.get(), target: WakeTarget::Task(key) };
            *self = Self::List(Some(Box::new(Places { waiters: vec![first], gone: 0 })));
        }
        match self {
            Self::List(places) => places.get_or_insert_default(),
            Self::One(..) => unreachable!("one that waits alone was put into the list"),
        }
    }

    /// Removes the waiter with this number. The caller drops the target, outside the borrow.
    pub(super) fn forget(&mut self, number: WaiterNumber) -> Option<WakeTarget> {
        match self {
            Self::One(first, _) if *first == number => self.take_one(),
            Self::List(Some(places)) => places.forget(number.get()),
            Self::List(None) | Self::One(..) => None,
        }
    }

    fn take_one(&mut self) -> Option<WakeTarget> {
        let Self::One(_, key) = *self else { return None };
        *self = Self::NONE;
        Some(WakeTarget::Task(key))
    }

    /// Hands all waiters to `woken`, in order. None waits any more.
    #[inline]
    pub(super) fn take_all(&mut self, mut woken: impl FnMut(WakeTarget)) {
        match self {
            Self::List(None) => {}
            Self::One(_, key) => {
                let key = *key;
                *self = Self::NONE;
                woken(WakeTarget::Task(key));
            }
            Self::List(Some(places)) => places.take_all().for_each(woken),
        }
    }
}

#[derive(Debug)]
struct Waiter {
    /// Greater than that of the waiter before it.
    number: u64,
    target: WakeTarget,
}

impl Waiter {
    fn is_gone(&self) -> bool {
        self.number & GONE != 0
    }
}

/// A list of waiters. One that goes leaves its place empty, until more than half of the places are: so to go costs no
/// more than to find the place, however many wait.
#[derive(Debug, Default)]
pub(super) struct Places {
    waiters: Vec<Waiter>,
    /// How many of the places are empty.
    gone: u32,
}

impl Places {
    fn wait(
        &mut self,
        number: &mut Option<WaiterNumber>,
        next: WaiterNumber,
        target: WakeTarget,
    ) -> Option<WakeTarget> {
        if let Some(place) = number.and_then(|number| self.place(number.get())) {
            return Some(mem::replace(&mut self.waiters[place].target, target));
        }
        *number = Some(next);
        self.waiters.push(Waiter { number: next.get(), target });
        None
    }

    fn forget(&mut self, number: u64) -> Option<WakeTarget> {
        let place = self.place(number)?;
        if place + 1 == self.waiters.len() {
            return self.waiters.pop().map(|waiter| waiter.target);
        }
        let waiter = &mut self.waiters[place];
        waiter.number |= GONE;
        let target = mem::replace(&mut waiter.target, WakeTarget::NOTHING);
        self.gone += 1;
        if self.waiters.len() >= FEW && self.gone as usize > self.waiters.len() / 2 {
            self.waiters.retain(|waiter| !waiter.is_gone());
            self.gone = 0;
        }
        Some(target)
    }

    fn take_all(&mut self) -> impl Iterator<Item = WakeTarget> {
        self.gone = 0;
        self.waiters.drain(..).filter(|waiter| !waiter.is_gone()).map(|waiter| waiter.target)
    }

    /// The place of the waiter with this number.
    fn place(&self, number: u64) -> Option<usize> {
        let place = self.waiters.binary_search_by_key(&number, |waiter| waiter.number & !GONE).ok()?;
        (!self.waiters[place].is_gone()).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Wake, Waker};

    use super::*;

    struct Foreign;

    impl Wake for Foreign {
        fn wake(self: Arc<Self>) {}
    }

    /// A target that no other is like: one in four is a foreign waker.
    fn target(number: WaiterNumber) -> WakeTarget {
        if number.get().is_multiple_of(4) {
            return WakeTarget::Foreign(Waker::from(Arc::new(Foreign)));
        }
        WakeTarget::Task(TaskKey::from_word(usize::try_from(number.get()).expect("small")))
    }

    /// What a target is known by.
    fn word(target: &WakeTarget) -> usize {
        match target {
            WakeTarget::Task(key) => key.to_word(),
            WakeTarget::Foreign(waker) => waker.data().addr(),
        }
    }

    fn taken(waiters: &mut FdWaiters) -> Vec<usize> {
        let mut words = Vec::new();
        waiters.take_all(|target| words.push(word(&target)));
        words
    }

    /// Every 64-bit state but 0 comes once in a period.
    fn dice(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    /// Against a plain list: waits, waits again, leaves and events, in any order.
    #[test]
    fn those_who_stay_are_woken_in_the_order_in_which_they_came() {
        let (mut state, mut next) = (1, WaiterNumber::MIN);
        for _ in 0..200 {
            let (mut waiters, mut model) = (FdWaiters::NONE, Vec::new());
            let most = dice(&mut state) % 300 + 1;
            for _ in 0..1_000 {
                match dice(&mut state) % 8 {
                    0..3 if (model.len() as u64) < most => {
                        next = next.saturating_add(1);
                        let (mut number, target) = (None, target(next));
                        model.push((next, word(&target)));
                        assert!(waiters.wait(&mut number, next, target).is_none());
                        assert_eq!(number, Some(next));
                    }
                    3..6 if !model.is_empty() => {
                        let at = dice(&mut state) % model.len() as u64;
                        let (number, expected) = model.remove(usize::try_from(at).expect("small"));
                        assert_eq!(waiters.forget(number).as_ref().map(word), Some(expected));
                        assert!(waiters.forget(number).is_none());
                    }
                    6 if !model.is_empty() => {
                        let at = dice(&mut state) % model.len() as u64;
                        let (number, held) = &mut model[usize::try_from(at).expect("small")];
                        next = next.saturating_add(1);
                        let target = target(next);
                        let expected = mem::replace(held, word(&target));
                        let replaced = waiters.wait(&mut Some(*number), next, target);
                        assert_eq!(replaced.as_ref().map(word), Some(expected));
                    }
                    7 if dice(&mut state).is_multiple_of(64) => {
                        assert_eq!(taken(&mut waiters), model.drain(..).map(|(_, held)| held).collect::<Vec<_>>());
                    }
                    _ => {}
                }
            }
            assert_eq!(taken(&mut waiters), model.into_iter().map(|(_, held)| held).collect::<Vec<_>>());
        }
    }
}
