//! The handle on a gathering: asyncio's `_GatheringFuture`. Owns the type that users await, nest and cancel; must not
//! know how the children are counted.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::any_future::{AnyFuture, CallbackId};
use super::join_handle::JoinHandle;
use super::shared::{Awaitable, Shared};
use crate::base::PooledRc;
use crate::error::TaskError;
use crate::node::Node;

/// A gathering that gives the values of its children: what [`gather`](fn@crate::primitives::gather::gather) makes.
#[derive(Clone, Copy, Debug)]
pub enum Values {}

/// A gathering that gives the outcomes of its children: what `return_exceptions()` makes.
#[derive(Clone, Copy, Debug)]
pub enum Outcomes {}

/// A gathering that gives the values or the first error: what [`try_gather`](fn@crate::try_gather) makes.
#[derive(Clone, Copy, Debug)]
pub enum FirstError {}

/// Several awaitables as one: what [`gather`](fn@crate::primitives::gather::gather) and [`try_gather`](fn@crate::try_gather) answer.
///
/// It runs from the moment it is made, awaited or not. Awaiting it gives all results in the order of the arguments. It
/// can be nested in another gathering, cancelled as a group, and given to `run_until_complete`. Dropping it lets the
/// children run on.
///
/// `O` is what it gives, `K` how it treats children that fail: [`Values`], [`Outcomes`] or [`FirstError`].
///
/// # Examples
/// ```
/// use oneloop::{gather, run, sleep};
/// use std::time::Duration;
///
/// async fn after(ms: u64) -> u64 {
///     sleep(Duration::from_millis(ms)).await;
///     ms
/// }
///
/// run(async {
///     let both = gather([gather([after(3), after(1)]), gather([after(2)])]).await;
///     assert_eq!(both, [vec![3, 1], vec![2]]);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Cancel safety
/// Dropping the await loses nothing but the results: the children run on. A cancellation of the awaiting task cancels
/// all children, and reaches the awaiter when the first of them has ended (with [`Outcomes`]: the last).
#[must_use = "dropping a gathering lets its children run on, but nobody will see how they end"]
pub struct Gathering<O, K = Values> {
    join: JoinHandle<O>,
    kind: PhantomData<K>,
}

impl<O: 'static, K: 'static> Gathering<O, K> {
    pub(crate) fn new(join: JoinHandle<O>) -> Self {
        Self { join, kind: PhantomData }
    }

    /// The node behind the handle, which is an `N`.
    pub(crate) fn known_node<N: Node + 'static>(&self) -> PooledRc<N> {
        let node = self.join.node().typed::<N>();
        node.unwrap_or_else(|_| unreachable!("a gathering's kind says which node is behind it"))
    }

    pub(crate) fn join(&self) -> &JoinHandle<O> {
        &self.join
    }

    /// Whether it has its result: asyncio's `done()`.
    pub fn done(&self) -> bool {
        self.join.done()
    }

    /// Whether it ended by cancellation, of itself or of a child (asyncio's own never says so).
    pub fn cancelled(&self) -> bool {
        self.join.cancelled()
    }

    /// Cancels all children that are not done; false if there were none. The gathering ends when they have.
    pub fn cancel(&self) -> bool {
        self.join.cancel(None)
    }

    /// [`cancel`](Self::cancel) with a message for whoever catches it.
    pub fn cancel_with(&self, message: &str) -> bool {
        self.join.cancel(Some(message))
    }

    /// The results, moved out.
    ///
    /// # Errors
    /// If it is not done, a child was cancelled or panicked, or the results were taken by an earlier await.
    pub fn into_result(self) -> Result<O, TaskError> {
        self.join.take_result()
    }

    /// Waits for the end and answers it as a value: nothing is raised here, and a cancellation of the waiting task is not
    /// handed on.
    ///
    /// # Errors
    /// If a child was cancelled or panicked, or the results were taken by an earlier await.
    ///
    /// # Cancel safety
    /// Nothing is lost: whoever asks again gets the same answer.
    pub async fn outcome(&mut self) -> Result<O, TaskError> {
        std::future::poll_fn(|cx| self.join.poll_outcome(cx)).await
    }

    /// A cloneable handle without the type of the results.
    pub fn handle(&self) -> AnyFuture {
        self.join.any()
    }

    /// Calls `f` when it is done, in a turn of its own: asyncio's `add_done_callback`.
    pub fn add_done_callback(&self, f: impl FnOnce(&AnyFuture) + 'static) -> CallbackId {
        self.join.any().add_done_callback(f)
    }

    /// Takes a callback back; whether it was still registered. One that is queued already runs.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        self.join.any().remove_done_callback(id)
    }

    /// A handle that can be cloned and awaited many times.
    pub fn shared(self) -> Shared<O>
    where
        O: Clone,
    {
        Shared::new(self.join)
    }
}

impl<O, K> Gathering<O, K> {
    pub(crate) fn another_join(&self) -> JoinHandle<O> {
        self.join.another()
    }

    pub(crate) fn into_join(self) -> JoinHandle<O> {
        self.join
    }
}

impl<O: 'static, K: 'static> Future for Gathering<O, K> {
    type Output = O;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        self.join.poll(cx)
    }
}

impl<O, K> Unpin for Gathering<O, K> {}

impl<O: 'static, K: 'static> From<Gathering<O, K>> for Awaitable<O> {
    fn from(gathering: Gathering<O, K>) -> Self {
        Self::from_join(gathering.join)
    }
}

impl<O: 'static, K: 'static> fmt::Debug for Gathering<O, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.join.fmt(f)
    }
}
