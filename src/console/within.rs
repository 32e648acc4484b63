//! A time limit for the thread that answers. Owns the box that makes all that it limits one type; must not know what is
//! limited.

use std::pin::Pin;
use std::time::Duration;

use crate::primitives::timeout;

/// The value of `work`, or `None` if that takes longer than `limit`: as `timeout`, which is compiled here for one type
/// of future, and not for each that this thread waits for.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut value = None;
    let work: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(async { value = Some(work.await) });
    let _ = timeout(limit, work).await; // then there is no value
    value
}
