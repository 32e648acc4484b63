//! A task that lives no longer than its handle. Owns the request to cancel in the destructor; must not know what the
//! handle is on.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::any_future::AnyFuture;

/// A handle on a task or another awaitable that is cancelled when the handle is dropped: what `cancel_on_drop()` of a
/// [`Task`](crate::Task) returns. It has the methods of the handle that it was made of, and awaiting it is awaiting
/// that. [`into_inner`](Self::into_inner) gives the handle back.
///
/// A task group does the same for several tasks, and waits for their ends.
///
/// # Examples
/// ```
/// use oneloop::{create_task, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let ticks = create_task(async { sleep(Duration::from_secs(3600)).await }).cancel_on_drop();
///     let watched = ticks.any();
///     drop(ticks);
///     oneloop::yield_now().await;
///     assert!(watched.cancelled());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Cancel safety
/// If the await is dropped, the task is cancelled with it.
#[must_use = "the task is cancelled as soon as this is dropped"]
pub struct CancelOnDrop<H> {
    /// In front, because fields are dropped in this order: the task is cancelled while its handle is still there.
    request: Request,
    handle: H,
}

/// Asks for the cancellation when it is dropped, unless that was taken back.
struct Request {
    of: Option<AnyFuture>,
}

impl<H> CancelOnDrop<H> {
    pub(super) fn new(handle: H, any: AnyFuture) -> Self {
        Self { request: Request { of: Some(any) }, handle }
    }

    /// The handle that this one was made of, which cancels nothing when it is dropped.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{create_task, run, sleep};
    /// use std::time::Duration;
    ///
    /// let answer = run(async {
    ///     let work = create_task(async {
    ///         sleep(Duration::from_millis(1)).await;
    ///         7
    ///     });
    ///     let work = work.cancel_on_drop();
    ///     // whatever returns here cancels the work; from now on it is to be finished
    ///     work.into_inner().await
    /// })?;
    /// assert_eq!(answer, 7);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn into_inner(mut self) -> H {
        self.request.of = None;
        self.handle
    }

    pub(super) fn handle_mut(&mut self) -> &mut H {
        &mut self.handle
    }
}

impl<H> Deref for CancelOnDrop<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.handle
    }
}

impl<H: Future + Unpin> Future for CancelOnDrop<H> {
    type Output = H::Output;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<H::Output> {
        Pin::new(&mut self.handle).poll(cx)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(task) = &self.of {
            task.cancel(); // does nothing to what is done
        }
    }
}

impl<H: fmt::Debug> fmt::Debug for CancelOnDrop<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelOnDrop").field(&self.handle).finish()
    }
}
