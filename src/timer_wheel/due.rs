//! The timers whose tick has been opened, in the order in which they are due. Owns that order; must not know slots, nor
//! which timers have been removed: it asks.
//!
//! An entry cannot be found by its timer, so that of a removed timer stays, stale, until it comes first or until there are
//! more stale ones than others. The first entry is never stale.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::slab::TimerKey;

/// So many stale entries are no reason yet to look for them.
const STALE_ALLOWED: usize = 64;

pub(super) struct Near {
    /// What was in the slot, the first at the end: sorted once, which takes less time than to go through a heap (measured).
    sorted: Vec<Entry>,
    /// What has come since.
    late: BinaryHeap<Entry>,
    /// How many entries are stale.
    stale: usize,
    /// How many timers have come here: equal deadlines are due in the order in which they came.
    count: u64,
}

/// A timer; the greatest is the one that is due first, as the heap wants it.
pub(super) struct Entry {
    pub(super) deadline: u64,
    number: u64,
    key: TimerKey,
}

impl Entry {
    /// Both in one number, which is compared without a branch.
    fn rank(&self) -> u128 {
        u128::from(self.deadline) << 64 | u128::from(self.number)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank().cmp(&self.rank())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Entry {}

impl Near {
    pub(super) fn new() -> Self {
        Self { sorted: Vec::new(), late: BinaryHeap::new(), stale: 0, count: 0 }
    }

    /// Takes a timer in, behind those with the same deadline.
    #[inline(never)] // few timers come here at once
    pub(super) fn insert(&mut self, deadline: u64, key: TimerKey) {
        self.count += 1;
        self.late.push(Entry { deadline, number: self.count, key });
    }

    /// The same for one of those of a slot that is opened, while nothing is near yet. They are to be sorted then.
    pub(super) fn push(&mut self, deadline: u64, key: TimerKey) {
        self.count += 1;
        self.sorted.push(Entry { deadline, number: self.count, key });
    }

    pub(super) fn sort(&mut self) {
        debug_assert!(self.late.is_empty(), "a slot is opened when nothing is near");
        self.sorted.sort_unstable();
    }

    /// What is due first; not stale.
    pub(super) fn first(&self) -> Option<&Entry> {
        match (self.sorted.last(), self.late.peek()) {
            (Some(sorted), Some(late)) => Some(sorted.max(late)),
            (sorted, late) => sorted.or(late),
        }
    }

    fn pop(&mut self) -> Option<Entry> {
        if self.late.peek() > self.sorted.last() { self.late.pop() } else { self.sorted.pop() }
    }

    /// Takes the first timer out if it is due.
    pub(super) fn pop_due(&mut self, now: u64, is_there: impl Fn(TimerKey) -> bool) -> Option<TimerKey> {
        if self.first()?.deadline > now {
            return None;
        }
        let due = self.pop();
        self.drop_stale(is_there);
        due.map(|entry| entry.key)
    }

    /// One of the timers is no longer there.
    pub(super) fn forget(&mut self, is_there: impl Fn(TimerKey) -> bool) {
        self.stale += 1;
        if self.stale > STALE_ALLOWED && self.stale > self.len() / 2 {
            self.sorted.retain(|entry| is_there(entry.key));
            self.late.retain(|entry| is_there(entry.key));
            self.stale = 0;
        } else {
            self.drop_stale(is_there);
        }
    }

    /// Drops the stale entries that have come first.
    fn drop_stale(&mut self, is_there: impl Fn(TimerKey) -> bool) {
        while self.stale > 0 && self.first().is_some_and(|first| !is_there(first.key)) {
            self.pop();
            self.stale -= 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// How many entries there are, with the stale ones.
    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.late.len()
    }
}
