//! A cancellation that starts on its way up inside a task: raised by a leaf, or raised on by the program. Owns the throw's
//! beginning and its taking back; must not know what catches it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::leaf::{is_throwing, poll_again};
use crate::current::{self, key_of};
use crate::error::Cancelled;
use crate::kernel::Throw;

/// A cancellation raised by a leaf, to be taken back if the leaf is dropped before anybody caught it.
#[derive(Debug, Default)]
pub(crate) struct Raise {
    number: u32,
}

impl Raise {
    /// Starts a throw: the leaf answers `Pending` now. If another leaf's is on its way already, this one comes if that is
    /// taken back. A leaf inside a combinator with wakers of its own asks to be polled again, as in `is_throwing`.
    ///
    /// # Panics
    /// Outside a task, where nothing could be thrown at.
    pub(crate) fn raise(&mut self, message: Option<Arc<str>>, cx: &Context<'_>) {
        self.revoke();
        let in_task = current::current().is_some_and(|kernel| {
            if kernel.current().is_none() {
                return false;
            }
            if kernel.throwing().throw() == Throw::Off {
                self.number = kernel.throwing().next_raise();
                kernel.throwing().raise_waits().set(false);
                kernel.throwing().start(Throw::Raised(self.number), message);
            } else {
                kernel.throwing().raise_waits().set(true);
            }
            true
        });
        assert!(
            in_task,
            "awaited something that was cancelled outside any task of a oneloop loop; \
             use outcome() there, which answers the cancellation as a value"
        );
        if key_of(cx.waker()).is_none() {
            cx.waker().wake_by_ref();
        }
    }

    /// Takes the raise back if it is still on its way. A leaf whose own had to wait is polled again.
    #[inline]
    pub(crate) fn revoke(&mut self) {
        if self.number != 0 {
            Self::take_back(std::mem::take(&mut self.number));
        }
    }

    #[cold]
    fn take_back(number: u32) {
        let Some(kernel) = current::current() else { return };
        if kernel.throwing().throw() != Throw::Raised(number) {
            return;
        }
        drop(kernel.throwing().take());
        if kernel.throwing().raise_waits().replace(false) {
            poll_again(&kernel);
        }
    }
}

impl Drop for Raise {
    #[inline]
    fn drop(&mut self) {
        self.revoke();
    }
}

/// What never comes: the type `!`, which has no name of its own yet.
#[doc(hidden)]
pub trait Returns {
    type Value;
}

impl<T> Returns for fn() -> T {
    type Value = T;
}

pub(crate) type Never = <fn() -> ! as Returns>::Value;

impl Cancelled {
    /// Raises the cancellation on: asyncio's bare `raise` in an `except CancelledError`. Never returns, so it fits
    /// wherever a value is wanted.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{catch_cancelled, create_task, run, sleep, yield_now};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let mut task = create_task(async {
    ///         match catch_cancelled(sleep(Duration::from_secs(3600))).await {
    ///             Ok(()) => 1,
    ///             Err(cancelled) => cancelled.reraise().await,
    ///         }
    ///     });
    ///     yield_now().await;
    ///     task.cancel();
    ///     assert!(task.outcome().await.is_err());
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If it is awaited outside a task of a loop.
    ///
    /// # Cancel safety
    /// Dropped before anybody caught it, it takes the raise back.
    pub async fn reraise(self) -> Never {
        let mut reraise = Reraise::new(self);
        poll_fn(|cx| reraise.poll(cx)).await
    }
}

/// A cancellation on its way on, once it is polled.
pub(crate) struct Reraise {
    message: Option<Arc<str>>,
    raise: Raise,
}

impl Reraise {
    pub(crate) fn new(cancelled: Cancelled) -> Self {
        Self { message: cancelled.into_message(), raise: Raise::default() }
    }

    pub(crate) fn poll<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        if !is_throwing(cx) {
            self.raise.raise(self.message.clone(), cx);
        }
        Poll::Pending
    }
}
