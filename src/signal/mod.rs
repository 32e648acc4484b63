//! Signals of the process: their numbers and, with the feature `signal`, functions that wait for them.
//! `EventLoop::add_signal_handler` sets handlers, as in asyncio.
//!
//! | asyncio | here |
//! | --- | --- |
//! | `loop.add_signal_handler(SIGTERM, f)` | `lp.add_signal_handler(SIGTERM, f)?` |
//! | `loop.remove_signal_handler(SIGTERM)` | `lp.remove_signal_handler(SIGTERM)` |
//! | a handler that sets an `Event` | `received(SIGTERM).await?`, `ctrl_c().await?` |
//! | Ctrl-C in `asyncio.run`: `KeyboardInterrupt` | in `oneloop::run`: `Err(Error::Interrupted)` |
//!
//! # Examples
//! ```no_run
//! # #[cfg(feature = "signal")] {
//! use oneloop::signal::{SIGHUP, received};
//! use oneloop::{create_task, run};
//!
//! run(async {
//!     let _reloads = create_task(async {
//!         while received(SIGHUP).await.is_ok() {
//!             println!("the settings are read again");
//!         }
//!     });
//!     std::future::pending::<()>().await; // until Ctrl-C
//! })?;
//! # }
//! # Ok::<(), oneloop::Error>(())
//! ```

// Owns the signals' names and the loop's handlers; must not know how the process catches a signal.

mod numbers; // the names of the signals
#[cfg(feature = "signal")]
mod arrival; // what a task waits for
#[cfg(feature = "signal")]
mod signal_log; // the signals of one kind, and how far each task has received them
#[cfg(feature = "signal")]
mod table; // the signals that a loop catches, and what wants them
#[cfg(feature = "signal")]
mod handlers; // handlers, and waiting for a signal
#[cfg(feature = "signal")]
mod call_graph; // the call graph on a signal

#[cfg(feature = "signal")]
pub use handlers::{ctrl_c, received};
pub use numbers::{
    SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU,
    SIGUSR1, SIGUSR2, SIGWINCH,
};
#[cfg(feature = "signal")]
pub(crate) use table::{InterruptOutcome, Signals};
