//! Errors of connections and of watched descriptors. Owns their types and texts; must not know sockets.

use std::net::SocketAddr;
use std::{fmt, io};

use thiserror::Error;

/// Why a callback cannot watch a descriptor.
///
/// # Examples
/// ```
/// use oneloop::EventLoop;
/// use oneloop::error::WatchError;
/// use std::fs::File;
///
/// let lp = EventLoop::new()?;
/// let file = File::open("LICENSE")?;
/// let refused = lp.add_reader(&file, || ());
/// assert!(matches!(refused, Err(WatchError::NotPollable(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WatchError {
    /// A socket, a [`Descriptor`](crate::Descriptor) or a callback of the loop has registered it: asyncio's
    /// `RuntimeError`.
    #[error(
        "descriptor {0} is watched by this loop already, for a socket, a Descriptor, add_reader() or add_writer(): use \
         that, or end it first (into_inner(), remove_reader(), remove_writer())"
    )]
    InUse(i32),
    /// The system has no readiness for it, as for a regular file: asyncio's `PermissionError`.
    #[error(
        "descriptor {0} cannot be watched: a regular file is always ready; read it in a thread, and standard input \
         with stdin()"
    )]
    NotPollable(i32),
    /// The number is no open descriptor, or the system has no memory left.
    #[error("descriptor {0} cannot be watched: {1}")]
    Io(i32, #[source] io::Error),
}

impl WatchError {
    /// Why the system, or the loop, did not register a descriptor.
    pub(crate) fn of_registering(descriptor: i32, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::InUse(descriptor),
            io::ErrorKind::PermissionDenied => Self::NotPollable(descriptor),
            _ => Self::Io(descriptor, error),
        }
    }
}

impl From<WatchError> for io::Error {
    fn from(error: WatchError) -> Self {
        let kind = match &error {
            WatchError::InUse(_) => io::ErrorKind::AlreadyExists,
            WatchError::NotPollable(_) => io::ErrorKind::PermissionDenied,
            WatchError::Io(_, source) => source.kind(),
        };
        Self::new(kind, error)
    }
}

/// No connection was made. Holds the error of every address that was tried.
///
/// It becomes an `io::Error` of the same [`kind`](Self::kind) by `?`.
///
/// # Examples
/// ```
/// use oneloop::net::TcpStream;
/// use oneloop::run;
/// use std::net::TcpListener;
///
/// run(async {
///     let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?; // and closed again
///     let error = TcpStream::connect(address).await.unwrap_err();
///     assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
///     assert_eq!(error.attempts()[0].0, address);
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ConnectError {
    to: String,
    attempts: Vec<(SocketAddr, io::Error)>,
    /// Why no address was found; `None` if there were addresses.
    no_address: Option<io::Error>,
}

impl ConnectError {
    pub(crate) fn new(to: String, attempts: Vec<(SocketAddr, io::Error)>) -> Self {
        Self { to, attempts, no_address: None }
    }

    pub(crate) fn without_address(to: String, error: io::Error) -> Self {
        Self { to, attempts: Vec::new(), no_address: Some(error) }
    }

    /// The addresses that were tried, in order, each with its error. Empty if no address was found.
    pub fn attempts(&self) -> &[(SocketAddr, io::Error)] {
        &self.attempts
    }

    /// The kind of the attempts' errors if all have the same, else `Other`. If no address was found, the kind of the
    /// error that says why.
    pub fn kind(&self) -> io::ErrorKind {
        let mut kinds = self.errors().map(io::Error::kind);
        let first = kinds.next().unwrap_or(io::ErrorKind::Other);
        if kinds.all(|kind| kind == first) { first } else { io::ErrorKind::Other }
    }

    fn errors(&self) -> impl Iterator<Item = &io::Error> {
        self.attempts.iter().map(|(_, error)| error).chain(&self.no_address)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot connect to {}", self.to)?;
        if let Some(error) = &self.no_address {
            return write!(f, ": {error}");
        }
        match &self.attempts[..] {
            [(address, error)] if address.to_string() == self.to => write!(f, ": {error}"),
            attempts => attempts.iter().enumerate().try_for_each(|(i, (address, error))| {
                write!(f, "{} {address}: {error}", if i == 0 { ":" } else { ";" })
            }),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.errors().last().map(|error| error as _)
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        Self::new(error.kind(), error)
    }
}
