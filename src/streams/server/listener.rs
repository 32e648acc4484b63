//! A listening socket, by TCP or on a path. Owns the difference between the two; must not know what becomes of a
//! client.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use crate::net::{Descriptor, ReadinessFuture, TcpListener, UnixListener};
use crate::streams::channel::ByteChannel;

/// A listening socket of a server.
///
/// # Examples
/// ```
/// use oneloop::net::{TcpListener, UnixListener};
/// use oneloop::{Listener, Server, run};
///
/// run(async {
///     let listeners: [Listener; 2] = [
///         TcpListener::bind("127.0.0.1:0")?.into(),
///         UnixListener::bind("\0oneloop-listener")?.into(), // an abstract name, which Linux has
///     ];
///     let server = Server::builder().over(async |_, _| (), listeners);
///     assert_eq!(server.local_addrs().len(), 1);
///     server.close();
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Listener {
    /// Listens by TCP.
    Tcp(TcpListener),
    /// Listens on a path.
    Unix(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Listener {
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Waits until there may be a client, without borrowing the listener.
    pub(super) fn wait(&self) -> ReadinessFuture {
        match self {
            Self::Tcp(listener) => listener.wait(),
            Self::Unix(listener) => listener.wait(),
        }
    }

    /// A client from the backlog, or `WouldBlock`.
    pub(super) fn try_accept(&self) -> io::Result<Descriptor<ByteChannel>> {
        Ok(match self {
            Self::Tcp(listener) => listener.accept_now()?.into_channel(),
            Self::Unix(listener) => listener.accept_now()?.into_channel(),
        })
    }
}
