//! One TCP connection. Owns its descriptor; must not know how an address was chosen.

use std::net::{Shutdown, SocketAddr, TcpStream as StdStream};
use std::time::Duration;
use std::{fmt, io};

use super::connect::TcpConnector;
use super::descriptor::Descriptor;
use super::endpoint::Endpoint;
use super::io::{Stream, has_descriptor, reads, writes};
use super::split::{ReadHalf, WriteHalf, halves};
use crate::error::ConnectError;
use crate::sys::socket;

/// A TCP connection of the loop.
///
/// Its methods take `&self`, so one task may read while another writes: in an `Rc`, or with [`into_split`](Self::into_split).
/// Dropping it closes the connection; what was written goes out all the same.
///
/// # Examples
/// ```
/// use oneloop::net::TcpListener;
/// use oneloop::run;
/// use std::io::{Read, Write};
///
/// run(async {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
///     let address = listener.local_addr()?;
///     let peer = std::thread::spawn(move || -> std::io::Result<String> {
///         let mut socket = std::net::TcpStream::connect(address)?;
///         socket.write_all(b"from a thread")?;
///         let mut answer = String::new();
///         socket.read_to_string(&mut answer)?;
///         Ok(answer)
///     });
///     let (stream, _address) = listener.accept().await?;
///     stream.set_nodelay(true)?;
///     let mut bytes = [0; 100];
///     let n = stream.read(&mut bytes).await?;
///     stream.write_all(&bytes[..n].to_ascii_uppercase()).await?;
///     drop(stream);
///     assert_eq!(peer.join().expect("no panic")?, "FROM A THREAD");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TcpStream {
    io: Descriptor<StdStream>,
}

impl TcpStream {
    /// Connects: to an address, or to the first of several that answers (see [`TcpConnector`], which also has the
    /// settings).
    ///
    /// # Errors
    /// [`ConnectError`] with what every attempt came to; `?` makes an `io::Error` of it.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// The attempts are given up.
    pub async fn connect(to: impl Into<Endpoint>) -> Result<Self, ConnectError> {
        TcpConnector::new().connect(to).await
    }

    pub(super) fn adopt(io: Descriptor<StdStream>) -> Self {
        Self { io }
    }

    /// One that was accepted, non-blocking.
    pub(super) fn from_accepted(stream: mio::net::TcpStream) -> io::Result<Self> {
        Descriptor::new(stream.into()).map(Self::adopt)
    }

    /// A connection of the standard library, made non-blocking and registered with this thread's loop.
    ///
    /// # Errors
    /// If it is registered already, or the system is out of memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn from_std(stream: StdStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Descriptor::new(stream).map(Self::adopt)
    }

    /// The connection as the standard library's, registered no more. It is still non-blocking.
    pub fn into_std(self) -> StdStream {
        self.io.into_inner()
    }

    /// The standard library's view of it, for settings that have no method here.
    pub fn get_ref(&self) -> &StdStream {
        self.io.get_ref()
    }

    /// Its descriptor, still registered.
    pub(crate) fn into_descriptor(self) -> Descriptor<StdStream> {
        self.io
    }

    pub(super) fn stream(&self) -> Stream<'_, StdStream> {
        Stream { io: &self.io, short_is_empty: true }
    }

    /// The address of this end.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// `NotConnected` after a reset.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().peer_addr()
    }

    /// Ends one direction or both: the other side meets the end of the stream when it has read what was written.
    ///
    /// # Errors
    /// `NotConnected` after a reset.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.get_ref().shutdown(how)
    }

    /// Whether small writes go out at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.get_ref().nodelay()
    }

    /// Sends small writes at once, instead of gathering them until the last has been confirmed (Nagle's algorithm).
    /// asyncio's transports do that by themselves.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.get_ref().set_nodelay(nodelay)
    }

    /// After how long a silence the system asks whether the other side is still there, if it does so.
    ///
    /// # Errors
    /// What the system says.
    pub fn keepalive(&self) -> io::Result<Option<Duration>> {
        socket::keep_alive(self.get_ref())
    }

    /// Has the system ask after so long a silence whether the other side is still there, or not at all. Whole seconds,
    /// rounded up.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_keepalive(&self, after: impl Into<Option<Duration>>) -> io::Result<()> {
        socket::set_keep_alive(self.get_ref(), after.into())
    }

    /// The reading and the writing half, for two tasks. See [`ReadHalf::reunite`] for the way back.
    pub fn into_split(self) -> (ReadHalf<Self>, WriteHalf<Self>) {
        halves(self, |stream| stream.shutdown(Shutdown::Write))
    }
}

reads!(TcpStream);
writes!(TcpStream);
has_descriptor!(TcpStream);

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpStream").field(self.get_ref()).finish()
    }
}
