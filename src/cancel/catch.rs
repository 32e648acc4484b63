//! Where a cancellation is caught: asyncio's `except CancelledError`. Owns `catch_cancelled`; must not know how a
//! cancellation begins.
//!
//! While a cancellation is thrown, leaves return `Pending`. The innermost `catch_cancelled` whose future returns
//! `Pending` then drops that future: its destructors are asyncio's `finally`. `kernel/throwing.rs` has the whole
//! picture.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::leaf::poll_again;
use crate::base::poll_with;
use crate::current;
use crate::error::Cancelled;
use crate::kernel::Throw;
use crate::node::{Kind, Loop, Node};

/// Runs `future`, and catches a cancellation that is thrown through it: asyncio's `try: await future` /
/// `except CancelledError`.
///
/// Returns `Ok(value)` if the future returned, and `Err(Cancelled)` if it was cancelled. In that case the future has
/// been dropped, with its destructors, and the task goes on here. It may clean up with awaits. It may go on for good:
/// `cancelling()` then counts the request until `uncancel()` is called. Or it may let the cancellation go on from here,
/// with [`Cancelled::reraise`].
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
/// [`Cancelled`] if a cancellation was caught.
///
/// # Cancel safety
/// To catch cancellations is its purpose. Dropping it drops the future.
pub fn catch_cancelled<F: IntoFuture>(future: F) -> impl Future<Output = Result<F::Output, Cancelled>> {
    poll_with(future.into_future(), |future, cx| poll_catching(true, future, cx))
}

/// Polls the future of a scope. A scope is a future that may catch a cancellation thrown through the future inside it:
/// `catch_cancelled`, a timeout and the like. If the scope catches one, `future` is dropped, and `None` then.
///
/// If `catches` is false, a cancellation passes through: to an outer scope, or to a sibling under `join!`.
pub(crate) fn poll_catching<F: Future>(
    catches: bool,
    mut future: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Cancelled>> {
    let kernel = current::current();
    let kernel = kernel.as_deref();
    // a raise that is on now began beside this scope, under a `join!`: so this scope must not catch it
    let siblings_raise = kernel.filter(|_| catches).and_then(SetAside::new);
    let leaf_skipped_outside = kernel.is_some_and(|kernel| kernel.throwing().leaf_skipped().get());
    let inner = future.as_mut().as_pin_mut().expect("a scope for cancellations was polled again after it was done");
    let polled = inner.poll(cx);
    let throwing = kernel.filter(|kernel| kernel.throwing().throw() != Throw::Off);
    let caught = throwing.filter(|_| catches && polled.is_pending()).map(|kernel| {
        // a leaf beside this scope survives the cancellation, and may have missed its wake-up
        if leaf_skipped_outside && kernel.throwing().throw() == Throw::Delivered {
            poll_again(kernel);
        }
        kernel.throwing().take()
    });
    drop(siblings_raise);
    match caught {
        Some(message) => {
            future.set(None);
            Poll::Ready(Err(Cancelled::new(message)))
        }
        None => polled.map(Ok),
    }
}

/// A raise of a leaf beside a scope, set aside while the scope is polled. Dropping this puts it back.
struct SetAside<'a> {
    kernel: &'a Loop,
    throw: Throw,
    message: Option<Arc<str>>,
    raise_postponed: bool,
}

impl<'a> SetAside<'a> {
    fn new(kernel: &'a Loop) -> Option<Self> {
        let throwing = kernel.throwing();
        let throw = throwing.throw();
        matches!(throw, Throw::Raised(_)).then(|| {
            let raise_postponed = throwing.raise_postponed().replace(false);
            Self { kernel, throw, message: throwing.take(), raise_postponed }
        })
    }
}

impl Drop for SetAside<'_> {
    fn drop(&mut self) {
        self.kernel.throwing().start(self.throw, self.message.take());
        self.kernel.throwing().raise_postponed().set(self.raise_postponed);
    }
}

/// Takes back one request to cancel a task, and returns how many are left. If none is left, a cancellation that the
/// next step would deliver is dropped. So is one that is being delivered right now, which a task sees if a combinator
/// polls a sibling of the leaf that has returned `Pending`.
pub(crate) fn uncancel(task: &dyn Node) -> u32 {
    let Kind::Task(state) = task.kind() else { return 0 };
    let left = state.uncancel();
    let kernel = task.core().kernel();
    if left == 0 && state.running().get() && kernel.throwing().throw() == Throw::Delivered {
        drop(kernel.throwing().take());
        if kernel.throwing().leaf_skipped().get() {
            poll_again(kernel);
        }
    }
    left
}
