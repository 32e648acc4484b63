//! The stores of the three kinds of queue. Owns the order in which a queue returns its items; must not know tasks.

use std::collections::VecDeque;

/// Memory for so many items is always kept.
const FEW: usize = 1_024;

/// Gives memory back once a queue with room for `capacity` items has a quarter of them left: what a burst has needed.
#[cold]
fn shrink(len: usize, capacity: usize, shrink_to: impl FnOnce(usize)) {
    if len <= capacity / 4 {
        shrink_to(FEW.max(2 * len));
    }
}

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
        let item = self.0.pop_front();
        if self.0.capacity() > FEW {
            shrink(self.0.len(), self.0.capacity(), |to| self.0.shrink_to(to));
        }
        item
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
        let item = self.0.pop();
        if self.0.capacity() > FEW {
            shrink(self.0.len(), self.0.capacity(), |to| self.0.shrink_to(to));
        }
        item
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// The least item first; equal items in the order in which they were pushed.
///
/// A binary heap that makes all comparisons before it moves an item. A comparison is code of a user: if it panics, the
/// heap is unchanged, and an item that was to be pushed is dropped.
pub(super) struct Ranked<T> {
    heap: Vec<Entry<T>>,
    /// The number of the next entry.
    next: u64,
}

struct Entry<T> {
    item: T,
    /// Grows with every push, and so orders equal items.
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
    /// The index at which an entry ends that rises from the end of the heap: below the first entry on its way to the
    /// top that comes before it.
    fn sift_up_target(&self, entry: &Entry<T>) -> usize {
        let mut at = self.heap.len();
        while at > 0 && entry.comes_before(&self.heap[parent(at)]) {
            at = parent(at);
        }
        at
    }

    /// The index at which the last entry ends when it replaces the first and sinks: below all entries on the way of the
    /// lesser children that come before it.
    fn sift_down_target(&self) -> usize {
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
        let target = self.sift_up_target(&entry);
        self.next += 1;
        let mut at = self.heap.len();
        self.heap.push(entry);
        while at != target {
            self.heap.swap(at, parent(at));
            at = parent(at);
        }
    }

    fn pop(&mut self) -> Option<T> {
        if self.heap.is_empty() {
            return None;
        }
        let target = self.sift_down_target();
        let first = self.heap.swap_remove(0).item;
        let (mut at, depth) = (0, (target + 1).ilog2());
        for above in (0..depth).rev() {
            // the ancestor of `target` that is `above` levels above it
            let next = ((target + 1) >> above) - 1;
            self.heap.swap(at, next);
            at = next;
        }
        if self.heap.capacity() > FEW {
            shrink(self.heap.len(), self.heap.capacity(), |to| self.heap.shrink_to(to));
        }
        Some(first)
    }

    fn len(&self) -> usize {
        self.heap.len()
    }
}
