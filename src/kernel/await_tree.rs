//! What the tasks of a loop await under wakers of other crates. Owns the tree; must not know what a leaf or a scope is,
//! nor wake or drop anything.
//!
//! A task polls again in every step what it awaits under its own waker. A combinator with wakers of its own, such as
//! `FuturesUnordered`, polls only what was woken. So what stands under such a waker is entered here until it is done
//! or dropped. The tree of a task has the task at its root, the scopes below it, each under the scope that polls it,
//! and leaves and nodes at the ends. A scope under its task's own waker has a place only once something stands below
//! it.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::iter;
use std::sync::Arc;
use std::task::Waker;

use slab::Slab;

use super::leaf::Leaf;

/// The place of an entry in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place(u32);

impl Place {
    pub(crate) const NONE: Self = Self(u32::MAX);

    fn new(key: usize) -> Self {
        let place = u32::try_from(key).ok().filter(|place| *place < u32::MAX / 4);
        Self(place.expect("a loop has fewer than 2^30 futures that wait under wakers of other crates"))
    }

    /// The bit by which the ticket of a place is known from the number of a step, and from 0.
    pub(crate) const TICKET: u32 = 2;

    /// The place as a number that no step has.
    pub(crate) fn ticket(self) -> u32 {
        4 * self.0 + Self::TICKET
    }

    pub(crate) fn from_ticket(ticket: u32) -> Self {
        Self(ticket / 4)
    }

    fn key(self) -> usize {
        self.0 as usize
    }

    fn get(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

/// What an entry stands for.
pub(crate) enum Awaited<P> {
    Task,
    Scope(ScopeEntry),
    Leaf(Leaf),
    Node(P),
}

/// The message of a throw: `None` inside if the program gave it none.
pub(crate) struct ThrowMessage(pub(crate) Option<Arc<str>>);

/// A throw that a catcher has been told of.
pub(crate) struct Told {
    pub(crate) message: ThrowMessage,
    /// What is thrown at: a task, or a scope.
    root: Place,
}

/// Whether a scope catches what is thrown around it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Catches {
    /// It lets that pass: a time limit.
    #[default]
    Nothing,
    /// It may take what is thrown around it for its own: a time limit in a task that was cancelled before, or whose
    /// request the program has taken back.
    ForItsOwn,
    /// A catcher.
    All,
}

/// A scope in the tree.
#[derive(Default)]
pub(crate) struct ScopeEntry {
    /// Whether it stands under a waker of another crate.
    pub(crate) is_foreign: bool,
    /// That waker, until it is woken for a throw.
    pub(crate) waker: Option<Waker>,
    pub(crate) catches: Catches,
    /// A throw has come that this catcher has not met yet.
    pub(crate) told: Option<Told>,
    /// A throw from around has gone into it, to a catcher inside.
    pub(crate) has_met: bool,
}

/// The one thing that a task or a scope awaits.
pub(crate) enum SoleAwait<P> {
    Nothing,
    Node(P),
    /// Several things; or one to which no cancellation can be handed on.
    Others,
}

impl<P: PartialEq> SoleAwait<P> {
    pub(crate) fn add_node(&mut self, node: P) {
        match self {
            Self::Nothing => *self = Self::Node(node),
            Self::Node(known) if *known == node => {}
            Self::Node(_) | Self::Others => *self = Self::Others,
        }
    }

    pub(crate) fn add_other(&mut self) {
        *self = Self::Others;
    }

    pub(crate) fn into_node(self) -> Option<P> {
        match self {
            Self::Node(node) => Some(node),
            Self::Nothing | Self::Others => None,
        }
    }
}

struct Entry<P> {
    what: Awaited<P>,
    parent: Place,
    first_child: Place,
    previous: Place,
    next: Place,
    /// What polled it last is over, and it has not been polled since. So it may be inside another scope by now.
    is_uncertain: bool,
}

impl<P> Entry<P> {
    /// Whether it is a catcher that may be inside another scope by now.
    fn is_uncertain_catcher(&self) -> bool {
        self.is_uncertain && matches!(&self.what, Awaited::Scope(scope) if scope.catches != Catches::Nothing)
    }
}

/// The entries of a loop. What a method takes out is returned, so that it is dropped after the borrow.
pub(crate) struct AwaitTree<P> {
    entries: RefCell<Slab<Entry<P>>>,
    /// Whether an entry may be uncertain.
    has_uncertain: Cell<bool>,
}

impl<P> Default for AwaitTree<P> {
    fn default() -> Self {
        Self { entries: RefCell::new(Slab::new()), has_uncertain: Cell::new(false) }
    }
}

impl<P: Clone + PartialEq> AwaitTree<P> {
    /// Enters something below `parent`; a task has no parent.
    pub(crate) fn insert(&self, parent: Place, what: Awaited<P>) -> Place {
        let entries = &mut *self.entries.borrow_mut();
        let none = Place::NONE;
        let entry = Entry { what, parent: none, first_child: none, previous: none, next: none, is_uncertain: false };
        let place = Place::new(entries.insert(entry));
        link(entries, place, parent);
        place
    }

    /// Removes an entry. What stands below it, as a set does that outlives a time limit around its `next()`, is below
    /// its parent from now on, until it is polled again.
    pub(crate) fn remove(&self, place: Place) -> Option<Awaited<P>> {
        let entries = &mut *self.entries.borrow_mut();
        let parent = entries.get(place.key())?.parent;
        unlink(entries, place);
        let entry = entries.remove(place.key());
        let mut next = entry.first_child;
        while let Some(child) = next.get() {
            let orphan = &mut entries[child.key()];
            next = orphan.next;
            (orphan.parent, orphan.previous, orphan.next) = (Place::NONE, Place::NONE, Place::NONE);
            orphan.is_uncertain = true;
            link(entries, child, parent);
            self.has_uncertain.set(true);
        }
        Some(entry.what)
    }

    /// An entry is polled below `parent`: moves it there, if it is elsewhere. If that is the tree of another task, it
    /// and what stands below it were told of throws of the task before, which they do not meet any more.
    pub(crate) fn move_below(&self, place: Place, parent: Place) {
        let entries = &mut *self.entries.borrow_mut();
        let Some(entry) = entries.get_mut(place.key()) else { return };
        entry.is_uncertain = false;
        if entry.parent == parent {
            return;
        }
        if root(entries, place) != root(entries, parent) {
            let moved: Vec<Place> = iter::once(place).chain(below(entries, place)).collect();
            for place in moved {
                if let Awaited::Scope(scope) = &mut entries[place.key()].what {
                    (scope.told, scope.has_met) = (None, false);
                }
            }
        }
        unlink(entries, place);
        link(entries, place, parent);
    }

    /// Whether a catcher may be inside another scope, or another task, than where it stands.
    pub(crate) fn has_uncertain(&self) -> bool {
        self.has_uncertain.get()
    }

    /// The wakers of the uncertain catchers below the task `task`, and of those that have no task. They take their
    /// places when they are polled.
    pub(crate) fn take_uncertain(&self, task: Option<Place>) -> Vec<Waker> {
        let entries = &mut *self.entries.borrow_mut();
        let all = entries.iter().filter(|(_, entry)| entry.is_uncertain_catcher()).map(|(key, _)| Place::new(key));
        let all: Vec<Place> = all.collect();
        let in_question = |place: &Place| {
            let root = root(entries, *place);
            Some(root) == task || !matches!(entries[root.key()].what, Awaited::Task)
        };
        let (taken, left): (Vec<Place>, Vec<Place>) = all.into_iter().partition(in_question);
        self.has_uncertain.set(!left.is_empty());
        let mut wakers = Vec::new();
        for place in taken {
            let entry = &mut entries[place.key()];
            entry.is_uncertain = false;
            if let Awaited::Scope(scope) = &mut entry.what {
                wakers.extend(scope.waker.take());
            }
        }
        wakers
    }

    /// Shows the entry of a scope to `f`, which must call no code of a user.
    pub(crate) fn with_scope<R>(&self, place: Place, f: impl FnOnce(&mut ScopeEntry) -> R) -> Option<R> {
        place.get()?;
        match &mut self.entries.borrow_mut().get_mut(place.key())?.what {
            Awaited::Scope(scope) => Some(f(scope)),
            Awaited::Task | Awaited::Leaf(_) | Awaited::Node(_) => None,
        }
    }

    /// Adds what stands below `root` to `sole`. A scope with nothing known in it holds something of another crate.
    /// Returns whether anything stands there.
    pub(crate) fn add_to(&self, root: Place, sole: &mut SoleAwait<P>) -> bool {
        if root == Place::NONE {
            return false;
        }
        let entries = &*self.entries.borrow();
        let mut any = false;
        for place in below(entries, root) {
            let entry = &entries[place.key()];
            match &entry.what {
                Awaited::Node(node) => sole.add_node(node.clone()),
                Awaited::Leaf(_) => sole.add_other(),
                Awaited::Scope(scope) if scope.is_foreign && entry.first_child == Place::NONE => sole.add_other(),
                Awaited::Scope(_) | Awaited::Task => continue,
            }
            any = true;
            if matches!(sole, SoleAwait::Others) {
                break;
            }
        }
        any
    }

    /// The nodes that stand below `root`, and what the leaves there wait for.
    pub(crate) fn listed(&self, root: Place) -> (Vec<P>, Vec<Leaf>) {
        let entries = &*self.entries.borrow();
        let (mut nodes, mut leaves) = (Vec::new(), Vec::new());
        for place in below(entries, root) {
            match &entries[place.key()].what {
                Awaited::Node(node) => nodes.push(node.clone()),
                Awaited::Leaf(leaf) => leaves.push(*leaf),
                Awaited::Scope(_) | Awaited::Task => {}
            }
        }
        (nodes, leaves)
    }

    /// Whether a catcher stands below `root` under a waker of another crate.
    pub(crate) fn has_catcher(&self, root: Place) -> bool {
        self.any_scope(root, |scope| scope.is_foreign && scope.catches != Catches::Nothing)
    }

    /// Whether a catcher below `root` has been told of a throw and has not met it yet.
    pub(crate) fn has_told(&self, root: Place) -> bool {
        self.any_scope(root, |scope| scope.told.is_some())
    }

    #[inline]
    fn any_scope(&self, root: Place, is_it: impl Fn(&ScopeEntry) -> bool) -> bool {
        if root == Place::NONE {
            return false;
        }
        let entries = &*self.entries.borrow();
        below(entries, root).any(|place| matches!(&entries[place.key()].what, Awaited::Scope(scope) if is_it(scope)))
    }

    /// Whether anything stands below `root`.
    pub(crate) fn has_below(&self, root: Place) -> bool {
        below(&self.entries.borrow(), root).next().is_some()
    }

    /// The number of entries below `root`.
    pub(crate) fn len(&self, root: Place) -> usize {
        below(&self.entries.borrow(), root).count()
    }

    /// Tells every catcher that stands below `root` of a throw, and notes in the scopes between that they have met
    /// it. Returns the wakers of the catchers, to be woken.
    pub(crate) fn tell(&self, root: Place, message: Option<&Arc<str>>) -> Vec<Waker> {
        let entries = &mut *self.entries.borrow_mut();
        let places: Vec<Place> = below(entries, root).collect();
        let (mut wakers, mut marked) = (Vec::new(), HashSet::new());
        for place in places {
            let entry = &mut entries[place.key()];
            let Awaited::Scope(scope) = &mut entry.what else { continue };
            if !scope.is_foreign || scope.catches == Catches::Nothing {
                continue;
            }
            scope.told = Some(Told { message: ThrowMessage(message.cloned()), root });
            wakers.extend(scope.waker.take());
            let is_catcher = scope.catches == Catches::All;
            let mut around = entry.parent;
            while is_catcher
                && around != root
                && marked.insert(around.key())
                && let Some(Entry { what: Awaited::Scope(scope), parent, .. }) = entries.get_mut(around.key())
            {
                scope.has_met = true;
                around = *parent;
            }
        }
        wakers
    }

    /// The scope `root` is over, and so is its throw: a catcher that was not polled inside it meanwhile does not meet
    /// that any more.
    pub(crate) fn take_back(&self, root: Place) {
        let entries = &mut *self.entries.borrow_mut();
        let places: Vec<Place> = below(entries, root).collect();
        for place in places {
            if let Awaited::Scope(scope) = &mut entries[place.key()].what
                && scope.told.as_ref().is_some_and(|told| told.root == root)
            {
                scope.told = None;
            }
        }
    }
}

/// Makes an entry without a parent the first child of `parent`.
fn link<P>(entries: &mut Slab<Entry<P>>, place: Place, parent: Place) {
    let Some(above) = entries.get_mut(parent.key()) else { return };
    let second = std::mem::replace(&mut above.first_child, place);
    if let Some(second) = entries.get_mut(second.key()) {
        second.previous = place;
    }
    let entry = &mut entries[place.key()];
    entry.parent = parent;
    entry.next = second;
}

/// Takes an entry out of the children of its parent.
fn unlink<P>(entries: &mut Slab<Entry<P>>, place: Place) {
    let entry = &mut entries[place.key()];
    let (parent, previous, next) = (entry.parent, entry.previous, entry.next);
    (entry.parent, entry.previous, entry.next) = (Place::NONE, Place::NONE, Place::NONE);
    match (entries.get_mut(previous.key()), parent) {
        (Some(previous), _) => previous.next = next,
        (None, parent) => {
            if let Some(parent) = entries.get_mut(parent.key()) {
                parent.first_child = next;
            }
        }
    }
    if let Some(next) = entries.get_mut(next.key()) {
        next.previous = previous;
    }
}

/// The task, or what has lost its parent, at the root of the tree that an entry is in.
fn root<P>(entries: &Slab<Entry<P>>, mut place: Place) -> Place {
    while let Some(parent) = entries.get(place.key()).and_then(|entry| entry.parent.get()) {
        place = parent;
    }
    place
}

/// The places below `root`, each before those below it, without recursion: scopes may be nested deep.
fn below<P>(entries: &Slab<Entry<P>>, root: Place) -> impl Iterator<Item = Place> {
    let first = entries.get(root.key()).and_then(|entry| entry.first_child.get());
    iter::successors(first, move |&place| next_below(entries, root, place))
}

/// The place that comes behind `place` below `root`.
fn next_below<P>(entries: &Slab<Entry<P>>, root: Place, place: Place) -> Option<Place> {
    let first = entries.get(place.key()).and_then(|entry| entry.first_child.get());
    if first.is_some() {
        return first;
    }
    let mut at = place;
    while at != root {
        let entry = entries.get(at.key())?;
        if let Some(next) = entry.next.get() {
            return Some(next);
        }
        at = entry.parent;
    }
    None
}
