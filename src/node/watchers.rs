//! What is told when a node is done, in the order in which it was registered. Owns the list; must not know what a watcher
//! is.

use std::cell::Cell;

/// A watcher in the list. It stands where it was registered, unless it has a rank.
pub(crate) trait Ranked {
    fn rank(&self) -> Option<u64>;
}

/// The watchers of one node, each under a number that grows. Nearly every node has none or one.
#[derive(Default)]
enum List<W> {
    #[default]
    Empty,
    One(u64, W),
    /// In order. Those that left are `None`, until there are more of them than of the others.
    Many(Box<Many<W>>),
}

struct Many<W> {
    members: Vec<(u64, Option<W>)>,
    left: usize,
}

/// The list, taken out and put back by each method, so that no borrow of it can be open.
pub(crate) struct Watchers<W> {
    list: Cell<List<W>>,
}

impl<W> Default for Watchers<W> {
    fn default() -> Self {
        Self { list: Cell::default() }
    }
}

/// All watchers of a node, taken out of their list.
pub(crate) struct Taken<W>(List<W>);

impl<W: Ranked> Watchers<W> {
    /// Adds a watcher under a number from the kernel's count.
    #[inline]
    pub(crate) fn add(&self, number: u64, watcher: W) {
        let others = self.list.replace(List::One(number, watcher));
        if matches!(others, List::Empty) {
            std::mem::forget(others); // which spares it a destructor that would do nothing
        } else {
            self.add_to(others);
        }
    }

    /// There were others, whose place the newcomer has taken: it joins them.
    #[cold]
    fn add_to(&self, others: List<W>) {
        let List::One(number, newcomer) = self.list.take() else { unreachable!("the newcomer is alone") };
        let mut many = match others {
            List::Empty => Box::new(Many { members: Vec::new(), left: 0 }),
            List::One(first, other) => Box::new(Many { members: vec![(first, Some(other))], left: 0 }),
            List::Many(many) => many,
        };
        many.members.push((number, Some(newcomer)));
        self.list.set(List::Many(many));
    }

    /// Takes a watcher out, to be dropped by the caller.
    pub(crate) fn remove(&self, number: u64) -> Option<W> {
        match self.list.take() {
            List::One(n, watcher) if n == number => return Some(watcher),
            List::Many(mut many) => {
                let removed = many.remove(number);
                self.list.set(List::Many(many));
                return removed;
            }
            other => self.list.set(other),
        }
        None
    }

    /// Shows one watcher to `look`, which may replace it, and returns what `look` returns. `None` if it is not there.
    pub(crate) fn with<R>(&self, number: u64, look: impl FnOnce(&mut W) -> R) -> Option<R> {
        let mut list = self.list.take();
        let found = match &mut list {
            List::One(n, watcher) if *n == number => Some(look(watcher)),
            List::Many(many) => many.find(number).and_then(|i| many.members[i].1.as_mut()).map(look),
            _ => None,
        };
        self.list.set(list);
        found
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        let list = self.list.take();
        let empty = matches!(list, List::Empty);
        self.list.set(list);
        empty
    }

    /// The same, seen without moving the list.
    #[inline]
    pub(super) fn is_empty_mut(&mut self) -> bool {
        matches!(self.list.get_mut(), List::Empty)
    }

    /// All watchers; `None` if there are none.
    pub(super) fn take(&self) -> Option<Taken<W>> {
        match self.list.take() {
            List::Empty => None,
            list => Some(Taken(list)),
        }
    }

    /// Hands all watchers to `tell`, in order. Those that come meanwhile stay.
    #[inline]
    pub(super) fn drain(&self, mut tell: impl FnMut(W)) {
        match self.list.take() {
            List::Empty => {}
            List::One(_, watcher) => tell(watcher),
            List::Many(many) => many.drain(tell),
        }
    }
}

impl<W> Taken<W> {
    /// How many there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        match &self.0 {
            List::Empty => 0,
            List::One(..) => 1,
            List::Many(many) => many.members.len() - many.left,
        }
    }
}

impl<W: Ranked> Many<W> {
    fn find(&self, number: u64) -> Option<usize> {
        self.members.binary_search_by_key(&number, |(n, _)| *n).ok()
    }

    fn remove(&mut self, number: u64) -> Option<W> {
        let removed = self.find(number).and_then(|i| self.members[i].1.take())?;
        self.left += 1;
        if self.left > self.members.len() / 2 {
            self.members.retain(|(_, watcher)| watcher.is_some());
            self.left = 0;
        }
        Some(removed)
    }

    #[cold]
    fn drain(mut self, tell: impl FnMut(W)) {
        let rank = |(number, watcher): &(u64, Option<W>)| watcher.as_ref().and_then(W::rank).unwrap_or(*number);
        if !self.members.is_sorted_by_key(rank) {
            self.members.sort_by_key(rank);
        }
        self.members.into_iter().filter_map(|(_, watcher)| watcher).for_each(tell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A watcher with a name, and a rank if it is not told where it was registered.
    struct Named(&'static str, Option<u64>);

    impl Ranked for Named {
        fn rank(&self) -> Option<u64> {
            self.1
        }
    }

    fn told(watchers: &Watchers<Named>) -> Vec<&'static str> {
        let mut told = Vec::new();
        watchers.drain(|Named(name, _)| told.push(name));
        told
    }

    #[test]
    fn all_are_told_once_in_order() {
        let watchers = Watchers::default();
        for (number, name) in [(1, "a"), (4, "b"), (9, "c")] {
            watchers.add(number, Named(name, None));
        }
        assert_eq!(told(&watchers), ["a", "b", "c"]);
        assert_eq!(told(&watchers), [""; 0]);
    }

    #[test]
    fn one_with_a_rank_is_told_at_its_rank() {
        let watchers = Watchers::default();
        watchers.add(1, Named("moved", Some(5)));
        for (number, name) in [(2, "a"), (7, "b")] {
            watchers.add(number, Named(name, None));
        }
        assert_eq!(told(&watchers), ["a", "moved", "b"]);
    }

    #[test]
    fn those_that_left_are_not_told_and_take_no_room() {
        let watchers = Watchers::default();
        (0..10).for_each(|number| watchers.add(number, Named("left", None)));
        watchers.add(10, Named("stayed", None));
        (0..10).for_each(|number| assert!(watchers.remove(number).is_some()));
        assert!(watchers.remove(3).is_none());
        assert_eq!(watchers.take().map(|taken| taken.len()), Some(1));
        assert!(watchers.is_empty());
    }
}
