//! The watchers of a node, which are told when it is done, in the order in which they were registered. Owns the list,
//! and what takes its place when they were told; must not know what a watcher is.

use std::cell::Cell;

use super::ending::Ending;

/// A watcher in the list.
pub(crate) trait Ranked {
    /// A number that decides the watcher's place in the order, instead of the number that it was registered with.
    fn rank(&self) -> Option<u64>;
}

/// The watchers of one node, each with the number that it was registered with. The numbers grow. Nearly every node has
/// at most one watcher. A node that has ended has none: so how it ended has the same room.
#[derive(Default)]
enum List<W> {
    #[default]
    Empty,
    One(u64, W),
    Many(Box<Many<W>>),
    Ended(Box<Ending>),
}

struct Many<W> {
    /// In the order of the numbers. A watcher that was removed is `None`, until there are more of these than of the
    /// others: so removing one costs no more than finding it, on average.
    members: Vec<(u64, Option<W>)>,
    /// The number of removed watchers in `members`.
    removed: usize,
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
            List::Empty => Box::new(Many { members: Vec::new(), removed: 0 }),
            List::One(first, other) => Box::new(Many { members: vec![(first, Some(other))], removed: 0 }),
            List::Many(many) => many,
            List::Ended(_) => unreachable!("nothing watches what has ended"),
        };
        many.members.push((number, Some(newcomer)));
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
            List::Many(many) => many.find(number).and_then(|i| many.members[i].1.as_mut()).map(look),
            _ => None,
        };
        self.list.set(list);
        found
    }

    /// Whether `is_it` recognises a watcher.
    pub(crate) fn any(&self, is_it: impl Fn(&W) -> bool) -> bool {
        let list = self.list.take();
        let any = match &list {
            List::Empty | List::Ended(_) => false,
            List::One(_, watcher) => is_it(watcher),
            List::Many(many) => many.members.iter().any(|(_, watcher)| watcher.as_ref().is_some_and(&is_it)),
        };
        self.list.set(list);
        any
    }

    /// Shows each watcher, in the order of their registration.
    pub(crate) fn each(&self, mut look: impl FnMut(&W)) {
        let list = self.list.take();
        match &list {
            List::Empty | List::Ended(_) => {}
            List::One(_, watcher) => look(watcher),
            List::Many(many) => many.members.iter().filter_map(|(_, watcher)| watcher.as_ref()).for_each(look),
        }
        self.list.set(list);
    }

    pub(crate) fn is_empty(&self) -> bool {
        let list = self.list.take();
        let empty = matches!(list, List::Empty | List::Ended(_));
        self.list.set(list);
        empty
    }

    /// Whether there is neither a watcher nor an ending.
    #[inline]
    pub(super) fn holds_nothing(&mut self) -> bool {
        matches!(self.list.get_mut(), List::Empty)
    }

    /// Takes all watchers out, in the order of their registration.
    pub(super) fn take(&self) -> impl Iterator<Item = W> + use<W> {
        let (one, many) = match self.list.take() {
            List::Empty => (None, None),
            List::One(_, watcher) => (Some(watcher), None),
            List::Many(many) => (None, Some(many.members)),
            ended @ List::Ended(_) => {
                self.list.set(ended);
                (None, None)
            }
        };
        one.into_iter().chain(many.into_iter().flatten().filter_map(|(_, watcher)| watcher))
    }

    /// Takes all watchers out, and gives them to `tell` in order.
    #[inline]
    pub(super) fn drain(&self, tell: impl FnMut(W)) {
        self.list.take().drain(tell);
    }

    /// As `drain`, and keeps how the node has ended, which `tell` may ask for.
    pub(super) fn end(&self, ending: Box<Ending>, tell: impl FnMut(W)) {
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
    #[inline]
    fn drain(self, mut tell: impl FnMut(W)) {
        match self {
            Self::Empty => std::mem::forget(self), // as in `add`
            Self::One(_, watcher) => tell(watcher),
            several => several.drain_several(tell),
        }
    }

    #[cold]
    fn drain_several(self, tell: impl FnMut(W)) {
        if let Self::Many(many) = self {
            many.drain(tell);
        }
    }
}

impl<W: Ranked> Many<W> {
    fn find(&self, number: u64) -> Option<usize> {
        self.members.binary_search_by_key(&number, |(n, _)| *n).ok()
    }

    fn remove(&mut self, number: u64) -> Option<W> {
        let watcher = self.find(number).and_then(|i| self.members[i].1.take())?;
        self.removed += 1;
        if self.removed > self.members.len() / 2 {
            self.members.retain(|(_, watcher)| watcher.is_some());
            self.removed = 0;
        }
        Some(watcher)
    }

    fn drain(mut self, tell: impl FnMut(W)) {
        // nearly always in order already: only the watcher of a wait that was started again has a rank
        let rank = |(number, watcher): &(u64, Option<W>)| watcher.as_ref().and_then(W::rank).unwrap_or(*number);
        if !self.members.is_sorted_by_key(rank) {
            self.members.sort_by_key(rank);
        }
        self.members.into_iter().filter_map(|(_, watcher)| watcher).for_each(tell);
    }
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
        let mut told = Vec::new();
        watchers.end(Box::new(ending), |Named(name, _)| {
            told.push((name, watchers.ending().map(|ending| ending.state())));
        });
        assert_eq!(told, [("a", Some(State::Cancelled))]);
        assert!(watchers.is_empty() && watchers.remove(1).is_none() && watchers.take().next().is_none());
        assert!(watchers.ending().is_some_and(|ending| ending.has_more_than_its_state()));
        watchers.forget_ending();
        assert!(watchers.ending().is_none());
    }

    #[test]
    fn removed_watchers_are_not_told_and_take_no_room() {
        let watchers = Watchers::default();
        (0..10).for_each(|number| watchers.add(number, Named("removed", None)));
        watchers.add(10, Named("stayed", None));
        (0..10).for_each(|number| assert!(watchers.remove(number).is_some()));
        assert!(watchers.remove(3).is_none());
        assert_eq!(watchers.take().count(), 1);
        assert!(watchers.is_empty());
    }
}
