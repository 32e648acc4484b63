//! The function `run`: a loop, its main future, and the clean-up behind it: asyncio's `run`. Must not know how a loop runs.

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

/// How long [`run`] waits for threads at its end.
const THREAD_JOIN_TIMEOUT: Duration = Duration::from_secs(300);

/// Runs a future on a new loop: asyncio's `run()`. When it has ended, in whatever way, the tasks that are left are cancelled
/// and waited for; what they panic with then is reported to the loop's exception handler. Then the loop's
/// [default executor](EventLoop::shutdown_default_executor) is shut down, for which its threads get five minutes to finish,
/// and the loop is closed.
///
/// With the feature `signal`, and on the program's main thread, Ctrl-C (`SIGINT`) cancels the main task, unless somebody
/// handles that signal already; a second Ctrl-C ends the process at once. Before and after the run the signal does what it
/// does by default.
///
/// # Errors
/// As [`EventLoop::run_until_complete`]; and [`Error::Interrupted`] if the main task was cancelled by Ctrl-C, and did not
/// catch that.
///
/// # Panics
/// A panic of the future goes on here, when all that is done.
///
/// # Examples
/// ```
/// let value = oneloop::run(async { 42 })?;
/// assert_eq!(value, 42);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[track_caller]
pub fn run<F: IntoFuture>(future: F) -> Result<F::Output, Error> {
    if current::any_running() {
        return Err(Error::Running);
    }
    let lp = EventLoop::new()?;
    let created = Location::caller();
    let value = catch_unwind(AssertUnwindSafe(|| run_interruptibly(&lp, future, created)));
    // A failure of the system in one of these has been met by the main future before.
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

/// Cancels the tasks that are left, waits for their ends, and reports those that went wrong.
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
