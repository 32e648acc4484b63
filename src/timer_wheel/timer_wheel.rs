//! Which timer is due next: a hierarchical timer wheel with exact nanosecond deadlines. Owns the timers, their order
//! and one value each; must not know clocks, wakers, the loop, or what the values are.
//!
//! # The levels
//!
//! Time is cut into ticks of 2^20 ns, about a millisecond. A tick is read as a number of eight digits in base 64. Each
//! digit has a level, and each level a slot for each of the 64 values of its digit: a slot of level 0 is one tick wide, a
//! slot of level n + 1 is as wide as all of level n, and level 7 reaches to the last `u64`, so no deadline is too far for
//! the wheel.
//!
//! The wheel stands at a tick, `opened`. A timer of a later tick goes to the level of the highest digit in which that
//! differs from `opened`, and there to the slot that the digit names. Near deadlines thus get narrow slots and far ones
//! wide slots, and to insert or remove a timer costs the same however many there are. From this follows:
//!
//! - No slot up to `opened` is occupied, and all that is on a level comes before all that is on the next. So the earliest
//!   slot is the lowest occupied one of the lowest occupied level: two bitmaps say which, without a search.
//! - Equal deadlines are always in the same slot, and a slot's list is in the order of insertion.
//!
//! Timers up to the tick `opened` are in no slot but in a queue in exact order, `near`. All of them come before all that
//! are in slots, and those that have expired have left it.
//!
//! When the first deadline of a slot has come, the slot is opened: the wheel moves on to the tick of that time, timers up
//! to there enter `near`, and the others cascade. They agree with the new tick in one digit more, so each falls by at
//! least one level. A timer thus moves eight times at most in its life, however often time stops between the deadlines of
//! a crowd. One that is set for some milliseconds moves once or twice, which is what the ticks are for: each move of a
//! timer among many is a cache miss, and with slots of a nanosecond there were four.

use std::{fmt, mem};

use super::due::Near;
use super::slab::{NIL, Node, Nodes, Place, Position, TimerKey};

/// How many bits of a deadline do not tell its tick.
const TICK_BITS: u32 = 20;
/// How many bits of a tick one level looks at: a digit in base 64, for a bitmap of one word.
const LEVEL_BITS: u32 = 6;
/// How many slots a level has.
const SLOTS: usize = 1 << LEVEL_BITS;
/// The bits of the lowest digit.
const DIGIT: u64 = (1 << LEVEL_BITS) - 1;
/// Timers by deadline, with a value for each. A timer is armed until it expires or is removed, and its value stays
/// until it is removed.
pub(crate) struct TimerWheel<T> {
    /// All timers, armed and expired.
    nodes: Nodes<T>,
    /// The levels that have been needed so far.
    levels: Vec<Level>,
    /// One bit for each level with an occupied slot.
    occupied: u16,
    /// The armed timers that are in no slot any more: all up to the tick `opened`.
    near: Near,
    /// Where the wheel stands: at the tick of `now`, or just before the earliest slot if `now` is inside that.
    opened: u64,
    /// The latest time that `expire` was told.
    now: u64,
    /// How many timers are in a slot or near.
    armed: usize,
    /// The generation of the next timer.
    generation: u32,
}

/// 64 slots of the same width.
struct Level {
    /// One bit for each slot that holds a timer.
    occupied: u64,
    slots: [Slot; SLOTS],
}

/// A list of timers whose deadlines agree in all digits above the level, and in the level's own.
#[derive(Clone, Copy)]
struct Slot {
    head: u32,
    tail: u32,
    /// No deadline in the list is earlier. Removing a timer does not raise it, as that would take a search.
    min: u64,
}

impl Slot {
    const EMPTY: Self = Self { head: NIL, tail: NIL, min: u64::MAX };
}

impl Position {
    /// Where a tick belongs on a wheel that stands at `opened`, before it.
    #[expect(clippy::cast_possible_truncation, reason = "a level is at most 7 and a slot at most 63")]
    fn new(tick: u64, opened: u64) -> Self {
        let level = ((tick ^ opened) | DIGIT).ilog2() / LEVEL_BITS;
        let slot = tick >> (level * LEVEL_BITS) & DIGIT;
        Self { level: level as u8, slot: slot as u8 }
    }

    /// The first and the last tick of a slot of a wheel that stands at `opened`: the higher digits are the same.
    fn ticks(self, opened: u64) -> (u64, u64) {
        let shift = u32::from(self.level) * LEVEL_BITS;
        let start = (opened >> shift & !DIGIT | u64::from(self.slot)) << shift;
        (start, start | ((1 << shift) - 1))
    }
}

/// The tick that a time is in.
fn tick(time: u64) -> u64 {
    time >> TICK_BITS
}

impl<T> TimerWheel<T> {
    /// A wheel at time 0 without timers. Levels take memory when a deadline first needs them.
    pub(crate) fn new() -> Self {
        Self {
            nodes: Nodes::new(),
            levels: Vec::new(),
            occupied: 0,
            near: Near::new(),
            opened: 0,
            now: 0,
            armed: 0,
            generation: 0,
        }
    }

    /// Arms a timer. One whose deadline has passed is due at the next `expire`.
    pub(crate) fn insert(&mut self, deadline: u64, value: T) -> TimerKey {
        let key = TimerKey { slot: self.nodes.next_index(), generation: self.generation };
        let tick = tick(deadline);
        let (place, prev) = if tick > self.opened {
            let position = Position::new(tick, self.opened);
            if usize::from(position.level) >= self.levels.len() {
                self.grow(position);
            }
            (Place::Slot(position), self.append(key.slot, position, deadline))
        } else {
            self.near.insert(deadline, key);
            (Place::Near, NIL)
        };
        self.nodes.put(deadline, prev, key.generation, place, value);
        self.generation = key.generation.wrapping_add(1);
        self.armed += 1;
        key
    }

    /// Takes a timer out, armed or expired, and gives its value back.
    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<T> {
        let &Node { place, prev, next, .. } = self.nodes.find(key)?;
        match place {
            Place::Slot(position) => {
                self.unlink(position, prev, next);
                self.armed -= 1;
            }
            Place::Near => self.remove_near(key),
            Place::Expired => {}
        }
        self.nodes.free(key.slot)
    }

    /// A near timer is about to be removed.
    #[inline(never)] // most timers that are removed are elsewhere, and would pay for every register that this needs
    fn remove_near(&mut self, key: TimerKey) {
        self.near.forget(|near| near != key && self.nodes.find(near).is_some());
        self.armed -= 1;
    }

    /// All values, in no order.
    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.nodes.into_values()
    }

    /// The value of a timer, armed or expired.
    pub(crate) fn get_mut(&mut self, key: TimerKey) -> Option<&mut T> {
        self.nodes.find_mut(key)?.value.as_mut()
    }

    /// When a timer is due, or was due if it has expired.
    #[cfg(test)]
    pub(crate) fn deadline(&self, key: TimerKey) -> Option<u64> {
        self.nodes.find(key).map(|node| node.deadline)
    }

    /// Hands out every armed timer whose deadline is not later than `now`, by deadline and then in the order of insertion.
    /// They are no longer armed, but stay until they are removed. Time does not go back: an earlier `now` than before
    /// counts as the latest so far.
    pub(crate) fn expire(&mut self, now: u64, mut due: impl FnMut(TimerKey)) {
        self.now = self.now.max(now);
        loop {
            while let Some(key) = self.near.pop_due(self.now, |key| self.nodes.find(key).is_some()) {
                self.nodes[key.slot].place = Place::Expired;
                self.armed -= 1;
                due(key);
            }
            if !self.near.is_empty() || !self.move_on() {
                return;
            }
        }
    }

    /// Moves to the tick of `now`, when no timer is near; no further than to the first slot with timers that are due, whose
    /// timers are near then. Whether there was one.
    #[inline(never)] // most calls of `expire` do not come here, and pay for every register that it needs
    fn move_on(&mut self) -> bool {
        let now = tick(self.now);
        let Some(earliest) = self.earliest() else {
            self.opened = now;
            return false;
        };
        let (start, last) = earliest.ticks(self.opened);
        if self.slot(earliest).min > self.now {
            // Time may be inside the slot, but before the first deadline there: the wheel waits in front, which saves those
            // timers a move. Such a slot does not begin at 0, where the wheel has stood from the start.
            self.opened = now.min(start - 1);
            return false;
        }
        self.opened = now.min(last);
        self.open(earliest);
        true
    }

    /// A time not later than the earliest deadline; none if no timer is armed.
    ///
    /// It is the earliest deadline itself unless that is in a slot and a timer was removed from there. To `expire` at such a
    /// time opens that slot, and what `next_expiry` then says is exact: the second round at the latest reaches a timer.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        match self.near.first() {
            Some(first) => Some(first.deadline),
            None => self.earliest().map(|position| self.slot(position).min),
        }
    }

    /// How many timers are armed.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.armed
    }

    /// Whether no timer is armed.
    pub(crate) fn is_empty(&self) -> bool {
        self.armed == 0
    }

    /// The slot at a position.
    fn slot(&self, position: Position) -> &Slot {
        &self.levels[usize::from(position.level)].slots[usize::from(position.slot)]
    }

    /// The occupied slot with the earliest deadlines.
    #[expect(clippy::cast_possible_truncation, reason = "the number of a bit in a word is at most 63")]
    fn earliest(&self) -> Option<Position> {
        if self.occupied == 0 {
            return None;
        }
        let level = self.occupied.trailing_zeros() as u8;
        let slot = self.levels[usize::from(level)].occupied.trailing_zeros() as u8;
        Some(Position { level, slot })
    }

    /// Makes the levels up to that of `position`.
    #[cold]
    fn grow(&mut self, position: Position) {
        let count = usize::from(position.level) + 1;
        self.levels.resize_with(count, || Level { occupied: 0, slots: [Slot::EMPTY; SLOTS] });
    }

    /// Puts node `index` at the end of a slot's list, but for its own links; gives what is now before it.
    fn append(&mut self, index: u32, position: Position, deadline: u64) -> u32 {
        let level = &mut self.levels[usize::from(position.level)];
        let slot = &mut level.slots[usize::from(position.slot)];
        slot.min = slot.min.min(deadline);
        let prev = mem::replace(&mut slot.tail, index);
        if prev == NIL {
            slot.head = index;
            level.occupied |= 1 << position.slot;
            self.occupied |= 1 << position.level;
        } else {
            self.nodes[prev].next = index;
        }
        prev
    }

    /// Closes the gap that a removed node leaves between its neighbours.
    fn unlink(&mut self, position: Position, prev: u32, next: u32) {
        if prev == NIL && next == NIL {
            self.clear(position);
            return;
        }
        let slot = &mut self.levels[usize::from(position.level)].slots[usize::from(position.slot)];
        match prev {
            NIL => slot.head = next,
            _ => self.nodes[prev].next = next,
        }
        match next {
            NIL => slot.tail = prev,
            _ => self.nodes[next].prev = prev,
        }
    }

    /// Leaves a slot empty and gives what it was.
    fn clear(&mut self, position: Position) -> Slot {
        let level = &mut self.levels[usize::from(position.level)];
        level.occupied &= !(1 << position.slot);
        if level.occupied == 0 {
            self.occupied &= !(1 << position.level);
        }
        mem::replace(&mut level.slots[usize::from(position.slot)], Slot::EMPTY)
    }

    /// Empties the earliest slot: timers up to the tick `opened` are near now, the rest goes to lower levels. There is a
    /// rest only in the slot that `now` is in, and then every slot that is left lies ahead of `now`.
    fn open(&mut self, position: Position) {
        let mut next = self.clear(position).head;
        while next != NIL {
            let index = next;
            let node = &mut self.nodes[index];
            next = node.next;
            if tick(node.deadline) <= self.opened {
                node.place = Place::Near;
                self.near.push(node.deadline, TimerKey { slot: index, generation: node.generation });
            } else {
                self.cascade(index);
            }
        }
        self.near.sort();
    }

    /// Puts a node whose list is being taken apart into the slot where it belongs now.
    fn cascade(&mut self, index: u32) {
        let deadline = self.nodes[index].deadline;
        let position = Position::new(tick(deadline), self.opened);
        let prev = self.append(index, position, deadline);
        let node = &mut self.nodes[index];
        (node.prev, node.next, node.place) = (prev, NIL, Place::Slot(position));
    }
}

impl<T> fmt::Debug for TimerWheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expired = self.nodes.len() - self.armed;
        let mut wheel = f.debug_struct("TimerWheel");
        wheel.field("armed", &self.armed).field("expired", &expired).field("now", &self.now);
        wheel.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
