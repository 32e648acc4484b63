//! Errors of signal handlers. Owns their type and texts; must not know how a signal is handled.

use std::io;

use thiserror::Error;

/// Why a signal cannot be handled.
///
/// # Examples
/// ```
/// use oneloop::EventLoop;
/// use oneloop::error::SignalError;
///
/// let lp = EventLoop::new()?;
/// let refused = lp.add_signal_handler(oneloop::signal::SIGKILL, || ());
/// assert!(matches!(refused, Err(SignalError::Forbidden(_))));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The system lets no program catch it, or no handler could do anything sound: `SIGKILL`, `SIGSTOP`, `SIGILL`,
    /// `SIGFPE`, `SIGSEGV`. asyncio's `RuntimeError`.
    #[error("signal {0} cannot be caught; to end in an orderly way, handle SIGTERM or SIGINT")]
    Forbidden(i32),
    /// There is no such signal: asyncio's `ValueError`.
    #[error("there is no signal {0} to be caught; use the constants of oneloop::signal")]
    Invalid(i32),
    /// The system has no descriptor left for the pipe that carries signals to the loop.
    #[error("signal {0} cannot be handled: {1}")]
    Io(i32, #[source] io::Error),
}

impl From<SignalError> for io::Error {
    fn from(error: SignalError) -> Self {
        let kind = match &error {
            SignalError::Forbidden(_) | SignalError::Invalid(_) => io::ErrorKind::InvalidInput,
            SignalError::Io(_, source) => source.kind(),
        };
        Self::new(kind, error)
    }
}
