//! The countdown behind a gathering. Owns when it ends and how; must not know the types of the children.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use super::children::Children;
use crate::base::{PooledRc, TaskKey, lend, unsize};
use crate::cancel::cancel;
use crate::error::{Cancelled, Panic};
use crate::kernel::{ChildTurn, ChildTurnRef};
use crate::node::{
    Core, Ending, Group, Kind, Loop, Node, NodeRef, Promise, State, Watch, WatchRef, Watcher, as_node, drop_flat,
};

/// What happens to a child that fails: `Raise` → `Collect` or `CancelRest` while the gathering is being set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnFailure {
    /// The gathering ends; the siblings run on.
    Raise,
    /// The gathering goes on; the failure is a result.
    Collect,
    /// The siblings are cancelled, and the gathering ends when they have.
    CancelRest,
}

/// How the results are made of the children and the index of the one that failed; `None` if a value is missing.
pub(crate) type Collect<C> = fn(C, Option<usize>) -> Option<Box<dyn Any>>;

/// Whether a child that returned has failed all the same: by its value.
pub(crate) type Fails<C> = fn(&C, usize) -> bool;

/// A gathering: the node that its handle awaits, and the watcher of its children.
///
/// It is told at once when a child ends, and takes a turn of its own, where asyncio would run the child's callback, only
/// when that child decides: it is the last, or the first that failed.
pub(crate) struct Countdown<C> {
    core: Core,
    /// Gone when the results were made, or when nobody is left to take them.
    children: Cell<Option<C>>,
    /// Whether a child that returned has failed all the same: by its value.
    fails: Option<Fails<C>>,
    collect: Cell<Collect<C>>,
    results: Cell<Option<Box<dyn Any>>>,
    /// Whether it belongs to another gathering: nobody can change its rules any more.
    fixed: Cell<bool>,
    /// Children that `limit` has not let start yet, by index.
    held: RefCell<BTreeMap<u32, TaskKey>>,
    /// How many children may run at a time, and, if that is limited, how many do.
    limit: Cell<usize>,
    running: Cell<usize>,
    remaining: Cell<usize>,
    failed: Cell<Option<u32>>,
    /// How the first child that failed ended, if it ended without a value.
    failure: Cell<Option<Ending>>,
    on_failure: Cell<OnFailure>,
    cancel_requested: Cell<Option<Cancelled>>,
}

impl<C: Children> Countdown<C> {
    /// Lends the children to `f`, out of their place, so that code of a user in it meets no borrow. If the last handle
    /// went meanwhile, so do they.
    fn with_children<R>(&self, f: impl FnOnce(&C) -> R) -> Option<R> {
        let result = lend(&self.children, f);
        if !self.core.has_handles() {
            self.orphaned();
        }
        result
    }

    /// Whether a child that has ended is the first that failed. A judge that panics has judged: the gathering ends so.
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

    /// A child has ended: if it was not held, others that wait for their turn may start.
    fn child_left(&self, index: u32) {
        if self.limit.get() == usize::MAX {
            return;
        }
        if self.held.borrow_mut().remove(&index).is_none() {
            self.running.set(self.running.get() - 1);
        }
        self.start_held();
    }

    /// Lets as many held children start as the limit allows; none after a failure that ends the rest.
    fn start_held(&self) {
        let over = self.on_failure.get() == OnFailure::CancelRest && self.failed.get().is_some();
        while !over && self.running.get() < self.limit.get() {
            let Some((_, key)) = self.held.borrow_mut().pop_first() else { return };
            self.running.set(self.running.get() + 1);
            self.core.kernel().wake(key);
        }
    }

    /// Makes the results. A nested gathering does so when it ends, and finds those of its children made: if all were
    /// made when the outermost is taken, they would be made from the outside in, as deep as the nesting goes.
    fn make_results(&self) {
        if self.core.state() == State::Finished
            && let Some(children) = self.children.take()
        {
            let failed = self.failed.get().filter(|_| self.on_failure.get() != OnFailure::Collect);
            self.results.set((self.collect.get())(children, failed.map(|index| index as usize)));
        }
    }
}

impl<C: Children> Countdown<C> {
    /// Counts down from the children that are not done. If those that are done decide already, the gathering is done.
    pub(crate) fn start(kernel: Rc<Loop>, children: C, fails: Option<Fails<C>>, collect: Collect<C>) -> PooledRc<Self> {
        let me = PooledRc::new(Self {
            core: Core::new(kernel),
            children: Cell::new(None),
            fails,
            collect: Cell::new(collect),
            results: Cell::new(None),
            fixed: Cell::new(false),
            held: RefCell::default(),
            limit: Cell::new(usize::MAX),
            running: Cell::new(0),
            remaining: Cell::new(0),
            failed: Cell::new(None),
            failure: Cell::new(None),
            on_failure: Cell::new(OnFailure::Raise),
            cancel_requested: Cell::new(None),
        });
        Self::watch(&me, &children);
        me.children.set(Some(children));
        me.settle_if_decided(|| as_node(me.clone()));
        me
    }

    fn watch(me: &PooledRc<Self>, children: &C) {
        let kernel = me.core.kernel();
        for index in 0..children.len() {
            let child = children.core(index);
            let number = u32::try_from(index).expect("fewer children than tasks can be");
            if child.is_done() {
                me.is_first_failure(number, child, |fails| fails(children, index));
            } else {
                me.remaining.set(me.remaining.get() + 1);
                let watch = Watcher::Watch(unsize!(me.clone() => dyn Watch), number);
                child.watchers().add(kernel.next_watch(), watch);
            }
        }
    }

    /// A child has ended that may decide, or may let another start. Returns whether the gathering is to take a turn.
    #[inline(never)]
    fn consider(&self, index: u32, child: &Core) -> bool {
        let judge = |fails: Fails<C>| self.with_children(|children| fails(children, index as usize)).unwrap_or(false);
        let failed = self.is_first_failure(index, child, judge) && self.on_failure.get() != OnFailure::Collect;
        self.child_left(index);
        (failed || self.remaining.get() == 0) && !self.core.is_done()
    }

    /// Ends the gathering if the children that have ended decide it.
    fn settle_if_decided(&self, me: impl Fn() -> NodeRef) {
        if self.core.is_done() {
            return;
        }
        let all = self.remaining.get() == 0;
        match (self.failed.get(), self.on_failure.get()) {
            (Some(index), OnFailure::Raise) => self.end_as_child(index, me),
            (Some(index), OnFailure::CancelRest) if all => self.end_as_child(index, me),
            (Some(_), OnFailure::CancelRest) => self.cancel_children(),
            _ if all => match self.cancel_requested.take() {
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
        self.failure.set(ending.clone());
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

    pub(crate) fn cancel_rest(me: &PooledRc<Self>) {
        Self::set_policy(me, OnFailure::CancelRest);
    }

    /// From now on failures are results, and `collect` puts them in their places.
    pub(crate) fn collect_outcomes(me: &PooledRc<Self>, collect: Collect<C>) {
        me.collect.set(collect);
        Self::set_policy(me, OnFailure::Collect);
    }

    /// The gathering is being set up and has, if it is done already, ended by the rules of `Raise`: judge again.
    fn set_policy(me: &PooledRc<Self>, on_failure: OnFailure) {
        me.on_failure.set(on_failure);
        me.core.reopen();
        me.settle_if_decided(|| as_node(me.clone()));
    }
    /// Lets at most `n` children run at a time: holds those back that have not begun, and starts as many as may.
    pub(crate) fn limit(&self, n: usize) {
        assert!(n > 0, "a gathering with a limit of 0 could never run a child; the least is 1");
        let kernel = self.core.kernel();
        let mut running = 0;
        for (index, child) in (0..).zip(self.children()).filter(|(_, child)| !child.core().is_done()) {
            match child.kind() {
                Kind::Task(state) if !state.started().get() => {
                    let held = kernel.unqueue(state.key());
                    if held {
                        self.held.borrow_mut().insert(index, state.key());
                    } else if !self.held.borrow().contains_key(&index) {
                        running += 1;
                    }
                }
                _ => running += 1,
            }
        }
        self.running.set(running);
        self.limit.set(n);
        self.start_held();
    }
}

impl<C: Children> Watch for Countdown<C> {
    /// Most children decide nothing.
    fn child_done(&self, me: &WatchRef, index: u32, child: &Core) {
        let remaining = self.remaining.get() - 1;
        self.remaining.set(remaining);
        let counts_only = child.state() == State::Finished && self.fails.is_none() && self.limit.get() == usize::MAX;
        if (remaining == 0 || !counts_only) && self.consider(index, child) {
            self.core.kernel().push_child_turn(me.clone().into_turn(), index);
        }
    }
}

impl<C: Children> ChildTurn for Countdown<C> {
    fn child_turn(&self, me: &ChildTurnRef, _index: u32) {
        self.settle_if_decided(|| me.clone().into_node::<Self>());
        if self.fixed.get() {
            self.make_results();
        }
    }
}

impl<C: Children> Group for Countdown<C> {
    fn children(&self) -> Vec<NodeRef> {
        let nodes = self.with_children(|children| (0..children.len()).map(|i| children.node(i)).collect());
        nodes.unwrap_or_default()
    }

    fn set_cancel_requested(&self, message: Option<Arc<str>>) {
        self.cancel_requested.set(Some(Cancelled::new(message)));
    }
}

impl<C: Children> Node for Countdown<C> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn kind(&self) -> Kind<'_> {
        Kind::Group(self)
    }

    /// Nobody will take the results. The children run on, and the countdown with them, for the callbacks' sake.
    fn orphaned(&self) {
        let left = (self.children.take(), self.results.take());
        if let (Some(_), _) | (_, Some(_)) = left {
            drop_flat(self.core.kernel(), Box::new(left));
        }
    }
}

impl<C: Children, O: 'static> Promise<O> for Countdown<C> {
    fn take(&self) -> Option<O> {
        self.make_results();
        let results = self.results.take()?;
        results.downcast::<O>().ok().map(|results| *results)
    }

    fn peek(&self, look: &mut dyn FnMut(&O)) {
        self.make_results();
        lend(&self.results, |results| results.downcast_ref::<O>().into_iter().for_each(look));
    }

    fn fix(&self) {
        self.fixed.set(true);
        self.make_results();
    }
}
