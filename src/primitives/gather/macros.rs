//! `gather!` and `try_gather!`, for children of several types. Owns the macros; must not know what they call.

/// Runs awaitables of several types concurrently and returns a tuple of their values: asyncio's `gather(a(), b(),
/// c())`. In all else it is the function [`gather`](fn@crate::gather).
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

/// Runs awaitables of several types with one type of error concurrently and returns a tuple of their values, or the
/// first error as soon as there is one. In all else it is the function [`try_gather`](fn@crate::try_gather).
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

// Exported macros are at the root of the crate. This makes them reachable by this module's path too, for the prelude.
pub use {gather, try_gather};
