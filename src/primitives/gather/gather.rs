//! All of several awaitables, in order: asyncio's `gather`. Owns `gather`, `try_gather` and their policies; must not
//! know `wait` or the loop that runs the children.

use std::panic::Location;
use std::rc::Rc;

use super::children::{Children, first_error, is_err, outcomes, values};
use super::countdown::{Collect, Countdown, Fails};
use crate::awaitables::{FirstError, Gathering, JoinHandle, Outcomes, Values, recognise, spawn};
use crate::current;
use crate::error::TaskError;
use crate::node::{Loop, as_promise};

/// Runs awaitables at once and gives all their values in the order of the arguments: asyncio's `gather`.
///
/// Coroutines become tasks now, in order; tasks, futures and gatherings are taken as they are, with nothing wrapped
/// around them. Values may well be `Result`s: a child that returns an error is a child that returned. If a child is
/// cancelled, the gathering ends cancelled; if one panics, the panic goes on in whoever awaits the gathering. Either
/// way the other children run on, and [`return_exceptions`](Gathering::return_exceptions) puts such endings in their
/// places instead. For children of several types there is [`gather!`](macro@super::gather).
///
/// Children live on the loop, so they cannot borrow from the caller, as the main future may: move or share what they
/// need. A future that stands among the arguments twice wants `shared()`, as its value goes to one only.
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
/// # Panics
/// If this thread is in no loop, the loop is closed, or a child belongs to another loop.
#[track_caller]
pub fn gather<I>(awaitables: I) -> Gathering<Vec<<I::Item as Future>::Output>, Values>
where
    I: IntoIterator,
    I::Item: Future + 'static,
    <I::Item as Future>::Output: 'static,
{
    gathering(join_all(awaitables, Location::caller()), None, values)
}

/// Runs awaitables at once and gives their values in the order of the arguments, or the first error as soon as it comes:
/// asyncio's `gather` with its exceptions as values.
///
/// As with asyncio, the siblings of the child that failed run on;
/// [`cancel_rest`](Gathering::cancel_rest) cancels them and waits for their end instead. Later errors are lost.
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
/// As [`gather`].
#[track_caller]
pub fn try_gather<I, V, E>(awaitables: I) -> Gathering<Result<Vec<V>, E>, FirstError>
where
    I: IntoIterator,
    I::Item: Future<Output = Result<V, E>> + 'static,
    V: 'static,
    E: 'static,
{
    gathering(join_all(awaitables, Location::caller()), Some(is_err), first_error)
}

fn join_all<I>(awaitables: I, created: &'static Location<'static>) -> Vec<JoinHandle<<I::Item as Future>::Output>>
where
    I: IntoIterator,
    I::Item: Future + 'static,
    <I::Item as Future>::Output: 'static,
{
    let kernel = current::expect();
    awaitables.into_iter().map(|awaitable| child(&kernel, awaitable, created)).collect()
}

/// What is gathered, as a handle. One that is taken as it is must be of this loop, and belongs to the gathering now.
pub(super) fn child<F>(kernel: &Rc<Loop>, awaitable: F, created: &'static Location<'static>) -> JoinHandle<F::Output>
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
            join.promise().fix();
            join
        }
        Err(coroutine) => spawn(Rc::clone(kernel), coroutine, true, created).into_join(),
    }
}

/// The handle on a new gathering of `children`, whose values `fails` judges and `collect` puts together as an `O`.
pub(super) fn gathering<C, O, K>(children: C, fails: Option<Fails<C>>, collect: Collect<C>) -> Gathering<O, K>
where
    C: Children,
    O: 'static,
    K: 'static,
{
    let countdown = Countdown::start(current::expect(), children, fails, collect);
    Gathering::new(JoinHandle::adopt(as_promise(countdown.node())), countdown)
}

impl<T: 'static> Gathering<Vec<T>, Values> {
    /// Gives every child's outcome in its place, cancelled and panicked ones too, when all have ended: asyncio's
    /// `return_exceptions=True`. Cancelling the gathering itself still cancels it.
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
        with_outcomes(&self, outcomes::<T>)
    }

    /// At most `n` children run at a time; the next starts when one has ended. Results stay in order.
    ///
    /// Only coroutines that have not begun wait for their turn, so set the limit right after the call; a task that was
    /// made before runs already. The siblings of a child that failed run on, and those that wait start in their turn.
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
    /// If `n` is 0: nothing could ever run.
    pub fn limit(self, n: usize) -> Self {
        self.known_countdown::<Countdown<Vec<JoinHandle<T>>>>().limit(n);
        self
    }
}

impl<T: 'static> Gathering<Vec<Result<T, TaskError>>, Outcomes> {
    /// At most `n` children run at a time: see [`Gathering::limit`] of `gather`.
    ///
    /// # Panics
    /// If `n` is 0: nothing could ever run.
    pub fn limit(self, n: usize) -> Self {
        self.known_countdown::<Countdown<Vec<JoinHandle<T>>>>().limit(n);
        self
    }
}

impl<V: 'static, E: 'static> Gathering<Result<Vec<V>, E>, FirstError> {
    /// At most `n` children run at a time: see [`Gathering::limit`] of `gather`.
    ///
    /// # Panics
    /// If `n` is 0: nothing could ever run.
    pub fn limit(self, n: usize) -> Self {
        self.known_countdown::<Countdown<Vec<JoinHandle<Result<V, E>>>>>().limit(n);
        self
    }

    /// On the first error, cancels the other children, waits until all have ended, and then gives that error.
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
        self.known_countdown::<Countdown<Vec<JoinHandle<Result<V, E>>>>>().cancel_rest();
        self
    }
}

/// The same gathering, giving what `collect` makes of the outcomes: a `P`.
pub(super) fn with_outcomes<C, O, P>(gathering: &Gathering<O, Values>, collect: Collect<C>) -> Gathering<P, Outcomes>
where
    C: Children,
    O: 'static,
    P: 'static,
{
    let countdown = gathering.known_countdown::<Countdown<C>>();
    countdown.collect_outcomes(collect);
    Gathering::new(JoinHandle::view(as_promise(countdown.node())), countdown)
}

/// Runs awaitables of several types at once and gives a tuple of their values: asyncio's `gather(a(), b(), c())`.
///
/// Everything said of [`gather`](fn@super::gather) holds.
///
/// # Examples
/// ```
/// use oneloop::{gather, run};
///
/// let (n, s) = run(async { gather!(async { 1 }, async { "two" }).await })?;
/// assert_eq!((n, s), (1, "two"));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[macro_export]
macro_rules! gather {
    ($($awaitable:expr),+ $(,)?) => { $crate::__private::gather_tuple(($($awaitable,)+)) };
}

/// Runs awaitables of several types with one type of error at once and gives a tuple of their values, or the first error
/// as soon as it comes.
///
/// Everything said of [`try_gather`](fn@crate::try_gather) holds.
///
/// # Examples
/// ```
/// use oneloop::{run, try_gather};
///
/// let both = run(async { try_gather!(async { Ok(1) }, async { Err::<(), _>("no") }).await })?;
/// assert_eq!(both, Err("no"));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[macro_export]
macro_rules! try_gather {
    ($($awaitable:expr),+ $(,)?) => { $crate::__private::try_gather_tuple(($($awaitable,)+)) };
}
