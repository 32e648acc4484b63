//! The error of a socket by which a program is looked into. Owns its type and texts; must not know sockets.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a loop cannot be [inspected](crate::EventLoopBuilder::inspect).
///
/// # Examples
/// ```
/// use oneloop::error::InspectError;
/// use oneloop::{Error, EventLoop};
///
/// let path = std::env::temp_dir().join("oneloop-error-{pid}.sock");
/// let first = EventLoop::builder().inspect(&path).build()?;
/// let second = EventLoop::builder().inspect(&path).build();
/// assert!(matches!(second, Err(Error::Inspect(InspectError::InUse(_)))));
/// drop(first); // which removes its socket
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InspectError {
    /// A program that runs answers at the path: another one, or this one, for another loop.
    #[error("a program that runs is inspected at {} already; give each loop a path of its own", .0.display())]
    InUse(PathBuf),
    /// There is something at the path that no loop has left there.
    #[error("{} is there, and is not a socket, so it is not replaced; choose another path", .0.display())]
    NotASocket(PathBuf),
    /// The system refused the socket, its file or its thread.
    #[error("no socket to inspect the loop could be opened at {}: {}", .0.display(), .1)]
    Io(PathBuf, #[source] io::Error),
}

impl From<InspectError> for io::Error {
    fn from(error: InspectError) -> Self {
        let kind = match &error {
            InspectError::InUse(_) => io::ErrorKind::AddrInUse,
            InspectError::NotASocket(_) => io::ErrorKind::AlreadyExists,
            InspectError::Io(_, source) => source.kind(),
        };
        Self::new(kind, error)
    }
}
