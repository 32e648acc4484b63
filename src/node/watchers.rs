//! The watchers of a node, which are told when it is done, in the order in which they were registered. Owns the list;
//! must not know what a watcher is.

use std::cell::Cell;

use crate::base::{Numbered, in_order};

/// A watcher in the list.
pub(crate) trait Ranked {
    /// A number that decides the watcher's place in the order, instead of the number that it was registered with.
    fn rank(&self) -> Option<u64>;
}

/// The watchers of one node, each with the number that it was registered with. The numbers grow. Nearly every node has
/// at most one watcher.
#[derive(Default)]
enum List<W> {
    #[default]
    Empty,
    One(u64, W),
    Many(Box<Numbered<W>>),
}

/// The list of watchers. Each method takes it out of its cell and puts it back, so no borrow can be open.
pub(crate) struct Watchers<W> {
    list: Cell<List<W>>,
}

impl<W> Default for Watchers<W> {
    fn default() -> Self {
        Self { list: Cell::default() }
    }
}

impl<W: Ranked> Watchers<W> {
    /// Adds a watcher. `number` comes from `Kernel::next_watch`, so it is larger than all before.
    #[inline]
    pub(crate) fn add(&self, number: u64, watcher: W) {
        let others = self.list.replace(List::One(number, watcher));
        if matches!(others, List::Empty) {
            std::mem::forget(others); // its destructor would do nothing; without it the usual case is a store
        } else {
            self.add_to(others);
        }
    }

    /// Puts the other watchers back, whose place the newcomer has taken, and the newcomer behind them.
    #[cold]
    fn add_to(&self, others: List<W>) {
        let List::One(number, newcomer) = self.list.take() else { unreachable!("the newcomer is alone") };
        let mut many = match others {
            List::Empty => Box::default(),
            List::One(first, other) => {
                let mut many = Box::<Numbered<W>>::default();
                many.push(first, other);
                many
            }
            List::Many(many) => many,
        };
        many.push(number, newcomer);
        self.list.set(List::Many(many));
    }

    /// Removes a watcher. The caller drops it.
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

    /// Shows the watcher with this number to `look`, which may change it, and returns what `look` returns. `None` if
    /// there is no such watcher.
    pub(crate) fn with<R>(&self, number: u64, look: impl FnOnce(&mut W) -> R) -> Option<R> {
        let mut list = self.list.take();
        let found = match &mut list {
            List::One(n, watcher) if *n == number => Some(look(watcher)),
            List::Many(many) => many.get_mut(number).map(look),
            _ => None,
        };
        self.list.set(list);
        found
    }

    /// Whether `is_it` recognises a watcher.
    pub(crate) fn any(&self, is_it: impl Fn(&W) -> bool) -> bool {
        let list = self.list.take();
        let any = match &list {
            List::Empty => false,
            List::One(_, watcher) => is_it(watcher),
            List::Many(many) => many.values().any(is_it),
        };
        self.list.set(list);
        any
    }

    /// Shows each watcher, in the order of their registration.
    pub(crate) fn each(&self, mut look: impl FnMut(&W)) {
        let list = self.list.take();
        match &list {
            List::Empty => {}
            List::One(_, watcher) => look(watcher),
            List::Many(many) => many.values().for_each(look),
        }
        self.list.set(list);
    }

    pub(crate) fn is_empty(&self) -> bool {
        let list = self.list.take();
        let empty = matches!(list, List::Empty);
        self.list.set(list);
        empty
    }

    /// As `is_empty`, without moving the list.
    #[inline]
    pub(super) fn is_empty_mut(&mut self) -> bool {
        matches!(self.list.get_mut(), List::Empty)
    }

    /// Takes all watchers out, and gives them to `tell` in order. Watchers that are added meanwhile stay in the list.
    #[inline]
    pub(super) fn drain(&self, mut tell: impl FnMut(W)) {
        match self.list.take() {
            List::Empty => {}
            List::One(_, watcher) => tell(watcher),
            List::Many(many) => in_turn(*many).into_iter().for_each(|(_, watcher)| tell(watcher)),
        }
    }
}

/// The watchers in the order in which they are told. That is nearly always the order in which they were registered:
/// only the watcher of a wait that was started again has a rank.
#[cold]
fn in_turn<W: Ranked>(many: Numbered<W>) -> Vec<(u64, W)> {
    in_order(many.into_members().collect(), |(number, watcher)| watcher.rank().unwrap_or(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A watcher with a name, and perhaps a rank.
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
    fn a_watcher_with_a_rank_is_told_at_its_rank() {
        let watchers = Watchers::default();
        watchers.add(1, Named("moved", Some(5)));
        for (number, name) in [(2, "a"), (7, "b")] {
            watchers.add(number, Named(name, None));
        }
        assert_eq!(told(&watchers), ["a", "moved", "b"]);
    }

    #[test]
    fn removed_watchers_are_not_told_and_take_no_room() {
        let watchers = Watchers::default();
        (0..10).for_each(|number| watchers.add(number, Named("removed", None)));
        watchers.add(10, Named("stayed", None));
        (0..10).for_each(|number| assert!(watchers.remove(number).is_some()));
        assert!(watchers.remove(3).is_none());
        assert_eq!(told(&watchers), ["stayed"]);
        assert!(watchers.is_empty());
    }
}
