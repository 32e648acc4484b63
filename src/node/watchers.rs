//! Who is to be told when a node is done, in the order in which they came. Owns the list; must not know what the
//! watchers are for.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Waker;

use super::node::{Core, Loop, drop_flat, guarded};
use super::pointer::NodeRef;
use crate::base::TaskKey;
use crate::kernel::{Inbox, Run};

/// A primitive that counts its children as they end. It is told in the middle of the child's ending and queues a turn
/// of its own where asyncio would run a callback; it runs no code of a user.
pub(crate) trait Watch {
    /// The child known under `index` is done.
    fn child_done(self: Rc<Self>, index: u32, child: &Core);

    /// Where to stand among the watchers of a child, if not where it was registered: a watcher that keeps its
    /// registration while asyncio would register anew stands where the new one would.
    fn rank(&self) -> Option<u64> {
        None
    }
}

/// A callback that is handed the node when it is done.
pub(crate) trait DoneCallback: Run {
    fn aim(&self, node: NodeRef);
}

/// One who is told.
pub(crate) enum Watcher {
    /// A task that awaits the node: it is queued.
    Task(TaskKey),
    /// Somebody else's waker, inside a combinator of foreign make.
    Waker(Waker),
    /// A callback: it takes its turn.
    Done(Rc<dyn DoneCallback>),
    /// A primitive that counts.
    Watch(Rc<dyn Watch>, u32),
}

impl Watcher {
    #[inline]
    fn tell(self, core: &Core, me: &impl Fn() -> NodeRef) {
        match self {
            Self::Done(callback) => {
                callback.aim(me());
                core.kernel().push(callback, 0);
            }
            Self::Watch(watch, index) => watch.child_done(index, core),
            waiter => waiter.wake(core.kernel()),
        }
    }

    /// Wakes one who waits; the other kinds have nothing to wake.
    pub(crate) fn wake(self, kernel: &Loop) {
        match self {
            Self::Task(key) if key.number() == kernel.number() => kernel.wake(key),
            Self::Task(key) => Inbox::deliver(key),
            Self::Waker(waker) => guarded(kernel, "Exception in waker", || waker.wake()),
            Self::Done(_) | Self::Watch(..) => {}
        }
    }

    /// A primitive that counts knows the node under another index now.
    pub(crate) fn renumber(&mut self, to: u32) {
        if let Self::Watch(_, index) = self {
            *index = to;
        }
    }

    fn rank(&self) -> Option<u64> {
        match self {
            Self::Watch(watch, _) => watch.rank(),
            _ => None,
        }
    }
}

/// The watchers of one node, each under a number that grows. Nearly every node has none or one.
#[derive(Default)]
enum List {
    #[default]
    Empty,
    One(u64, Watcher),
    /// In order; those that left are `None` until there are more of them than of the others.
    Many(Box<Crowd>),
}

#[derive(Default)]
struct Crowd {
    members: Vec<(u64, Option<Watcher>)>,
    left: usize,
}

/// The list, taken out and put back by each method, so that no borrow of it can be open.
#[derive(Default)]
pub(crate) struct Watchers {
    list: Cell<List>,
}

impl Watchers {
    /// Adds a watcher under a number from the kernel's count.
    #[inline]
    pub(crate) fn add(&self, number: u64, watcher: Watcher) {
        let others = self.list.replace(List::One(number, watcher));
        if matches!(others, List::Empty) {
            std::mem::forget(others); // which spares it a destructor that would do nothing
        } else {
            self.add_to(others);
        }
    }

    /// There were others, whose place the newcomer has taken: it joins them.
    #[cold]
    fn add_to(&self, others: List) {
        let List::One(number, newcomer) = self.list.take() else { unreachable!("the newcomer is alone") };
        let mut crowd = match others {
            List::Empty => Box::default(),
            List::One(first, other) => Box::new(Crowd { members: vec![(first, Some(other))], left: 0 }),
            List::Many(crowd) => crowd,
        };
        crowd.members.push((number, Some(newcomer)));
        self.list.set(List::Many(crowd));
    }

    /// Takes a watcher out, to be dropped by the caller.
    pub(crate) fn remove(&self, number: u64) -> Option<Watcher> {
        match self.list.take() {
            List::One(n, watcher) if n == number => return Some(watcher),
            List::Many(mut crowd) => {
                let removed = crowd.remove(number);
                self.list.set(List::Many(crowd));
                return removed;
            }
            other => self.list.set(other),
        }
        None
    }

    /// Looks at one watcher and may replace it; what `look` answers is handed on.
    pub(crate) fn with<R>(&self, number: u64, look: impl FnOnce(&mut Watcher) -> R) -> Option<R> {
        let mut list = self.list.take();
        let found = match &mut list {
            List::One(n, watcher) if *n == number => Some(look(watcher)),
            List::Many(crowd) => crowd.find(number).and_then(|i| crowd.members[i].1.as_mut()).map(look),
            _ => None,
        };
        self.list.set(list);
        found
    }

    /// Whether there is none, seen without moving the list.
    pub(super) fn is_empty(&mut self) -> bool {
        matches!(self.list.get_mut(), List::Empty)
    }

    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        let list = self.list.take();
        let any = !matches!(list, List::Empty);
        self.list.set(list);
        any
    }

    /// Forgets everybody without telling. A watcher may hold the last share of a node with watchers of its own, and so
    /// on upwards.
    pub(crate) fn clear(&self, kernel: &Loop) {
        match self.list.take() {
            List::Empty => {}
            list => drop_flat(kernel, Box::new(list)),
        }
    }

    /// Tells everybody, and forgets them.
    #[inline]
    pub(super) fn notify(&self, core: &Core, me: impl Fn() -> NodeRef) {
        match self.list.take() {
            List::Empty => {}
            List::One(_, watcher) => watcher.tell(core, &me),
            List::Many(crowd) => crowd.tell(core, &me),
        }
    }
}

impl Crowd {
    fn find(&self, number: u64) -> Option<usize> {
        self.members.binary_search_by_key(&number, |(n, _)| *n).ok()
    }

    fn remove(&mut self, number: u64) -> Option<Watcher> {
        let removed = self.find(number).and_then(|i| self.members[i].1.take())?;
        self.left += 1;
        if self.left > self.members.len() / 2 {
            self.members.retain(|(_, watcher)| watcher.is_some());
            self.left = 0;
        }
        Some(removed)
    }

    #[cold]
    fn tell(self, core: &Core, me: &impl Fn() -> NodeRef) {
        self.in_order().for_each(|watcher| watcher.tell(core, me));
    }

    fn in_order(mut self) -> impl Iterator<Item = Watcher> {
        let rank =
            |(number, watcher): &(u64, Option<Watcher>)| watcher.as_ref().and_then(Watcher::rank).unwrap_or(*number);
        if !self.members.is_sorted_by_key(rank) {
            self.members.sort_by_key(rank);
        }
        self.members.into_iter().filter_map(|(_, watcher)| watcher)
    }
}
