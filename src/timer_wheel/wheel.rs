//! A hierarchical timer wheel with exact nanosecond deadlines. Owns the timers, their order and one value each; must
//! not know clocks, wakers, the loop, or the meaning of a value.
//!
//! # The levels
//!
//! Time is cut into ticks of 2^20 ns, about a millisecond. A tick is read as a number of eight digits in base 64. Each
//! digit has a level, and each level a slot for each of the 64 values of its digit. A slot of level 0 is one tick wide,
//! and a slot of level n + 1 is as wide as all of level n. Level 7 reaches to the last `u64`, so no deadline is too far
//! away for the wheel.
//!
//! The wheel stands at a tick, `opened`. A timer of a later tick goes to the level of the highest digit in which its
//! tick differs from `opened`, and there to the slot that the digit names. Near deadlines thus get narrow slots and far
//! ones wide slots, and the cost of inserting or removing a timer does not depend on the number of timers. It follows:
//!
//! - No slot up to `opened` is occupied, and all timers on a level come before all timers on the next. So the earliest
//!   slot is the lowest occupied one of the lowest occupied level: two bitmaps say which, without a search.
//! - Equal deadlines are always in the same slot, and a slot's list is in the order of insertion.
//!
//! Timers up to the tick `opened` are in no slot but in the due queue, `due`, which is sorted exactly. All of them come
//! before all timers in slots. A timer that expires leaves the due queue.
//!
//! When the first deadline of a slot has come, the slot is opened: the wheel moves on to the tick of that time, timers
//! up to that tick enter the due queue, and the others cascade. They agree with the new tick in one more digit, so each
//! falls by at least one level. A timer thus moves at most eight times in its life, however often time stops between
//! the deadlines of one slot. A timer that is set for some milliseconds moves once or twice. That is the purpose of the
//! ticks: each move of a timer among many is a cache miss, and with slots of a nanosecond there were four.

use std::{fmt, mem};

use super::due::DueQueue;
use super::slab::{ListEnd, NIL, Nodes, Place, Position, TimerKey};

/// The lowest bits of a deadline, which are not part of its tick.
const TICK_BITS: u32 = 20;
/// The bits of a tick that form the digit of one level: base 64, so that a bitmap of the slots is one word.
const LEVEL_BITS: u32 = 6;
/// The slots of a level.
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
    /// The armed timers up to the tick `opened`; all others are in slots.
    due: DueQueue,
    /// The tick at which the wheel stands: that of `now`, or the last one before the earliest slot if `now` is inside
    /// that slot.
    opened: u64,
    /// The latest time that was passed to `expire`.
    now: u64,
    /// The number of timers in slots and in the due queue.
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
    /// The slot of a tick on a wheel that stands at `opened`, an earlier tick.
    #[expect(clippy::cast_possible_truncation, reason = "a level is at most 7 and a slot at most 63")]
    fn new(tick: u64, opened: u64) -> Self {
        let level = ((tick ^ opened) | DIGIT).ilog2() / LEVEL_BITS;
        let slot = tick >> (level * LEVEL_BITS) & DIGIT;
        Self { level: level as u8, slot: slot as u8 }
    }

    /// The first and the last tick of a slot of a wheel that stands at `opened`, with which they share the higher
    /// digits.
    fn ticks(self, opened: u64) -> (u64, u64) {
        let shift = u32::from(self.level) * LEVEL_BITS;
        let start = (opened >> shift & !DIGIT | u64::from(self.slot)) << shift;
        (start, start | ((1 << shift) - 1))
    }
}

/// The tick of a time.
fn tick(time: u64) -> u64 {
    time >> TICK_BITS
}

impl<T> TimerWheel<T> {
    /// A wheel at this time, without timers. Levels take memory when a deadline first needs them.
    pub(crate) fn new(now: u64) -> Self {
        Self {
            nodes: Nodes::new(),
            levels: Vec::new(),
            occupied: 0,
            due: DueQueue::new(),
            opened: tick(now),
            now,
            armed: 0,
            generation: 0,
        }
    }

    /// Arms a timer. One whose deadline has passed is due at the next `expire`.
    #[inline]
    pub(crate) fn insert(&mut self, deadline: u64, value: T) -> TimerKey {
        let tick = tick(deadline);
        if tick <= self.opened {
            return self.insert_due(deadline, value);
        }
        let position = Position::new(tick, self.opened);
        match self.nodes.next_index() {
            Some(index) if self.has_level(position) => self.insert_at(index, position, deadline, value),
            _ => self.insert_with_room(position, deadline, value),
        }
    }

    /// Makes room for a timer in this slot first. It is apart because the usual case would pay for every register that
    /// this needs.
    #[inline(never)]
    fn insert_with_room(&mut self, position: Position, deadline: u64, value: T) -> TimerKey {
        let index = self.nodes.make_room();
        if !self.has_level(position) {
            self.grow(position);
        }
        self.insert_at(index, position, deadline, value)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call is a tenth of the cost of setting a timer: measured")]
    fn insert_at(&mut self, index: u32, position: Position, deadline: u64, value: T) -> TimerKey {
        let key = self.next_key(index);
        let end = self.append(index, position, deadline);
        self.nodes.put(key, deadline, end, value);
        key
    }

    #[inline(never)] // most new timers go to a slot instead
    fn insert_due(&mut self, deadline: u64, value: T) -> TimerKey {
        let index = self.nodes.make_room();
        let key = self.next_key(index);
        self.due.insert(deadline, key);
        self.nodes.put(key, deadline, ListEnd::DUE, value);
        key
    }

    /// The key of a timer that is armed now, with this node.
    #[inline]
    fn next_key(&mut self, index: u32) -> TimerKey {
        let generation = self.generation;
        self.generation = generation.wrapping_add(1);
        self.armed += 1;
        TimerKey { index, generation }
    }

    /// Removes a timer, armed or expired, and returns its value.
    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<T> {
        let (place, prev, next, value) = self.nodes.free(key)?;
        if let Some(position) = place.position() {
            self.unlink(position, prev, next);
            self.disarmed();
        } else if place == Place::DUE {
            self.forget_due();
        }
        Some(value)
    }

    /// A timer in the due queue was removed.
    #[inline(never)] // most removed timers are in slots, and would pay for every register that this needs
    fn forget_due(&mut self) {
        self.due.forget(|key| self.nodes.find(key).is_some());
        self.disarmed();
    }

    #[inline]
    fn disarmed(&mut self) {
        self.armed -= 1;
        if self.armed == 0 {
            self.catch_up();
        }
    }

    /// No timer is armed, so the wheel can stand where it likes. At the present tick the next timer is put into a slot
    /// in front of which the wheel need not wait: see `move_on`.
    fn catch_up(&mut self) {
        self.opened = tick(self.now);
    }

    /// The deadline and the value of each timer, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.nodes.iter()
    }

    /// All values, in no order.
    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.nodes.into_values()
    }

    /// The value of a timer, armed or expired.
    pub(crate) fn get_mut(&mut self, key: TimerKey) -> Option<&mut T> {
        self.nodes.find_mut(key)?.value.as_mut()
    }

    /// The deadline of a timer, armed or expired.
    pub(crate) fn deadline(&self, key: TimerKey) -> Option<u64> {
        self.nodes.find(key).map(|node| node.deadline)
    }

    /// Calls `expired` with every armed timer whose deadline is not later than `now`, by deadline and then in the order
    /// of insertion. These timers are no longer armed, but stay until they are removed. Time does not go back: an
    /// earlier `now` than before counts as the latest so far.
    #[inline]
    pub(crate) fn expire(&mut self, now: u64, expired: impl FnMut(TimerKey, &T)) {
        self.now = self.now.max(now);
        // in the usual iteration the wheel stands at the present tick, of which no timer is left
        if self.opened != tick(self.now) || !self.due.is_empty() {
            self.expire_due(expired);
        }
    }

    #[inline(never)]
    fn expire_due(&mut self, mut expired: impl FnMut(TimerKey, &T)) {
        loop {
            while let Some(key) = self.due.pop_due(self.now, |key| self.nodes.find(key).is_some()) {
                let node = &mut self.nodes[key.index];
                node.place = Place::EXPIRED;
                self.armed -= 1;
                if let Some(value) = &node.value {
                    expired(key, value);
                }
            }
            if !self.due.is_empty() || !self.move_on() {
                return;
            }
        }
    }

    /// Moves on while the due queue is empty: to the tick of `now`, or to the first slot with a timer that is due, and
    /// opens that slot. Returns whether it opened one.
    #[inline(never)] // most calls of `expire` do not come here, and would pay for every register that this needs
    fn move_on(&mut self) -> bool {
        let now = tick(self.now);
        let Some(earliest) = self.earliest() else {
            self.opened = now;
            return false;
        };
        let (start, last) = earliest.ticks(self.opened);
        if self.slot(earliest).min > self.now {
            // `now` may be inside the slot, but before its first deadline: the wheel waits in front of the slot, which
            // saves its timers a move. `start` is not 0, because the wheel stands at 0 from the beginning.
            self.opened = now.min(start - 1);
            return false;
        }
        self.opened = now.min(last);
        self.open(earliest);
        true
    }

    /// A time not later than the earliest deadline; `None` if no timer is armed.
    ///
    /// It is the earliest deadline itself, unless that is in a slot from which a timer was removed. To `expire` at such
    /// a time opens the slot, and then `next_expiry` is exact. So the second call of `expire` at the latest reaches a
    /// timer.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        match self.due.first() {
            Some(first) => Some(first.deadline),
            None => self.earliest().map(|position| self.slot(position).min),
        }
    }

    /// The earliest deadline; `None` if no timer is armed. If a removed timer was the earliest of its slot, this
    /// searches the slot, and the slot is exact afterwards. It begins with the timers that were set last, since a new
    /// one is often the earliest.
    pub(crate) fn next_deadline(&mut self) -> Option<u64> {
        if let Some(first) = self.due.first() {
            return Some(first.deadline);
        }
        let position = self.earliest()?;
        let Slot { tail, min, .. } = *self.slot(position);
        let (mut next, mut exact) = (tail, u64::MAX);
        while next != NIL && exact != min {
            exact = exact.min(self.nodes[next].deadline);
            next = self.nodes[next].prev;
        }
        self.levels[usize::from(position.level)].slots[usize::from(position.slot)].min = exact;
        Some(exact)
    }

    /// The number of armed timers.
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

    #[inline]
    fn has_level(&self, position: Position) -> bool {
        usize::from(position.level) < self.levels.len()
    }

    /// Makes the levels up to that of `position`.
    #[cold]
    fn grow(&mut self, position: Position) {
        let count = usize::from(position.level) + 1;
        self.levels.resize_with(count, || Level { occupied: 0, slots: [Slot::EMPTY; SLOTS] });
    }

    /// Puts node `index` at the end of a slot's list, except for its own links, which `Node::link` sets.
    #[inline]
    fn append(&mut self, index: u32, position: Position, deadline: u64) -> ListEnd {
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
        ListEnd { place: Place::slot(position), prev }
    }

    /// Closes the gap that a removed node leaves between its neighbours.
    fn unlink(&mut self, position: Position, prev: u32, next: u32) {
        if prev == NIL {
            if next == NIL {
                self.clear(position);
                return;
            }
            self.slot_mut(position).head = next;
        } else {
            self.nodes[prev].next = next;
        }
        if next == NIL {
            self.slot_mut(position).tail = prev;
        } else {
            self.nodes[next].prev = prev;
        }
    }

    fn slot_mut(&mut self, position: Position) -> &mut Slot {
        &mut self.levels[usize::from(position.level)].slots[usize::from(position.slot) % SLOTS]
    }

    /// Empties a slot and returns its previous content.
    fn clear(&mut self, position: Position) -> Slot {
        let level = &mut self.levels[usize::from(position.level)];
        level.occupied &= !(1 << position.slot);
        if level.occupied == 0 {
            self.occupied &= !(1 << position.level);
        }
        mem::replace(&mut level.slots[usize::from(position.slot)], Slot::EMPTY)
    }

    /// Empties the earliest slot: timers up to the tick `opened` enter the due queue, the others go to lower levels.
    /// There are others only if `now` is inside the slot, and then every remaining slot is later than `now`.
    fn open(&mut self, position: Position) {
        let mut next = self.clear(position).head;
        while next != NIL {
            let index = next;
            let node = &mut self.nodes[index];
            next = node.next;
            if tick(node.deadline) <= self.opened {
                node.place = Place::DUE;
                self.due.push(node.deadline, TimerKey { index, generation: node.generation });
            } else {
                self.cascade(index);
            }
        }
        self.due.sort();
    }

    /// Moves a node of the list that `open` empties into its slot on a lower level.
    fn cascade(&mut self, index: u32) {
        let deadline = self.nodes[index].deadline;
        let position = Position::new(tick(deadline), self.opened);
        let end = self.append(index, position, deadline);
        self.nodes[index].link(end);
    }
}

impl<T> fmt::Debug for TimerWheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expired = self.nodes.count() - self.armed;
        let mut wheel = f.debug_struct("TimerWheel");
        wheel.field("armed", &self.armed).field("expired", &expired).field("now", &self.now);
        wheel.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
