//! The function `run`: asyncio's `run`. Owns the one run on a loop of its own; must not know how a program ends.

use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

use super::runner::{clean_up, run_main};
use crate::current;
use crate::error::Error;
use crate::event_loop::{EventLoop, EventLoopBuilder};

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
/// [`EventLoopBuilder::run`] is this on a loop with other settings, and a [`Runner`](crate::Runner) runs several
/// futures one after another on one loop.
///
/// # Examples
/// The `main` of a program. The first `?` is for the loop, the second for what the future returns:
/// ```
/// use oneloop::{run, to_thread};
/// use std::io;
///
/// async fn count_lines(path: &'static str) -> io::Result<usize> {
///     let text = to_thread(move || std::fs::read_to_string(path)).await?;
///     Ok(text.lines().count())
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let lines = run(count_lines("Cargo.toml"))??;
///     assert!(lines > 0);
///     Ok(())
/// }
/// ```
///
/// # Errors
/// As [`EventLoop::run_until_complete`]; and [`Error::Interrupted`] if Ctrl-C has cancelled the main task, and the task
/// did not catch that.
///
/// # Panics
/// If the future panics: this panics with the same payload, after the clean-up.
#[doc(alias = "block_on")]
#[track_caller]
pub fn run<F: IntoFuture>(future: F) -> Result<F::Output, Error> {
    EventLoop::builder().run(future)
}

impl EventLoopBuilder {
    /// Makes the loop, runs a future on it and cleans up, as [`run`](fn@crate::run) does: asyncio's `run(main(),
    /// loop_factory=…)`.
    ///
    /// # Errors
    /// As [`run`](fn@crate::run).
    ///
    /// # Panics
    /// As [`run`](fn@crate::run).
    ///
    /// # Examples
    /// A test of an hour takes no time on the virtual clock.
    /// ```
    /// use oneloop::{Clock, EventLoop, sleep};
    /// use std::time::Duration;
    ///
    /// let slept = EventLoop::builder().clock(Clock::Virtual).run(async {
    ///     let lp = EventLoop::current();
    ///     let began = lp.time();
    ///     sleep(Duration::from_secs(3600)).await;
    ///     lp.time() - began
    /// })?;
    /// assert_eq!(slept, Duration::from_secs(3600));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    #[doc(alias = "block_on")]
    #[doc(alias = "start_paused")]
    #[track_caller]
    pub fn run<F: IntoFuture>(self, future: F) -> Result<F::Output, Error> {
        if current::any_running() {
            return Err(Error::Running);
        }
        let (lp, created) = (self.build()?, Location::caller());
        let value = catch_unwind(AssertUnwindSafe(|| run_main(&lp, None, future, created)));
        // it fails only if the system fails, and then the main future has failed in the same way
        let _ = clean_up(&lp);
        drop(lp); // the last handle closes it
        value.unwrap_or_else(|payload| resume_unwind(payload))
    }
}
