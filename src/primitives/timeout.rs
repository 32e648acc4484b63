//! Time limits: asyncio's `timeout`, `timeout_at` and `wait_for`. Owns what comes of a limit that is up; must not know
//! how the deadline is kept, nor how a cancellation meets a scope.

use std::fmt;
use std::panic::Location;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::limit_state::{Limit, LimitRun, LimitState, Phase};
use super::wait::wait::wait;
use crate::awaitables::{create_task, recognise_borrowed};
use crate::base::{PooledRc, poll_with};
use crate::cancel::{Reraise, cancel, poll_scope};
use crate::error::{RescheduleError, TimeoutError};

/// Awaits `future` for at most `limit`: asyncio's `async with timeout(limit)`.
///
/// When the time is up, the future is cancelled: it meets the cancellation where it waits, may clean up, and is
/// dropped; then this returns `Err(TimeoutError)`. If the future catches that cancellation and returns, its value is
/// returned. A cancellation by other code passes through unchanged.
///
/// Only what is inside the limit is cancelled. What a combinator polls beside it, `join!` or `FuturesUnordered` for
/// example, goes on. If another limit there is up at the same time, each ends for itself. See
/// [what a cancellation reaches](crate::guide::from_asyncio#what-a-cancellation-reaches).
///
/// If the future awaits one task, future or gathering and nothing else, that is cancelled, and waited for. Of several
/// side by side none is cancelled: they run on.
///
/// A future that no `catch_cancelled` waits in is not polled any more when the time is up, even if it would be ready.
/// If this is not polled for a while, it returns `Err(TimeoutError)` when it is polled next. If it is moved to another
/// task, the limit goes on there.
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
#[track_caller]
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
#[track_caller]
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
#[track_caller]
pub fn wait_for<F: IntoFuture>(
    future: F,
    limit: impl Into<Option<Duration>>,
) -> impl Future<Output = Result<F::Output, TimeoutError>> {
    let (limit, created) = (limit.into(), Location::caller());
    async move {
        match limit {
            None => Ok(future.await),
            Some(Duration::ZERO) => wait_for_no_time(future).await,
            Some(limit) => Timeout::after(limit).run_made_at(created, future).await,
        }
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
#[must_use = "it limits only what run() is given"]
pub struct Timeout {
    shared: PooledRc<LimitState>,
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
        Self { shared: LimitState::new(limit) }
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
    #[track_caller]
    pub fn run<F: IntoFuture>(&self, future: F) -> impl Future<Output = Result<F::Output, TimeoutError>> + use<F> {
        self.run_made_at(Location::caller(), future)
    }

    /// `run`, which a panic says was called here.
    fn run_made_at<F: IntoFuture>(
        &self,
        created: &'static Location<'static>,
        future: F,
    ) -> impl Future<Output = Result<F::Output, TimeoutError>> + use<F> {
        let shared = self.shared.clone();
        let mut limit_run = None;
        let mut reraise = None;
        poll_with(future.into_future(), move |future, cx| {
            if let Some(reraise) = &mut reraise {
                return Reraise::poll(reraise, cx);
            }
            let limit_run = limit_run.get_or_insert_with(|| LimitRun::begin(&shared, created));
            let Poll::Ready(ended) = poll_scope(shared.scope().scope(), future, cx) else {
                limit_run.assert_time_passes();
                return Poll::Pending;
            };
            let is_own = shared.scope().is_own();
            limit_run.end();
            match ended {
                Ok(value) => Poll::Ready(Ok(value)),
                Err(_) if is_own => Poll::Ready(Err(TimeoutError)),
                // caught, but the task was cancelled by other code too
                Err(cancelled) => reraise.insert(Reraise::new(cancelled)).poll(cx),
            }
        })
    }

    /// Moves the deadline, or removes it with `None`: asyncio's `reschedule`.
    ///
    /// # Errors
    /// If it is not running: it has not begun, the time is up, or it is over.
    pub fn reschedule(&self, deadline: impl Into<Option<Instant>>) -> Result<(), RescheduleError> {
        match self.shared.phase() {
            Phase::Created => Err(RescheduleError::NotEntered),
            Phase::Active => {
                LimitState::arm(&self.shared, deadline.into());
                Ok(())
            }
            Phase::Expiring | Phase::Expired | Phase::Finished => Err(RescheduleError::Over),
        }
    }

    /// The deadline; `None` if there is none or the limit has not begun. asyncio's `when()`.
    pub fn when(&self) -> Option<Instant> {
        self.shared.when()
    }

    /// Whether the time was up before the future had ended: asyncio's `expired()`.
    pub fn expired(&self) -> bool {
        matches!(self.shared.phase(), Phase::Expiring | Phase::Expired)
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("state", &self.shared.phase()).field("when", &self.when()).finish()
    }
}
