//! The state behind a wait. Owns which members have ended and when the waiting task is woken; must not know the types
//! of the handles.
//!
//! The members are registered once, for as many waits as follow one another: the set that one wait returns can be
//! passed to the next.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::base::{PooledRc, TaskKey, unsize};
use crate::cancel::Waiting;
use crate::current::{SingleWaiter, Timer, deadline_after};
use crate::kernel::{ChildTurn, ChildTurnRef, Deadline, Leaf, Run, What};
use crate::node::{Core, Loop, Promise, PromiseRef, State, Watch, Watcher, guarded};

/// Which member ends a wait when it is done.
pub(crate) enum Decider<O> {
    /// The last one.
    Last,
    /// Any.
    Any,
    /// One that failed, or the last one. The function says whether a member that returned has failed by its value.
    Failed(fn(&dyn Promise<O>) -> bool),
}

impl<O> Clone for Decider<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Decider<O> {}

/// The phases of one wait:
///
/// ```text
///               first poll                      a member decides, or the time is up
///   Resting ─────────────────────▶ Waiting ───────────────────────────────────────────▶ Released
///    ▲   ▲                            │                                                    │
///    │   └─ `into_pending`, or drop ──┘                                                    │
///    └────────────────── the next poll, which is Ready; `into_pending`, or drop ───────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Resting,
    Waiting,
    Released { timed_out: bool },
}

/// The state of a set of members that are waited for, again and again.
pub(super) struct WaitState<O> {
    kernel: Rc<Loop>,
    /// The number of this state among the watchers of each member.
    numbers: RefCell<Vec<u64>>,
    /// The values of the members, while a wait has to judge them.
    promises: RefCell<Vec<Option<PromiseRef<O>>>>,
    decider: Cell<Decider<O>>,
    /// The members that have ended and were not handed out yet, in the order in which they ended.
    done: RefCell<Vec<u32>>,
    /// The number of members that have not ended.
    remaining: Cell<usize>,
    phase: Cell<Phase>,
    /// Counts the waits. An entry of the ready queue that belongs to an earlier wait is ignored.
    round: Cell<u32>,
    /// The sort key of this state among the watchers of a member. asyncio registers again for each wait, and so moves
    /// to the end of the list. This state keeps its registration and changes its key instead.
    rank: Cell<u64>,
    waiter: SingleWaiter,
    waiting: Waiting,
    timer: Cell<Option<Timer>>,
}

// The members.
impl<O: 'static> WaitState<O> {
    /// # Panics
    /// If a member belongs to another loop.
    #[track_caller]
    #[expect(single_use_lifetimes, reason = "anonymous ones are unstable there")]
    pub(super) fn watching<'a>(kernel: Rc<Loop>, members: impl ExactSizeIterator<Item = &'a Core>) -> PooledRc<Self> {
        let first_number = kernel.next_watches(members.len());
        let numbers = (first_number..).take(members.len()).collect();
        let me = PooledRc::new_uninit().write(Self {
            kernel,
            numbers: RefCell::new(numbers),
            promises: RefCell::default(),
            decider: Cell::new(Decider::Last),
            done: RefCell::default(),
            remaining: Cell::new(0),
            phase: Cell::new(Phase::Resting),
            round: Cell::new(0),
            rank: Cell::new(u64::MAX),
            waiter: SingleWaiter::default(),
            waiting: Waiting::default(),
            timer: Cell::new(None),
        });
        let mut remaining = 0;
        // no closure, so that a panic points to the caller
        for ((index, number), member) in (0..).zip(first_number..).zip(members) {
            assert_same_loop(&me.kernel, member);
            if member.is_done() {
                me.done.borrow_mut().push(index);
            } else {
                remaining += 1;
                member.watchers().add_made(number, || Watcher::Watch(unsize!(me.clone() => dyn Watch), index));
            }
        }
        me.remaining.set(remaining);
        me
    }

    /// Deregisters from all members. `None` stands for a member that was handed out.
    #[expect(single_use_lifetimes, reason = "anonymous ones are unstable there")]
    pub(super) fn deregister<'a>(&self, members: impl Iterator<Item = Option<&'a Core>>) {
        let numbers = self.numbers.take();
        for (member, number) in members.zip(numbers) {
            drop(member.and_then(|member| member.watchers().remove(number)));
        }
        drop(self.promises.take());
    }

    /// Closes the gaps in the indexes that members left when they were handed out. `None` stands for such a member.
    #[expect(single_use_lifetimes, reason = "anonymous ones are unstable there")]
    pub(super) fn renumber<'a>(&self, members: impl Iterator<Item = Option<&'a Core>>) {
        let (mut numbers, mut done) = (self.numbers.borrow_mut(), self.done.borrow_mut());
        let mut new_indexes = Vec::new(); // needed for those that have ended, which are seldom any
        let mut count = 0;
        for (index, member) in members.enumerate() {
            if !done.is_empty() {
                new_indexes.push(count);
            }
            if let Some(member) = member {
                let number = numbers[index];
                numbers[count as usize] = number;
                member.watchers().with(number, |watcher| watcher.renumber(count));
                count += 1;
            }
        }
        numbers.truncate(count as usize);
        done.iter_mut().for_each(|index| *index = new_indexes[*index as usize]);
    }

    /// Passes the members that have ended since the last call to `take`, in the order in which they ended. `take` may
    /// move them, but must not drop them: that could run code of a user, which might come back here.
    pub(super) fn drain_done<R>(&self, take: impl FnOnce(std::vec::Drain<'_, u32>) -> R) -> R {
        take(self.done.borrow_mut().drain(..))
    }
}

// One wait.
impl<O: 'static> WaitState<O> {
    /// One poll of a wait. Resolves to whether the time-out has ended the wait. `promises` are the values of the
    /// members, for the decider `Failed`.
    #[track_caller]
    pub(super) fn poll_wait(
        me: &PooledRc<Self>,
        decider: Decider<O>,
        timeout: Option<Duration>,
        promises: impl FnOnce() -> Vec<Option<PromiseRef<O>>>,
        cx: &Context<'_>,
    ) -> Poll<bool> {
        match me.phase.get() {
            Phase::Resting => Self::begin(me, decider, timeout, promises),
            Phase::Waiting => {}
            Phase::Released { timed_out } => {
                me.end();
                me.waiting.ready(&me.kernel);
                return Poll::Ready(timed_out);
            }
        }
        me.waiter.set(cx);
        let what = match decider {
            Decider::Last => What::AllCompleted,
            Decider::Any => What::FirstCompleted,
            Decider::Failed(_) => What::FirstException,
        };
        me.waiting.note(&me.kernel, cx, Leaf::counted(what, me.numbers.borrow().len()));
        Poll::Pending
    }

    /// Begins a wait as asyncio does: it sets the timer; and if a member that is done already decides the wait, the
    /// wait ends in the next iteration, where asyncio would call that member's callback.
    fn begin(
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
        let has_done = !me.done.borrow().is_empty();
        if me.remaining.get() == 0 || has_done && me.is_decided_already() {
            me.kernel.push_child_turn(unsize!(me.clone() => dyn ChildTurn), me.round.get());
        }
    }

    /// Whether a member decides the wait that was done before it began.
    #[cold]
    fn is_decided_already(&self) -> bool {
        // out of its cell, because `decides` may run code of a user
        let done = self.done.take();
        let is_decided = done.iter().any(|index| self.decides(*index, None));
        self.done.replace(done);
        is_decided
    }

    /// Whether the end of this member, which is not the last, ends the wait. `core` is the member's, if it is at hand.
    fn decides(&self, index: u32, core: Option<&Core>) -> bool {
        match self.decider.get() {
            Decider::Last => false,
            Decider::Any => true,
            Decider::Failed(failed) => {
                // out of its cell, because `failed` may run code of a user
                let mut promises = self.promises.take();
                let promise = promises.get_mut(index as usize).and_then(Option::take);
                self.promises.replace(promises);
                promise.is_some_and(|promise| match core.unwrap_or(promise.core()).state() {
                    State::Finished => self.is_failed(failed, &*promise),
                    State::Cancelled => promise.cancelled_counts_as_failed(),
                    state => state == State::Panicked,
                })
            }
        }
    }

    /// Whether the value counts as failed. A panic of `failed` is reported, and counts as such too.
    fn is_failed(&self, failed: fn(&dyn Promise<O>) -> bool, promise: &dyn Promise<O>) -> bool {
        let mut verdict = true;
        guarded(&self.kernel, "Exception in callback", || verdict = failed(promise));
        verdict
    }

    /// Ends the wait, if there is one: its future is ready, dropped or given up.
    pub(super) fn end(&self) {
        self.phase.set(Phase::Resting);
        self.waiting.end(&self.kernel);
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
/// If the node belongs to another loop: nothing would wake this loop when the node ends.
#[track_caller]
pub(crate) fn assert_same_loop(kernel: &Rc<Loop>, member: &Core) {
    assert!(
        Rc::ptr_eq(member.kernel(), kernel),
        "waited for a future of another event loop; wait for it in a task of the loop that made it"
    );
}

impl<O: 'static> Watch for WaitState<O> {
    fn child_done(&self, index: u32, child: &Core) -> Option<u32> {
        self.done.borrow_mut().push(index);
        self.remaining.set(self.remaining.get() - 1);
        let is_decided =
            self.phase.get() == Phase::Waiting && (self.remaining.get() == 0 || self.decides(index, Some(child)));
        is_decided.then(|| self.round.get())
    }

    fn rank(&self) -> Option<u64> {
        Some(self.rank.get())
    }

    fn waiter(&self) -> Option<TaskKey> {
        self.waiter.task()
    }
}

/// Runs when a member has decided the wait of the given round.
impl<O: 'static> ChildTurn for WaitState<O> {
    fn child_turn(&self, _me: &ChildTurnRef, round: u32) {
        if round == self.round.get() {
            self.release(false);
        }
    }
}

/// Runs when the time is up.
impl<O: 'static> Run for WaitState<O> {
    fn run(&self) {
        self.release(true);
    }

    fn limits(&self) -> Option<(TaskKey, Deadline)> {
        Some((self.waiter.task()?, Deadline::Wait))
    }
}
