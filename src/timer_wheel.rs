//! Which timer is due next: a hierarchical timer wheel with exact nanosecond deadlines. Owns the timers, their order
//! and one value each; must not know clocks, wakers, the loop, or what the values are.
//!
//! # The levels
//!
//! A deadline is read as a number of eleven digits in base 64. Each digit has a level, and each level a slot for each
//! of the 64 values of its digit: a slot of level 0 is one nanosecond wide, a slot of level n + 1 is as wide as all of
//! level n, and level 10 reaches to the last `u64`, so no deadline is too far for the wheel.
//!
//! The wheel stands at a time, `elapsed`. A timer goes to the level of the highest digit in which its deadline differs
//! from `elapsed`, and there to the slot that the digit names. Near deadlines thus get narrow slots and far ones wide
//! slots, and to insert or remove a timer costs the same however many there are. From this follows:
//!
//! - No slot behind `elapsed` is occupied, and all that is on a level comes before all that is on the next. So the
//!   earliest slot is the lowest occupied one of the lowest occupied level: two bitmaps say which, without a search.
//! - Equal deadlines are always in the same slot, and a slot's list is in the order of insertion. So that list breaks
//!   the tie, and no sequence number is stored.
//!
//! When the first deadline of a slot has come, the slot is opened: timers that are due leave the wheel, and the others
//! cascade. They agree with the new time in one digit more, so each falls by at least one level; on level 0 all are
//! due. A timer thus moves ten times at most in its life, however often time stops between the deadlines of a crowd,
//! and one that never shares its slot does not move at all.

mod nodes;

use std::fmt;
use std::mem;

use nodes::{Node, Nodes};

/// How many bits of a deadline one level looks at: a digit in base 64, for a bitmap of one word.
const LEVEL_BITS: u32 = 6;
/// How many slots a level has.
const SLOTS: usize = 1 << LEVEL_BITS;
/// The bits of the lowest digit.
const DIGIT: u64 = (1 << LEVEL_BITS) - 1;
/// The end of a list.
const NIL: u32 = u32::MAX;

/// Names one timer; the key of a removed timer finds nothing, also after the timer's place has been used again.
///
/// Generations count the timers of a wheel, so a stale key could only meet another timer that took the same place an
/// exact multiple of 2^32 timers later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerKey {
    /// The index of its node; not a slot of the wheel.
    slot: u32,
    generation: u32,
}

/// Timers by deadline, with a value for each. A timer is armed until it expires or is removed, and its value stays
/// until it is removed.
pub(crate) struct TimerWheel<T> {
    /// All timers, armed and expired.
    nodes: Nodes<T>,
    /// The levels that have been needed so far.
    levels: Vec<Level>,
    /// One bit for each level with an occupied slot.
    occupied: u16,
    /// Where the wheel stands: at `now`, or just before the earliest slot if `now` is inside that.
    elapsed: u64,
    /// The latest time that `expire` was told.
    now: u64,
    /// How many timers are in a slot.
    armed: usize,
    /// The generation of the next timer.
    generation: u32,
    /// Room to sort in, kept from one use to the next: deadline, place in the list, timer.
    sorting: Vec<(u64, usize, TimerKey)>,
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

/// Which slot of which level.
#[derive(Clone, Copy)]
struct Position {
    level: u8,
    slot: u8,
}

impl Position {
    /// Where a deadline belongs on a wheel that stands at `elapsed`. What is already due goes where the wheel stands.
    #[expect(clippy::cast_possible_truncation, reason = "a level is at most 10 and a slot at most 63")]
    fn new(deadline: u64, elapsed: u64) -> Self {
        let deadline = deadline.max(elapsed);
        let level = ((deadline ^ elapsed) | DIGIT).ilog2() / LEVEL_BITS;
        let slot = deadline >> (level * LEVEL_BITS) & DIGIT;
        Self { level: level as u8, slot: slot as u8 }
    }

    /// The first nanosecond of a slot that lies ahead of `time` or around it: the higher digits are the same.
    fn start(self, time: u64) -> u64 {
        let shift = u32::from(self.level) * LEVEL_BITS;
        (time >> shift & !DIGIT | u64::from(self.slot)) << shift
    }
}

impl<T> TimerWheel<T> {
    /// A wheel at time 0 without timers. Levels take memory when a deadline first needs them.
    pub(crate) fn new() -> Self {
        Self {
            nodes: Nodes::new(),
            levels: Vec::new(),
            occupied: 0,
            elapsed: 0,
            now: 0,
            armed: 0,
            generation: 0,
            sorting: Vec::new(),
        }
    }

    /// Arms a timer. One whose deadline has passed is due at the next `expire`.
    pub(crate) fn insert(&mut self, deadline: u64, value: T) -> TimerKey {
        let slot = self.nodes.next_index();
        let generation = self.generation;
        let position = Position::new(deadline, self.elapsed);
        if usize::from(position.level) >= self.levels.len() {
            self.grow(position);
        }
        let prev = self.append(slot, position, deadline);
        self.nodes.put(deadline, prev, generation, position, value);
        self.generation = generation.wrapping_add(1);
        self.armed += 1;
        TimerKey { slot, generation }
    }

    /// Takes a timer out, armed or expired, and gives its value back.
    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<T> {
        let &Node { position, prev, next, .. } = self.find(key)?;
        if let Some(position) = position {
            self.unlink(position, prev, next);
            self.armed -= 1;
        }
        self.nodes.free(key.slot)
    }

    /// All values, in no order.
    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.nodes.into_values()
    }

    /// The value of a timer, armed or expired.
    pub(crate) fn get_mut(&mut self, key: TimerKey) -> Option<&mut T> {
        self.nodes.find_mut(key.slot, key.generation)?.value.as_mut()
    }

    /// When a timer is due, or was due if it has expired.
    #[cfg(test)]
    pub(crate) fn deadline(&self, key: TimerKey) -> Option<u64> {
        self.find(key).map(|node| node.deadline)
    }

    /// Appends every armed timer whose deadline is not later than `now`, by deadline and then in the order of
    /// insertion. They are no longer armed, but stay until they are removed. Time does not go back: an earlier `now`
    /// than before counts as the latest so far.
    pub(crate) fn expire(&mut self, now: u64, due: &mut Vec<TimerKey>) {
        self.now = self.now.max(now);
        while let Some(position) = self.earliest() {
            if self.slot(position).min > self.now {
                // Time may be inside the slot, but before the first deadline there: the wheel waits in front, which
                // saves those timers a cascade. Such a slot does not begin at 0, as 0 is always due.
                self.elapsed = self.now.min(position.start(self.now) - 1);
                return;
            }
            self.open(position, due);
        }
        self.elapsed = self.now;
    }

    /// A time not later than the earliest deadline; none if no timer is armed.
    ///
    /// It is the earliest deadline itself unless a timer was removed from the slot that holds it. To `expire` at such a
    /// time opens that slot, and what `next_expiry` then says is exact: the second round at the latest reaches a timer.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        self.earliest().map(|position| self.slot(position).min)
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

    /// The timer of a key that is not stale.
    fn find(&self, key: TimerKey) -> Option<&Node<T>> {
        self.nodes.find(key.slot, key.generation)
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

    /// Empties the earliest slot: what is due goes to `due`, the rest to lower levels. There is a rest only in the slot
    /// that `now` is in, and then every slot that is left lies ahead of `now`.
    fn open(&mut self, position: Position, due: &mut Vec<TimerKey>) {
        let mut next = self.clear(position).head;
        let (first, mut latest, mut in_order) = (due.len(), 0, true);
        while next != NIL {
            let index = next;
            let node = &mut self.nodes[index];
            next = node.next;
            if node.deadline > self.now {
                self.cascade(index);
            } else {
                node.position = None;
                in_order &= latest <= node.deadline;
                latest = node.deadline;
                due.push(TimerKey { slot: index, generation: node.generation });
            }
        }
        self.armed -= due.len() - first;
        if !in_order {
            self.sort(&mut due[first..]);
        }
    }

    /// Puts a node whose list is being taken apart into the slot where it belongs, seen from `now`.
    fn cascade(&mut self, index: u32) {
        let deadline = self.nodes[index].deadline;
        let position = Position::new(deadline, self.now);
        let prev = self.append(index, position, deadline);
        let node = &mut self.nodes[index];
        (node.prev, node.next, node.position) = (prev, NIL, Some(position));
    }

    /// Sorts timers by deadline and keeps those with the same deadline as they are. A stable sort would take new memory
    /// each time.
    fn sort(&mut self, timers: &mut [TimerKey]) {
        let nodes = &self.nodes;
        let numbered = timers.iter().enumerate().map(|(place, &key)| (nodes[key.slot].deadline, place, key));
        self.sorting.clear();
        self.sorting.extend(numbered);
        self.sorting.sort_unstable_by_key(|&(deadline, place, _)| (deadline, place));
        for (timer, &(_, _, key)) in timers.iter_mut().zip(&self.sorting) {
            *timer = key;
        }
    }
}

impl<T> fmt::Debug for TimerWheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expired = self.nodes.len() - self.armed;
        let mut wheel = f.debug_struct("TimerWheel");
        wheel.field("armed", &self.armed).field("expired", &expired).field("elapsed", &self.elapsed);
        wheel.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
