//! The countdown behind a wait, and its rounds. Owns who has ended and when the waiter is woken; must not know the types
//! of the handles.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::base::{PooledRc, unsize};
use crate::cancel::{SingleWaiter, poll_leaf};
use crate::current::{Timer, deadline_after};
use crate::kernel::{ChildTurn, ChildTurnRef, Run};
use crate::node::{Core, Kind, Loop, Node, NodeRef, Promise, PromiseRef, State, Watch, WatchRef, Watcher, guarded};

/// Which child that is done ends a wait.
pub(crate) enum Decider<O> {
    /// The last.
    Last,
    /// Any.
    Any,
    /// One that failed, by this measure of its value; or the last.
    Failed(fn(&dyn Promise<O>) -> bool),
}

impl<O> Clone for Decider<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Decider<O> {}

/// One wait: `Resting` between waits → `Waiting` when it is first polled → `Released` when a child decided or the time
/// was up → `Resting` when the waiter has resumed, or given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Resting,
    Waiting,
    Released { timed_out: bool },
}

/// The set of a wait. Registered with its members once, for as many waits as there are.
pub(super) struct WaitNode<O> {
    kernel: Rc<Loop>,
    /// Each member's number among its watchers.
    numbers: RefCell<Vec<u64>>,
    /// The values to be judged, while a wait wants that.
    promises: RefCell<Vec<Option<PromiseRef<O>>>>,
    decider: Cell<Decider<O>>,
    /// Members that have ended and were not handed out yet, in that order.
    done: RefCell<Vec<u32>>,
    /// How many have not ended.
    remaining: Cell<usize>,
    phase: Cell<Phase>,
    /// Which wait this is; entries of an earlier one are void.
    round: Cell<u32>,
    /// Where this wait stands among the watchers of its members: where asyncio, which registers anew for each wait,
    /// would stand.
    rank: Cell<u64>,
    waiter: SingleWaiter,
    timer: Cell<Option<Timer>>,
}

impl<O: 'static> WaitNode<O> {
    pub(super) fn watching(kernel: Rc<Loop>, members: impl Iterator<Item = NodeRef>) -> PooledRc<Self> {
        let node = PooledRc::new(Self {
            kernel,
            numbers: RefCell::default(),
            promises: RefCell::default(),
            decider: Cell::new(Decider::Last),
            done: RefCell::default(),
            remaining: Cell::new(0),
            phase: Cell::new(Phase::Resting),
            round: Cell::new(0),
            rank: Cell::new(u64::MAX),
            waiter: SingleWaiter::default(),
            timer: Cell::new(None),
        });
        for (index, member) in (0..).zip(members) {
            Self::add(&node, index, &*member);
        }
        node
    }

    fn add(me: &PooledRc<Self>, index: u32, member: &dyn Node) {
        let core = member.core();
        refuse_foreign(&me.kernel, core);
        let number = me.kernel.next_watch();
        me.numbers.borrow_mut().push(number);
        if core.is_done() {
            me.done.borrow_mut().push(index);
        } else {
            me.remaining.set(me.remaining.get() + 1);
            core.watchers().add(number, Watcher::Watch(unsize!(me.clone() => dyn Watch), index));
        }
    }

    /// Leaves the members, of which some may have been handed out.
    pub(super) fn forget(&self, members: impl Iterator<Item = Option<NodeRef>>) {
        let numbers = self.numbers.take();
        for (member, number) in members.zip(numbers) {
            drop(member.and_then(|member| member.core().watchers().remove(number)));
        }
        drop(self.promises.take());
    }

    /// The members move up into the places of those that have been handed out.
    pub(super) fn renumber(&self, members: impl Iterator<Item = Option<NodeRef>>) {
        let (mut numbers, mut places) = (Vec::new(), Vec::new());
        for (member, number) in members.zip(self.numbers.take()) {
            let place = u32::try_from(numbers.len()).expect("fewer members than tasks can be");
            places.push(place);
            if let Some(member) = member {
                numbers.push(number);
                member.core().watchers().with(number, |watcher| watcher.renumber(place));
            }
        }
        self.numbers.replace(numbers);
        self.done.borrow_mut().iter_mut().for_each(|index| *index = places[*index as usize]);
    }

    /// Hands those that have ended since this was called last to `take`, in that order. It may move them, but not drop
    /// them.
    pub(super) fn drain_done<R>(&self, take: impl FnOnce(std::vec::Drain<'_, u32>) -> R) -> R {
        take(self.done.borrow_mut().drain(..))
    }

    /// Waits; returns whether it was the time-out that ended the wait.
    pub(super) fn poll_round(
        me: &PooledRc<Self>,
        decider: Decider<O>,
        timeout: Option<Duration>,
        promises: impl FnOnce() -> Vec<Option<PromiseRef<O>>>,
        cx: &Context<'_>,
    ) -> Poll<bool> {
        poll_leaf(cx, &"some of several tasks", || {
            match me.phase.get() {
                Phase::Resting => Self::begin_round(me, decider, timeout, promises),
                Phase::Waiting => {}
                Phase::Released { timed_out } => {
                    me.end_round();
                    return Poll::Ready(timed_out);
                }
            }
            me.waiter.set(cx);
            Poll::Pending
        })
    }

    /// What asyncio does at the start of a wait: a timer, and a callback for each member, which comes in the next
    /// iteration for one that is done.
    fn begin_round(
        me: &PooledRc<Self>,
        decider: Decider<O>,
        timeout: Option<Duration>,
        promises: impl FnOnce() -> Vec<Option<PromiseRef<O>>>,
    ) {
        me.phase.set(Phase::Waiting);
        me.rank.set(me.kernel.next_watch());
        me.round.set(me.round.get().wrapping_add(1).max(1));
        me.decider.set(decider);
        if let Some(limit) = timeout {
            let time_is_up = unsize!(me.clone() => dyn Run);
            me.timer.set(Some(Timer::running(&me.kernel, deadline_after(&me.kernel, limit), time_is_up)));
        }
        if let Decider::Failed(_) = decider {
            let promises = promises();
            drop(me.promises.replace(promises));
        }
        let done = me.done.take();
        let at_once = me.remaining.get() == 0 || done.iter().any(|index| me.decides(*index, None));
        me.done.replace(done);
        if at_once {
            me.kernel.push_child_turn(unsize!(me.clone() => dyn ChildTurn), me.round.get());
        }
    }

    /// Whether the end of this member ends the wait. `core` is the member's, if it is at hand.
    fn decides(&self, index: u32, core: Option<&Core>) -> bool {
        match self.decider.get() {
            Decider::Last => false,
            Decider::Any => true,
            Decider::Failed(failed) => {
                // out of its place while code of a user may run in `failed`
                let mut promises = self.promises.take();
                let promise = promises.get_mut(index as usize).and_then(Option::take);
                self.promises.replace(promises);
                promise.is_some_and(|promise| match core.unwrap_or(promise.core()).state() {
                    State::Finished => self.judge(failed, &*promise),
                    // to asyncio a cancelled gathering is one with an exception, as its cancelled() never says so
                    State::Cancelled => matches!(promise.kind(), Kind::Group(_)),
                    state => state == State::Panicked,
                })
            }
        }
    }

    /// A judge that panics has judged: the wait ends, and the panic is reported.
    fn judge(&self, failed: fn(&dyn Promise<O>) -> bool, promise: &dyn Promise<O>) -> bool {
        let mut verdict = true;
        guarded(&self.kernel, "Exception in callback", || verdict = failed(promise));
        verdict
    }

    pub(super) fn end_round(&self) {
        self.phase.set(Phase::Resting);
        self.waiter.clear();
        drop(self.timer.take());
    }

    fn release(&self, timed_out: bool) {
        if self.phase.get() == Phase::Waiting {
            self.phase.set(Phase::Released { timed_out });
            drop(self.timer.take());
            self.waiter.wake(&self.kernel);
        }
    }
}

/// # Panics
/// If the node belongs to another loop, whose end this one would never be told of in time.
pub(crate) fn refuse_foreign(kernel: &Rc<Loop>, member: &Core) {
    assert!(
        Rc::ptr_eq(member.kernel(), kernel),
        "waited for a future of another event loop; wait for it in a task of the loop that made it"
    );
}

impl<O: 'static> Watch for WaitNode<O> {
    fn child_done(&self, me: &WatchRef, index: u32, child: &Core) {
        self.done.borrow_mut().push(index);
        self.remaining.set(self.remaining.get() - 1);
        if self.phase.get() == Phase::Waiting && (self.remaining.get() == 0 || self.decides(index, Some(child))) {
            self.kernel.push_child_turn(me.clone().into_turn(), self.round.get());
        }
    }

    fn rank(&self) -> Option<u64> {
        Some(self.rank.get())
    }
}

/// A child has decided the wait of this round.
impl<O: 'static> ChildTurn for WaitNode<O> {
    fn child_turn(&self, _me: &ChildTurnRef, round: u32) {
        if round == self.round.get() {
            self.release(false);
        }
    }
}

/// The time is up.
impl<O: 'static> Run for WaitNode<O> {
    fn run(&self) {
        self.release(true);
    }
}
