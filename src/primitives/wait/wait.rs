//! asyncio's `wait`. Owns the function, its future and its result; must not know `gather`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::pending_set::{PendingIntoIter, PendingSet};
use super::return_when::WaitCondition;
use super::wait_state::{Decider, WaitState};
use super::waitable::{Sealed, Value, Waitable};
use crate::base::downcast;

/// Waits for some or all of several tasks, on a condition or a time-out: asyncio's `wait`.
///
/// Takes handles of one type: tasks, futures, gatherings, shared or untyped handles, see [`Waitable`]. Make a task of a
/// coroutine first, by [`create_task`](fn@crate::create_task), as in asyncio. Nothing is cancelled and nothing raised:
/// the handles are returned in two sets, [`done`](WaitSets::done) and [`pending`](WaitSets::pending). Without any
/// handles, the wait returns two empty sets at once.
///
/// # Examples
/// ```
/// use oneloop::{create_task, run, sleep, wait};
/// use std::time::Duration;
///
/// run(async {
///     let tasks = [1, 60_000].map(|ms| create_task(sleep(Duration::from_millis(ms))));
///     let sets = wait(tasks).timeout(Duration::from_millis(20)).await;
///     assert_eq!((sets.done.len(), sets.pending.len(), sets.timed_out), (1, 1, true));
///     for task in &sets.pending {
///         task.cancel();
///     }
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If this thread is in no loop, or a task belongs to another loop.
///
/// # Cancel safety
/// The tasks run on, but their handles are dropped with the wait. To keep them, await it by `&mut` and take them with
/// [`into_pending`](Wait::into_pending).
#[doc(alias = "select")]
#[doc(alias = "select_all")]
#[track_caller]
pub fn wait<I>(tasks: I) -> Wait<I::Item>
where
    I: IntoIterator,
    I::Item: Waitable,
{
    let tasks = tasks.into_iter();
    // A set of an earlier wait keeps its registrations.
    // SAFETY: `I::IntoIter` determines its items and with them the type of the iterator over a `PendingSet` of them.
    #[expect(unsafe_code, reason = "the contract of a downcast for types that are not 'static")]
    let set = unsafe { downcast::<I::IntoIter, PendingIntoIter<I::Item>>(tasks) };
    let pending = match set.map(PendingIntoIter::into_set) {
        Ok(Ok(set)) => set.packed(),
        Ok(Err(rest)) => PendingSet::new(rest),
        Err(tasks) => PendingSet::new(tasks),
    };
    Wait { pending, decider: Decider::Last, timeout: None }
}

/// The result of a wait.
///
/// # Examples
/// ```
/// use oneloop::{create_task, run, wait};
/// use std::future::pending;
/// use std::time::Duration;
///
/// run(async {
///     let tasks = [create_task(pending()), create_task(async { 7 })];
///     let mut sets = wait(tasks).timeout(Duration::from_millis(1)).await;
///     assert!(sets.timed_out);
///     assert_eq!((sets.done.len(), sets.pending.len()), (1, 1));
///     assert_eq!(sets.done.remove(0).await, 7);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "it holds the tasks; if they are dropped, they run on"]
pub struct WaitSets<H: Waitable> {
    /// The tasks that are done, in the order in which they ended; before them those that were done when they were first
    /// waited for, in the order of the arguments. Nothing is raised: query each for how it ended.
    pub done: Vec<H>,
    /// The tasks that are not done, in the order of the arguments. Nothing was cancelled.
    pub pending: PendingSet<H>,
    /// Whether the time-out has ended the wait.
    pub timed_out: bool,
}

/// The future of [`wait`](fn@crate::wait): set it up, then await it.
///
/// # Examples
/// ```
/// use oneloop::{ReturnWhen, create_task, run, wait};
/// use std::time::Duration;
///
/// run(async {
///     let tasks = [1, 2].map(|n| create_task(async move { n }));
///     let waiting = wait(tasks).return_when(ReturnWhen::FirstCompleted).timeout(Duration::from_secs(1));
///     assert!(!waiting.await.done.is_empty());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<H: Waitable> {
    pending: PendingSet<H>,
    decider: Decider<H::Out>,
    timeout: Option<Duration>,
}

impl<H: Waitable> Wait<H> {
    /// Sets when the wait ends, see [`ReturnWhen`](crate::ReturnWhen).
    pub fn return_when(mut self, condition: impl WaitCondition<H>) -> Self {
        self.decider = condition.decider().into_inner();
        self
    }

    /// Ends the wait after `limit` at the latest, counted from its first poll; `None` for no limit.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeout = limit.into();
        self
    }

    /// Gives up the wait and returns its tasks.
    pub fn into_pending(self) -> PendingSet<H> {
        self.pending.end_wait();
        self.pending
    }
}

impl<H: Waitable> Future for Wait<H> {
    type Output = WaitSets<H>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<WaitSets<H>> {
        let this = &mut *self;
        let mut timed_out = false;
        if let Some(members) = this.pending.members() {
            let value = |slot: &Option<H>| slot.as_ref().and_then(Sealed::value).map(Value::into_promise);
            let promises = || members.slots.iter().map(value).collect();
            match WaitState::poll_wait(&members.state, this.decider, this.timeout, promises, cx) {
                Poll::Ready(by_time) => timed_out = by_time,
                Poll::Pending => return Poll::Pending,
            }
        }
        let (done, pending) = this.pending.split();
        Poll::Ready(WaitSets { done, pending, timed_out })
    }
}

impl<H: Waitable> Unpin for Wait<H> {}

impl<H: Waitable + fmt::Debug> fmt::Debug for Wait<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("tasks", &self.pending).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
