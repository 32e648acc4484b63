//! Where the timers of a wheel lie, by index. Owns the places and which of them are free; must not know slots.
//!
//! A slab of its own kind: a node is written and emptied field by field in its place. A library's slab takes and gives it
//! whole, and that copy, of fields written a moment ago, was a sixth of what setting and cancelling a timer costs
//! (measured).

use std::ops::{Index, IndexMut};

/// The end of a list.
pub(super) const NIL: u32 = u32::MAX;

/// Names one timer; the key of a removed timer finds nothing, also after the timer's place has been used again.
///
/// Generations count the timers of a wheel, so a stale key could only meet another timer that took the same place an
/// exact multiple of 2^32 timers later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerKey {
    /// The index of its node; not a slot of the wheel.
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// Where a timer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Slot(Position),
    Near,
    Expired,
}

/// Which slot of which level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Position {
    pub(super) level: u8,
    pub(super) slot: u8,
}

/// One timer. Kept small, as with many timers each node that is touched is a cache miss.
pub(super) struct Node<T> {
    pub(super) deadline: u64,
    /// The neighbours in the slot's list, if it is in one, `NIL` at its ends; in a free place, `next` is the next free
    /// place.
    pub(super) prev: u32,
    pub(super) next: u32,
    pub(super) generation: u32,
    pub(super) place: Place,
    /// `None` in a free place.
    pub(super) value: Option<T>,
}

pub(super) struct Nodes<T> {
    places: Vec<Node<T>>,
    /// The first free place, `NIL` if there is none.
    free: u32,
    len: usize,
}

impl TimerKey {
    /// The key of no timer.
    pub(crate) const NONE: Self = Self { slot: NIL, generation: 0 };
}

impl<T> Nodes<T> {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), free: NIL, len: 0 }
    }

    /// How many timers there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where the next node will lie.
    pub(super) fn next_index(&self) -> u32 {
        match self.free {
            NIL => u32::try_from(self.places.len()).ok().filter(|at| *at != NIL).expect("fewer than 2^32 timers"),
            free => free,
        }
    }

    /// Puts a node, the last of its list if it is in one, at `next_index`.
    #[inline]
    pub(super) fn put(&mut self, deadline: u64, prev: u32, generation: u32, place: Place, value: T) {
        self.len += 1;
        if self.free == NIL {
            self.places.push(Node { deadline, prev, next: NIL, generation, place, value: Some(value) });
            return;
        }
        let node = &mut self.places[self.free as usize];
        self.free = node.next;
        node.deadline = deadline;
        node.prev = prev;
        node.next = NIL;
        node.generation = generation;
        node.place = place;
        node.value = Some(value);
    }

    /// The timer of a key that is not stale.
    pub(super) fn find(&self, key: TimerKey) -> Option<&Node<T>> {
        let node = self.places.get(key.slot as usize)?;
        (node.generation == key.generation && node.value.is_some()).then_some(node)
    }

    pub(super) fn find_mut(&mut self, key: TimerKey) -> Option<&mut Node<T>> {
        let node = self.places.get_mut(key.slot as usize)?;
        (node.generation == key.generation && node.value.is_some()).then_some(node)
    }

    /// Frees the place of a node that is in no list, and gives its value back.
    pub(super) fn free(&mut self, index: u32) -> Option<T> {
        let node = &mut self.places[index as usize];
        node.next = self.free;
        self.free = index;
        self.len -= 1;
        node.value.take()
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = T> {
        self.places.into_iter().filter_map(|node| node.value)
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.places.capacity()
    }
}

impl<T> Index<u32> for Nodes<T> {
    type Output = Node<T>;

    fn index(&self, index: u32) -> &Node<T> {
        &self.places[index as usize]
    }
}

impl<T> IndexMut<u32> for Nodes<T> {
    fn index_mut(&mut self, index: u32) -> &mut Node<T> {
        &mut self.places[index as usize]
    }
}
