//! Several awaitables of one type. Owns the trait that says what the compiler tells those who pass something else; must
//! not know a gathering.

/// What [`gather`](fn@crate::gather) and [`try_gather`](fn@crate::try_gather) take: whatever can be iterated over, an
/// array, a `Vec` or an iterator, with awaitables of one type in it. It is implemented for all of these.
///
/// # Examples
/// ```
/// use oneloop::gather::Awaitables;
/// use oneloop::{gather, run, yield_now};
///
/// /// The greatest of the values.
/// async fn greatest(several: impl Awaitables<Output = u64>) -> Option<u64> {
///     gather(several).await.into_iter().max()
/// }
///
/// let pages = |n: u64| async move { yield_now().await; n };
/// assert_eq!(run(greatest([3, 7, 5].map(pages)))?, Some(7));
/// # Ok::<(), oneloop::Error>(())
/// ```
/// Awaitables of several types are no such sequence; for them there is [`gather!`](macro@crate::gather):
/// ```compile_fail,E0277
/// # oneloop::run(async {
/// oneloop::gather((async { 1 }, async { "two" })).await
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be gathered: it is no sequence of awaitables of one type",
    label = "neither an array, a `Vec` nor another iterator, of coroutines, tasks, futures or gatherings",
    note = "several awaitables of one type are passed as a sequence, `gather([a(), a()])`; those of several types by \
            the macro, `gather!(a(), b())`"
)]
pub trait Awaitables: Sized {
    /// The value of each of them.
    type Output: 'static;
    /// One of them.
    type Item: Future<Output = Self::Output> + 'static;

    /// One after another.
    #[doc(hidden)]
    fn into_awaitables(self) -> impl Iterator<Item = Self::Item>;
}

#[diagnostic::do_not_recommend] // the compiler would say that a tuple is no iterator, and nothing of the macro
impl<I> Awaitables for I
where
    I: IntoIterator,
    I::Item: Future + 'static,
    <I::Item as Future>::Output: 'static,
{
    type Output = <I::Item as Future>::Output;
    type Item = I::Item;

    #[inline]
    fn into_awaitables(self) -> impl Iterator<Item = I::Item> {
        self.into_iter()
    }
}
