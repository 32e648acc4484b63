//! TCP connections. Owns the descriptor of one connection; must not know how its address was chosen.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream as StdStream};
use std::time::Duration;

use super::byte_stream::{ByteStream, reads, writes};
use super::descriptor::Descriptor;
use super::own_calls::{reads_with, writes_with};
use super::sendfile::sends_files;
use super::socket_settings::{buffer_sizes, hops};
use super::std_socket::{as_fd, std_socket};
use crate::reactor::ShortTransfer;
use crate::sys::socket_options;

/// A TCP connection of the loop.
///
/// The methods take `&self`, so one task may read while another one writes: through an `Rc`, or with
/// [`into_split`](Self::into_split). Dropping the connection closes it; the system still sends the bytes that were
/// written.
///
/// It has no buffer: each read and write is a system call. [`into_streams`](Self::into_streams) makes a
/// [`StreamReader`](crate::StreamReader) and a [`StreamWriter`](crate::StreamWriter) of it, which read lines and write
/// without a wait.
///
/// # Examples
/// ```
/// use oneloop::net::{TcpListener, TcpStream};
/// use oneloop::{create_task, run};
/// use std::io;
///
/// async fn answer(listener: TcpListener) -> io::Result<()> {
///     let (stream, _address) = listener.accept().await?;
///     let mut bytes = [0; 100];
///     let n = stream.read(&mut bytes).await?;
///     stream.write_all(&bytes[..n].to_ascii_uppercase()).await
/// }
///
/// run(async {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let stream = TcpStream::connect(listener.local_addr()?).await?;
///     create_task(answer(listener));
///     stream.write_all(b"hello").await?;
///     let mut bytes = [0; 5];
///     stream.read_exact(&mut bytes).await?;
///     assert_eq!(&bytes, b"HELLO");
///     Ok::<(), io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TcpStream {
    descriptor: Descriptor<StdStream>,
}

impl TcpStream {
    pub(super) fn from_descriptor(descriptor: Descriptor<StdStream>) -> Self {
        Self { descriptor }
    }

    /// A connection that mio has accepted and made non-blocking.
    pub(super) fn accepted(stream: mio::net::TcpStream, short_transfer: ShortTransfer) -> io::Result<Self> {
        Descriptor::accepted(stream.into(), short_transfer).map(Self::from_descriptor)
    }

    /// As `accepted`, for a server: as in asyncio, its streams read what an event has told of.
    pub(super) fn accepted_for_streams(stream: mio::net::TcpStream, short_transfer: ShortTransfer) -> io::Result<Self> {
        Descriptor::of_stream(stream.into(), short_transfer).map(Self::from_descriptor)
    }

    /// The descriptor, still registered.
    pub(crate) fn into_descriptor(self) -> Descriptor<StdStream> {
        self.descriptor
    }

    pub(super) fn byte_stream(&self) -> ByteStream<'_, StdStream> {
        ByteStream { descriptor: &self.descriptor }
    }

    /// Waits until there is something to read, and copies what fits into the buffer, but leaves it there for the next
    /// read. 0 means the end of the stream, or a buffer without room.
    ///
    /// It does not wait for more than there is, so a program that needs more than it was shown has to read it.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::{TcpListener, TcpStream};
    /// use oneloop::run;
    ///
    /// run(async {
    ///     let listener = TcpListener::bind(("127.0.0.1", 0))?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (stream, _address) = listener.accept().await?;
    ///     client.write_all(&[22, 3, 1]).await?;
    ///     let mut first = [0];
    ///     stream.peek(&mut first).await?;
    ///     let is_tls = first == [22]; // which of two protocols the client speaks
    ///     assert!(is_tls);
    ///     let mut bytes = [0; 3];
    ///     stream.read_exact(&mut bytes).await?;
    ///     assert_eq!(bytes, [22, 3, 1]);
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        self.descriptor.read_with(|stream| stream.peek(buffer)).await
    }

    /// Ends one direction or both. The peer reads the bytes that were written, and then the end of the stream.
    ///
    /// # Errors
    /// `NotConnected` if the peer has reset the connection.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.get_ref().shutdown(how)
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.get_ref().nodelay()
    }

    /// Sends small writes at once, instead of collecting them until the peer has acknowledged the previous one (Nagle's
    /// algorithm). asyncio's transports do so by default.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.get_ref().set_nodelay(nodelay)
    }

    /// After how long a silence the system probes whether the peer is still there; `None` if it does not probe.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn keepalive(&self) -> io::Result<Option<Duration>> {
        socket_options::keep_alive(self.get_ref())
    }

    /// Has the system probe whether the peer is still there, after a silence of this length. `None` turns that off. The
    /// length is rounded up to whole seconds.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn set_keepalive(&self, after: impl Into<Option<Duration>>) -> io::Result<()> {
        socket_options::set_keep_alive(self.get_ref(), after.into())
    }

    /// How long closing the connection blocks until the bytes that were written are sent (`SO_LINGER`). `None`, the
    /// default: closing does not block, and the system sends them afterwards.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        socket_options::linger(self.get_ref())
    }

    /// Sets what closing the connection does (`SO_LINGER`). With `None`, the system sends what was written after the
    /// connection is closed. With a duration of zero, it drops that and resets the connection, so that the peer's reads
    /// fail and nothing of it stays with the system.
    ///
    /// With any other duration, rounded up to whole seconds, dropping the connection **blocks the thread** for that
    /// long, and so the loop, if the peer does not take the bytes. To wait for the peer without blocking, call
    /// [`shutdown`](Self::shutdown) for writing and read to the end.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::{TcpListener, TcpStream};
    /// use oneloop::run;
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let listener = TcpListener::bind(("127.0.0.1", 0))?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (stream, _address) = listener.accept().await?;
    ///     stream.set_linger(Duration::ZERO)?;
    ///     drop(stream);
    ///     assert_eq!(client.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn set_linger(&self, wait: impl Into<Option<Duration>>) -> io::Result<()> {
        socket_options::set_linger(self.get_ref(), wait.into())
    }
}

std_socket!(TcpStream, StdStream, SocketAddr, ShortTransfer::of_socket);
reads!(TcpStream, StdStream);
writes!(TcpStream, StdStream);
buffer_sizes!(TcpStream);
hops!(TcpStream);
sends_files!(TcpStream);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::EventLoop;

    fn size<T>(_: &T) -> usize {
        size_of::<T>()
    }

    /// What is said of the memory of a connection in docs/BENCHMARKS.md; its registration is in `reactor.rs`.
    #[test]
    fn an_idle_connection_weighs_what_is_said_of_each_of_its_parts() {
        let lp = EventLoop::new().expect("descriptors for a loop");
        let _entered = lp.enter();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let peer = StdStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        peer.set_nonblocking(true).expect("a socket that can");
        let stream = TcpStream::from_std(peer).expect("a stream");
        let (buffer, bytes) = (&mut [0], &[0]);
        let parts = [
            ("the stream: its descriptor 4, its slot 4, its loop 8, who polls 8", size(&stream), 24),
            ("a read: the stream 8, the buffer 16, its place among those who wait 16", size(&stream.read(buffer)), 40),
            ("a write, likewise", size(&stream.write(bytes)), 40),
        ];
        for (part, bytes, said) in parts {
            assert_eq!(bytes, said, "{part}");
        }
    }
}
