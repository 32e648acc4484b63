//! Unix stream connections. Owns the descriptor of one connection; must not know the file that a path names.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{SocketAddr, UnixStream as StdStream};
use std::path::Path;

use super::backoff::Backoff;
use super::byte_stream::{ByteStream, reads, writes};
use super::descriptor::Descriptor;
use super::own_calls::{reads_with, writes_with};
use super::peer_cred::PeerCred;
use super::sendfile::sends_files;
use super::socket_settings::buffer_sizes;
use super::std_socket::{as_fd, std_socket};
use super::unix_path::{address_at, connect_error};
use crate::reactor::ShortTransfer;
use crate::sys::socket;

/// A Unix stream connection of the loop.
///
/// The methods take `&self`, so one task may read while another one writes: through an `Rc`, or with
/// [`into_split`](Self::into_split).
///
/// Descriptors that the peer sends along with its bytes are received by [`recv_fds`](Self::recv_fds); a read closes
/// them.
///
/// # Examples
/// ```
/// use oneloop::net::UnixStream;
/// use oneloop::run;
///
/// run(async {
///     let (left, right) = UnixStream::pair()?;
///     left.write_all(b"hello").await?;
///     drop(left);
///     let mut bytes = [0; 10];
///     assert_eq!(right.read(&mut bytes).await?, 5);
///     assert_eq!(right.read(&mut bytes).await?, 0); // the end
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UnixStream {
    descriptor: Descriptor<StdStream>,
}

impl UnixStream {
    /// Connects to the socket at a path. On Linux, a path that begins with a NUL is a name without a file, as in
    /// asyncio.
    ///
    /// While the server's backlog is full, this waits: it tries again after 1, 2, 4 and at most 64 milliseconds, since
    /// the system has no event for room in a backlog.
    ///
    /// # Errors
    /// `NotFound`; `ConnectionRefused` if no socket listens at the path any more; other errors of the system call. They
    /// name the path.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// The attempt ends.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::connect_addr(&address_at(path.as_ref())?).await
    }

    /// As [`connect`](Self::connect), to an address of the standard library's, which may be an abstract name.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// The attempt ends.
    pub async fn connect_addr(address: &SocketAddr) -> io::Result<Self> {
        let mut backoff = Backoff::new();
        loop {
            match mio::net::UnixStream::connect_addr(address) {
                Ok(stream) => return Self::from_nonblocking(stream),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => backoff.wait().await,
                Err(e) => return Err(connect_error(address, &e)),
            }
        }
    }

    /// Two connected ends.
    ///
    /// # Errors
    /// If the system is out of descriptors or memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = StdStream::pair()?;
        Ok((Self::from_std(left)?, Self::from_std(right)?))
    }

    /// A connection that mio has made or accepted, and made non-blocking.
    #[track_caller]
    pub(super) fn from_nonblocking(stream: mio::net::UnixStream) -> io::Result<Self> {
        Ok(Self { descriptor: Descriptor::new(stream.into())? })
    }

    /// As `from_nonblocking`, for a connection that a program has accepted.
    pub(super) fn accepted(stream: mio::net::UnixStream) -> io::Result<Self> {
        Ok(Self { descriptor: Descriptor::accepted(stream.into(), ShortTransfer::Unknown)? })
    }

    /// The descriptor, still registered.
    pub(crate) fn into_descriptor(self) -> Descriptor<StdStream> {
        self.descriptor
    }

    pub(super) fn byte_stream(&self) -> ByteStream<'_, StdStream> {
        ByteStream { descriptor: &self.descriptor }
    }

    /// Waits until there is something to read, and copies what fits into the buffer, but leaves it there for the next
    /// read; otherwise as [`TcpStream::peek`](super::TcpStream::peek).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.descriptor.read_with(|stream| socket::peek(stream, buffer)).await
    }

    /// Which process is at the other end, and which user's it is: `SO_PEERCRED` of asyncio's sockets.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::UnixStream;
    /// use oneloop::run;
    ///
    /// run(async {
    ///     let (left, _right) = UnixStream::pair()?;
    ///     let peer = left.peer_cred()?; // this process itself
    ///     assert_eq!(peer.pid().unwrap_or(std::process::id()), std::process::id());
    ///     println!("user {}, group {}", peer.uid(), peer.gid());
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `NotConnected` if the connection is gone; other errors of the system call.
    pub fn peer_cred(&self) -> io::Result<PeerCred> {
        PeerCred::of(self.get_ref())
    }

    /// Ends one direction or both. The peer reads the bytes that were written, and then the end of the stream.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.get_ref().shutdown(how)
    }
}

std_socket!(UnixStream, StdStream, SocketAddr, |_| ShortTransfer::Unknown);
reads!(UnixStream, StdStream);
writes!(UnixStream, StdStream);
buffer_sizes!(UnixStream);
sends_files!(UnixStream);
