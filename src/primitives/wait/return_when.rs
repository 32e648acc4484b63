//! The conditions that end a wait: asyncio's `return_when`. Owns their types; must not know how a wait goes.

use std::fmt;

use super::wait_state::Decider;
use super::waitable::Waitable;
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

// `FirstException` does not fit every type of task, so the conditions are of different types, and no variants.
#[expect(non_upper_case_globals, reason = "they are written like the variants of an enum")]
impl ReturnWhen {
    /// When all are done. The default.
    pub const AllCompleted: AllCompleted = AllCompleted;
    /// When any is done. Others may be done too by the time the wait resumes; they are in `done` then.
    pub const FirstCompleted: FirstCompleted = FirstCompleted;
    /// When any has failed, by an error or a panic, or all are done. A cancelled task does not count as failed; a
    /// cancelled gathering does, and so does a shield of one: as in asyncio.
    ///
    /// Only for tasks that return a `Result`, since nothing else can be an error:
    /// ```compile_fail,E0277
    /// use oneloop::{ReturnWhen, create_task, run, wait, yield_now};
    ///
    /// run(async { wait([create_task(yield_now())]).return_when(ReturnWhen::FirstException).await });
    /// ```
    pub const FirstException: FirstException = FirstException;
}

/// See [`ReturnWhen::AllCompleted`], which is a value of this type.
///
/// # Examples
/// ```
/// use oneloop::wait::AllCompleted;
/// use oneloop::{create_task, run, wait};
///
/// run(async {
///     let tasks = [1, 2].map(|n| create_task(async move { n }));
///     assert_eq!(wait(tasks).return_when(AllCompleted).await.done.len(), 2); // also without being said
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AllCompleted;

/// See [`ReturnWhen::FirstCompleted`], which is a value of this type.
///
/// # Examples
/// ```
/// use oneloop::wait::FirstCompleted;
/// use oneloop::{create_task, run, wait};
/// use std::future::pending;
///
/// run(async {
///     let tasks = [create_task(pending()), create_task(async { 7 })];
///     let mut sets = wait(tasks).return_when(FirstCompleted).await;
///     assert_eq!((sets.done.remove(0).await, sets.pending.len()), (7, 1));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FirstCompleted;

/// See [`ReturnWhen::FirstException`], which is a value of this type.
///
/// # Examples
/// ```
/// use oneloop::wait::FirstException;
/// use oneloop::{create_task, run, wait};
///
/// async fn page(n: u32) -> Result<u32, String> {
///     if n == 1 { Err("no such page".to_owned()) } else { std::future::pending().await }
/// }
///
/// run(async {
///     let sets = wait([0, 1, 2].map(|n| create_task(page(n)))).return_when(FirstException).await;
///     assert_eq!((sets.done.len(), sets.pending.len()), (1, 2));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FirstException;

/// A condition that can end a wait for handles of type `H`: one of those of [`ReturnWhen`].
///
/// # Examples
/// ```
/// use oneloop::wait::{WaitCondition, Waitable, WaitSets};
/// use oneloop::wait;
/// use std::time::Duration;
///
/// /// A wait of a second at most, that ends when its caller says.
/// async fn for_a_second<H: Waitable, C: WaitCondition<H>>(tasks: Vec<H>, when: C) -> WaitSets<H> {
///     wait(tasks).return_when(when).timeout(Duration::from_secs(1)).await
/// }
/// # let _ = for_a_second::<oneloop::Task<()>, oneloop::wait::AllCompleted>;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no condition that ends a wait for `{H}`",
    note = "the conditions are `ReturnWhen::AllCompleted`, `ReturnWhen::FirstCompleted` and \
            `ReturnWhen::FirstException`"
)]
pub trait WaitCondition<H: Waitable>: DecidesWait<H> {}

impl<H: Waitable, C: DecidesWait<H>> WaitCondition<H> for C {}

/// The part of `WaitCondition` that is not public.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no condition that ends a wait for `{H}`",
    note = "the conditions are `ReturnWhen::AllCompleted`, `ReturnWhen::FirstCompleted` and \
            `ReturnWhen::FirstException`"
)]
pub trait DecidesWait<H: Waitable> {
    fn decider(self) -> OpaqueDecider<H::Out>;
}

/// What may be an error: a `Result`. A trait, so that the compiler names the remedy where it is none.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`ReturnWhen::FirstException` waits for an error, and these tasks return `{Self}`, which is no `Result`",
    label = "the tasks return no `Result`",
    note = "let the tasks return a `Result`, or wait with `ReturnWhen::FirstCompleted`"
)]
pub trait MayBeError {
    fn is_error(&self) -> bool;
}

impl<V, E> MayBeError for Result<V, E> {
    fn is_error(&self) -> bool {
        self.is_err()
    }
}

/// A `Decider`, wrapped for the public trait.
#[doc(hidden)]
pub struct OpaqueDecider<O>(Decider<O>);

impl<O> OpaqueDecider<O> {
    pub(super) fn into_inner(self) -> Decider<O> {
        self.0
    }
}

impl<O> fmt::Debug for OpaqueDecider<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueDecider")
    }
}

impl<H: Waitable> DecidesWait<H> for AllCompleted {
    fn decider(self) -> OpaqueDecider<H::Out> {
        OpaqueDecider(Decider::Last)
    }
}

impl<H: Waitable> DecidesWait<H> for FirstCompleted {
    fn decider(self) -> OpaqueDecider<H::Out> {
        OpaqueDecider(Decider::Any)
    }
}

impl<H: Waitable> DecidesWait<H> for FirstException
where
    H::Out: MayBeError,
{
    fn decider(self) -> OpaqueDecider<H::Out> {
        OpaqueDecider(Decider::Failed(|promise: &dyn Promise<H::Out>| {
            let mut is_error = false;
            promise.peek(&mut |value| is_error = value.is_error());
            is_error
        }))
    }
}
