//! asyncio's `gather`. Owns the functions `gather` and `try_gather`, and the settings of a gathering; must not know
//! `wait`, or the loop that runs the children.

use std::panic::Location;
use std::rc::Rc;

use super::children::{Children, is_err_at, values, values_or_error};
use super::gathering_node::{Collect, Fails, GatheringNode};
use super::several::Awaitables;
use crate::awaitables::{
    FirstError, Gathering, JoinHandle, Listed, Outcomes, ValueHandle, Values, is_handle, recognise, start_unawaited,
};
use crate::cancel::cancel;
use crate::current;
use crate::error::TaskError;
use crate::node::{Loop, Promise, as_promise};

/// The node behind what `gather` returns.
type ValuesNode<T> = GatheringNode<Vec<ValueHandle<T>>, Vec<T>>;

/// The node behind what `try_gather` returns.
type FirstErrorNode<V, E> = GatheringNode<Vec<ValueHandle<Result<V, E>>>, Result<Vec<V>, E>>;

/// Runs awaitables concurrently and returns all their values in the order of the arguments: asyncio's `gather`.
///
/// Coroutines become tasks when `gather` is called, in order. Tasks, futures and gatherings are taken as they are; no
/// task is made for them. A child that returns a `Result` with an error counts as a child that returned. If a child is
/// cancelled, the gathering ends cancelled; if a child panics, its panic is resumed in the awaiter. In both cases the
/// other children run on. [`return_exceptions`](Gathering::return_exceptions) returns such endings as values instead.
/// For children of several types, use [`gather!`](macro@crate::gather).
///
/// To pass one future twice, use `shared()`, because its value can be taken once.
///
/// # Examples
/// ```
/// use oneloop::{gather, run, sleep};
/// use std::time::Duration;
///
/// async fn fetch(i: u64) -> u64 {
///     sleep(Duration::from_millis(3 - i)).await;
///     i * 10
/// }
///
/// assert_eq!(run(async { gather((0..3).map(fetch)).await })?, [0, 10, 20]);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Children that borrow
/// The children belong to the loop and may outlive the caller, so they cannot borrow from it, as the main future may.
/// The compiler says then that a borrowed value does not live long enough, and that it must be borrowed for `'static`.
/// Move or share what the children need (`async move`, a clone of an `Rc`). If they must borrow, they cannot be tasks:
/// the combinators of the `futures` crate poll them inside the calling task, and end them with it.
/// ```
/// use futures::future::join_all;
/// use oneloop::{run, yield_now};
///
/// let words = vec![String::from("one"), String::from("loop")];
/// let lengths = run(async {
///     join_all(words.iter().map(|word| async move {
///         yield_now().await;
///         word.len()
///     }))
///     .await
/// })?;
/// assert_eq!(lengths, [3, 4]);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If this thread is in no loop, the loop is closed, or a child belongs to another loop. If the iterator panics, the
/// coroutines that it has given are cancelled before they begin, and the panic goes on.
#[doc(alias = "join_all")]
#[doc(alias = "join")]
#[track_caller]
pub fn gather<A: Awaitables>(awaitables: A) -> Gathering<Vec<A::Output>, Values> {
    let (children, nests) = children(awaitables, Location::caller());
    gathering(children, nests, None, values)
}

/// Runs awaitables concurrently and returns their values in the order of the arguments, or the first error as soon as
/// there is one: asyncio's `gather` with its exceptions as values.
///
/// As in asyncio, the siblings of the child that failed run on, and later errors are lost.
/// [`cancel_rest`](Gathering::cancel_rest) cancels the siblings and waits for their end instead.
///
/// # Examples
/// ```
/// use oneloop::{run, try_gather};
///
/// async fn parse(text: &str) -> Result<i32, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// run(async {
///     assert_eq!(try_gather(["1", "2"].map(parse)).await, Ok(vec![1, 2]));
///     assert!(try_gather(["1", "x"].map(parse)).await.is_err());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// As [`gather`](fn@crate::gather).
#[doc(alias = "try_join_all")]
#[doc(alias = "try_join")]
#[track_caller]
pub fn try_gather<A, V, E>(awaitables: A) -> Gathering<Result<Vec<V>, E>, FirstError>
where
    A: Awaitables<Output = Result<V, E>>,
    V: 'static,
    E: 'static,
{
    let (children, nests) = children(awaitables, Location::caller());
    gathering(children, nests, Some(is_err_at), values_or_error)
}

/// The handles on children, and whether a value of one may have parts.
#[track_caller]
fn children<A: Awaitables>(awaitables: A, created: &'static Location<'static>) -> (Vec<ValueHandle<A::Output>>, bool) {
    let kernel = current::expect();
    let awaitables = awaitables.into_awaitables();
    let mut begun = Begun::<A::Item> { children: Vec::with_capacity(awaitables.size_hint().0) };
    let mut nests = false;
    // no closure, so that a panic points to the caller
    for awaitable in awaitables {
        begun.children.push(child(&kernel, awaitable, created, &mut nests));
    }
    (std::mem::take(&mut begun.children), nests)
}

/// The children of a gathering that is being made. If the iterator panics, this is dropped, and cancels the tasks that
/// were made so far, before they begin: in asyncio, no child is a task yet while the arguments are still coming.
struct Begun<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    children: Vec<ValueHandle<F::Output>>,
}

impl<F> Drop for Begun<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    #[inline]
    fn drop(&mut self) {
        if !self.children.is_empty() && !is_handle::<F, F::Output>() {
            cancel_all(&self.children);
        }
    }
}

#[cold]
fn cancel_all<T: 'static>(children: &[ValueHandle<T>]) {
    for child in children {
        cancel(&child.node(), &None);
    }
}

/// The handle on a child: `awaitable` itself, or a new task of it. Sets `nests` if its value may have parts.
///
/// # Panics
/// If `awaitable` is a handle of another loop.
#[track_caller]
pub(super) fn child<F>(
    kernel: &Rc<Loop>,
    awaitable: F,
    created: &'static Location<'static>,
    nests: &mut bool,
) -> ValueHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match recognise(awaitable) {
        Ok(join) => {
            assert!(
                Rc::ptr_eq(join.core().kernel(), kernel),
                "gathered a future of another event loop; gather it in a task of the loop that made it"
            );
            *nests |= join.promise().has_parts();
            join.into_handle()
        }
        Err(coroutine) => start_unawaited(Rc::clone(kernel), coroutine, created),
    }
}

/// The handle on a new gathering of `children`. `nests` says whether a value of one may have parts, `fails` which of
/// them have failed by their values; `collect` puts the results together.
pub(super) fn gathering<C, O, K>(
    children: C,
    nests: bool,
    fails: Option<Fails<C>>,
    collect: Collect<C, O>,
) -> Gathering<O, K>
where
    C: Children,
    O: 'static,
    K: 'static,
    Gathering<O, K>: Listed,
{
    let node = GatheringNode::start(current::expect(), children, nests, fails, collect);
    Gathering::new(JoinHandle::adopt(as_promise::<O, _>(node)))
}

/// The same gathering with outcomes as its results.
pub(super) fn with_outcomes<C, O>(gathering: &Gathering<O, Values>) -> Gathering<C::Outcomes, Outcomes>
where
    C: Children,
    O: 'static,
    GatheringNode<C, O>: Promise<C::Outcomes>,
    Gathering<C::Outcomes, Outcomes>: Listed,
{
    let node = gathering.known_node::<GatheringNode<C, O>>();
    GatheringNode::collect_outcomes(&node);
    Gathering::new(JoinHandle::view(as_promise::<C::Outcomes, _>(node)))
}

impl<T: 'static> Gathering<Vec<T>, Values> {
    /// Makes this a gathering of outcomes: when all children have ended, it returns how each of them ended, also by a
    /// cancellation or a panic. asyncio's `return_exceptions=True`. A cancellation of the gathering itself still
    /// cancels it.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{create_task, gather, run, TaskError};
    ///
    /// run(async {
    ///     let (good, bad) = (create_task(async { 1 }), create_task(async { 2 }));
    ///     bad.cancel();
    ///     let ended = gather([good, bad]).return_exceptions().await;
    ///     assert!(matches!(ended[..], [Ok(1), Err(TaskError::Cancelled(_))]));
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn return_exceptions(self) -> Gathering<Vec<Result<T, TaskError>>, Outcomes> {
        with_outcomes::<Vec<ValueHandle<T>>, _>(&self)
    }

    /// Limits the number of children that run at a time to `n`: the next child starts when another has ended. The
    /// results stay in order.
    ///
    /// Only children that have not begun are held back, so set the limit right after the call of `gather`. The siblings
    /// of a child that failed run on, and those that are held back still start one after another.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{gather, run, yield_now};
    ///
    /// let squares = run(async {
    ///     gather((0..100_u64).map(|i| async move { yield_now().await; i * i })).limit(8).await
    /// })?;
    /// assert_eq!(squares[99], 9801);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If `n` is 0: no child could ever run.
    #[track_caller]
    pub fn limit(self, n: usize) -> Self {
        self.known_node::<ValuesNode<T>>().set_limit(n);
        self
    }
}

impl<T: 'static> Gathering<Vec<Result<T, TaskError>>, Outcomes> {
    /// Limits the number of children that run at a time to `n`: see `limit` of a gathering of [`Values`].
    ///
    /// # Panics
    /// If `n` is 0: no child could ever run.
    #[track_caller]
    pub fn limit(self, n: usize) -> Self {
        self.known_node::<ValuesNode<T>>().set_limit(n);
        self
    }
}

impl<V: 'static, E: 'static> Gathering<Result<Vec<V>, E>, FirstError> {
    /// Limits the number of children that run at a time to `n`: see `limit` of a gathering of [`Values`].
    ///
    /// # Panics
    /// If `n` is 0: no child could ever run.
    #[track_caller]
    pub fn limit(self, n: usize) -> Self {
        self.known_node::<FirstErrorNode<V, E>>().set_limit(n);
        self
    }

    /// On the first error, cancels the other children, waits until all have ended, and then returns that error.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{run, sleep, try_gather};
    /// use std::time::Duration;
    ///
    /// async fn after(seconds: u64) -> Result<(), u64> {
    ///     sleep(Duration::from_secs(seconds)).await;
    ///     if seconds == 0 { Err(seconds) } else { Ok(()) }
    /// }
    ///
    /// run(async {
    ///     let ended = try_gather([after(3600), after(0)]).cancel_rest().await; // at once
    ///     assert_eq!(ended, Err(0));
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn cancel_rest(self) -> Self {
        GatheringNode::cancel_rest(&self.known_node::<FirstErrorNode<V, E>>());
        self
    }
}
