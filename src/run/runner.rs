//! Several runs on one loop, and the clean-up behind the last: asyncio's `Runner`. Owns the order in which a program
//! ends; must not know how a loop runs.

use std::io::{Write as _, stderr};
use std::panic::Location;
use std::time::Duration;

#[cfg(feature = "signal")]
use super::ctrl_c::{interruptible, main_begins};
use crate::awaitables::{AnyFuture, tasks_of};
use crate::base::Context;
use crate::cancel::cancel_at_the_end;
use crate::current::{copy_context, note_context_use};
use crate::error::{Error, ExceptionContext};
use crate::event_loop::EventLoop;
use crate::node::{Ending, Kind, call_exception_handler};
use crate::primitives::wait;
use crate::threads::has_default_threads;

/// The time that a runner waits at its end for the threads of the default executor.
const THREAD_JOIN_TIMEOUT: Duration = Duration::from_secs(300);

/// Runs futures one after another on one loop, and cleans up at its end: asyncio's `Runner`. For a program that is not
/// asynchronous as a whole, a console, say, or a set of tests.
///
/// Between two runs, tasks that are left stay on the loop, and go on in the next run. The runs share a
/// [`Context`](crate::Context), a copy of the context in which the runner was made, so what one run sets, the next one
/// sees.
///
/// When it is [closed](Self::close) or dropped, the tasks that are left are cancelled and awaited; if one of them
/// panics, that is reported to the loop's exception handler. The loop's [default
/// executor](EventLoop::shutdown_default_executor) is shut down; its threads get five minutes to finish. Then the loop
/// is closed.
///
/// # Examples
/// ```
/// use oneloop::{ContextVar, Runner, create_task, yield_now};
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let runner = Runner::new()?;
/// let task = runner.run(async {
///     USER.set("ann");
///     create_task(async {
///         yield_now().await;
///         "goes on in the next run"
///     })
/// })?;
/// assert_eq!(runner.run(task)?, "goes on in the next run");
/// assert_eq!(runner.run(async { USER.get() })?, Some("ann"));
/// runner.close()?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// On the virtual clock:
/// ```
/// use oneloop::{Clock, EventLoop, Runner, sleep};
/// use std::time::Duration;
///
/// let runner = Runner::with_loop(EventLoop::builder().clock(Clock::Virtual).build()?);
/// runner.run(sleep(Duration::from_secs(3600)))?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[doc(alias = "Runtime")]
#[doc(alias = "LocalRuntime")]
#[derive(Debug)]
#[must_use = "the loop is closed as soon as this is dropped"]
pub struct Runner {
    lp: EventLoop,
    /// That of all main tasks.
    context: Context,
}

impl Runner {
    /// A runner with a new loop.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system has no descriptors left for it.
    pub fn new() -> Result<Self, Error> {
        Ok(Self::with_loop(EventLoop::new()?))
    }

    /// A runner with this loop, which it closes at its end: asyncio's `Runner(loop_factory=…)`.
    pub fn with_loop(lp: EventLoop) -> Self {
        Self { lp, context: copy_context() }
    }

    /// The loop: asyncio's `get_loop()`.
    pub fn get_loop(&self) -> &EventLoop {
        &self.lp
    }

    /// Runs a future until it is done, and returns its value: asyncio's `Runner.run()`. It runs like
    /// [`EventLoop::run_until_complete`], so it may borrow from its caller; a task is awaited as it is, and keeps its
    /// own context.
    ///
    /// With the feature `signal`, Ctrl-C cancels the main task, as it does in [`run`](fn@crate::run). Between the runs
    /// Ctrl-C does what it did before.
    ///
    /// # Errors
    /// As [`EventLoop::run_until_complete`]; and [`Error::Interrupted`] if Ctrl-C has cancelled the main task, and the
    /// task did not catch that. The runner may be used again after each of them, unless the loop is closed.
    ///
    /// # Panics
    /// If the future panics: this panics with the same payload.
    #[doc(alias = "block_on")]
    #[track_caller]
    pub fn run<F: IntoFuture>(&self, future: F) -> Result<F::Output, Error> {
        run_main(&self.lp, Some(&self.context), future, Location::caller())
    }

    /// Cleans up and closes the loop: asyncio's `Runner.close()`. Dropping the runner does this too, and ignores what
    /// fails.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system fails, [`Error::Deadlock`] if the clock is virtual and a task that was
    /// cancelled waits on for what never comes, [`Error::Running`] inside a running loop if tasks are left. The loop is
    /// closed all the same, and what is left is dropped.
    pub fn close(self) -> Result<(), Error> {
        let cleaned = clean_up(&self.lp);
        cleaned.and(self.lp.close())
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if !self.lp.is_closed() {
            let _ = clean_up(&self.lp);
            let _ = self.lp.close();
        }
    }
}

/// Runs a main future on the loop, in `context` if one is given. The first Ctrl-C cancels it.
pub(super) fn run_main<F: IntoFuture>(
    lp: &EventLoop,
    context: Option<&Context>,
    future: F,
    created: &'static Location<'static>,
) -> Result<F::Output, Error> {
    #[cfg(feature = "signal")]
    return interruptible(lp, || {
        lp.run_main(future, created, &mut |main| {
            share_context(context, main);
            main_begins(lp, main);
        })
    });
    #[cfg(not(feature = "signal"))]
    lp.run_main(future, created, &mut |main| share_context(context, main))
}

fn share_context(context: Option<&Context>, main: &AnyFuture) {
    if let Some(context) = context
        && let Kind::Task(state) = main.node().kind()
    {
        note_context_use();
        drop(state.set_context(Some(context.clone())));
    }
}

/// What a program does at its end: cancels the tasks that are left and waits for them, and ends the threads.
pub(super) fn clean_up(lp: &EventLoop) -> Result<(), Error> {
    let cancelled = cancel_what_is_left(lp);
    cancelled.and(end_threads(lp))
}

/// Cancels the tasks that are left, waits for them, and reports those that panicked: asyncio's `_cancel_all_tasks`.
fn cancel_what_is_left(lp: &EventLoop) -> Result<(), Error> {
    let left = tasks_of(lp.kernel());
    if left.is_empty() {
        return Ok(());
    }
    let _in = lp.enter();
    for task in &left {
        cancel_at_the_end(task.node());
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
