//! Why a signal cannot be handled. Owns the words; must not know how it would be.

use std::io;

use thiserror::Error;

/// Why a signal cannot be handled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The system lets nobody catch it, or nothing sound can be done when it comes: `SIGKILL`, `SIGSTOP`, `SIGILL`,
    /// `SIGFPE`, `SIGSEGV`. asyncio's `RuntimeError`.
    #[error("signal {0} cannot be caught; to end in an orderly way, handle SIGTERM or SIGINT")]
    Forbidden(i32),
    /// There is no such signal: asyncio's `ValueError`.
    #[error("there is no signal {0} to be caught; use the constants of oneloop::signal")]
    Invalid(i32),
    /// The system has no descriptors left for the pipe by which signals come.
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
