//! Signals of the process as a `Stream` of the crate `futures-core`. Owns the function that makes it; must not know how
//! a signal reaches a loop.

use futures_core::Stream;

use super::unfold::unfold;
use crate::error::SignalError;
use crate::signal::received;

/// The signals with this number, one [`received`] after another. None is lost between two items.
///
/// # Examples
/// ```no_run
/// use futures::StreamExt as _;
/// use oneloop::{adapters::signals, run, signal::SIGHUP};
///
/// run(async {
///     let mut hang_ups = signals(SIGHUP);
///     while let Some(Ok(())) = hang_ups.next().await {
///         println!("reads its settings again");
///     }
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Errors
/// An item is an error where [`received`] returns one, and the stream ends.
pub fn signals(signal: i32) -> impl Stream<Item = Result<(), SignalError>> + Unpin {
    unfold(true, move |goes_on| async move {
        if !goes_on {
            return None;
        }
        let came = received(signal).await;
        let goes_on = came.is_ok();
        Some((came, goes_on))
    })
}
