//! In which order a queue gives its items. Owns the three orders; must not know who puts or gets.

use std::collections::VecDeque;

/// The items of a queue.
pub(super) trait Store: Default {
    type Item;
    fn push(&mut self, item: Self::Item);
    fn pop(&mut self) -> Option<Self::Item>;
    fn len(&self) -> usize;
}

/// First in, first out.
pub(super) struct Fifo<T>(VecDeque<T>);

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Store for Fifo<T> {
    type Item = T;

    fn push(&mut self, item: T) {
        self.0.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// Last in, first out.
pub(super) struct Lifo<T>(Vec<T>);

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Store for Lifo<T> {
    type Item = T;

    fn push(&mut self, item: T) {
        self.0.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// The least first; of equal ones, the first that came.
///
/// A heap that compares before it moves anything: a comparison is code of a user's, and when it panics, everything is as it
/// was, but for an item that was to come in and goes.
pub(super) struct Ranked<T> {
    heap: Vec<Entry<T>>,
    next: u64,
}

struct Entry<T> {
    item: T,
    number: u64,
}

impl<T: Ord> Entry<T> {
    fn comes_before(&self, other: &Self) -> bool {
        self.item.cmp(&other.item).then(self.number.cmp(&other.number)).is_lt()
    }
}

impl<T> Default for Ranked<T> {
    fn default() -> Self {
        Self { heap: Vec::new(), next: 0 }
    }
}

fn parent(at: usize) -> usize {
    (at - 1) / 2
}

impl<T: Ord> Ranked<T> {
    /// Where an entry that is put at the end belongs: on its way to the top, below the first that comes before it.
    fn rising_place(&self, entry: &Entry<T>) -> usize {
        let mut at = self.heap.len();
        while at > 0 && entry.comes_before(&self.heap[parent(at)]) {
            at = parent(at);
        }
        at
    }

    /// Where the last entry belongs when it takes the place of the first: below all on the way of the lesser children that
    /// come before it.
    fn sinking_place(&self) -> usize {
        let end = self.heap.len() - 1;
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            if left >= end {
                return at;
            }
            let lesser = if right < end && self.heap[right].comes_before(&self.heap[left]) { right } else { left };
            if !self.heap[lesser].comes_before(&self.heap[end]) {
                return at;
            }
            at = lesser;
        }
    }
}

impl<T: Ord> Store for Ranked<T> {
    type Item = T;

    fn push(&mut self, item: T) {
        let entry = Entry { item, number: self.next };
        let place = self.rising_place(&entry);
        self.next += 1;
        let mut at = self.heap.len();
        self.heap.push(entry);
        while at != place {
            self.heap.swap(at, parent(at));
            at = parent(at);
        }
    }

    fn pop(&mut self) -> Option<T> {
        if self.heap.is_empty() {
            return None;
        }
        let place = self.sinking_place();
        let first = self.heap.swap_remove(0).item;
        let (mut at, depth) = (0, (place + 1).ilog2());
        for above in (0..depth).rev() {
            // the one on the way to `place` that has so many below it
            let next = ((place + 1) >> above) - 1;
            self.heap.swap(at, next);
            at = next;
        }
        Some(first)
    }

    fn len(&self) -> usize {
        self.heap.len()
    }
}
