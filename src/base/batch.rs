//! Values that are taken one after another. Owns which of them are left, and their memory; must not know what they are.
#![expect(
    unsafe_code,
    reason = "every entry of a loop is taken here: from a `VecDeque`, which wraps around, it costs ten instructions \
              more; measured"
)]

use std::mem;

/// The values of a list, in their order. When all were taken, [`refill`](Self::refill) exchanges the empty list for a
/// full one: so both use the same two blocks of memory in turn.
///
/// Invariant, **left**: the values from `next` to `end`, in the memory of `memory`, are those that are left. The length
/// of `memory` is 0, so it drops none of them.
pub(crate) struct Batch<T> {
    memory: Vec<T>,
    next: *const T,
    end: *const T,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self::empty(Vec::new())
    }
}

impl<T> Batch<T> {
    fn empty(memory: Vec<T>) -> Self {
        let next = memory.as_ptr();
        Self { memory, next, end: next }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.next == self.end
    }

    /// The number of values that are left.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        // SAFETY: left: both point into one block.
        unsafe { self.end.offset_from_unsigned(self.next) }
    }

    /// Takes the next value.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        // SAFETY: left: there is a value. It is not read again, since `next` moves on.
        let value = unsafe { self.next.read() };
        // SAFETY: left: this is `end` at most.
        self.next = unsafe { self.next.add(1) };
        Some(value)
    }

    /// Takes all values of a list, when none is left here. (One that is left would never be dropped.)
    #[inline]
    pub(crate) fn refill(&mut self, values: &mut Vec<T>) {
        const { assert!(size_of::<T>() != 0, "the distance of two pointers to values without a size counts nothing") };
        debug_assert!(self.is_empty(), "values are left");
        let count = values.len();
        // SAFETY: a length of 0 is within the capacity. The values stay in the memory, and `pop` moves them out.
        unsafe { values.set_len(0) };
        mem::swap(&mut self.memory, values);
        self.next = self.memory.as_ptr();
        // SAFETY: the list had `count` values.
        self.end = unsafe { self.next.add(count) };
    }

    /// The number of values that the memory has room for.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.memory.capacity()
    }

    /// Gives memory back, but for `capacity` values, when none is left.
    pub(crate) fn shrink_to(&mut self, capacity: usize) {
        debug_assert!(self.is_empty(), "values are left");
        self.memory.shrink_to(capacity);
        self.next = self.memory.as_ptr();
        self.end = self.next;
    }
}

impl<T> Drop for Batch<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_list_and_a_batch_use_two_blocks_in_turn() {
        let (mut list, mut batch) = (Vec::with_capacity(4), Batch::default());
        batch.refill(&mut list);
        list.reserve(4);
        for round in 0..3 {
            let capacities = (list.capacity(), batch.capacity());
            list.extend([round, round + 1, round + 2]);
            batch.refill(&mut list);
            assert_eq!((batch.len(), list.len(), batch.is_empty()), (3, 0, false));
            assert_eq!((batch.capacity(), list.capacity()), capacities);
            let taken: Vec<_> = std::iter::from_fn(|| batch.pop()).collect();
            assert_eq!(taken, [round, round + 1, round + 2]);
            assert!(batch.is_empty() && batch.pop().is_none());
        }
        batch.shrink_to(0);
        assert_eq!((batch.capacity(), batch.len()), (0, 0));
    }

    #[test]
    fn each_value_is_dropped_once() {
        struct Counted(Rc<Cell<u32>>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let dropped = Rc::new(Cell::new(0));
        let mut batch = Batch::default();
        batch.refill(&mut (0..5).map(|_| Counted(Rc::clone(&dropped))).collect());
        drop(batch.pop());
        assert_eq!(dropped.get(), 1);
        drop(batch);
        assert_eq!(dropped.get(), 5);
    }
}
