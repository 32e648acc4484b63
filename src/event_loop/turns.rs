//! Turns: a host that has a loop of its own drives this one, one or some iterations at a time. Owns the beginning and
//! the end of a turn and its budget; must not know how an iteration goes, nor how the host learns that a turn is due.
//!
//! ```text
//!                   run_once, run_ready                       run_until_complete, run_forever
//!              ┌───────────────────────────┐              ┌─────────────────────────────────────┐
//!              ▼                           │              │                                     ▼
//!         in a turn ───────────────▶ between turns ◀──────────────────────────────────────── in a run
//!                     the budget is        │                  the node is done, or stop()
//!                     spent, nothing       │ close()
//!                     is ready, stop()     ▼
//!                                       closed
//! ```
//!
//! Between turns the thread is not in the loop, and an iteration may be unfinished: whatever comes next, a turn or a
//! run, begins with the rest of its batch. So where a turn ends decides nothing about the order of what runs.

use std::time::{Duration, Instant};

use super::event_loop::EventLoop;
use super::outside::{Outside, WaitLimit};
use super::run_once::Iteration;
use super::running::Running;
use crate::error::Error;

/// What a turn of a loop has done, and what it has left to do.
///
/// # Examples
/// ```
/// use oneloop::EventLoop;
///
/// let lp = EventLoop::new()?;
/// (0..3).for_each(|_| drop(lp.call_soon(|| ())));
/// let turn = lp.run_ready(())?;
/// assert_eq!((turn.entries, turn.stopped), (3, false));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Turn {
    /// How many entries of the ready queue were run: steps of tasks, callbacks, timers.
    pub entries: usize,
    /// Whether [`stop`](EventLoop::stop) was called, in the turn or before it. It ends the turn after its iteration,
    /// and holds for that one turn.
    pub stopped: bool,
    /// What the next turn has to do.
    pub left: Left,
}

/// What a loop has to do next.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, Left};
/// use std::time::Duration;
///
/// let lp = EventLoop::new()?;
/// let _timer = lp.call_later(Duration::from_secs(60), || ());
/// match lp.run_ready(())?.left {
///     Left::Deadline(when) => assert_eq!(Some(when), lp.next_deadline()), // the host sleeps until then
///     left => panic!("{left:?}"),
/// }
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Left {
    /// Something is ready: the next turn will run it without a wait.
    Ready,
    /// Nothing is ready. A timer is due at this time of the loop's clock, and a descriptor or another thread may come
    /// first.
    Deadline(Instant),
    /// Nothing is ready and no timer is set. The loop watches descriptors, or expects a result from a thread of its
    /// own.
    Outside,
    /// Nothing is ready, and the loop knows of nothing that could come. Another thread may still wake a task by a waker
    /// or a [`LoopHandle`](crate::LoopHandle), of which the loop knows nothing.
    Nothing,
}

/// How much a turn may run: a number of entries, a time, or both. `()` is no limit, a number is that of entries, and a
/// `Duration` is a time.
///
/// A number of entries is the same in every run of a program, and a time is not. But where a turn ends decides only
/// when the host goes on, and not in which order things happen.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, TurnBudget};
/// use std::time::Duration;
///
/// let lp = EventLoop::new()?;
/// (0..10).for_each(|_| drop(lp.call_soon(|| ())));
/// assert_eq!(lp.run_ready(3)?.entries, 3);
/// assert_eq!(lp.run_ready(TurnBudget::time(Duration::from_secs(60)).entries(5))?.entries, 5);
/// assert_eq!(lp.run_ready(())?.entries, 2);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "a budget does nothing until it is given to `run_ready`"]
pub struct TurnBudget {
    entries: Option<usize>,
    time: Option<Duration>,
}

impl TurnBudget {
    /// As long as something is ready.
    pub const UNLIMITED: Self = Self { entries: None, time: None };

    /// So much time, by the machine's clock, whatever the clock of the loop is. The clock is read before each entry but
    /// the first, so a turn is late by one entry at most: by one step of a task, or one callback.
    pub fn time(time: Duration) -> Self {
        Self { time: Some(time), ..Self::UNLIMITED }
    }

    /// At most so many entries.
    pub fn entries(self, entries: usize) -> Self {
        Self { entries: Some(entries), ..self }
    }
}

impl From<()> for TurnBudget {
    fn from((): ()) -> Self {
        Self::UNLIMITED
    }
}

impl From<usize> for TurnBudget {
    fn from(entries: usize) -> Self {
        Self::UNLIMITED.entries(entries)
    }
}

impl From<Duration> for TurnBudget {
    fn from(time: Duration) -> Self {
        Self::time(time)
    }
}

impl EventLoop {
    /// Waits once at most, for `limit` or without one, and runs one iteration: asyncio's `_run_once`, for a host that
    /// gives this loop the thread between things of its own. `Some(Duration::ZERO)` does not wait.
    ///
    /// A sequence of turns does what one [`run_until_complete`](Self::run_until_complete) does, in the same order, and
    /// both can follow each other. There is no main future: tasks are made by [`create_task`](Self::create_task), and
    /// `task.done()` tells their end. If an earlier turn has left an iteration unfinished, this turn is the rest of it.
    ///
    /// On a virtual clock `limit` is virtual time: the clock jumps to the next deadline, or by `limit` if that is less.
    /// If nothing can ever happen, this does not wait and is no error, but returns [`Left::Nothing`].
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, Left, sleep};
    /// use std::time::Duration;
    ///
    /// let lp = EventLoop::new()?;
    /// let task = lp.create_task(async {
    ///     sleep(Duration::from_millis(5)).await;
    ///     "done"
    /// });
    /// while !task.done() {
    ///     let turn = lp.run_once(Some(Duration::from_millis(1)))?; // at most a millisecond
    ///     assert!(!turn.stopped);
    /// }
    /// assert_eq!(task.into_result().ok(), Some("done"));
    /// assert_eq!(lp.run_once(Some(Duration::ZERO))?.left, Left::Nothing);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Running`] if this loop is running, [`Error::InsideTask`] in a task of another loop (in a callback of
    /// another loop it is allowed), [`Error::Closed`] after `close`, [`Error::Io`] if the operating system fails.
    pub fn run_once(&self, limit: Option<Duration>) -> Result<Turn, Error> {
        let _running = Running::begin_turn(self)?;
        let wait_limit = match limit {
            Some(Duration::ZERO) => WaitLimit::Nothing,
            limit => WaitLimit::Until(limit.map(|limit| self.kernel().clock().deadline_after(limit))),
        };
        let mut active = ActiveTurn::begin(self, wait_limit, TurnBudget::UNLIMITED);
        if active.iteration.has_rest() {
            active.run_batch();
        } else {
            active.iterate()?;
        }
        Ok(active.end())
    }

    /// Runs iterations without waiting, until nothing is ready or the budget is spent. What has come on descriptors is
    /// looked at, as in a run.
    ///
    /// The budget may be spent in the middle of an iteration. The next turn or run goes on there, so the order is that
    /// of one run, however small the budget is. A virtual clock does not move in such a turn.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, Left, yield_now};
    /// use std::time::Duration;
    ///
    /// // a host that draws 60 times a second gives the loop 4 ms of each frame
    /// let lp = EventLoop::new()?;
    /// let task = lp.create_task(async {
    ///     for _ in 0..1000 {
    ///         yield_now().await;
    ///     }
    /// });
    /// while lp.run_ready(Duration::from_millis(4))?.left == Left::Ready {
    ///     // draw
    /// }
    /// assert!(task.done());
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run_once`](Self::run_once).
    pub fn run_ready(&self, budget: impl Into<TurnBudget>) -> Result<Turn, Error> {
        let _running = Running::begin_turn(self)?;
        let mut active = ActiveTurn::begin(self, WaitLimit::Nothing, budget.into());
        if !active.iteration.has_rest() || active.run_batch() {
            while active.may_go_on() && active.iterate()? {}
        }
        Ok(active.end())
    }

    /// Runs iterations without waiting, until nothing is ready: [`run_ready`](Self::run_ready) without a limit. A task
    /// that is always ready keeps this from returning.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    ///
    /// let lp = EventLoop::new()?;
    /// let task = lp.create_task(async { 5 });
    /// lp.run_until_stalled()?;
    /// assert_eq!(task.into_result().ok(), Some(5));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run_once`](Self::run_once).
    pub fn run_until_stalled(&self) -> Result<Turn, Error> {
        self.run_ready(TurnBudget::UNLIMITED)
    }

    /// When the next timer is due, by the clock of the loop; `None` if no timer is set. It is exact: a timer that was
    /// cancelled does not count. A host that cannot watch [a descriptor](#impl-AsFd-for-EventLoop) takes a turn then.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    /// use std::time::Duration;
    ///
    /// let lp = EventLoop::new()?;
    /// let timer = lp.call_later(Duration::from_secs(5), || ());
    /// assert_eq!(lp.next_deadline(), Some(timer.when()));
    /// timer.cancel();
    /// assert_eq!(lp.next_deadline(), None);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn next_deadline(&self) -> Option<Instant> {
        let kernel = self.kernel();
        kernel.next_deadline().map(|at| kernel.clock().instant(at))
    }

    /// Whether a turn would run something at once: an entry is queued, another thread has sent something, or a timer is
    /// due. Descriptors are not looked at, which takes a turn or a look at [the loop's
    /// own](#impl-AsFd-for-EventLoop).
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    ///
    /// let lp = EventLoop::new()?;
    /// assert!(!lp.has_ready());
    /// lp.call_soon(|| ());
    /// assert!(lp.has_ready());
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn has_ready(&self) -> bool {
        self.kernel().has_ready()
    }

    /// What the next turn or run has to do.
    fn left(&self) -> Left {
        let kernel = self.kernel();
        if kernel.has_ready() {
            return Left::Ready;
        }
        match self.next_deadline() {
            Some(deadline) => Left::Deadline(deadline),
            None if kernel.watches_descriptors() || !kernel.expected().is_empty() => Left::Outside,
            None => Left::Nothing,
        }
    }
}

/// A turn, from its beginning to its end.
struct ActiveTurn<'a> {
    lp: &'a EventLoop,
    outside: Outside<'a>,
    iteration: Iteration<'a>,
    /// When the time of the budget is up, by the machine's clock.
    ends: Option<Instant>,
    /// How many entries may be run.
    allowed: usize,
    /// How many entries were run.
    entries: usize,
    stopped: bool,
}

impl<'a> ActiveTurn<'a> {
    fn begin(lp: &'a EventLoop, wait_limit: WaitLimit, budget: TurnBudget) -> Self {
        Self {
            lp,
            outside: Outside::new(lp.kernel(), wait_limit),
            iteration: Iteration::first(lp.kernel()),
            ends: budget.time.and_then(|time| Instant::now().checked_add(time)),
            allowed: budget.entries.unwrap_or(usize::MAX),
            entries: 0,
            stopped: false,
        }
    }

    /// One iteration, or the beginning of one if the budget is spent in it. Returns whether the turn may go on: not if
    /// nothing was ready.
    fn iterate(&mut self) -> Result<bool, Error> {
        self.iteration.begin_turn(&mut self.outside)?;
        let was_ready = self.iteration.has_rest();
        Ok(self.run_batch() && was_ready)
    }

    /// Runs the batch, as far as the budget goes. Returns whether it was finished, and `stop()` was not called.
    fn run_batch(&mut self) -> bool {
        let (mut entries, allowed, ends) = (self.entries, self.allowed, self.ends);
        self.iteration.run_batch_of_turn(|| {
            let goes_on = may_go_on(entries, allowed, ends);
            entries += usize::from(goes_on);
            goes_on
        });
        self.entries = entries;
        let life = self.lp.kernel().life();
        let finished = !self.iteration.has_rest();
        self.stopped = finished && life.is_stopping();
        if self.stopped {
            life.set_stopping(false);
        }
        finished && !self.stopped
    }

    fn may_go_on(&self) -> bool {
        may_go_on(self.entries, self.allowed, self.ends)
    }

    fn end(self) -> Turn {
        let Self { lp, iteration, entries, stopped, .. } = self;
        drop(iteration); // what it has left of its batch is ready, too
        Turn { entries, stopped, left: lp.left() }
    }
}

/// Whether a turn that has run so many entries may run another one. The first one is run however short the time is, so
/// that a host whose frames are always late gets on.
fn may_go_on(entries: usize, allowed: usize, ends: Option<Instant>) -> bool {
    entries < allowed && (entries == 0 || ends.is_none_or(|ends| Instant::now() < ends))
}
