//! The handle on a gathering: asyncio's `_GatheringFuture`. Owns the type that users await, nest and cancel; must not
//! know how the children are counted.

use std::marker::PhantomData;

use super::join_handle::{JoinHandle, Listed};
use super::shared::{Awaitable, Shared};
use crate::base::PooledRc;
use crate::node::Node;

/// The kind of a gathering of values, which [`gather`](fn@crate::gather) returns.
///
/// # Examples
/// ```
/// use oneloop::gather::{Gathering, Values};
/// use oneloop::{gather, run};
///
/// run(async {
///     let both: Gathering<Vec<u32>, Values> = gather([1, 2].map(|n| async move { n }));
///     assert_eq!(both.await, [1, 2]);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Values {}

/// The kind of a gathering of outcomes, which [`return_exceptions`](Gathering::return_exceptions) returns.
///
/// # Examples
/// ```
/// use oneloop::gather::{Gathering, Outcomes};
/// use oneloop::{TaskError, gather, run};
///
/// run(async {
///     let one: Gathering<Vec<Result<u32, TaskError>>, Outcomes> =
///         gather([async { panic!("no page") }]).return_exceptions();
///     assert_eq!(one.await[0].as_ref().unwrap_err().to_string(), "panicked: no page");
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Outcomes {}

/// The kind of a gathering of values or the first error, which [`try_gather`](fn@crate::try_gather) returns.
///
/// # Examples
/// ```
/// use oneloop::gather::{FirstError, Gathering};
/// use oneloop::{run, try_gather};
///
/// run(async {
///     let both: Gathering<Result<Vec<u32>, &str>, FirstError> = try_gather([async { Ok(1) }]);
///     assert_eq!(both.await, Ok(vec![1]));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum FirstError {}

/// Several awaitables as one, returned by [`gather`](fn@crate::gather) and [`try_gather`](fn@crate::try_gather).
///
/// A gathering runs from the moment it is made, awaited or not. Awaiting it returns all results in the order of the
/// arguments. It can be nested in another gathering, cancelled as a group, and passed to `run_until_complete`. If it is
/// dropped, its children run on.
///
/// `O` is the type of the results. `K` says how children that fail are treated: [`Values`], [`Outcomes`] or
/// [`FirstError`].
///
/// `cancel()` cancels all children that are not done, and returns false if there were none; the gathering ends when
/// they have ended. `cancelled()` is true if the gathering ended by a cancellation of itself or of a child; asyncio's
/// `cancelled()` of a gathering is always false.
///
/// # Examples
/// ```
/// use oneloop::{gather, run, sleep, try_gather};
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
///
///     // the results can be read without an await, as with all handles
///     let numbers = gather([after(1)]);
///     let parsed = try_gather(["1", "x"].map(async |text| text.parse::<i32>()));
///     assert!(numbers.result().is_err()); // it is not done
///     sleep(Duration::from_millis(100)).await;
///     assert_eq!(numbers.result().expect("it has ended"), [1]);
///     assert!(parsed.exception().expect("it has ended").is_some());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Cancel safety
/// Dropping the await loses nothing but the results: the children run on. A cancellation of the awaiting task cancels
/// all children, if nothing else is awaited there, and is raised in that task when the first of them has ended (with
/// [`Outcomes`]: the last).
#[must_use = "if a gathering is dropped, its children run on, and their results are lost"]
pub struct Gathering<O, K = Values> {
    pub(super) join: JoinHandle<O>,
    kind: PhantomData<K>,
}

impl<O: 'static, K: 'static> Gathering<O, K> {
    /// A gathering of a kind that is in the list of handle types.
    pub(crate) fn new(join: JoinHandle<O>) -> Self
    where
        Self: Listed,
    {
        Self { join, kind: PhantomData }
    }

    /// The node behind the handle, with its type, which follows from the type of the handle.
    pub(crate) fn known_node<N: Node + 'static>(&self) -> PooledRc<N> {
        let node = self.join.node().typed::<N>();
        node.unwrap_or_else(|_| unreachable!("a gathering's type says which node is behind it"))
    }

    /// A handle that can be cloned and awaited many times.
    pub fn shared(self) -> Shared<O>
    where
        O: Clone,
    {
        Shared::new(self.join)
    }
}

impl<O, K> Unpin for Gathering<O, K> {}

impl<O: 'static, K: 'static> From<Gathering<O, K>> for Awaitable<O> {
    fn from(gathering: Gathering<O, K>) -> Self {
        Self::from_join(gathering.join)
    }
}
