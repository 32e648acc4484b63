//! The memory of a wheel's timers, by index. Owns the nodes and the list of free ones; must not know slots.
//!
//! It is not the `slab` crate because a node is written and emptied here field by field, in place. A general slab moves
//! whole nodes in and out, and that copy was a sixth of the cost of setting and cancelling a timer (measured).

use std::ops::{Index, IndexMut};

/// The end of a list.
pub(super) const NIL: u32 = u32::MAX;

/// Names one timer. The key of a removed timer finds nothing, also after its node has been reused.
///
/// The generation counts the timers of a wheel. So a stale key meets another timer only if that took the same node an
/// exact multiple of 2^32 timers later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerKey {
    /// The index of its node.
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// Where a timer is: in a slot, in the due queue, or expired and in no list.
///
/// The three states share two bytes, the level and the slot, because as an `enum` with fields they were put together
/// and taken apart byte by byte: a twentieth of the cost of setting a timer (measured).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place(u16);

impl Place {
    pub(super) const DUE: Self = Self(u16::MAX);
    pub(super) const EXPIRED: Self = Self(u16::MAX - 1);

    #[inline]
    pub(super) fn slot(position: Position) -> Self {
        Self(u16::from_le_bytes([position.slot, position.level]))
    }

    /// The slot that it is in, if it is in one.
    #[inline]
    pub(super) fn position(self) -> Option<Position> {
        let [slot, level] = self.0.to_le_bytes();
        (self.0 < Self::EXPIRED.0).then_some(Position { level, slot })
    }
}

/// Names one slot of one level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Position {
    pub(super) level: u8,
    pub(super) slot: u8,
}

/// Where a timer is put: at the end of the list of a place, behind the node that was the last there.
#[derive(Clone, Copy)]
pub(super) struct ListEnd {
    pub(super) place: Place,
    /// `NIL` if the list was empty.
    pub(super) prev: u32,
}

impl ListEnd {
    /// In the due queue, which needs no links.
    pub(super) const DUE: Self = Self { place: Place::DUE, prev: NIL };
}

/// One timer. Kept small, because with many timers each access to a node is a cache miss.
pub(super) struct Node<T> {
    pub(super) deadline: u64,
    /// The neighbours in the list of the slot, `NIL` at its ends. In a free node, `next` is the next free one.
    pub(super) prev: u32,
    pub(super) next: u32,
    pub(super) generation: u32,
    pub(super) place: Place,
    /// `None` in a free node.
    pub(super) value: Option<T>,
}

/// The timers of a wheel, armed and expired, and the free nodes.
pub(super) struct Nodes<T> {
    entries: Vec<Node<T>>,
    /// The first free node, `NIL` if there is none.
    free: u32,
}

impl<T> Node<T> {
    #[inline]
    pub(super) fn link(&mut self, end: ListEnd) {
        (self.place, self.prev, self.next) = (end.place, end.prev, NIL);
    }
}

impl TimerKey {
    /// The key of no timer.
    pub(crate) const NONE: Self = Self { index: NIL, generation: 0 };

    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.index == NIL
    }
}

impl<T> Nodes<T> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), free: NIL }
    }

    /// The number of timers.
    pub(super) fn count(&self) -> usize {
        self.entries.iter().filter(|node| node.value.is_some()).count()
    }

    /// The index of the node that the next timer will have; `None` if no node is free.
    #[inline]
    pub(super) fn next_index(&self) -> Option<u32> {
        ((self.free as usize) < self.entries.len()).then_some(self.free)
    }

    /// Makes a free node, if there is none, and returns its index. A wheel has as many as it has had timers at once.
    pub(super) fn make_room(&mut self) -> u32 {
        if self.free == NIL {
            self.free = u32::try_from(self.entries.len()).ok().filter(|at| *at != NIL).expect("fewer than 2^32 timers");
            self.entries.push(Node {
                deadline: 0,
                prev: NIL,
                next: NIL,
                generation: 0,
                place: Place::DUE,
                value: None,
            });
        }
        self.free
    }

    /// Adds a timer under a key with the index that `next_index` or `make_room` has returned.
    #[inline]
    pub(super) fn put(&mut self, key: TimerKey, deadline: u64, end: ListEnd, value: T) {
        let node = &mut self.entries[key.index as usize];
        self.free = node.next;
        node.deadline = deadline;
        node.generation = key.generation;
        node.link(end);
        // it was `None`: this saves the code of a destructor that would do nothing
        std::mem::forget(node.value.replace(value));
    }

    /// The timer of this key; `None` if the key is stale.
    pub(super) fn find(&self, key: TimerKey) -> Option<&Node<T>> {
        let node = self.entries.get(key.index as usize)?;
        (node.generation == key.generation && node.value.is_some()).then_some(node)
    }

    pub(super) fn find_mut(&mut self, key: TimerKey) -> Option<&mut Node<T>> {
        let node = self.entries.get_mut(key.index as usize)?;
        (node.generation == key.generation && node.value.is_some()).then_some(node)
    }

    /// Frees the node of this key. Returns its place and its neighbours there, and its value; `None` if the key is
    /// stale.
    #[inline]
    pub(super) fn free(&mut self, key: TimerKey) -> Option<(Place, u32, u32, T)> {
        let node = self.entries.get_mut(key.index as usize).filter(|node| node.generation == key.generation)?;
        let value = node.value.take()?;
        let (prev, next) = (node.prev, std::mem::replace(&mut node.next, self.free));
        self.free = key.index;
        Some((node.place, prev, next, value))
    }

    /// The deadline and the value of each timer, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries.iter().filter_map(|node| Some((node.deadline, node.value.as_ref()?)))
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = T> {
        self.entries.into_iter().filter_map(|node| node.value)
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }
}

impl<T> Index<u32> for Nodes<T> {
    type Output = Node<T>;

    fn index(&self, index: u32) -> &Node<T> {
        &self.entries[index as usize]
    }
}

impl<T> IndexMut<u32> for Nodes<T> {
    fn index_mut(&mut self, index: u32) -> &mut Node<T> {
        &mut self.entries[index as usize]
    }
}
