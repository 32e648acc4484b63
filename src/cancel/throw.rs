//! Cancellation as an exception: how it rises through the awaits of the running task, who catches it, who raises it on.
//! Owns `catch_cancelled`, `reraise` and what every leaf does about a throw; must not know tasks or what leaves wait for.
//!
//! While a cancellation is being thrown, leaves answer `Pending`, and the innermost `catch_cancelled` that sees
//! `Pending` come up drops what is below it: destructors are `finally`. Nobody below can go on, since nothing resumes.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::base::poll_with;
use crate::current;
use crate::current::waker;
use crate::error::Cancelled;
use crate::kernel::{Leaf, Throw};
use crate::node::{Kind, Loop, Node, NodeRef, TaskState};

/// Whether a leaf must answer `Pending` because the step is delivering a cancellation.
///
/// It may have missed what it waits for by that, and must be polled again if it outlives the throw, since something beside
/// it catches: inside a foreign combinator with wakers of its own it asks for that at once, else whoever catches does.
#[inline]
pub(crate) fn is_throwing(cx: &Context<'_>) -> bool {
    current::with(|kernel| kernel.is_some_and(|k| k.throw() == Throw::Delivered)) && hold_back(cx)
}

#[cold]
fn hold_back(cx: &Context<'_>) -> bool {
    current::with(|kernel| kernel.inspect(|k| k.held_back().set(true)).is_some());
    if waker::key_of(cx.waker()).is_none() {
        cx.waker().wake_by_ref();
    }
    true
}

/// The running task is to take another step.
fn poll_again(kernel: &Loop) {
    kernel.with_current(|task| {
        if let Some(Kind::Task(suspension)) = task.map(|task| task.kind()) {
            kernel.wake(suspension.key());
        }
    });
}

/// Notes in the running task the node that it is about to wait for: the await graph, and the way a cancellation takes.
pub(crate) fn wait_for_node(node: impl FnOnce() -> NodeRef) {
    with_running(|suspension| suspension.wait_for(node()));
}

/// Notes what the running task is about to wait for if that is no node.
pub(crate) fn wait_for(leaf: Leaf) {
    current::with(|kernel| {
        if let Some(kernel) = kernel {
            kernel.leaf().set(Some(leaf));
        }
    });
}

/// The running task has given up an await of `node`. What it held is handed back to be dropped.
pub(crate) fn no_longer_waits_for(node: &dyn Node) -> Option<NodeRef> {
    with_running(|suspension| suspension.no_longer_waits_for(node)).flatten()
}

fn with_running<R>(f: impl FnOnce(&TaskState) -> R) -> Option<R> {
    current::with(|kernel| {
        kernel?.with_current(|task| match task?.kind() {
            Kind::Task(suspension) => Some(f(suspension)),
            Kind::Plain | Kind::Group(_) => None,
        })
    })
}

/// Takes one request for cancellation of a task back and answers how many are left. At zero, one that was not delivered
/// yet is dropped, also one that is being delivered right now and met a future of foreign make that returned all the
/// same.
pub(crate) fn uncancel(task: &dyn Node) -> u32 {
    let Kind::Task(suspension) = task.kind() else { return 0 };
    let left = suspension.uncancel();
    let kernel = task.core().kernel();
    if left == 0 && suspension.running().get() && kernel.throw() == Throw::Delivered {
        drop(kernel.take_throw());
        if kernel.held_back().get() {
            poll_again(kernel);
        }
    }
    left
}

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
        let in_task = current::with(|kernel| {
            let Some(kernel) = kernel.filter(|k| k.with_current(|task| task.is_some())) else { return false };
            if kernel.throw() == Throw::Off {
                self.number = kernel.next_raise();
                kernel.raise_waits().set(false);
                kernel.start_throw(Throw::Raised(self.number), message);
            } else {
                kernel.raise_waits().set(true);
            }
            true
        });
        assert!(
            in_task,
            "awaited something that was cancelled outside any task of a oneloop loop; \
             use outcome() there, which answers the cancellation as a value"
        );
        if waker::key_of(cx.waker()).is_none() {
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
        current::with(|kernel| {
            let Some(kernel) = kernel.filter(|k| k.throw() == Throw::Raised(number)) else { return };
            drop(kernel.take_throw());
            if kernel.raise_waits().replace(false) {
                poll_again(kernel);
            }
        });
    }
}

impl Drop for Raise {
    #[inline]
    fn drop(&mut self) {
        self.revoke();
    }
}

/// Runs `future` and catches a cancellation that rises through it: asyncio's
/// `try: await future` / `except CancelledError`.
///
/// `Ok(value)` if the future returned, `Err(Cancelled)` if it was cancelled; the future has been dropped then, its
/// destructors have run, and the task goes on here: it may clean up with awaits, swallow the cancellation
/// (`cancelling()` stays up until `uncancel()`), or raise it on with [`Cancelled::reraise`].
///
/// # Examples
/// ```
/// use oneloop::{catch_cancelled, create_task, run, sleep, yield_now};
/// use std::time::Duration;
///
/// run(async {
///     let task = create_task(async {
///         match catch_cancelled(sleep(Duration::from_secs(3600))).await {
///             Ok(()) => "slept",
///             Err(_) => {
///                 yield_now().await; // clean up, with awaits
///                 "woken early"
///             }
///         }
///     });
///     yield_now().await;
///     task.cancel();
///     assert_eq!(task.await, "woken early");
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Errors
/// [`Cancelled`] if a cancellation came up.
///
/// # Cancel safety
/// That is what it is for. Dropping it drops the future.
pub fn catch_cancelled<F: IntoFuture>(future: F) -> impl Future<Output = Result<F::Output, Cancelled>> {
    poll_with(future.into_future(), |future, cx| poll_catching(true, future, cx))
}

/// One poll of a scope. While it does not catch, a cancellation passes through it on its way up, and may find its catcher
/// in a sibling, where a combinator of foreign make polls several.
pub(crate) fn poll_catching<F: Future>(
    catches: bool,
    mut future: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Cancelled>> {
    let outside = if catches { Outside::put_aside() } else { None };
    let others_held_back = current::with(|kernel| kernel.is_some_and(|k| k.held_back().get()));
    let inner = future.as_mut().as_pin_mut().expect("a scope for cancellations was polled again after it was done");
    let polled = inner.poll(cx);
    let caught = current::with(|kernel| {
        let kernel = kernel.filter(|k| catches && polled.is_pending() && k.throw() != Throw::Off)?;
        if others_held_back && kernel.throw() == Throw::Delivered {
            poll_again(kernel);
        }
        Some(kernel.take_throw())
    });
    drop(outside);
    match caught {
        Some(message) => {
            future.set(None);
            Poll::Ready(Err(Cancelled::new(message)))
        }
        None => polled.map(Ok),
    }
}

/// What a sibling raised outside a scope, which is none of the scope's business, put aside until this is dropped.
struct Outside {
    throw: Throw,
    message: Option<Arc<str>>,
    another_waits: bool,
}

impl Outside {
    fn put_aside() -> Option<Self> {
        current::with(|kernel| {
            let kernel = kernel.filter(|k| matches!(k.throw(), Throw::Raised(_)))?;
            let throw = kernel.throw();
            let another_waits = kernel.raise_waits().replace(false);
            Some(Self { throw, message: kernel.take_throw(), another_waits })
        })
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        current::with(|kernel| {
            if let Some(kernel) = kernel {
                kernel.start_throw(self.throw, self.message.take());
                kernel.raise_waits().set(self.another_waits);
            }
        });
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
