//! Cancellations that begin at a leaf: the await of something that was cancelled, and `reraise`. Owns how a leaf raises
//! and how it takes that back; must not know what catches the cancellation.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::leaf::poll_again;
use crate::current::{self, key_of};
use crate::error::Cancelled;
use crate::kernel::Throw;

/// If leaves under wakers of other crates raise so often in one step, and nothing catches it, they are polled by an
/// executor inside the step, which would go on for ever. A combinator polls each only a few times.
const MAX_RAISES: u32 = 1_000_000;

/// A cancellation that a leaf has raised. Dropping this takes it back, unless it was caught before.
#[derive(Debug, Default)]
pub(crate) struct Raise {
    /// The number of the throw; 0 if the leaf has raised none.
    number: u32,
}

impl Raise {
    /// Raises a cancellation. The leaf must then return `Pending`.
    ///
    /// If there is a throw already, this one is postponed: the leaf is polled again if the other one is caught beside
    /// it or taken back, and raises then. A leaf whose waker is foreign wakes itself now, because another poll of the
    /// task would not reach it.
    ///
    /// # Panics
    /// Outside a task, where nothing would catch it; and in an executor that runs inside a step, and so polls the leaf
    /// over and over.
    #[track_caller]
    pub(crate) fn raise(&mut self, message: Option<Arc<str>>, cx: &Context<'_>) {
        self.revoke(); // a leaf that is polled again raises anew, under a new number
        let kernel = current::current().filter(|kernel| kernel.running_task().is_some());
        let kernel = kernel.expect(
            "a cancelled task or future was awaited outside any task of a oneloop loop; use outcome() there, which \
             returns the cancellation as a value",
        );
        let throwing = kernel.throwing();
        match throwing.throw() {
            Throw::Off => {
                self.number = throwing.next_raise();
                throwing.raise_postponed().set(false);
                throwing.raise(self.number, message);
            }
            Throw::Raised(_) => throwing.raise_postponed().set(true),
            Throw::Delivered => poll_again(&kernel),
        }
        if key_of(cx.waker()).is_none() {
            let raises = throwing.count_raise(kernel.step().number());
            assert!(
                raises < MAX_RAISES,
                "a cancelled task or future is awaited by an executor that runs inside a step of a task (block_on, for \
                 example), where nothing can catch the cancellation; await it in the task, or use outcome() there, \
                 which returns the cancellation as a value"
            );
            cx.waker().wake_by_ref();
        }
    }

    /// Takes the cancellation back if it is still on its way. Then a leaf whose raise was postponed is polled again.
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
        if kernel.throwing().raise_postponed().replace(false) {
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

/// Names the return type of a function type. Only by this detour stable Rust can name the type `!`.
#[doc(hidden)]
pub trait Returns {
    type Value;
}

impl<T> Returns for fn() -> T {
    type Value = T;
}

/// The type `!`: no value has it.
pub(crate) type Never = <fn() -> ! as Returns>::Value;

impl Cancelled {
    /// Lets the cancellation go on from here: asyncio's bare `raise` in an `except CancelledError`. Never returns, so
    /// it fits wherever a value is wanted.
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
    /// If it is dropped before the cancellation was caught, the cancellation is taken back.
    pub async fn reraise(self) -> Never {
        let mut reraise = Reraise::new(self);
        poll_fn(|cx| reraise.poll(cx)).await
    }
}

/// A leaf that raises a caught cancellation once more, when it is polled.
pub(crate) struct Reraise {
    message: Option<Arc<str>>,
    raise: Raise,
}

impl Reraise {
    pub(crate) fn new(cancelled: Cancelled) -> Self {
        Self { message: cancelled.into_message(), raise: Raise::default() }
    }

    pub(crate) fn poll<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.raise.raise(self.message.clone(), cx);
        Poll::Pending
    }
}
