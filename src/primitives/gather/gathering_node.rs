//! The node behind a gathering. Owns when a gathering ends and how; must not know the types of the children.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use super::children::Children;
use super::limit::Limit;
use crate::awaitables::ValueHandle;
use crate::base::{PooledRc, lend, unsize};
use crate::cancel::cancel;
use crate::error::{Cancelled, Panic, TaskError};
use crate::kernel::{ChildTurn, ChildTurnRef};
use crate::node::{
    Core, Ending, Kind, Loop, Node, NodeRef, Parent, Promise, State, Watch, Watcher, as_node, drop_flat, make_parts,
};

/// What a failed child does to its gathering. `Raise` at first; changed by a method of the handle, right after the
/// gathering was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnFailure {
    /// The gathering ends as the child did. The siblings run on.
    Raise,
    /// The gathering goes on. The failure becomes one of its results.
    Collect,
    /// The siblings are cancelled. The gathering ends as the child did, when all have ended.
    CancelRest,
}

/// Puts the results together from the children and the index of the one that failed; `None` if a value is missing,
/// because it was taken by another handle.
pub(super) type Collect<C, O> = fn(C, Option<usize>) -> Option<O>;

/// Whether a child that returned counts as failed because of its value.
pub(super) type Fails<C> = fn(&C, usize) -> bool;

enum Results<C: Children, O> {
    Values(O),
    /// The results if failures are collected.
    Outcomes(C::Outcomes),
}

/// The node behind a gathering, which also watches its children.
///
/// Each child notifies it when the child ends. Only the child that decides the gathering, because it is the last or the
/// first that failed, queues an entry of the ready queue; asyncio queues a callback for each child. The gathering ends
/// when that entry runs, where asyncio's callback would end it.
///
/// ```text
///             all children have ended; or one failed, by the rule `Raise`
///   pending ──────────────────────────────────────────────────────────────▶ done
///      ▲                                                                     │
///      └─── decided again: `return_exceptions` or `cancel_rest` changes ─────┘
///           the rule of a gathering that was done when it was made
/// ```
///
/// By the rule `CancelRest`, the first failure cancels the siblings, and the gathering stays pending until all have
/// ended.
pub(super) struct GatheringNode<C: Children, O> {
    core: Core,
    /// `None` when the results have been put together, or the last handle has gone.
    children: Cell<Option<C>>,
    /// `None` if a child that returned never counts as failed.
    fails: Option<Fails<C>>,
    collect: Collect<C, O>,
    results: Cell<Option<Results<C, O>>>,
    /// Whether the value of a child may have parts.
    nests: bool,
    /// The number of the gathering among the watchers of the first child. Those of the others follow.
    first_number: u64,
    limit: Limit,
    /// Whether the end of a child with a value may be more than one child less: because its value may count as failed,
    /// or because it makes room for another.
    looks_at_values: Cell<bool>,
    /// The number of children that have not ended.
    remaining: Cell<u32>,
    /// The first child that failed.
    failed: Cell<Option<u32>>,
    /// How that child ended; `None` if it failed by its value.
    failure: Cell<Option<Ending>>,
    on_failure: Cell<OnFailure>,
    cancel_requested: Cell<Option<Cancelled>>,
}

// The making of a gathering, and its settings.
impl<C: Children, O: 'static> GatheringNode<C, O> {
    /// Watches the children that are not done. If those that are done decide already, the gathering is done.
    pub(super) fn start(
        kernel: Rc<Loop>,
        children: C,
        nests: bool,
        fails: Option<Fails<C>>,
        collect: Collect<C, O>,
    ) -> PooledRc<Self> {
        let first_number = kernel.next_watches(children.len());
        let me = PooledRc::new_uninit().write(Self {
            core: Core::new(kernel),
            children: Cell::new(None),
            fails,
            collect,
            results: Cell::new(None),
            nests,
            first_number,
            limit: Limit::default(),
            looks_at_values: Cell::new(fails.is_some()),
            remaining: Cell::new(0),
            failed: Cell::new(None),
            failure: Cell::new(None),
            on_failure: Cell::new(OnFailure::Raise),
            cancel_requested: Cell::new(None),
        });
        Self::watch(&me, &children);
        me.children.set(Some(children));
        me.end_if_decided(|| as_node(me.clone()));
        me
    }

    fn watch(me: &PooledRc<Self>, children: &C) {
        let count = u32::try_from(children.len()).expect("a loop has fewer tasks than 2^32");
        let mut remaining = 0;
        for (index, number) in (0..count).zip(me.first_number..) {
            let child = children.core(index as usize);
            if child.is_done() {
                me.is_first_failure(index, child, |fails| fails(children, index as usize));
            } else {
                remaining += 1;
                child.watchers().add_made(number, || Watcher::Watch(unsize!(me.clone() => dyn Watch), index));
            }
        }
        me.remaining.set(remaining);
    }

    /// No child that is pending matters any more. One that goes on for long must not keep every gathering that it has
    /// been in. As long as children are held back, the ends of the others make room for them.
    #[inline]
    fn unwatch(&self, children: &C) {
        if self.remaining.get() > 0 {
            self.unwatch_pending(children);
        }
    }

    #[cold]
    fn unwatch_pending(&self, children: &C) {
        if !self.limit.holds_any() {
            for (index, number) in (0..children.len()).zip(self.first_number..) {
                drop(children.core(index).watchers().remove(number));
            }
        }
    }

    pub(super) fn cancel_rest(me: &PooledRc<Self>) {
        Self::set_on_failure(me, OnFailure::CancelRest);
    }

    /// From now on failures are results.
    pub(super) fn collect_outcomes(me: &PooledRc<Self>) {
        Self::set_on_failure(me, OnFailure::Collect);
    }

    fn set_on_failure(me: &PooledRc<Self>, on_failure: OnFailure) {
        me.on_failure.set(on_failure);
        // If the gathering is done already, it was decided by the rule `Raise`. Nothing has seen that yet, because the
        // handle was on its way here.
        me.core.reopen();
        me.end_if_decided(|| as_node(me.clone()));
    }

    /// # Panics
    /// If `max` is 0.
    #[track_caller]
    pub(super) fn set_limit(&self, max: usize) {
        assert!(max > 0, "a gathering with a limit of 0 could never run a child; the least is 1");
        self.looks_at_values.set(true);
        self.limit.set(max, self.core.kernel(), self.children());
        self.start_held();
    }
}

// What a child that has ended means for the gathering.
impl<C: Children, O: 'static> GatheringNode<C, O> {
    /// Lends the children to `f`, out of their cell, because code of a user that `f` calls may come back here. If the
    /// last handle is dropped meanwhile, the children are dropped here.
    fn with_children<R>(&self, f: impl FnOnce(&C) -> R) -> Option<R> {
        let result = lend(&self.children, f);
        if !self.core.has_handles() {
            self.orphaned();
        }
        result
    }

    /// Whether a child that has ended is the first that failed; if so, notes how it ended. `ask` calls the given
    /// `Fails` for this child; its panic counts as a failure, and the gathering ends with it.
    fn is_first_failure(&self, index: u32, child: &Core, ask: impl FnOnce(Fails<C>) -> bool) -> bool {
        if self.failed.get().is_some() {
            return false;
        }
        let failure = match (child.state(), self.fails) {
            (State::Finished, None) => return false,
            (State::Finished, Some(fails)) => match catch_unwind(AssertUnwindSafe(|| ask(fails))) {
                Ok(false) => return false,
                Ok(true) => None,
                Err(payload) => Some(Ending::Panicked(Panic::new(payload))),
            },
            _ => child.ending(),
        };
        self.failed.set(Some(index));
        self.failure.set(failure);
        true
    }

    /// A child has ended that may decide the gathering, or make room for another. Returns its index if it decides.
    #[inline(never)] // most children decide nothing, and need none of its registers
    fn decides(&self, index: u32, child: &Core) -> Option<u32> {
        let ask = |fails: Fails<C>| self.with_children(|children| fails(children, index as usize)).unwrap_or(false);
        let failed = self.is_first_failure(index, child, ask) && self.on_failure.get() != OnFailure::Collect;
        if !self.limit.is_none() {
            self.limit.child_ended(index);
            self.start_held();
        }
        ((failed || self.remaining.get() == 0) && !self.core.is_done()).then_some(index)
    }

    /// Starts held children, but none while a failure cancels the rest.
    fn start_held(&self) {
        let cancels_rest = self.on_failure.get() == OnFailure::CancelRest && self.failed.get().is_some();
        if !cancels_rest {
            self.limit.start_held(self.core.kernel());
        }
    }

    /// Ends the gathering, or cancels the rest, if the children that have ended decide so.
    fn end_if_decided(&self, me: impl Fn() -> NodeRef) {
        if self.core.is_done() {
            return;
        }
        let all_ended = self.remaining.get() == 0;
        match (self.failed.get(), self.on_failure.get()) {
            (Some(index), OnFailure::Raise) => self.end_as_child(index, me),
            (Some(index), OnFailure::CancelRest) if all_ended => self.end_as_child(index, me),
            (Some(_), OnFailure::CancelRest) => self.cancel_children(),
            _ if all_ended => match self.cancel_requested.take() {
                Some(cancelled) => self.core.end(Ending::Cancelled(cancelled), me),
                None => self.core.finish(me),
            },
            _ => {}
        }
    }

    /// Ends as the child did: with its error as a value, cancelled, or with its panic.
    fn end_as_child(&self, index: u32, me: impl Fn() -> NodeRef) {
        self.with_children(|children| children.core(index as usize).set_retrieved());
        let ending = self.failure.take();
        self.failure.set(ending.clone()); // kept, because `set_on_failure` may decide again
        match ending {
            Some(ending) => self.core.end(ending, me),
            None => self.core.finish(me),
        }
    }

    fn cancel_children(&self) {
        for child in self.children() {
            cancel(&child, &None);
        }
    }
}

// The results.
impl<C: Children, O: 'static> GatheringNode<C, O> {
    /// Puts the results together, if the gathering has some and that has not been done.
    ///
    /// That happens when they are first asked for, after those of nested gatherings.
    fn new_results(&self) -> Option<Results<C, O>> {
        if self.core.state() != State::Finished {
            return None;
        }
        let children = self.children.take()?;
        self.unwatch(&children);
        if self.on_failure.get() == OnFailure::Collect {
            return Some(Results::Outcomes(children.into_outcomes()));
        }
        let failed = self.failed.get().map(|index| index as usize);
        (self.collect)(children, failed).map(Results::Values)
    }

    fn make_results(&self) {
        if let Some(results) = self.new_results() {
            self.results.set(Some(results));
        }
    }

    fn make_results_of_parts(&self) {
        if self.nests {
            make_parts(self);
        }
    }

    fn make_all_results(&self) {
        self.make_results_of_parts();
        self.make_results();
    }

    /// Moves the results out. Nothing is left then for the drop of the last handle.
    fn take_results(&self) -> Option<Results<C, O>> {
        self.make_results_of_parts();
        let results = self.new_results().or_else(|| self.results.take())?;
        self.core.set_taken();
        Some(results)
    }

    pub(super) fn take_outcomes(&self) -> Option<C::Outcomes> {
        match self.take_results()? {
            Results::Outcomes(outcomes) => Some(outcomes),
            Results::Values(_) => None,
        }
    }

    pub(super) fn peek_outcomes(&self, look: &mut dyn FnMut(&C::Outcomes)) {
        self.make_all_results();
        lend(&self.results, |results| match results {
            Results::Outcomes(outcomes) => look(outcomes),
            Results::Values(_) => {}
        });
    }
}

impl<C: Children, O: 'static> Watch for GatheringNode<C, O> {
    fn child_done(&self, index: u32, child: &Core) -> Option<u32> {
        let remaining = self.remaining.get() - 1;
        self.remaining.set(remaining);
        let is_only_counted = child.state() == State::Finished && !self.looks_at_values.get();
        if remaining > 0 && is_only_counted { None } else { self.decides(index, child) }
    }
}

impl<C: Children, O: 'static> ChildTurn for GatheringNode<C, O> {
    fn child_turn(&self, me: &ChildTurnRef, _index: u32) {
        self.end_if_decided(|| me.clone().into_node::<Self>());
    }
}

impl<C: Children, O: 'static> Parent for GatheringNode<C, O> {
    fn children(&self) -> Vec<NodeRef> {
        let nodes = self.with_children(|children| (0..children.len()).map(|i| children.node(i)).collect());
        nodes.unwrap_or_default()
    }

    fn set_cancel_requested(&self, message: Option<Arc<str>>) {
        self.cancel_requested.set(Some(Cancelled::new(message)));
    }
}

impl<C: Children, O: 'static> Node for GatheringNode<C, O> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn kind(&self) -> Kind<'_> {
        Kind::Gathering(self)
    }

    /// No handle is left that could take the results. The children run on, and the node still watches them if it has
    /// done callbacks, which are called when it ends.
    fn orphaned(&self) {
        let left = (self.children.take(), self.results.take());
        if let Some(children) = &left.0
            && (self.core.is_done() || self.core.watchers().is_empty())
        {
            self.unwatch(children);
        }
        if let (Some(_), _) | (_, Some(_)) = left {
            drop_flat(self.core.kernel(), Box::new(left));
        }
    }

    fn has_parts(&self) -> bool {
        true
    }

    /// If a child has decided the gathering, only that. The last of them first, so that the first is made first.
    fn parts(&self, found: &mut dyn FnMut(NodeRef)) {
        if !self.nests {
            return;
        }
        let only = self.failed.get().filter(|_| self.on_failure.get() != OnFailure::Collect);
        let is_needed = |index: &usize| only.is_none_or(|only| only as usize == *index);
        lend(&self.children, |children| {
            (0..children.len()).rev().filter(is_needed).filter_map(|index| children.part(index)).for_each(found);
        });
    }

    fn make(&self) {
        self.make_results();
    }
}

impl<C: Children, O: 'static> Promise<O> for GatheringNode<C, O> {
    fn take(&self) -> Option<O> {
        match self.take_results()? {
            Results::Values(values) => Some(values),
            Results::Outcomes(_) => None,
        }
    }

    fn peek(&self, look: &mut dyn FnMut(&O)) {
        self.make_all_results();
        lend(&self.results, |results| match results {
            Results::Values(values) => look(values),
            Results::Outcomes(_) => {}
        });
    }
}

/// After `return_exceptions`. For all `C` at once this would overlap with the `impl` above; `tuple.rs` has it for
/// tuples.
impl<T: 'static> Promise<Vec<Result<T, TaskError>>> for GatheringNode<Vec<ValueHandle<T>>, Vec<T>> {
    fn take(&self) -> Option<Vec<Result<T, TaskError>>> {
        self.take_outcomes()
    }

    fn peek(&self, look: &mut dyn FnMut(&Vec<Result<T, TaskError>>)) {
        self.peek_outcomes(look);
    }
}
