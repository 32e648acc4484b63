//! The watchers of a node, which are told when it is done, in the order in which they were registered. Owns the list,
//! and what takes its place when they were told; must not know what a watcher is.

use std::cell::Cell;

use super::ending::Ending;
use crate::base::{Numbered, in_order};

/// A watcher in the list.
pub(crate) trait Ranked {
    /// A number that decides the watcher's place in the order, instead of the number that it was registered with.
    fn rank(&self) -> Option<u64>;
}

/// The watchers of one node. Nearly every node has at most one. A node that has ended has none: so how it ended has the
/// same room.
#[derive(Default)]
enum List<W> {
    #[default]
    Empty,
    One(W),
    Many(Box<Numbered<W>>),
    Ended(Box<Ending>),
}

/// What stands for the number of the watcher while there is none. The kernel counts watchers from 1.
const NONE: u64 = 0;

/// What stands for it while there are several, each with its number in the list.
const SEVERAL: u64 = u64::MAX;

/// The list of watchers, each with the number that it was registered with. The numbers grow. Each method takes the list
/// out of its cell and puts it back, so no borrow can be open.
pub(crate) struct Watchers<W> {
    /// The number of the only watcher. It is beside the list, so that one look tells whether there is a watcher: a look
    /// at what is in a cell moves it out and back.
    number: Cell<u64>,
    list: Cell<List<W>>,
}

impl<W> Default for Watchers<W> {
    fn default() -> Self {
        Self { number: Cell::new(NONE), list: Cell::default() }
    }
}

impl<W: Ranked> Watchers<W> {
    /// Adds a watcher. `number` comes from `Kernel::next_watch`, so it is larger than all before.
    #[inline]
    pub(crate) fn add(&self, number: u64, watcher: W) {
        self.add_made(number, || watcher);
    }

    /// As `add`. The watcher is made in its place, and not before it is known which that is. `make` must not come back
    /// here.
    #[inline]
    pub(crate) fn add_made(&self, number: u64, make: impl FnOnce() -> W) {
        if !self.is_empty() {
            return self.add_to_others(number, make());
        }
        self.number.set(number);
        let before = self.list.replace(List::One(make()));
        debug_assert!(matches!(before, List::Empty), "nothing watches what has ended");
        std::mem::forget(before); // The destructor of an empty list would do nothing. Without it, this is a store.
    }

    #[cold]
    fn add_to_others(&self, number: u64, newcomer: W) {
        let mut many = match self.list.take() {
            List::Empty => Box::default(),
            List::One(first) => {
                let mut many = Box::<Numbered<W>>::default();
                many.push(self.number.get(), first);
                many
            }
            List::Many(many) => many,
            List::Ended(_) => unreachable!("nothing watches what has ended"),
        };
        many.push(number, newcomer);
        self.number.set(SEVERAL);
        self.list.set(List::Many(many));
    }

    /// Removes a watcher. The caller drops it.
    pub(crate) fn remove(&self, number: u64) -> Option<W> {
        if self.number.get() == number {
            return self.take_one();
        }
        if self.number.get() == SEVERAL {
            return self.with_many(|many| many.remove(number));
        }
        None
    }

    /// Shows the watcher with this number to `look`, which may change it, and returns what `look` returns. `None` if
    /// there is no such watcher.
    pub(crate) fn with<R>(&self, number: u64, look: impl FnOnce(&mut W) -> R) -> Option<R> {
        if self.number.get() == SEVERAL {
            return self.with_many(|many| many.get_mut(number).map(look));
        }
        if self.number.get() != number {
            return None;
        }
        let mut list = self.list.take();
        let found = if let List::One(watcher) = &mut list { Some(look(watcher)) } else { None };
        self.list.set(list);
        found
    }

    #[cold]
    fn with_many<R>(&self, f: impl FnOnce(&mut Numbered<W>) -> Option<R>) -> Option<R> {
        let mut list = self.list.take();
        let found = if let List::Many(many) = &mut list { f(many) } else { None };
        self.list.set(list);
        found
    }

    /// Whether `is_it` recognises a watcher.
    pub(crate) fn any(&self, is_it: impl Fn(&W) -> bool) -> bool {
        let list = self.list.take();
        let any = match &list {
            List::Empty | List::Ended(_) => false,
            List::One(watcher) => is_it(watcher),
            List::Many(many) => many.values().any(is_it),
        };
        self.list.set(list);
        any
    }

    /// Shows each watcher, in the order of their registration.
    pub(crate) fn each(&self, mut look: impl FnMut(&W)) {
        let list = self.list.take();
        match &list {
            List::Empty | List::Ended(_) => {}
            List::One(watcher) => look(watcher),
            List::Many(many) => many.values().for_each(look),
        }
        self.list.set(list);
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.number.get() == NONE
    }

    /// Whether there is neither a watcher nor an ending.
    #[inline]
    pub(super) fn holds_nothing(&mut self) -> bool {
        matches!(self.list.get_mut(), List::Empty)
    }

    #[inline]
    fn take_list(&self) -> List<W> {
        self.number.set(NONE);
        self.list.take()
    }

    /// Takes the watcher out, if there is only one. There must be one or several.
    #[inline]
    pub(super) fn take_one(&self) -> Option<W> {
        if self.number.get() == SEVERAL {
            return None;
        }
        match self.take_list() {
            List::One(watcher) => Some(watcher),
            others => {
                debug_assert!(false, "there is a watcher");
                std::mem::forget(others); // it is empty; its destructor would keep the list in memory all the way
                None
            }
        }
    }

    /// Takes all watchers out, and gives them to `tell` in order. Watchers that are added meanwhile stay in the list.
    pub(super) fn drain(&self, tell: impl FnMut(W)) {
        if !self.is_empty() {
            self.take_list().drain(tell);
        }
    }

    /// As `drain`, and keeps how the node has ended, which `tell` may ask for.
    pub(super) fn end(&self, ending: Box<Ending>, tell: impl FnMut(W)) {
        self.number.set(NONE);
        self.list.replace(List::Ended(ending)).drain(tell);
    }

    /// How the node has ended, if that was kept.
    pub(super) fn ending(&self) -> Option<Ending> {
        let list = self.list.take();
        let ending = if let List::Ended(ending) = &list { Some((**ending).clone()) } else { None };
        self.list.set(list);
        ending
    }

    /// Drops how the node has ended.
    pub(super) fn forget_ending(&self) {
        match self.list.take() {
            List::Ended(ending) => drop(ending),
            other => self.list.set(other),
        }
    }
}

impl<W: Ranked> List<W> {
    fn drain(self, mut tell: impl FnMut(W)) {
        match self {
            Self::Empty | Self::Ended(_) => {}
            Self::One(watcher) => tell(watcher),
            Self::Many(many) => in_turn(*many).into_iter().for_each(|(_, watcher)| tell(watcher)),
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
    use super::super::ending::State;
    use super::*;
    use crate::error::Cancelled;

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
    fn an_ending_takes_the_room_of_the_watchers_that_it_is_told_to() {
        let watchers = Watchers::default();
        watchers.add(1, Named("a", None));
        let ending = Ending::Cancelled(Cancelled::new(Some("why".into())));
        let mut seen = Vec::new();
        watchers.end(Box::new(ending), |Named(name, _)| {
            seen.push((name, watchers.ending().map(|ending| ending.state())));
        });
        assert_eq!(seen, [("a", Some(State::Cancelled))]);
        assert!(watchers.is_empty() && watchers.remove(1).is_none() && told(&watchers).is_empty());
        assert!(watchers.ending().is_some_and(|ending| ending.has_more_than_its_state()));
        watchers.forget_ending();
        assert!(watchers.ending().is_none());
    }

    #[test]
    fn removed_watchers_are_not_told_and_take_no_room() {
        let watchers = Watchers::default();
        (1..10).for_each(|number| watchers.add(number, Named("removed", None)));
        watchers.add(10, Named("stayed", None));
        (1..10).for_each(|number| assert!(watchers.remove(number).is_some()));
        assert!(watchers.remove(3).is_none());
        assert_eq!(told(&watchers), ["stayed"]);
        assert!(watchers.is_empty());
    }
}
