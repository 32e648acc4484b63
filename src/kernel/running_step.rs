//! The step that is taken now: its number, and what its task awaits in it. Owns these counts; must not know what takes
//! the step, nor what a scope is.
//!
//! A future is counted once in a step, when it returns `Pending` under the waker of its task; it keeps the number of
//! the step, and if it is dropped in the same step, it takes itself off again. What stands under a waker of another
//! crate is not polled in every step, and so is not counted here: see `await_tree.rs`.

use std::cell::Cell;

use super::journal::Steps;
use super::leaf::Leaf;
use crate::base::Fact;

/// What was counted at some time. Only the differences of two times have a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AwaitCounts {
    /// Everything that is awaited.
    pub(crate) awaits: u32,
    /// Catchers of cancellations that wait: what they hold has returned `Pending`.
    pub(crate) catchers: u32,
    /// Awaits of nodes, which are among `awaits`.
    pub(crate) nodes: u32,
    /// Clones of the waker of the task, which are among `awaits`: each is made by a future of another crate that waits.
    pub(crate) clones: u32,
}

impl AwaitCounts {
    /// What was counted since `before`. The difference of one poll may be negative: what an earlier poll of the step
    /// has counted, it may have dropped.
    #[inline]
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            awaits: self.awaits.wrapping_sub(before.awaits),
            catchers: self.catchers.wrapping_sub(before.catchers),
            nodes: self.nodes.wrapping_sub(before.nodes),
            clones: self.clones.wrapping_sub(before.clones),
        }
    }

    /// The leaves of this crate that wait for something else than a node.
    pub(crate) fn leaves(self) -> u32 {
        self.awaits.wrapping_sub(self.nodes).wrapping_sub(self.clones)
    }
}

/// What is known of a task's awaits beside the number of leaves and the nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AwaitFlags(u64);

impl AwaitFlags {
    /// Catchers of cancellations under the task's own waker.
    pub(crate) const CATCHERS: Self = Self(1 << 31);
    /// One future of another crate, which has cloned the waker.
    pub(crate) const CLONE: Self = Self(1 << 30);
    /// Several futures of other crates.
    pub(crate) const CLONES: Self = Self(1 << 29);
    /// A scope that holds the only leaf was asked to end, since the step.
    pub(crate) const SCOPE_IS_DUE: Self = Self(1 << 28);

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The bits of [`TaskAwaits`] below those of `AwaitFlags`, which count leaves: more than there is memory for.
const LEAVES: u64 = AwaitFlags::SCOPE_IS_DUE.0 - 1;
/// Where the number of the step begins in [`TaskAwaits`].
const NUMBER_SHIFT: u32 = 32;

/// What a task awaits since its last step, but for nodes. The number of that step and what was counted in it share a
/// word, so that one store begins a step, and nothing is left to do when it ends.
#[derive(Debug, Default)]
pub(crate) struct TaskAwaits {
    /// From above: the number of the step, `AwaitFlags`, the number of leaves.
    word: Cell<u64>,
    /// The leaf that was counted last. It has a meaning while there is a leaf.
    leaf: Fact<Option<Leaf>>,
}

impl TaskAwaits {
    /// The number of the last step; 0 before the first.
    #[inline]
    pub(crate) fn step(&self) -> u32 {
        (self.word.get() >> NUMBER_SHIFT) as u32
    }

    /// How many leaves there are.
    #[inline]
    pub(crate) fn leaves(&self) -> u64 {
        self.word.get() & LEAVES
    }

    /// What the leaf waits for that was counted last.
    pub(crate) fn leaf(&self) -> Option<Leaf> {
        self.leaf.get().filter(|_| self.leaves() != 0)
    }

    #[inline]
    pub(crate) fn has_any(&self, of: AwaitFlags) -> bool {
        self.word.get() & of.0 != 0
    }

    #[inline]
    pub(crate) fn mark(&self, what: AwaitFlags) {
        self.word.set(self.word.get() | what.0);
    }

    #[inline]
    fn unmark(&self, what: AwaitFlags) {
        self.word.set(self.word.get() & !what.0);
    }
}

/// The numbers of steps are four apart.
const NUMBER_STEP: u64 = (APART as u64) << NUMBER_SHIFT;
/// The same, of the number alone.
pub(super) const APART: u32 = 4;
/// The lowest bits of every number, so that none is 0, and a word has room for a number or something else.
const LOWEST_BITS: u64 = 1;
/// The bits of a number above those.
const COUNTING_BITS: u32 = 30;
/// Numbers that follow each other are far apart in the highest bits of their products with this.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The running step of a loop.
pub(crate) struct RunningStep {
    /// The number of the running step, or of the last one, where `TaskAwaits` has it.
    number: Cell<u64>,
    counts: Cell<AwaitCounts>,
    /// The clones that were counted before this step, if one was counted in it; and likewise the catchers.
    clones_before: Cell<u32>,
    catchers_before: Cell<u32>,
    /// The clones of this step that were used up by a wake, if any was made.
    spent_clones: Cell<u32>,
    /// The number of the last step that was taken inside another, where `TaskAwaits` has it.
    nested: Cell<u64>,
}

/// What was counted in a step, put aside while another one is taken inside it.
pub(super) struct StepPutAside {
    number: u64,
    counts: AwaitCounts,
    clones_before: u32,
    catchers_before: u32,
    spent_clones: u32,
}

impl RunningStep {
    /// No step was taken yet, of the loop with this number. `generation` is that of the last task of the loops that had
    /// the number before. The steps of each loop begin at a number of their own: what was counted in one loop and is
    /// dropped in another is not mistaken there for something of the running step.
    pub(crate) fn of_loop(number: u16, generation: u64) -> Self {
        let first = (generation << u16::BITS | u64::from(number)).wrapping_mul(SPREAD) >> (u64::BITS - COUNTING_BITS);
        Self {
            number: Cell::new((first << 2 | LOWEST_BITS) << NUMBER_SHIFT),
            counts: Cell::default(),
            clones_before: Cell::new(0),
            catchers_before: Cell::new(0),
            spent_clones: Cell::new(0),
            nested: Cell::new((first << 2) << NUMBER_SHIFT),
        }
    }

    /// A step begins. The numbers begin again after a thousand million steps: only what was not polled for exactly as
    /// many steps could be mistaken then.
    #[inline]
    pub(crate) fn begin(&self) {
        self.number.set(self.number.get().wrapping_add(NUMBER_STEP));
    }

    /// A step begins inside the running one, which goes on afterwards under its own number. So the nested one has a
    /// number of another kind, which no other step has: a multiple of four.
    pub(super) fn begin_nested(&self) -> StepPutAside {
        let aside = StepPutAside {
            number: self.number.get(),
            counts: self.counts.get(),
            clones_before: self.clones_before.get(),
            catchers_before: self.catchers_before.get(),
            spent_clones: self.spent_clones.get(),
        };
        self.nested.set(self.nested.get().wrapping_add(NUMBER_STEP).max(NUMBER_STEP)); // never 0
        self.number.set(self.nested.get());
        aside
    }

    pub(super) fn end_nested(&self, aside: &StepPutAside) {
        self.number.set(aside.number);
        self.counts.set(aside.counts);
        self.clones_before.set(aside.clones_before);
        self.catchers_before.set(aside.catchers_before);
        self.spent_clones.set(aside.spent_clones);
    }

    #[inline]
    pub(crate) fn number(&self) -> u32 {
        (self.number.get() >> NUMBER_SHIFT) as u32
    }

    /// The numbers of the last step and of the last one inside another, while none is running.
    pub(super) fn last(&self) -> Steps {
        Steps { last: self.number(), nested: (self.nested.get() >> NUMBER_SHIFT) as u32 }
    }

    /// The task is polled in the step that has begun. It awaits nothing yet.
    #[inline]
    pub(crate) fn begin_poll(&self, task: &TaskAwaits) {
        task.word.set(self.number.get());
    }

    /// What was counted so far.
    #[inline]
    pub(crate) fn counts(&self) -> AwaitCounts {
        self.counts.get()
    }

    #[inline]
    fn change(&self, change: impl FnOnce(&mut AwaitCounts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    #[inline]
    pub(crate) fn add_leaf(&self, task: &TaskAwaits, what: Leaf) {
        self.change(|counts| counts.awaits = counts.awaits.wrapping_add(1));
        task.leaf.set(Some(what));
        task.word.set(task.word.get() + 1);
    }

    #[inline]
    pub(crate) fn remove_leaf(&self, task: &TaskAwaits) {
        debug_assert!(task.leaves() != 0, "it was counted in this step");
        self.change(|counts| counts.awaits = counts.awaits.wrapping_sub(1));
        task.word.set(task.word.get() - 1);
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

    pub(crate) fn add_clone(&self, task: &TaskAwaits) {
        if !task.has_any(AwaitFlags::CLONE.union(AwaitFlags::CLONES)) {
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
        self.mark_clones(task);
    }

    /// A clone was used up by a wake. It may have been made in this step, by a future that still waits then.
    pub(crate) fn spend_clone(&self, task: &TaskAwaits) {
        if task.has_any(AwaitFlags::CLONE.union(AwaitFlags::CLONES)) {
            self.spent_clones.set(self.spent_clones.get() + 1);
        }
    }

    /// A clone was dropped that may have been made in this step.
    pub(crate) fn remove_clone(&self, task: &TaskAwaits) {
        if task.has_any(AwaitFlags::CLONE.union(AwaitFlags::CLONES)) {
            self.change(|counts| {
                counts.awaits = counts.awaits.wrapping_sub(1);
                counts.clones = counts.clones.wrapping_sub(1);
            });
            self.mark_clones(task);
        }
    }

    fn mark_clones(&self, task: &TaskAwaits) {
        task.unmark(AwaitFlags::CLONE.union(AwaitFlags::CLONES));
        match self.counts().clones.wrapping_sub(self.clones_before.get()) {
            0 => {}
            1 => task.mark(AwaitFlags::CLONE),
            _ => task.mark(AwaitFlags::CLONES),
        }
    }

    #[inline]
    pub(crate) fn add_catcher(&self, task: &TaskAwaits) {
        let catchers = self.counts().catchers;
        if !task.has_any(AwaitFlags::CATCHERS) {
            self.catchers_before.set(catchers);
            task.mark(AwaitFlags::CATCHERS);
        }
        self.change(|counts| counts.catchers = catchers.wrapping_add(1));
    }

    #[inline]
    pub(crate) fn remove_catcher(&self, task: &TaskAwaits) {
        self.change(|counts| counts.catchers = counts.catchers.wrapping_sub(1));
        if self.counts().catchers == self.catchers_before.get() {
            task.unmark(AwaitFlags::CATCHERS);
        }
    }
}
