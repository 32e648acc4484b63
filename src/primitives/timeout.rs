//! Time limits: asyncio's `timeout`, `timeout_at` and `wait_for`. Owns the scope that cancels its task at a deadline
//! and tells that cancellation from others; must not know how timers are kept.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use super::wait::wait::wait;
use crate::awaitables::{TaskHandle, create_task, current_task, recognise_borrowed};
use crate::base::{PooledRc, poll_with, unsize};
use crate::cancel::{Reraise, cancel, poll_catching};
use crate::current::{self, Timer, deadline_after};
use crate::error::{RescheduleError, TimeoutError};
use crate::kernel::{Handle, Run};

/// Awaits `future` for at most `limit`: asyncio's `async with timeout(limit)`.
///
/// When the time is up, the current task is cancelled. So the future meets a cancellation where it waits, may clean up,
/// and is dropped; then this returns `Err(TimeoutError)`. If the future catches that cancellation and returns, its
/// value is returned. A cancellation by other code passes through unchanged.
///
/// The whole task is cancelled, as in asyncio. If a combinator of another crate, such as `join!`, polls several futures
/// of the task, all of them meet the cancellation, and a `catch_cancelled` that is polled before the time limit catches
/// it.
///
/// # Examples
/// ```
/// use oneloop::{run, sleep, timeout, TimeoutError};
/// use std::time::Duration;
///
/// run(async {
///     let limit = Duration::from_millis(5);
///     assert_eq!(timeout(limit, async { 1 }).await, Ok(1));
///     assert_eq!(timeout(limit, sleep(Duration::from_secs(60))).await, Err(TimeoutError));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Errors
/// [`TimeoutError`] if the time was up and that has ended the future.
///
/// # Panics
/// If it is awaited outside a task.
///
/// # Cancel safety
/// Dropping it drops the future.
pub fn timeout<F: IntoFuture>(limit: Duration, future: F) -> impl Future<Output = Result<F::Output, TimeoutError>> {
    Timeout::after(limit).run(future)
}

/// Awaits `future` until `deadline` on the loop's clock at the latest: asyncio's `async with timeout_at(deadline)`.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, run, sleep, timeout_at};
/// use std::time::Duration;
///
/// run(async {
///     let soon = EventLoop::current().time() + Duration::from_millis(1);
///     assert!(timeout_at(soon, sleep(Duration::from_secs(60))).await.is_err());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Errors
/// [`TimeoutError`] if the time was up and that has ended the future.
///
/// # Panics
/// If it is awaited outside a task.
///
/// # Cancel safety
/// Dropping it drops the future.
pub fn timeout_at<F: IntoFuture>(
    deadline: Instant,
    future: F,
) -> impl Future<Output = Result<F::Output, TimeoutError>> {
    Timeout::at(deadline).run(future)
}

/// Awaits `future` for at most `limit`; `None` for no limit. asyncio's `wait_for`.
///
/// A coroutine runs in the current task. With a limit of zero, a coroutine is not started; the value of a task or
/// future that is done is returned, and one that is not done is cancelled and waited for.
///
/// # Examples
/// ```
/// use oneloop::{create_task, run, sleep, wait_for};
/// use std::time::Duration;
///
/// run(async {
///     let task = create_task(async { sleep(Duration::from_secs(60)).await; 1 });
///     let handle = task.handle();
///     assert!(wait_for(task, Duration::from_millis(1)).await.is_err());
///     assert!(handle.cancelled());
///     assert_eq!(wait_for(async { 2 }, None).await, Ok(2));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Errors
/// [`TimeoutError`] if the time was up and that has ended the future.
///
/// # Panics
/// If it is awaited outside a task. A panic of the future is resumed here.
///
/// # Cancel safety
/// Dropping it drops a coroutine; a task or future runs on.
pub async fn wait_for<F: IntoFuture>(future: F, limit: impl Into<Option<Duration>>) -> Result<F::Output, TimeoutError> {
    match limit.into() {
        None => Ok(future.await),
        Some(Duration::ZERO) => wait_for_no_time(future).await,
        Some(limit) => timeout(limit, future).await,
    }
}

/// `wait_for` with a limit of zero.
async fn wait_for_no_time<F: IntoFuture>(future: F) -> Result<F::Output, TimeoutError> {
    let Ok(mut join) = recognise_borrowed(future) else {
        // asyncio makes a task of the coroutine and cancels it before its first step. This coroutine may borrow, so it
        // cannot become a task: an empty task takes as many iterations.
        let task = create_task(async {});
        task.cancel();
        drop(wait([task]).await);
        return Err(TimeoutError);
    };
    if !join.done() {
        cancel(&join.node(), &None);
        drop(wait([join.any()]).await);
        if join.cancelled() {
            return Err(TimeoutError);
        }
    }
    Ok(std::future::poll_fn(|cx| join.poll(cx)).await)
}

/// A time limit that can be moved while it runs: asyncio's `Timeout` object. Clones are the same limit.
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, Timeout, sleep};
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// lp.run_until_complete(async {
///     let limit = Timeout::after(Duration::from_secs(1));
///     let inside = limit.clone();
///     let ended = limit.run(async move {
///         let later = EventLoop::current().time() + Duration::from_secs(10);
///         inside.reschedule(later).expect("it is running");
///         sleep(Duration::from_secs(5)).await;
///     }).await;
///     assert!(ended.is_ok() && !limit.expired());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct Timeout {
    scope: PooledRc<Scope>,
}

/// The limit as it was given.
#[derive(Clone, Copy, Debug)]
enum Limit {
    None,
    After(Duration),
    At(Instant),
}

impl Timeout {
    /// A limit of `limit`, counted from the first poll of [`run`](Self::run).
    pub fn after(limit: Duration) -> Self {
        Self::new(Limit::After(limit))
    }

    /// A limit at `deadline` on the loop's clock.
    pub fn at(deadline: Instant) -> Self {
        Self::new(Limit::At(deadline))
    }

    /// A limit without a deadline, which [`reschedule`](Self::reschedule) can set.
    pub fn none() -> Self {
        Self::new(Limit::None)
    }

    fn new(limit: Limit) -> Self {
        let scope = Scope {
            limit,
            state: Cell::new(State::Created),
            task: RefCell::new(None),
            when: Cell::new(None),
            expiry: Cell::new(None),
        };
        Self { scope: PooledRc::new(scope) }
    }

    /// Awaits `future` under this limit. Each `Timeout` can be run once.
    ///
    /// # Errors
    /// [`TimeoutError`] if the time was up and that has ended the future.
    ///
    /// # Panics
    /// If the limit was run before, or if it is awaited outside a task.
    ///
    /// # Cancel safety
    /// Dropping it drops the future.
    pub fn run<F: IntoFuture>(&self, future: F) -> impl Future<Output = Result<F::Output, TimeoutError>> + use<F> {
        let scope = self.scope.clone();
        let mut inside = None;
        let mut reraise = None;
        poll_with(future.into_future(), move |future, cx| {
            if let Some(reraise) = &mut reraise {
                return Reraise::poll(reraise, cx);
            }
            let inside = inside.get_or_insert_with(|| Inside::enter(&scope));
            // before the time is up, a cancellation cannot be this scope's own, so it is not caught
            let ended = ready!(poll_catching(scope.state.get() == State::Expiring, future, cx));
            match (ended, inside.leave()) {
                (Ok(value), _) => Poll::Ready(Ok(value)),
                (Err(_), true) => Poll::Ready(Err(TimeoutError)),
                // caught, but the task was cancelled by other code too
                (Err(cancelled), false) => reraise.insert(Reraise::new(cancelled)).poll(cx),
            }
        })
    }

    /// Moves the deadline, or removes it with `None`: asyncio's `reschedule`.
    ///
    /// # Errors
    /// If it is not running: it has not begun, the time is up, or it is over.
    pub fn reschedule(&self, deadline: impl Into<Option<Instant>>) -> Result<(), RescheduleError> {
        match self.scope.state.get() {
            State::Created => Err(RescheduleError::NotEntered),
            State::Active => {
                Scope::arm(&self.scope, deadline.into());
                Ok(())
            }
            State::Expiring | State::Expired | State::Finished => Err(RescheduleError::Over),
        }
    }

    /// The deadline; `None` if there is none or the limit has not begun. asyncio's `when()`.
    pub fn when(&self) -> Option<Instant> {
        self.scope.when.get()
    }

    /// Whether the time was up before the future had ended: asyncio's `expired()`.
    pub fn expired(&self) -> bool {
        matches!(self.scope.state.get(), State::Expiring | State::Expired)
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("state", &self.scope.state.get()).field("when", &self.when()).finish()
    }
}

/// The states of a time limit, those of asyncio's `Timeout`:
///
/// ```text
///   Created
///      │ first poll of `run`
///      ▼
///    Active ── the future ends or is dropped ──▶ Finished
///      │
///      │ the time is up: the task is cancelled
///      ▼
///   Expiring ── the future ends or is dropped ──▶ Expired
/// ```
///
/// In `Active` the deadline can be moved; that is no change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
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
struct Scope {
    limit: Limit,
    state: Cell<State>,
    /// The task that is cancelled when the time is up.
    task: RefCell<Option<TaskHandle>>,
    /// The deadline.
    when: Cell<Option<Instant>>,
    expiry: Cell<Option<Expiry>>,
}

impl Scope {
    /// Begins the run. Returns the number of cancellations of the task that were requested before.
    ///
    /// # Panics
    /// If the limit was run before, or outside a task.
    fn enter(me: &PooledRc<Self>) -> u32 {
        assert!(me.state.get() == State::Created, "Timeout has already been entered; make a new one for each run");
        let task = current_task().expect("Timeout should be used inside a task; use create_task or run_until_complete");
        let before = task.cancelling();
        me.task.replace(Some(task));
        me.state.set(State::Active);
        match me.limit {
            Limit::None => {}
            Limit::At(deadline) => Self::arm(me, Some(deadline)),
            Limit::After(limit) => {
                let kernel = current::expect();
                Self::arm(me, Some(kernel.clock().instant(deadline_after(&kernel, limit))));
            }
        }
        before
    }

    /// Sets the deadline. If it has passed, the time is up in the next iteration, before any timer that is due then.
    fn arm(me: &PooledRc<Self>, deadline: Option<Instant>) {
        drop(me.expiry.take());
        me.when.set(deadline);
        let Some(deadline) = deadline else { return };
        let kernel = current::expect();
        let (at, now) = (kernel.clock().nanos_at(deadline), kernel.clock().now());
        let time_is_up = unsize!(me.clone() => dyn Run);
        let expiry = if at <= now {
            let overdue = Handle::new(move || time_is_up.run(), Location::caller());
            kernel.push_run(overdue.run_ref());
            Expiry::Queued(overdue)
        } else {
            Expiry::Timer(Timer::running(&kernel, at, time_is_up))
        };
        me.expiry.set(Some(expiry));
    }

    /// Ends the run. Returns whether a cancellation that came out of the future is this scope's own: the time was up,
    /// and after its request was taken back no more requests remain than were there before.
    fn exit(&self, before: u32) -> bool {
        let task = self.task.take();
        if self.state.get() == State::Expiring {
            self.state.set(State::Expired);
            return task.is_some_and(|task| task.uncancel() <= before);
        }
        self.state.set(State::Finished);
        false
    }
}

/// Runs when the time is up.
impl Run for Scope {
    fn run(&self) {
        if self.state.get() != State::Active {
            return;
        }
        drop(self.expiry.take());
        self.state.set(State::Expiring);
        let task = self.task.borrow().clone();
        if let Some(task) = task {
            task.cancel();
        }
    }
}

/// The run of a scope, from the first poll of the future to its end. However it ends, also by a panic or because it is
/// dropped, the scope is left.
struct Inside {
    scope: PooledRc<Scope>,
    /// The number of cancellations of the task that were requested before the run.
    before: u32,
    left: bool,
}

impl Inside {
    fn enter(scope: &PooledRc<Scope>) -> Self {
        Self { scope: scope.clone(), before: Scope::enter(scope), left: false }
    }

    /// Leaves the scope. Returns whether a cancellation that came out of the future is its own.
    fn leave(&mut self) -> bool {
        self.left = true;
        drop(self.scope.expiry.take());
        self.scope.exit(self.before)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if !self.left {
            self.leave();
        }
    }
}
