//! The step that is taken now: its number, and what its task awaits in it. Owns these counts; must not know what takes
//! the step, nor what a scope is.
//!
//! A future is counted once in a step, when it returns `Pending` under the waker of its task; it keeps the number of
//! the step, and if it is dropped in the same step, it takes itself off again. What stands under a waker of another
//! crate is not polled in every step, and so is not counted here: see `await_tree.rs`.

use std::cell::Cell;

use super::task_table::Leaf;

/// What was counted at some time. Only the differences of two times have a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Everything that is awaited.
    pub(crate) awaits: u32,
    /// Catchers of cancellations that wait: what they hold has returned `Pending`.
    pub(crate) catchers: u32,
    /// Awaits of nodes, which are among `awaits`.
    pub(crate) nodes: u32,
    /// Clones of the waker of the task, which are among `awaits`: each is made by a future of another crate that waits.
    pub(crate) clones: u32,
}

impl Counts {
    /// What was counted since `before`.
    #[inline]
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            awaits: self.awaits.wrapping_sub(before.awaits),
            catchers: self.catchers.wrapping_sub(before.catchers),
            nodes: self.nodes.wrapping_sub(before.nodes),
            clones: self.clones.wrapping_sub(before.clones),
        }
    }

    /// The differences of two polls of one step together. One of them may be negative: what the first poll has counted,
    /// the second one may have dropped.
    #[inline]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            awaits: self.awaits.wrapping_add(other.awaits),
            catchers: self.catchers.wrapping_add(other.catchers),
            nodes: self.nodes.wrapping_add(other.nodes),
            clones: self.clones.wrapping_add(other.clones),
        }
    }

    /// The leaves of this crate that wait for something else than a node.
    pub(crate) fn leaves(self) -> u32 {
        self.awaits.wrapping_sub(self.nodes).wrapping_sub(self.clones)
    }
}

/// What a task awaits beside its leaf and its nodes, and what waits in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside(u8);

impl Beside {
    /// More than one leaf.
    pub(crate) const LEAVES: Self = Self(1);
    /// One future of another crate, which has cloned the waker.
    pub(crate) const CLONE: Self = Self(2);
    /// Several futures of other crates.
    pub(crate) const CLONES: Self = Self(4);
    /// Catchers of cancellations under the task's own waker.
    pub(crate) const CATCHERS: Self = Self(8);
    /// A scope that holds the only leaf was asked to end, since the step.
    pub(crate) const SCOPE_IS_DUE: Self = Self(16);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn has_any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// The running step of a loop.
pub(crate) struct RunningStep {
    /// The number of the step that is on or was the last one.
    number: Cell<u32>,
    /// The leaf that was counted last in this step.
    leaf: Cell<Option<Leaf>>,
    beside: Cell<Beside>,
    counts: Cell<Counts>,
    /// How many leaves were counted in this step after the first, if any was.
    more_leaves: Cell<u32>,
    /// The clones that were counted before this step, if one was counted in it; and likewise the catchers.
    clones_before: Cell<u32>,
    catchers_before: Cell<u32>,
    /// The clones of this step that were used up by a wake, if any was made.
    spent_clones: Cell<u32>,
}

impl Default for RunningStep {
    fn default() -> Self {
        Self {
            number: Cell::new(1),
            leaf: Cell::new(None),
            beside: Cell::default(),
            counts: Cell::default(),
            more_leaves: Cell::new(0),
            clones_before: Cell::new(0),
            catchers_before: Cell::new(0),
            spent_clones: Cell::new(0),
        }
    }
}

impl RunningStep {
    /// A step begins. The numbers of steps are odd, so none is 0, and a word has room for a number or something else.
    /// They begin again after two thousand million steps: only what was not polled for exactly as many steps could be
    /// mistaken then.
    #[inline]
    pub(crate) fn begin(&self) {
        self.number.set(self.number.get().wrapping_add(2));
    }

    #[inline]
    pub(crate) fn number(&self) -> u32 {
        self.number.get()
    }

    /// What was counted so far.
    #[inline]
    pub(crate) fn counts(&self) -> Counts {
        self.counts.get()
    }

    #[inline]
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    fn mark(&self, what: Beside) {
        self.beside.set(self.beside.get().and(what));
    }

    fn unmark(&self, what: Beside) {
        self.beside.set(self.beside.get().without(what));
    }

    #[inline]
    pub(crate) fn add_leaf(&self, what: Leaf) {
        self.change(|counts| counts.awaits = counts.awaits.wrapping_add(1));
        if self.leaf.replace(Some(what)).is_some() {
            self.add_second_leaf();
        }
    }

    #[cold]
    fn add_second_leaf(&self) {
        let more = if self.beside.get().has_any(Beside::LEAVES) { self.more_leaves.get() } else { 0 };
        self.more_leaves.set(more + 1);
        self.mark(Beside::LEAVES);
    }

    #[inline]
    pub(crate) fn remove_leaf(&self) {
        self.change(|counts| counts.awaits = counts.awaits.wrapping_sub(1));
        if self.beside.get().has_any(Beside::LEAVES) {
            self.remove_second_leaf();
        } else {
            self.leaf.set(None);
        }
    }

    #[cold]
    fn remove_second_leaf(&self) {
        self.more_leaves.set(self.more_leaves.get() - 1);
        if self.more_leaves.get() == 0 {
            self.unmark(Beside::LEAVES);
        }
    }

    #[inline]
    pub(crate) fn add_node(&self) {
        self.change(|counts| {
            counts.awaits = counts.awaits.wrapping_add(1);
            counts.nodes = counts.nodes.wrapping_add(1);
        });
    }

    pub(crate) fn remove_node(&self) {
        self.change(|counts| {
            counts.awaits = counts.awaits.wrapping_sub(1);
            counts.nodes = counts.nodes.wrapping_sub(1);
        });
    }

    pub(crate) fn add_clone(&self) {
        let known = self.beside.get();
        if !known.has_any(Beside::CLONE.and(Beside::CLONES)) {
            self.clones_before.set(self.counts().clones);
            self.spent_clones.set(0);
        }
        if self.spent_clones.get() > 0 {
            // the same future has lost its waker by waking itself, and takes another one
            return self.spent_clones.set(self.spent_clones.get() - 1);
        }
        self.change(|counts| {
            counts.awaits = counts.awaits.wrapping_add(1);
            counts.clones = counts.clones.wrapping_add(1);
        });
        self.mark_clones();
    }

    /// A clone was used up by a wake. It may have been made in this step, by a future that still waits then.
    pub(crate) fn spend_clone(&self) {
        if self.beside.get().has_any(Beside::CLONE.and(Beside::CLONES)) {
            self.spent_clones.set(self.spent_clones.get() + 1);
        }
    }

    /// A clone was dropped that may have been made in this step.
    pub(crate) fn remove_clone(&self) {
        if self.beside.get().has_any(Beside::CLONE.and(Beside::CLONES)) {
            self.change(|counts| {
                counts.awaits = counts.awaits.wrapping_sub(1);
                counts.clones = counts.clones.wrapping_sub(1);
            });
            self.mark_clones();
        }
    }

    fn mark_clones(&self) {
        self.unmark(Beside::CLONE.and(Beside::CLONES));
        match self.counts().clones.wrapping_sub(self.clones_before.get()) {
            0 => {}
            1 => self.mark(Beside::CLONE),
            _ => self.mark(Beside::CLONES),
        }
    }

    #[inline]
    pub(crate) fn add_catcher(&self) {
        let (known, counts) = (self.beside.get(), self.counts());
        if !known.has_any(Beside::CATCHERS) {
            self.catchers_before.set(counts.catchers);
            self.beside.set(known.and(Beside::CATCHERS));
        }
        self.change(|counts| counts.catchers = counts.catchers.wrapping_add(1));
    }

    #[inline]
    pub(crate) fn remove_catcher(&self) {
        self.change(|counts| counts.catchers = counts.catchers.wrapping_sub(1));
        if self.counts().catchers == self.catchers_before.get() {
            self.unmark(Beside::CATCHERS);
        }
    }

    /// The step ends. Returns the leaf that its task waits for, if it waits for any, and what it has beside.
    #[inline]
    pub(crate) fn end(&self) -> (Option<Leaf>, Beside) {
        (self.leaf.take(), self.beside.take())
    }
}
