//! The state behind a time limit. Owns its deadline, and when its scope is asked to end what it holds; must not know
//! the future that it limits, nor what comes of a limit that is up.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::base::{PooledRc, TaskKey, Ticker, nanos, unsize};
use crate::cancel::{ThrowingScope, assert_wakes};
use crate::current::{self, Timer};
use crate::kernel::{Deadline, Handle, Leaf, Run, What};
use crate::node::Loop;

/// The limit as it was given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    None,
    After(Duration),
    At(Instant),
}

/// The phases of a time limit, those of asyncio's `Timeout`:
///
/// ```text
///   Created
///      │ first poll of `run`
///      ▼
///    Active ── the future ends or is dropped ──▶ Finished
///      │
///      │ the time is up: what it holds is cancelled
///      ▼
///   Expiring ── the future ends or is dropped ──▶ Expired
/// ```
///
/// In `Active` the deadline can be moved; that is no change of phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Created,
    Active,
    Expiring,
    Expired,
    Finished,
}

/// What runs the scope when its deadline is reached. If this is dropped, nothing does.
enum Expiry {
    Timer(#[expect(dead_code, reason = "the timer is removed when it is dropped")] Timer),
    /// An entry of the ready queue, because the deadline had passed already.
    Queued(Handle),
}

impl Drop for Expiry {
    fn drop(&mut self) {
        match self {
            Self::Timer(_) => {}
            Self::Queued(handle) => handle.cancel(),
        }
    }
}

/// The part of a time limit that its clones, its run and its timer share.
pub(super) struct LimitState {
    limit: Limit,
    phase: Cell<Phase>,
    /// What the limit ends when the time is up.
    scope: ThrowingScope,
    /// The deadline.
    when: Cell<Option<Instant>>,
    expiry: Cell<Option<Expiry>>,
}

impl LimitState {
    pub(super) fn new(limit: Limit) -> PooledRc<Self> {
        PooledRc::new_uninit().write(Self {
            limit,
            phase: Cell::new(Phase::Created),
            scope: ThrowingScope::limit(),
            when: Cell::new(None),
            expiry: Cell::new(None),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    #[inline]
    pub(super) fn scope(&self) -> &ThrowingScope {
        &self.scope
    }

    /// The deadline; `None` if there is none or the limit has not begun.
    pub(super) fn when(&self) -> Option<Instant> {
        self.when.get()
    }

    /// Moves the deadline, or removes it.
    pub(super) fn arm(me: &PooledRc<Self>, deadline: Option<Instant>) {
        drop(me.expiry.take());
        me.when.set(deadline);
        let Some(deadline) = deadline else { return };
        let kernel = current::expect();
        Self::expire_at(me, &kernel, kernel.clock().nanos_at(deadline), kernel.clock().now());
    }

    /// Sets the first deadline. To make one of an `Instant`, as `arm` does, takes as long as to set the timer.
    fn arm_after(me: &PooledRc<Self>, kernel: &Rc<Loop>, limit: Duration) {
        let now = kernel.clock().now();
        let at = Ticker::after(now, nanos(limit));
        me.when.set(Some(kernel.clock().instant(at)));
        Self::expire_at(me, kernel, at, now);
    }

    /// If the deadline has passed, the time is up in the next iteration, before any timer that is due then.
    fn expire_at(me: &PooledRc<Self>, kernel: &Rc<Loop>, at: u64, now: u64) {
        let time_is_up = unsize!(me.clone() => dyn Run);
        let expiry = if at <= now {
            let overdue = Handle::new(move || time_is_up.run(), Location::caller());
            kernel.push_run(overdue.run_ref());
            Expiry::Queued(overdue)
        } else {
            Expiry::Timer(Timer::running(kernel, at, time_is_up))
        };
        me.expiry.set(Some(expiry));
    }
}

/// Runs when the time is up.
impl Run for LimitState {
    fn run(&self) {
        if self.phase.get() != Phase::Active {
            return;
        }
        drop(self.expiry.take());
        self.phase.set(Phase::Expiring);
        self.scope.throw(&current::expect());
    }

    fn limits(&self) -> Option<(TaskKey, Deadline)> {
        Some((self.scope.task()?, Deadline::Limit))
    }
}

/// The run of a limit, from the first poll of the future to its end. However it ends, also by a panic or because it is
/// dropped, the limit is over then.
pub(super) struct LimitRun {
    shared: PooledRc<LimitState>,
    kernel: Rc<Loop>,
}

impl LimitRun {
    /// Begins the run.
    ///
    /// # Panics
    /// If the limit was run before, or outside a task.
    pub(super) fn begin(shared: &PooledRc<LimitState>, created: &'static Location<'static>) -> Self {
        let is_new = shared.phase.get() == Phase::Created;
        assert!(
            is_new,
            "Timeout has already been entered; make a new one for each run (this one is made at {created})"
        );
        let kernel = current::current().filter(|kernel| kernel.running_task().is_some());
        let kernel = kernel.unwrap_or_else(|| {
            panic!(
                "Timeout should be used inside a task; use create_task or run_until_complete (this one is made at \
                 {created})"
            )
        });
        shared.phase.set(Phase::Active);
        match shared.limit {
            Limit::None => {}
            Limit::At(deadline) => LimitState::arm(shared, Some(deadline)),
            Limit::After(limit) => LimitState::arm_after(shared, &kernel, limit),
        }
        Self { shared: shared.clone(), kernel }
    }

    /// # Panics
    /// If the loop that has the timer does not run, because a task of another loop polls this.
    #[inline]
    pub(super) fn assert_time_passes(&self) {
        if !self.kernel.running_task().is_some() {
            assert_wakes(&self.kernel, Leaf::of(What::TimeLimit));
        }
    }

    pub(super) fn end(&self) {
        let after = match self.shared.phase.get() {
            Phase::Active => Phase::Finished,
            Phase::Expiring => Phase::Expired,
            Phase::Created | Phase::Expired | Phase::Finished => return,
        };
        self.shared.phase.set(after);
        drop(self.shared.expiry.take());
        self.shared.scope.finish(&self.kernel);
    }
}

impl Drop for LimitRun {
    fn drop(&mut self) {
        self.end();
    }
}
