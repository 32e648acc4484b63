//! A view of a listening socket of a server: what asyncio has in `Server.sockets`. Owns the public methods; must not
//! know the server.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::{Rc, Weak};

use super::listener::Listener;

/// A listening socket of a [`Server`](crate::Server), to look at and to set: asyncio's `TransportSocket`. It keeps
/// nothing open: once the server is closed, there is nothing more to be seen. Clones are views of the same socket.
///
/// # Examples
/// ```
/// use oneloop::{Listener, run, start_server};
/// use std::os::fd::AsFd;
///
/// run(async {
///     let server = start_server(async |_reader, _writer| (), ("127.0.0.1", 0)).await?;
///     let sockets = server.sockets();
///     assert_eq!(sockets[0].local_addr(), Some(server.local_addrs()[0]));
///     // options, by the methods of the listener
///     let ttl = sockets[0].with(|listener| match listener {
///         Listener::Tcp(listener) => listener.ttl(),
///         _ => unreachable!("it listens by TCP"),
///     });
///     assert!(ttl.expect("the server is open")? > 0);
///     // a descriptor of one's own, which listens for as long as it is open
///     let own = sockets[0].with(|listener| listener.as_fd().try_clone_to_owned()).expect("the server is open")?;
///     server.close();
///     assert!(sockets[0].raw_fd().is_none());
///     drop(own);
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ServerSocket {
    listener: Weak<Listener>,
}

impl ServerSocket {
    pub(super) fn of(listener: &Rc<Listener>) -> Self {
        Self { listener: Rc::downgrade(listener) }
    }

    /// Shows the socket to `look`, for options and for a descriptor of one's own; `None` once the server is closed. If
    /// `look` closes the server, the socket is closed when it returns.
    ///
    /// Leave it non-blocking, since the loop accepts clients from it.
    pub fn with<R>(&self, look: impl FnOnce(&Listener) -> R) -> Option<R> {
        self.listener.upgrade().map(|listener| look(&listener))
    }

    /// The address: asyncio's `getsockname()`. `None` for a socket that listens on a path, and once the server is
    /// closed.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.with(Listener::local_addr).flatten()
    }

    /// The number of the descriptor: asyncio's `fileno()`. `None` once the server is closed. The descriptor belongs to
    /// the server, so do not close it.
    pub fn raw_fd(&self) -> Option<RawFd> {
        self.with(AsRawFd::as_raw_fd)
    }
}

impl fmt::Debug for ServerSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerSocket").field(&self.listener.upgrade()).finish()
    }
}
