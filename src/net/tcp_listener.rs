//! Listening for TCP connections. Owns the listening socket; must not know what becomes of a connection.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use std::{fmt, io};

use super::accept::skip_aborted;
use super::descriptor::Descriptor;
use super::endpoint::Endpoint;
use super::readiness_future::ReadinessFuture;
use super::resolve::bind_first;
use super::socket_settings::{SocketSettings, hops, settings};
use super::std_socket::as_fd;
use super::tcp_stream::TcpStream;
use crate::reactor::{Direction, ShortTransfer};
use crate::sys::socket::{self, Kind};

/// The default backlog. The system may have a lower limit. asyncio's 100 is too small for a burst: a client that finds
/// the backlog full tries again a second later.
const DEFAULT_BACKLOG: u32 = 4096;

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
    descriptor: Descriptor<mio::net::TcpListener>,
}

/// Settings of a [`TcpListener`]: the keyword arguments of asyncio's `create_server`. Connections that are accepted
/// inherit the sizes of the buffers and the time to live.
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
#[doc(alias = "TcpSocket")]
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder makes nothing until bind() is called"]
pub struct TcpListenerBuilder {
    backlog: u32,
    settings: SocketSettings,
}

settings!(TcpListenerBuilder);

impl TcpListenerBuilder {
    /// How many connections may wait to be accepted; 4096 by default. The system may have a lower limit.
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self
    }

    /// Whether the socket may bind an address that closed connections of an earlier server still hold (`SO_REUSEADDR`);
    /// true by default.
    pub fn reuse_address(mut self, reuse: bool) -> Self {
        self.settings.reuse_address = Some(reuse);
        self
    }

    /// Whether an IPv6 socket refuses IPv4 connections (`IPV6_V6ONLY`). By default the system decides; asyncio sets it.
    pub fn only_v6(mut self, only: bool) -> Self {
        self.settings.only_v6 = Some(only);
        self
    }

    /// Binds an address and listens there: the first of the endpoint's that can be bound, as the standard library does.
    ///
    /// A name is looked up here and now, which blocks unless the system knows it without asking others, as `localhost`.
    /// To look up other names, await [`getaddrinfo`](fn@crate::getaddrinfo).
    ///
    /// # Errors
    /// `AddrInUse`, naming the address, and other errors of the system calls.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn bind(self, address: impl Into<Endpoint>) -> io::Result<TcpListener> {
        let socket = bind_first(&address.into(), |address| self.socket_at(address))?;
        TcpListener::from_nonblocking(StdListener::from(socket), ShortTransfer::TCP)
    }

    fn socket_at(self, address: SocketAddr) -> io::Result<OwnedFd> {
        let socket = self.settings.open(Kind::Tcp, &address)?;
        socket::bind(&socket, &address)?;
        socket::listen(&socket, self.backlog)?;
        Ok(socket)
    }
}

impl TcpListener {
    /// Binds an address and listens there, with the default settings of [`builder`](Self::builder). See
    /// [`TcpListenerBuilder::bind`] for names.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::TcpListener;
    /// use oneloop::run;
    ///
    /// run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?; // any free port
    ///     let another = TcpListener::bind(("localhost", 0))?;
    ///     assert_ne!(listener.local_addr()?, another.local_addr()?);
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `AddrInUse`, naming the address, and other errors of the system calls.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn bind(address: impl Into<Endpoint>) -> io::Result<Self> {
        Self::builder().bind(address)
    }

    /// A builder, for other settings.
    pub fn builder() -> TcpListenerBuilder {
        let settings = SocketSettings { reuse_address: Some(true), ..SocketSettings::default() };
        TcpListenerBuilder { backlog: DEFAULT_BACKLOG, settings }
    }

    /// `short_transfer` is that of the connections, which speak what the listening socket speaks.
    #[track_caller]
    fn from_nonblocking(listener: StdListener, short_transfer: ShortTransfer) -> io::Result<Self> {
        let listener = mio::net::TcpListener::from_std(listener);
        Ok(Self { descriptor: Descriptor::of_stream(listener, short_transfer)? })
    }

    /// Takes over a listening socket of the standard library: makes it non-blocking and registers it with this thread's
    /// loop.
    ///
    /// # Errors
    /// If the socket is registered already, or the system is out of memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn from_std(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let short_transfer = ShortTransfer::of_socket(&listener);
        Self::from_nonblocking(listener, short_transfer)
    }

    /// Removes the socket from the loop and returns it as the standard library's type. It is still non-blocking.
    pub fn into_std(self) -> StdListener {
        self.descriptor.into_inner().into()
    }

    /// Waits for the next connection: asyncio's `sock_accept`. A connection that its client has aborted meanwhile is
    /// skipped. Several tasks may wait.
    ///
    /// # Errors
    /// Errors of the system call. If the process is out of descriptors (`raw_os_error()` is `EMFILE` or `ENFILE`), that
    /// is an error here, and the connection stays in the backlog.
    ///
    /// # Cancel safety
    /// Nothing is lost: a connection is accepted and returned, or stays in the backlog.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, address) = self.descriptor.read_with(|listener| skip_aborted(|| listener.accept())).await?;
        Ok((TcpStream::accepted(stream, self.descriptor.short_transfer())?, address))
    }

    /// Waits until there is a connection to accept. Another task may accept it first.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readable(&self) {
        self.descriptor.readable().await;
    }

    /// Accepts a connection without waiting.
    ///
    /// It counts as one of the 64 operations that a step of a task may do, so what is made of this and
    /// [`readable`](Self::readable) starves no other task.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::TcpListener;
    /// use oneloop::run;
    /// use std::io::ErrorKind;
    /// use std::net::TcpStream;
    ///
    /// run(async {
    ///     let listener = TcpListener::bind(("127.0.0.1", 0))?;
    ///     let clients = [TcpStream::connect(listener.local_addr()?)?, TcpStream::connect(listener.local_addr()?)?];
    ///     listener.readable().await;
    ///     let mut accepted = Vec::new();
    ///     loop {
    ///         match listener.try_accept() {
    ///             Ok((stream, _address)) => accepted.push(stream),
    ///             Err(error) if error.kind() == ErrorKind::WouldBlock => break,
    ///             Err(error) => return Err(error),
    ///         }
    ///     }
    ///     assert_eq!(accepted.len(), clients.len());
    ///     Ok(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `WouldBlock` if there is none, the loop has not yet learned of it, or the step has done enough; and as
    /// [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = self.descriptor.try_read_with(|listener| skip_aborted(|| listener.accept()));
        let (stream, address) = accepted?;
        Ok((TcpStream::accepted(stream, self.descriptor.short_transfer())?, address))
    }

    /// [`accept`](Self::accept) as a poll, for a future that is written by hand. One task at a time may poll: the waker
    /// of the last poll is kept, as [`Descriptor::poll_read_ready`](crate::Descriptor::poll_read_ready) tells.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// # Panics
    /// If it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = self.descriptor.poll_read_with(cx, |listener| skip_aborted(|| listener.accept()));
        accepted.map(|accepted| {
            let (stream, address) = accepted?;
            Ok((TcpStream::accepted(stream, self.descriptor.short_transfer())?, address))
        })
    }

    /// Waits until there may be a connection, without borrowing the listener.
    pub(crate) fn wait(&self) -> ReadinessFuture {
        self.descriptor.wait(Direction::Read)
    }

    /// As `try_accept`, for a caller that counts its operations itself.
    pub(crate) fn accept_now(&self) -> io::Result<TcpStream> {
        let accepted = self.descriptor.attempt(Direction::Read, |listener| skip_aborted(|| listener.accept()));
        TcpStream::accepted_for_streams(accepted?.0, self.descriptor.short_transfer())
    }

    /// The address that the socket listens on.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.descriptor.get_ref().local_addr()
    }
}

as_fd!(TcpListener);
hops!(TcpListener);

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("address", &self.local_addr()).finish_non_exhaustive()
    }
}
