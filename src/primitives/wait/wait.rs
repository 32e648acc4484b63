//! Some of several tasks, on a condition or a time-out: asyncio's `wait`. Owns the set that is waited for; must not know
//! `gather`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::round::{Decider, WaitNode};
use super::waitable::{Sealed, Value, Waitable, node_of};
use crate::base::{PooledRc, downcast};
use crate::current;
use crate::node::Promise;

/// When a wait ends: asyncio's `return_when`.
///
/// # Examples
/// ```
/// use oneloop::{ReturnWhen, create_task, run, wait, yield_now};
///
/// run(async {
///     let tasks = [1, 5, 9].map(|n| create_task(async move { for _ in 0..n { yield_now().await } n }));
///     let sets = wait(tasks).return_when(ReturnWhen::FirstCompleted).await;
///     assert_eq!(sets.done.into_iter().next().expect("one is done").await, 1);
///     assert_eq!(sets.pending.len(), 2);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ReturnWhen {}

#[expect(non_upper_case_globals, reason = "they read as the variants that they would be if each fitted every task")]
impl ReturnWhen {
    /// When all are done: what a wait does if nothing is said.
    pub const AllCompleted: AllCompleted = AllCompleted;
    /// When any is done. More may be by the time the wait resumes, and are in `done` then.
    pub const FirstCompleted: FirstCompleted = FirstCompleted;
    /// When any has failed: returned an error, or panicked; or when all are done. A cancelled one does not count, as in
    /// asyncio. Only for what returns a `Result`.
    pub const FirstException: FirstException = FirstException;
}

/// See [`ReturnWhen::AllCompleted`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AllCompleted;

/// See [`ReturnWhen::FirstCompleted`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FirstCompleted;

/// See [`ReturnWhen::FirstException`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FirstException;

/// A condition that can end a wait for tasks of type `H`: one of [`ReturnWhen`]'s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot end a wait for `{H}`",
    note = "`ReturnWhen::FirstException` needs tasks that return a `Result`"
)]
pub trait WaitCondition<H: Waitable>: Judges<H> {}

impl<H: Waitable, C: Judges<H>> WaitCondition<H> for C {}

#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot end a wait for `{H}`",
    note = "`ReturnWhen::FirstException` needs tasks that return a `Result`"
)]
pub trait Judges<H: Waitable> {
    fn judge(self) -> Judge<H::Out>;
}

/// Which child that is done ends a wait.
#[doc(hidden)]
pub struct Judge<O>(Decider<O>);

impl<O> fmt::Debug for Judge<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}

impl<H: Waitable> Judges<H> for AllCompleted {
    fn judge(self) -> Judge<H::Out> {
        Judge(Decider::Last)
    }
}

impl<H: Waitable> Judges<H> for FirstCompleted {
    fn judge(self) -> Judge<H::Out> {
        Judge(Decider::Any)
    }
}

impl<V, E, H: Waitable + Sealed<Out = Result<V, E>>> Judges<H> for FirstException {
    fn judge(self) -> Judge<H::Out> {
        Judge(Decider::Failed(|promise: &dyn Promise<Result<V, E>>| {
            let mut failed = false;
            promise.peek(&mut |result| failed = result.is_err());
            failed
        }))
    }
}

/// What a wait found.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "the tasks are in here; dropping them lets them run on"]
pub struct WaitSets<H: Waitable> {
    /// Those that are done, in the order in which they ended (at first, those that were done before, in the order of
    /// the arguments). Nothing is raised: ask each how it ended.
    pub done: Vec<H>,
    /// Those that are not, in the order of the arguments. Nothing was cancelled.
    pub pending: Pending<H>,
    /// Whether it was the time-out that ended the wait.
    pub timed_out: bool,
}

/// Tasks that are waited for. Passed back to [`wait`](fn@wait), it keeps its registrations, so that waiting for the next of n
/// tasks until none is left costs O(n) in all.
///
/// # Examples
/// ```
/// use oneloop::{ReturnWhen, create_task, run, wait};
///
/// run(async {
///     let mut pending = wait((0..5).map(|i| create_task(async move { i }))).into_pending();
///     let mut order = Vec::new();
///     while !pending.is_empty() {
///         let sets = wait(pending).return_when(ReturnWhen::FirstCompleted).await;
///         order.extend(sets.done.iter().map(|task| task.result().expect("it has a value")));
///         pending = sets.pending;
///     }
///     assert_eq!(order, [0, 1, 2, 3, 4]);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
pub struct Pending<H: Waitable> {
    /// In a place of its own, as it goes from hand to hand; `None` where it has gone on to somebody else.
    set: Option<Box<Set<H>>>,
}

struct Set<H: Waitable> {
    node: PooledRc<WaitNode<H::Out>>,
    /// `None` where a task was handed out.
    slots: Vec<Option<H>>,
    len: usize,
}

impl<H: Waitable> Set<H> {
    /// Leaves out the places of those that were handed out, once those are the most.
    fn pack(&mut self) {
        if self.len <= self.slots.len() / 2 {
            self.node.renumber(self.slots.iter().map(|slot| slot.as_ref().map(node_of)));
            self.slots.retain(Option::is_some);
        }
    }

    /// Moves out those that are done, in the order in which they ended.
    fn take_done(&mut self) -> Vec<H> {
        let slots = &mut self.slots;
        let take = |index: u32| slots[index as usize].take().expect("a task ends once");
        let done: Vec<H> = self.node.drain_done(|indexes| indexes.map(take).collect());
        self.len -= done.len();
        done
    }

    fn forget_all(&mut self) {
        if self.len > 0 {
            self.node.forget(self.slots.iter().map(|slot| slot.as_ref().map(node_of)));
            self.len = 0;
        }
    }
}

impl<H: Waitable> Drop for Set<H> {
    fn drop(&mut self) {
        self.node.end_round();
        self.forget_all();
    }
}

impl<H: Waitable> Pending<H> {
    fn new(handles: impl Iterator<Item = H>) -> Self {
        let slots: Vec<Option<H>> = handles.map(Some).collect();
        let node = WaitNode::watching(current::expect(), slots.iter().flatten().map(node_of));
        Self { set: Some(Box::new(Set { node, len: slots.len(), slots })) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.set.as_ref().map_or(0, |set| set.len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tasks, in the order of the arguments.
    pub fn iter(&self) -> PendingIter<'_, H> {
        PendingIter { slots: self.set.as_ref().map_or(&[][..], |set| &set.slots).iter() }
    }
}

/// The tasks of a [`Pending`], by reference.
#[derive(Debug)]
pub struct PendingIter<'a, H> {
    slots: std::slice::Iter<'a, Option<H>>,
}

impl<'a, H> Iterator for PendingIter<'a, H> {
    type Item = &'a H;

    fn next(&mut self) -> Option<&'a H> {
        self.slots.by_ref().flatten().next()
    }
}

impl<'a, H: Waitable> IntoIterator for &'a Pending<H> {
    type Item = &'a H;
    type IntoIter = PendingIter<'a, H>;

    fn into_iter(self) -> PendingIter<'a, H> {
        self.iter()
    }
}

/// The tasks of a [`Pending`], moved out. Given to [`wait`](fn@wait) before any was, it is the `Pending` itself.
#[derive(Debug)]
pub struct PendingIntoIter<H: Waitable> {
    pending: Pending<H>,
    next: usize,
}

impl<H: Waitable> Iterator for PendingIntoIter<H> {
    type Item = H;

    fn next(&mut self) -> Option<H> {
        let set = self.pending.set.as_mut()?;
        set.forget_all();
        while let Some(slot) = set.slots.get_mut(self.next) {
            self.next += 1;
            if let Some(handle) = slot.take() {
                return Some(handle);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let slots = self.pending.set.as_ref().map_or(0, |set| set.slots.len());
        (0, Some(slots - self.next))
    }
}

impl<H: Waitable> IntoIterator for Pending<H> {
    type Item = H;
    type IntoIter = PendingIntoIter<H>;

    fn into_iter(self) -> PendingIntoIter<H> {
        PendingIntoIter { pending: self, next: 0 }
    }
}

impl<H: Waitable + fmt::Debug> fmt::Debug for Pending<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// Waits for some or all of several tasks, on a condition or a time-out: asyncio's `wait`.
///
/// Takes tasks, futures and gatherings, shared or untyped handles, all of one type (see [`Waitable`]); a coroutine wants
/// [`create_task`](fn@crate::create_task) first, as in asyncio. Nothing is cancelled and nothing raised: the tasks come
/// back, those that are done and those that are not. Without any it answers two empty sets at once.
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
pub fn wait<I>(tasks: I) -> Wait<I::Item>
where
    I: IntoIterator,
    I::Item: Waitable,
{
    let tasks = tasks.into_iter();
    // SAFETY: `I::IntoIter` determines its items and with them the type of the iterator over a Pending of them.
    #[expect(unsafe_code, reason = "the contract of a downcast for types that are not 'static")]
    let again = unsafe { downcast::<I::IntoIter, PendingIntoIter<I::Item>>(tasks) };
    let pending = match again {
        Ok(PendingIntoIter { mut pending, next: 0 }) => {
            if let Some(set) = &mut pending.set {
                set.pack();
            }
            pending
        }
        Ok(rest) => Pending::new(rest),
        Err(tasks) => Pending::new(tasks),
    };
    Wait { pending, decider: Decider::Last, timeout: None }
}

/// The future of [`wait`](fn@wait): set it up, then await it.
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<H: Waitable> {
    pending: Pending<H>,
    decider: Decider<H::Out>,
    timeout: Option<Duration>,
}

impl<H: Waitable> Wait<H> {
    /// When the wait ends: see [`ReturnWhen`].
    pub fn return_when(mut self, condition: impl WaitCondition<H>) -> Self {
        self.decider = condition.judge().0;
        self
    }

    /// Ends the wait after `limit` at the latest, counted from when it is first awaited; `None` for no limit.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeout = limit.into();
        self
    }

    /// The tasks, without waiting for them any longer.
    pub fn into_pending(self) -> Pending<H> {
        if let Some(set) = &self.pending.set {
            set.node.end_round();
        }
        self.pending
    }
}

impl<H: Waitable> Future for Wait<H> {
    type Output = WaitSets<H>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<WaitSets<H>> {
        let this = &mut *self;
        let mut timed_out = false;
        if let Some(set) = this.pending.set.as_ref().filter(|set| set.len > 0) {
            let value = |slot: &Option<H>| slot.as_ref().and_then(Sealed::value).map(Value::into_promise);
            let promises = || set.slots.iter().map(value).collect();
            match WaitNode::poll_round(&set.node, this.decider, this.timeout, promises, cx) {
                Poll::Ready(by_time) => timed_out = by_time,
                Poll::Pending => return Poll::Pending,
            }
        }
        let mut set = this.pending.set.take();
        let done = set.as_mut().map(|set| set.take_done()).unwrap_or_default();
        Poll::Ready(WaitSets { done, pending: Pending { set }, timed_out })
    }
}

impl<H: Waitable> Unpin for Wait<H> {}

impl<H: Waitable + fmt::Debug> fmt::Debug for Wait<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("tasks", &self.pending).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
