//! The function `run`: asyncio's `run`. Owns the clean-up behind the main future; must not know how a loop runs.

use std::io::{Write as _, stderr};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::time::Duration;

#[cfg(feature = "signal")]
use super::ctrl_c::{interruptible, main_begins};
use crate::awaitables::tasks_of;
use crate::current;
use crate::error::{Error, ExceptionContext};
use crate::event_loop::EventLoop;
use crate::node::{Ending, call_exception_handler};
use crate::primitives::wait;
use crate::threads::has_default_threads;

/// The time that [`run`] waits at its end for the threads of the default executor.
const THREAD_JOIN_TIMEOUT: Duration = Duration::from_secs(300);

/// Runs a future on a new loop, and returns its value: asyncio's `run()`.
///
/// When the future has ended, in whatever way, this cleans up. The tasks that are left are cancelled and awaited; if
/// one of them panics, that is reported to the loop's exception handler. The loop's [default
/// executor](EventLoop::shutdown_default_executor) is shut down; its threads get five minutes to finish. Then the loop
/// is closed.
///
/// With the feature `signal`, Ctrl-C (`SIGINT`) cancels the main task, and a second Ctrl-C ends the process at once.
/// This holds on the main thread of the program, and if the signal has its default action, which it has again after the
/// run.
///
/// # Errors
/// As [`EventLoop::run_until_complete`]; and [`Error::Interrupted`] if Ctrl-C has cancelled the main task, and the task
/// did not catch that.
///
/// # Panics
/// If the future panics: this panics with the same payload, after the clean-up.
///
/// # Examples
/// ```
/// let value = oneloop::run(async { 42 })?;
/// assert_eq!(value, 42);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[doc(alias = "block_on")]
#[track_caller]
pub fn run<F: IntoFuture>(future: F) -> Result<F::Output, Error> {
    if current::any_running() {
        return Err(Error::Running);
    }
    let lp = EventLoop::new()?;
    let created = Location::caller();
    let value = catch_unwind(AssertUnwindSafe(|| run_interruptibly(&lp, future, created)));
    // they fail only if the system fails, and then the main future has failed in the same way
    let _ = cancel_what_is_left(&lp);
    let _ = end_threads(&lp);
    value.unwrap_or_else(|payload| resume_unwind(payload))
}

/// Runs the main future; with the feature `signal`, Ctrl-C cancels it.
fn run_interruptibly<F: IntoFuture>(
    lp: &EventLoop,
    future: F,
    created: &'static Location<'static>,
) -> Result<F::Output, Error> {
    #[cfg(feature = "signal")]
    return interruptible(lp, || lp.run_main(future, created, |main| main_begins(lp, main)));
    #[cfg(not(feature = "signal"))]
    lp.run_main(future, created, |_main| ())
}

/// Cancels the tasks that are left, waits for them, and reports those that panicked: asyncio's `_cancel_all_tasks`.
fn cancel_what_is_left(lp: &EventLoop) -> Result<(), Error> {
    let left = tasks_of(lp.kernel());
    if left.is_empty() {
        return Ok(());
    }
    let _in = lp.enter();
    for task in &left {
        task.cancel();
    }
    drop(lp.run_until_complete(wait(left.iter().cloned()))?);
    for task in left {
        let core = task.node().core();
        if let Some(Ending::Panicked(exception)) = core.ending() {
            core.set_retrieved();
            let message = "unhandled exception during asyncio.run() shutdown";
            let (name, created) = (Some(task.name()), Some(task.created_at()));
            call_exception_handler(
                lp.kernel(),
                &ExceptionContext { message, exception: exception.into(), task: name, created },
            );
        }
    }
    Ok(())
}

/// Shuts the default executor down, if there is one.
fn end_threads(lp: &EventLoop) -> Result<(), Error> {
    if has_default_threads(lp.kernel())
        && lp.run_until_complete(lp.shutdown_default_executor(THREAD_JOIN_TIMEOUT))?.is_err()
    {
        // a closed standard error is no reason to fail
        let _ = writeln!(
            stderr(),
            "oneloop: the executor's threads have not ended within {} seconds; the program goes on without them",
            THREAD_JOIN_TIMEOUT.as_secs()
        );
    }
    Ok(())
}
