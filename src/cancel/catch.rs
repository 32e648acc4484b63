//! Where a cancellation is caught: asyncio's `except CancelledError`. Owns `catch_cancelled`; must not know what raises a
//! cancellation.
//!
//! While a cancellation is being thrown, leaves return `Pending`, and the innermost `catch_cancelled` that sees
//! `Pending` come up drops what is below it: destructors are `finally`. Nothing below can go on, since nothing resumes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::leaf::poll_again;
use crate::base::poll_with;
use crate::current;
use crate::error::Cancelled;
use crate::kernel::Throw;
use crate::node::{Kind, Loop, Node};

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
    let kernel = current::current();
    let kernel = kernel.as_deref();
    let outside = kernel.filter(|_| catches).and_then(Outside::put_aside);
    let others_held_back = kernel.is_some_and(|kernel| kernel.throwing().held_back().get());
    let inner = future.as_mut().as_pin_mut().expect("a scope for cancellations was polled again after it was done");
    let polled = inner.poll(cx);
    let throwing = kernel.filter(|kernel| kernel.throwing().throw() != Throw::Off);
    let caught = throwing.filter(|_| catches && polled.is_pending()).map(|kernel| {
        if others_held_back && kernel.throwing().throw() == Throw::Delivered {
            poll_again(kernel);
        }
        kernel.throwing().take()
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
struct Outside<'a> {
    kernel: &'a Loop,
    throw: Throw,
    message: Option<Arc<str>>,
    another_waits: bool,
}

impl<'a> Outside<'a> {
    fn put_aside(kernel: &'a Loop) -> Option<Self> {
        let throwing = kernel.throwing();
        let throw = throwing.throw();
        matches!(throw, Throw::Raised(_)).then(|| {
            let another_waits = throwing.raise_waits().replace(false);
            Self { kernel, throw, message: throwing.take(), another_waits }
        })
    }
}

impl Drop for Outside<'_> {
    fn drop(&mut self) {
        self.kernel.throwing().start(self.throw, self.message.take());
        self.kernel.throwing().raise_waits().set(self.another_waits);
    }
}

/// Takes one request for cancellation of a task back and answers how many are left. At zero, one that was not delivered
/// yet is dropped, also one that is being delivered right now and met a future of foreign make that returned all the
/// same.
pub(crate) fn uncancel(task: &dyn Node) -> u32 {
    let Kind::Task(suspension) = task.kind() else { return 0 };
    let left = suspension.uncancel();
    let kernel = task.core().kernel();
    if left == 0 && suspension.running().get() && kernel.throwing().throw() == Throw::Delivered {
        drop(kernel.throwing().take());
        if kernel.throwing().held_back().get() {
            poll_again(kernel);
        }
    }
    left
}
