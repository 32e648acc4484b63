//! The queue of timers whose tick has been opened. Owns the order in which they are due; must not know slots or nodes.
//! The caller passes a closure that says whether a timer is still in the wheel.
//!
//! An entry cannot be found by its timer. So the entry of a removed timer stays as a *stale* one, until it comes first
//! or until more than half of the entries are stale. The first entry is never stale.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::slab::TimerKey;

/// Up to this number of stale entries the queue is not searched for them.
const STALE_ALLOWED: usize = 64;

pub(super) struct DueQueue {
    /// The timers of the slot when it was opened, the first at the end. Sorting them once takes less time than a heap
    /// (measured).
    sorted: Vec<Entry>,
    /// The timers that were set after the slot was opened.
    late: BinaryHeap<Entry>,
    /// The number of stale entries.
    stale: usize,
    /// The number of the last entry. Equal deadlines are due in the order of their numbers.
    count: u64,
}

/// A timer. The greatest entry is due first, because `BinaryHeap` returns the greatest.
pub(super) struct Entry {
    pub(super) deadline: u64,
    number: u64,
    key: TimerKey,
}

impl Entry {
    /// Deadline and number in one integer, which is compared without a branch.
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

impl DueQueue {
    pub(super) fn new() -> Self {
        Self { sorted: Vec::new(), late: BinaryHeap::new(), stale: 0, count: 0 }
    }

    /// Adds a timer, behind those with the same deadline.
    pub(super) fn insert(&mut self, deadline: u64, key: TimerKey) {
        self.count += 1;
        self.late.push(Entry { deadline, number: self.count, key });
    }

    /// Adds a timer of a slot that is being opened, while the queue is empty. Call `sort` after the last one.
    pub(super) fn push(&mut self, deadline: u64, key: TimerKey) {
        self.count += 1;
        self.sorted.push(Entry { deadline, number: self.count, key });
    }

    pub(super) fn sort(&mut self) {
        debug_assert!(self.late.is_empty(), "a slot is opened when the due queue is empty");
        self.sorted.sort_unstable();
    }

    /// The entry that is due first. It is not stale.
    pub(super) fn first(&self) -> Option<&Entry> {
        match (self.sorted.last(), self.late.peek()) {
            (Some(sorted), Some(late)) => Some(sorted.max(late)),
            (sorted, late) => sorted.or(late),
        }
    }

    fn pop(&mut self) -> Option<Entry> {
        if self.late.peek() > self.sorted.last() { self.late.pop() } else { self.sorted.pop() }
    }

    /// Removes and returns the first timer if it is due. `is_there` says whether a timer is still in the wheel.
    pub(super) fn pop_due(&mut self, now: u64, is_there: impl Fn(TimerKey) -> bool) -> Option<TimerKey> {
        if self.first()?.deadline > now {
            return None;
        }
        let due = self.pop();
        self.drop_stale(is_there);
        due.map(|entry| entry.key)
    }

    /// Counts one more stale entry. `is_there` says whether a timer is still in the wheel; the entry's timer is not.
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

    /// Drops stale entries at the front, so that the first entry is not stale.
    fn drop_stale(&mut self, is_there: impl Fn(TimerKey) -> bool) {
        while self.stale > 0 && self.first().is_some_and(|first| !is_there(first.key)) {
            self.pop();
            self.stale -= 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sorted.is_empty() && self.late.is_empty()
    }

    /// The number of entries, stale ones included.
    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.late.len()
    }
}
