//! What waits for one direction of a descriptor. Owns the waiters in the order in which they came; must not know what
//! they wait for.

use std::mem;

use crate::base::WakeTarget;

/// The bit in the number of a waiter that is gone.
const GONE: u64 = 1 << 63;

/// A list with fewer places than this is not worth closing up.
const FEW: usize = 32;

#[derive(Debug)]
pub(super) struct Waiter {
    /// Greater than that of the waiter before it.
    number: u64,
    target: WakeTarget,
}

impl Waiter {
    fn is_gone(&self) -> bool {
        self.number & GONE != 0
    }
}

/// The waiters.
///
/// ```text
///            one waits                  another waits, too
///     None ─────────────▶ One ─────────────────────────────────▶ Many
///       ▲                  │
///       └──────────────────┘ it is woken, or goes
/// ```
///
/// Nearly always one task reads and one writes, so one waiter takes no memory but the direction's own. Many are kept in
/// their list, which keeps its memory.
#[derive(Debug, Default)]
pub(super) enum FdWaiters {
    #[default]
    None,
    One(Waiter),
    Many(Box<Places>),
}

impl FdWaiters {
    /// Lets `target` wait. If there is a waiter with this number, `target` replaces its target, which is returned.
    /// Otherwise `target` waits behind all others, and gets the number `next`, which is greater than all before.
    pub(super) fn wait(&mut self, number: &mut u64, next: u64, target: WakeTarget) -> Option<WakeTarget> {
        match self {
            Self::One(waiter) if waiter.number == *number => Some(mem::replace(&mut waiter.target, target)),
            Self::Many(places) => places.wait(number, next, target),
            Self::None | Self::One(_) => {
                *number = next;
                let newcomer = Waiter { number: next, target };
                *self = match mem::take(self) {
                    Self::One(first) => Self::Many(Box::new(Places { waiters: vec![first, newcomer], gone: 0 })),
                    Self::None | Self::Many(_) => Self::One(newcomer),
                };
                None
            }
        }
    }

    /// Removes the waiter with this number. The caller drops the target, outside the borrow.
    pub(super) fn forget(&mut self, number: u64) -> Option<WakeTarget> {
        match self {
            Self::Many(places) => places.forget(number),
            Self::One(waiter) if waiter.number == number => self.take_one(),
            Self::None | Self::One(_) => None,
        }
    }

    fn take_one(&mut self) -> Option<WakeTarget> {
        match mem::take(self) {
            Self::One(waiter) => Some(waiter.target),
            Self::None | Self::Many(_) => None,
        }
    }

    /// All waiters, in order. None waits any more.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = WakeTarget> {
        let (one, many) = match self {
            Self::Many(places) => (None, Some(places.take_all())),
            Self::None | Self::One(_) => (self.take_one(), None),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// A list of waiters. One that goes leaves its place empty, until more than half of the places are: so to go costs no
/// more than to find the place, however many wait.
#[derive(Debug)]
pub(super) struct Places {
    waiters: Vec<Waiter>,
    /// How many of the places are empty.
    gone: u32,
}

impl Places {
    fn wait(&mut self, number: &mut u64, next: u64, target: WakeTarget) -> Option<WakeTarget> {
        if let Some(place) = self.place(*number) {
            return Some(mem::replace(&mut self.waiters[place].target, target));
        }
        *number = next;
        self.waiters.push(Waiter { number: next, target });
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
    use super::*;
    use crate::base::TaskKey;

    fn target(word: u64) -> WakeTarget {
        WakeTarget::Task(TaskKey::from_word(usize::try_from(word).expect("small")))
    }

    fn word(target: &WakeTarget) -> u64 {
        match target {
            WakeTarget::Task(key) => key.to_word() as u64,
            WakeTarget::Foreign(_) => panic!("no task"),
        }
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
        let (mut state, mut next) = (1, 0);
        for _ in 0..200 {
            let (mut waiters, mut model) = (FdWaiters::default(), Vec::new());
            let most = dice(&mut state) % 300 + 1;
            for _ in 0..1_000 {
                match dice(&mut state) % 8 {
                    0..3 if (model.len() as u64) < most => {
                        next += 1;
                        let mut number = 0;
                        assert!(waiters.wait(&mut number, next, target(next)).is_none());
                        model.push((number, next));
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
                        next += 1;
                        let replaced = waiters.wait(number, next, target(next)).as_ref().map(word);
                        assert_eq!(replaced, Some(mem::replace(held, next)));
                    }
                    7 if dice(&mut state).is_multiple_of(64) => {
                        let woken: Vec<_> = waiters.take_all().map(|target| word(&target)).collect();
                        assert_eq!(woken, model.drain(..).map(|(_, held)| held).collect::<Vec<_>>());
                    }
                    _ => {}
                }
            }
            let woken: Vec<_> = waiters.take_all().map(|target| word(&target)).collect();
            assert_eq!(woken, model.into_iter().map(|(_, held)| held).collect::<Vec<_>>());
        }
    }
}
