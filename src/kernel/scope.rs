//! What a scope for cancellations keeps between its polls. Owns these cells; must not know what a scope does with a
//! cancellation.

use std::cell::Cell;

use super::await_tree::Place;
use super::leaf::{Leaf, What};
use super::running_step::{AwaitCounts, RunningStep, TaskAwaits};
use crate::base::TaskKey;

/// A scope: a part of a task that a cancellation can be meant for, or that catches what is thrown around it. It is
/// inside the scope that polls it, or else directly in the task.
pub(crate) struct Scope {
    /// The number of the step in which it was polled last; 0 before the first poll.
    polled: Cell<u32>,
    /// The number of catchers inside that wait since that step.
    catchers: Cell<u32>,
    /// Its place in the tree of what is awaited, if it needs one.
    place: Cell<Place>,
    /// What has to be undone when the scope is over.
    marks: Cell<u8>,
    /// The number of the loop whose tree it has a place in.
    loop_number: Cell<u16>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            polled: Cell::new(0),
            catchers: Cell::new(0),
            place: Cell::new(Place::NONE),
            marks: Cell::new(0),
            loop_number: Cell::new(0),
        }
    }
}

/// The step of the last poll has counted the scope as a catcher that waits.
const CATCHER: u8 = 1;
/// The step of the last poll has counted it as a leaf, because nothing is known of what it holds.
const LEAF: u8 = 1 << 1;
/// It has a place in the tree.
const PLACE: u8 = 1 << 2;
/// It stands there under a waker of another crate, so its step does not count what it holds.
const FOREIGN: u8 = 1 << 3;
/// The step of the last poll has polled it several times.
const AGAIN: u8 = 1 << 4;
/// It awaits a node, which is noted.
const NODE: u8 = 1 << 5;
/// It may take a cancellation of what is around it for its own: because one was requested before it began, or because
/// the program has taken back the request of this scope. See `Catches::ForItsOwn`.
const FOR_ITS_OWN: u8 = 1 << 6;
/// It catches what is thrown around it. For good.
const CATCHES: u8 = 1 << 7;
/// What is left when a scope is over.
const FOR_GOOD: u8 = CATCHES | FOR_ITS_OWN;
/// What is set anew in each step.
const OF_A_STEP: u8 = CATCHER | LEAF | AGAIN;

impl Scope {
    /// A scope that catches what is thrown around it.
    pub(crate) fn catcher() -> Self {
        Self { marks: Cell::new(CATCHES), ..Self::default() }
    }

    #[inline]
    pub(crate) fn is_catcher(&self) -> bool {
        self.has_any(CATCHES)
    }

    /// Whether it may catch what is thrown around it. asyncio's time limits tell their cancellation from others by
    /// counting. So one takes a request for its own that was made before it began and comes while its own does; and one
    /// that comes after its own, if the program has taken that back.
    #[inline]
    pub(crate) fn may_catch(&self) -> bool {
        self.has_any(FOR_GOOD)
    }

    pub(crate) fn polled(&self) -> u32 {
        self.polled.get()
    }

    pub(crate) fn catchers(&self) -> u32 {
        self.catchers.get()
    }

    #[inline]
    fn has_any(&self, marks: u8) -> bool {
        self.marks.get() & marks != 0
    }

    fn mark(&self, mark: u8, is_on: bool) {
        let others = self.marks.get() & !mark;
        self.marks.set(if is_on { others | mark } else { others });
    }

    /// Whether it stands under the waker of its task, and there is nothing that a poll of it has to look at.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        !self.has_any(!(OF_A_STEP | CATCHES))
    }

    /// Whether a node that it awaits is noted, and nothing else sets it apart.
    pub(crate) fn is_plain_but_for_node(&self) -> bool {
        !self.has_any(!(OF_A_STEP | CATCHES | NODE))
    }

    pub(crate) fn awaits_node(&self) -> bool {
        self.has_any(NODE)
    }

    pub(crate) fn set_awaits_node(&self, awaits: bool) {
        self.mark(NODE, awaits);
    }

    /// Says whether it may take a cancellation of what is around it for its own.
    pub(crate) fn set_takes_others(&self, takes: bool) {
        self.mark(FOR_ITS_OWN, takes);
    }

    /// Whether the step of the last poll has polled it several times.
    pub(crate) fn is_polled_again(&self) -> bool {
        self.has_any(AGAIN)
    }

    pub(crate) fn place(&self) -> Place {
        self.place.get()
    }

    pub(crate) fn set_place(&self, place: Place, loop_number: u16) {
        self.place.set(place);
        self.mark(PLACE, true);
        self.loop_number.set(loop_number);
    }

    /// Whether it stood under a waker of another crate in its last poll.
    pub(crate) fn is_foreign(&self) -> bool {
        self.has_any(FOREIGN)
    }

    pub(crate) fn set_foreign(&self, is_foreign: bool) {
        self.mark(FOREIGN, is_foreign);
    }

    /// A poll begins in the step with this number. Returns whether it is the first in that.
    #[inline]
    pub(crate) fn enter(&self, step: u32) -> bool {
        if self.polled.replace(step) == step {
            return self.enter_again();
        }
        self.marks.set(self.marks.get() & !OF_A_STEP);
        true
    }

    /// A group has several parts, and one may begin in the step in which the one before has ended: nothing of that is
    /// counted any more.
    #[cold]
    fn enter_again(&self) -> bool {
        let is_next_part = self.is_catcher() && !self.has_any(CATCHER);
        self.mark(AGAIN, !is_next_part);
        is_next_part
    }

    /// A poll has returned `Pending`, and since it has begun, and those before it in this step, `inside` was counted.
    #[inline]
    pub(crate) fn suspend(&self, step: &RunningStep, task: &TaskAwaits, inside: AwaitCounts) {
        self.catchers.set(inside.catchers);
        if inside.awaits == 0 {
            self.count_as_leaf(step, task);
        }
    }

    /// Has the step count the scope as a catcher that waits, if it has not yet.
    #[inline]
    pub(crate) fn count_as_catcher(&self, step: &RunningStep, task: &TaskAwaits) {
        if !self.has_any(CATCHER) {
            self.marks.set(self.marks.get() | CATCHER);
            step.add_catcher(task);
        }
    }

    #[cold]
    fn count_as_leaf(&self, step: &RunningStep, task: &TaskAwaits) {
        if !self.has_any(FOREIGN | LEAF) {
            self.mark(LEAF, true);
            step.add_leaf(task, Leaf::of(What::Outside));
        }
    }

    /// Whether `leave` has something to do.
    #[inline]
    pub(crate) fn is_marked(&self) -> bool {
        self.has_any(!FOR_GOOD)
    }

    /// The number of another loop than the one with this number, in whose tree it has a place.
    pub(crate) fn other_loop(&self, number: u16) -> Option<u16> {
        Some(self.loop_number.get()).filter(|other| self.place.get() != Place::NONE && *other != number)
    }

    /// Gives its place up, and returns it.
    pub(crate) fn take_place(&self) -> Place {
        self.marks.set(self.marks.get() & !(PLACE | FOREIGN));
        self.place.replace(Place::NONE)
    }

    /// The scope is over, in a step of `task` if there is one. Returns its place, if it has one, which the caller
    /// removes from the tree.
    #[inline]
    pub(crate) fn leave(&self, step: &RunningStep, task: Option<&TaskAwaits>) -> Option<Place> {
        let marks = self.marks.replace(self.marks.get() & FOR_GOOD);
        if let Some(task) = task
            && self.polled.get() == task.step()
        {
            if marks & CATCHER != 0 {
                step.remove_catcher(task);
            }
            if marks & LEAF != 0 {
                step.remove_leaf(task);
            }
        }
        let place = self.place.replace(Place::NONE);
        (place != Place::NONE).then_some(place)
    }
}

/// How far a throw of a scope's own has come.
///
/// ```text
///   None ── throw: one node is awaited ──▶ HandedOn ── the node has ended, and the scope has seen it ──▶ Over
///    │                                        │
///    │ throw                                  │ the node was given up
///    ▼                                        ▼
///   Due ◀─────────────────────────────────────┘
///    │
///    └── it ends what the scope holds, or is caught inside ──▶ Over
/// ```
///
/// `Due` lasts over a poll if a throw from around goes through the scope in that poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnState {
    None,
    HandedOn,
    Due,
    Over,
}

/// The part of a scope that can begin a throw of its own: a time limit, or a group that aborts. `P` points to a node.
pub(crate) struct OwnThrow<P> {
    pub(crate) state: Cell<OwnState>,
    /// The task counts a request of this scope.
    pub(crate) is_requested: Cell<bool>,
    /// A cancellation of something around this scope has gone into it: to a catcher, or to the node that it awaits.
    pub(crate) has_met: Cell<bool>,
    /// The catchers under wakers of other crates inside have been told of the throw.
    pub(crate) is_told: Cell<bool>,
    /// The requests to cancel what is around this scope that were not taken back when it began.
    pub(crate) before: Cell<i64>,
    /// The task that has polled it last.
    pub(crate) task: Cell<Option<TaskKey>>,
    /// Whether what came out of the scope last was its own cancellation, and not another one.
    pub(crate) is_own: Cell<bool>,
    /// A group has met a cancellation in the very poll in which its body has returned. Its next poll meets it.
    pub(crate) is_owed: Cell<bool>,
    /// The node that was cancelled in place of the scope.
    pub(crate) handed_on: Cell<Option<P>>,
    /// What was counted in the polls of its last step.
    pub(crate) inside: Cell<AwaitCounts>,
    /// The node that it awaits under its task's own waker, if it is the only one, since the step of its last poll.
    pub(crate) node: Cell<Option<P>>,
}

impl<P> Default for OwnThrow<P> {
    fn default() -> Self {
        Self {
            state: Cell::new(OwnState::None),
            is_requested: Cell::new(false),
            has_met: Cell::new(false),
            is_told: Cell::new(false),
            before: Cell::new(0),
            task: Cell::new(None),
            is_own: Cell::new(false),
            is_owed: Cell::new(false),
            handed_on: Cell::new(None),
            inside: Cell::default(),
            node: Cell::new(None),
        }
    }
}

impl<P: Clone> OwnThrow<P> {
    pub(crate) fn handed_on(&self) -> Option<P> {
        copy(&self.handed_on)
    }

    pub(crate) fn node(&self) -> Option<P> {
        copy(&self.node)
    }
}

fn copy<P: Clone>(cell: &Cell<Option<P>>) -> Option<P> {
    let value = cell.take();
    let copy = value.clone();
    cell.set(value);
    copy
}
