//! Signals of the process: their numbers and, with the feature `signal`, awaits of them. Handlers as in asyncio are set by
//! `EventLoop::add_signal_handler`.
//!
//! | asyncio | here |
//! | --- | --- |
//! | `loop.add_signal_handler(SIGTERM, f)` | `lp.add_signal_handler(SIGTERM, f)?` |
//! | `loop.remove_signal_handler(SIGTERM)` | `lp.remove_signal_handler(SIGTERM)` |
//! | a handler that sets an `Event` | `received(SIGTERM).await?`, `ctrl_c().await?` |
//! | Ctrl-C in `asyncio.run`: `KeyboardInterrupt` | in `oneloop::run`: `Err(Error::Interrupted)` |
//!
//! Owns the names; must not know how a signal reaches the loop.

mod numbers; // the signals by name
#[cfg(feature = "signal")]
mod table; // which loop wants which signal
#[cfg(feature = "signal")]
mod handlers; // handlers and waits

#[cfg(feature = "signal")]
pub use handlers::{ctrl_c, received};
pub use numbers::{
    SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU,
    SIGUSR1, SIGUSR2, SIGWINCH,
};
#[cfg(feature = "signal")]
pub(crate) use table::{Interrupted, Signals};
