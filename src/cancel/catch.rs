//! Where a cancellation is caught: asyncio's `except CancelledError`. Owns `catch_cancelled`; must not know how a
//! cancellation begins, nor how it comes to a scope.

use super::leaf::with_running;
use super::own_throw::take_back_around;
use super::poll_scope::poll_scope;
use super::scope::ScopeRef;
use crate::base::poll_with;
use crate::current;
use crate::error::Cancelled;
use crate::kernel::Scope;
use crate::node::{Kind, Node, TaskState};

/// Runs `future`, and catches a cancellation that comes to it: of its task, of a time limit or a task group around it,
/// or of something that it awaits. asyncio's `try: await future` / `except CancelledError`.
///
/// Returns `Ok(value)` if the future returned, and `Err(Cancelled)` if it was cancelled. In that case the future has
/// been dropped, with its destructors, and the task goes on here. It may clean up with awaits. It may go on for good:
/// `cancelling()` then counts the request until `uncancel()` is called. Or it may let the cancellation go on from here,
/// with [`Cancelled::reraise`].
///
/// If several of them wait beside each other in one task, each meets a cancellation of the task, once; if they wait
/// inside each other, the innermost. The task ends cancelled only if none has caught the cancellation, or if one lets
/// it go on. What is beside them is not cancelled meanwhile. See
/// [what a cancellation reaches](crate::guide::from_asyncio#what-a-cancellation-reaches).
///
/// If no other `catch_cancelled` waits in the future, it is dropped as it stands, without another poll. If it is polled
/// and has its value ready in that poll, the value is lost.
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
/// A task of three branches. The cancellation ends what is caught, each limit what it holds, and the rest goes on:
/// ```
/// use futures::stream::{FuturesUnordered, StreamExt};
/// use oneloop::{Clock, EventLoop, TimeoutError, catch_cancelled, create_task, sleep, timeout};
/// use std::time::Duration;
///
/// async fn after(seconds: u64) -> u64 {
///     sleep(Duration::from_secs(seconds)).await;
///     seconds
/// }
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// lp.run_until_complete(async {
///     let task = create_task(async {
///         let limits = [60, 7].map(|seconds| timeout(Duration::from_secs(9), after(seconds)));
///         let set: FuturesUnordered<_> = limits.into_iter().collect();
///         futures::join!(
///             timeout(Duration::from_secs(5), after(60)),
///             catch_cancelled(after(60)),
///             set.collect::<Vec<_>>(),
///         )
///     });
///     sleep(Duration::from_secs(1)).await;
///     task.cancel();
///     let (fetched, worked, others) = task.await; // it has caught the cancellation
///     assert!(worked.is_err()); // after 1 s
///     assert_eq!(fetched, Err(TimeoutError)); // after 5 s
///     assert_eq!(others, [Ok(7), Err(TimeoutError)]); // after 7 s and 9 s
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Errors
/// [`Cancelled`] if a cancellation was caught.
///
/// # Stack
/// Scopes inside each other are polled inside each other. A stack of 2 MiB holds about 4,400 of these with
/// optimisation, 1,400 without; of time limits 3,200 and 1,300.
///
/// # Cancel safety
/// To catch cancellations is its purpose. Dropping it drops the future. One that was polled in the last step of its
/// task, and then left alone without being dropped, counts as waiting: awaited in the step in which the task is
/// cancelled, it meets that cancellation.
pub fn catch_cancelled<F: IntoFuture>(future: F) -> impl Future<Output = Result<F::Output, Cancelled>> {
    let catcher = Catcher { cells: Scope::catcher() };
    poll_with(future.into_future(), move |future, cx| poll_scope(catcher.scope(), future, cx))
}

/// The scope of a `catch_cancelled`.
struct Catcher {
    cells: Scope,
}

impl Catcher {
    fn scope(&self) -> ScopeRef<'_> {
        ScopeRef { cells: &self.cells, own: None }
    }
}

impl Drop for Catcher {
    #[inline]
    fn drop(&mut self) {
        if self.cells.is_marked() {
            leave(&self.cells);
        }
    }
}

/// A scope that was not over is dropped.
#[cold]
fn leave(cells: &Scope) {
    // if this thread is in no loop, an entry that is left goes with its loop
    if let Some(kernel) = current::current() {
        ScopeRef { cells, own: None }.leave(&kernel);
    }
}

/// Takes back one request to cancel a task, and returns how many are left. If none is left, a cancellation that the
/// next step would deliver is dropped.
pub(crate) fn uncancel(task: &dyn Node) -> u32 {
    match task.kind() {
        Kind::Task(state) => {
            let left = state.uncancel();
            let kernel = task.core().kernel();
            if left == 0 && with_running(kernel, TaskState::key) == Some(state.key()) {
                take_back_around(kernel);
            }
            left
        }
        Kind::Plain | Kind::Gathering(_) => 0,
    }
}
