//! Waiting for TCP connections. Owns the listening socket; must not know what becomes of a connection.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::{fmt, io};

use super::descriptor::{Descriptor, Waiting};
use super::io::has_descriptor;
use super::tcp_stream::TcpStream;
use crate::reactor::Direction;
use crate::sys::{Flag, socket};

/// How many connections wait to be accepted, unless the system's own limit is lower. asyncio's 100 is not enough for a
/// burst: a connection that finds no room is tried again by its client a second later.
const BACKLOG: u32 = 4096;

/// A listening TCP socket of the loop.
///
/// # Examples
/// ```
/// use oneloop::net::{TcpListener, TcpStream};
/// use oneloop::{create_task, run};
///
/// run(async {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
///     let address = listener.local_addr()?;
///     let clients = create_task(async move { TcpStream::connect(address).await });
///     let (stream, address) = listener.accept().await?;
///     assert_eq!(stream.peer_addr()?, address);
///     assert_eq!(clients.await?.local_addr()?, address);
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TcpListener {
    io: Descriptor<mio::net::TcpListener>,
}

/// Settings of a listening socket to be made: the keyword arguments of asyncio's `create_server`.
///
/// # Examples
/// ```
/// use oneloop::net::TcpListener;
/// use oneloop::run;
///
/// run(async {
///     let first = TcpListener::builder().reuse_port(true).bind(([127, 0, 0, 1], 0))?;
///     let address = first.local_addr()?;
///     let second = TcpListener::builder().reuse_port(true).backlog(16).bind(address)?;
///     assert_eq!(second.local_addr()?, address);
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder makes nothing until bind() is called"]
pub struct TcpListenerBuilder {
    backlog: u32,
    reuse_address: bool,
    reuse_port: bool,
    only_v6: Option<bool>,
}

impl TcpListenerBuilder {
    /// How many connections may wait to be accepted; the system's own limit stands.
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self
    }

    /// Whether the address may be used while connections of an earlier server linger; it may if nothing is said.
    pub fn reuse_address(mut self, reuse: bool) -> Self {
        self.reuse_address = reuse;
        self
    }

    /// Whether other sockets may listen on the same port, all of which say so, and share the connections.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// Whether an IPv6 socket takes no IPv4 connections. asyncio says yes; if nothing is said, the system decides.
    pub fn only_v6(mut self, only: bool) -> Self {
        self.only_v6 = Some(only);
        self
    }

    /// Binds and listens.
    ///
    /// # Errors
    /// `AddrInUse`, naming the address, and what else the system says.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn bind(self, address: impl Into<SocketAddr>) -> io::Result<TcpListener> {
        let address = address.into();
        let socket = socket::tcp_socket(&address)?;
        socket::set_flag(&socket, Flag::ReuseAddress, self.reuse_address)?;
        if self.reuse_port {
            socket::set_flag(&socket, Flag::ReusePort, true)?;
        }
        if let (Some(only), true) = (self.only_v6, address.is_ipv6()) {
            socket::set_flag(&socket, Flag::OnlyV6, only)?;
        }
        let bound = socket::bind(&socket, &address).and_then(|()| socket::listen(&socket, self.backlog));
        bound.map_err(|e| io::Error::new(e.kind(), format!("while attempting to bind on {address}: {e}")))?;
        TcpListener::adopt(mio::net::TcpListener::from_std(StdListener::from(socket)))
    }
}

impl TcpListener {
    /// Binds and listens, with [`builder`](Self::builder)'s settings as they are.
    ///
    /// # Errors
    /// `AddrInUse`, naming the address, and what else the system says.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn bind(address: impl Into<SocketAddr>) -> io::Result<Self> {
        Self::builder().bind(address)
    }

    /// Other settings.
    pub fn builder() -> TcpListenerBuilder {
        TcpListenerBuilder { backlog: BACKLOG, reuse_address: true, reuse_port: false, only_v6: None }
    }

    fn adopt(listener: mio::net::TcpListener) -> io::Result<Self> {
        Ok(Self { io: Descriptor::new(listener)? })
    }

    /// A listening socket of the standard library, made non-blocking and registered with this thread's loop.
    ///
    /// # Errors
    /// If it is registered already, or the system is out of memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn from_std(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::adopt(mio::net::TcpListener::from_std(listener))
    }

    /// The socket as the standard library's, registered no more. It is still non-blocking.
    pub fn into_std(self) -> StdListener {
        self.io.into_inner().into()
    }

    /// Waits for the next connection: asyncio's `sock_accept`. One that its client has given up meanwhile is passed over.
    /// Several tasks may wait.
    ///
    /// # Errors
    /// What the system says: being out of descriptors is an error here too (`raw_os_error()` is `EMFILE` or `ENFILE`), and
    /// the connection stays in line.
    ///
    /// # Cancel safety
    /// Nothing is lost: a connection is accepted and given, or stays in line.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, address) = loop {
            match self.io.read_with(mio::net::TcpListener::accept).await {
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                other => break other?,
            }
        };
        Ok((TcpStream::from_accepted(stream)?, address))
    }

    /// Waits until there may be a connection, without borrowing the listener.
    pub(crate) fn wait(&self) -> Waiting {
        self.io.wait(Direction::Read)
    }

    /// A connection that waits in line, or `WouldBlock`.
    pub(crate) fn try_accept(&self) -> io::Result<TcpStream> {
        loop {
            match self.io.attempt(Direction::Read, mio::net::TcpListener::accept) {
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                other => return TcpStream::from_accepted(other?.0),
            }
        }
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }
}

has_descriptor!(TcpListener);

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("address", &self.local_addr()).finish_non_exhaustive()
    }
}
