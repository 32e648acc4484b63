//! The writing end of a stream: asyncio's `StreamWriter`. Owns the public handle; must not know how bytes are sent.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, RawFd};
use std::rc::Rc;
use std::{fmt, io};

use super::channel::Wire;
use super::transport::Stream;

/// Writes bytes: asyncio's `StreamWriter`. Clones are the same writer.
///
/// [`write`](Self::write) never waits: what the system does not take at once lies in a buffer, and is sent by the loop
/// while the program goes on. [`drain`](Self::drain) waits while the buffer is too full, so write and drain in turns.
///
/// [`close`](Self::close) sends what is left, then closes. Without it, the last writer that is dropped says to the peer that
/// nothing more comes, as [`write_eof`](Self::write_eof) does; when the last reader has gone too, the connection closes, after
/// all has been sent. (asyncio closes it with the writer alone.) A loop that ends sends nothing more: await
/// [`wait_closed`](Self::wait_closed) before that.
///
/// # Examples
/// ```
/// use oneloop::{open_connection, run, start_server};
///
/// run(async {
///     let server = start_server(
///         async |reader, writer| {
///             while let Some(line) = reader.next_line().await? {
///                 writer.write(line.to_ascii_uppercase());
///                 writer.drain().await?;
///             }
///             Ok::<(), std::io::Error>(())
///         },
///         ("127.0.0.1", 0),
///     )
///     .await?;
///     let (reader, writer) = open_connection(server.local_addrs()[0]).await?;
///     writer.write("hello\n");
///     assert_eq!(reader.readline().await?, b"HELLO\n");
///     writer.close();
///     writer.wait_closed().await?;
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StreamWriter {
    stream: Rc<Stream>,
}

impl StreamWriter {
    pub(crate) fn of(stream: Rc<Stream>) -> Self {
        stream.add_writer();
        Self { stream }
    }

    /// Sends bytes, or keeps them to be sent: it never waits. After `close`, or when the connection is lost, they are
    /// dropped, and [`drain`](Self::drain) says so.
    ///
    /// # Panics
    /// After `write_eof`.
    pub fn write(&self, data: impl AsRef<[u8]>) {
        self.stream.write(data.as_ref());
    }

    /// The same for several pieces, in one go.
    ///
    /// # Panics
    /// After `write_eof`.
    pub fn writelines<B: AsRef<[u8]>>(&self, pieces: impl IntoIterator<Item = B>) {
        self.stream.write_pieces(pieces);
    }

    /// Waits until there is room to write: at once while the buffer is not above the high watermark, else until it is at
    /// the low one. Any number of tasks may wait.
    ///
    /// # Errors
    /// Why the connection was lost, why reads from it fail, or `ConnectionReset` if it is closed.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was written is sent all the same.
    pub async fn drain(&self) -> io::Result<()> {
        self.stream.drain().await
    }

    /// Tells the peer that nothing more comes, when all has been sent. Reading goes on. Does nothing a second time.
    pub fn write_eof(&self) {
        self.stream.write_eof();
    }

    /// Whether [`write_eof`](Self::write_eof) can do so: true for everything there is today; it closes a pipe.
    pub fn can_write_eof(&self) -> bool {
        true
    }

    /// Sends what is left, then closes the connection. Reads give what the reader holds, and then the end.
    pub fn close(&self) {
        self.stream.close();
    }

    /// Closes the connection at once; what is left is dropped: the transport's `abort()` in asyncio.
    pub fn abort(&self) {
        self.stream.abort();
    }

    /// Whether it is closed, or will be, or can send no more because the connection is lost.
    pub fn is_closing(&self) -> bool {
        self.stream.is_closing()
    }

    /// Waits until it is closed, by `close` here or elsewhere, or lost. A connection that its peer has reset counts as
    /// lost when a read or a write has met that: whoever waits for a peer to go should read.
    ///
    /// # Errors
    /// Why the connection was lost, if it was, so that not all has been sent.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn wait_closed(&self) -> io::Result<()> {
        self.stream.wait_closed().await
    }

    /// How many bytes wait to be sent: the transport's `get_write_buffer_size()`.
    pub fn write_buffer_size(&self) -> usize {
        self.stream.write_buffer_size()
    }

    /// Above how many bytes in the buffer [`drain`](Self::drain) waits, and until how few: 64 KiB and a quarter of that if
    /// nothing is said. The transport's `set_write_buffer_limits(high, low)`.
    ///
    /// # Panics
    /// If `low` is above `high`.
    pub fn set_write_buffer_limits(&self, high: usize, low: usize) {
        assert!(low <= high, "the low watermark is above the high one; give the high one first");
        self.stream.set_watermarks(high, low);
    }

    /// The number of its descriptor, for settings that have no method here: `get_extra_info("socket")`. `None` once it is
    /// closed; the descriptor is the stream's, and is not to be closed by anybody else.
    pub fn raw_fd(&self) -> Option<RawFd> {
        self.stream.with_wire(|wire| wire.get_ref().as_raw_fd())
    }

    /// The address of this end: `get_extra_info("sockname")`.
    ///
    /// # Errors
    /// If the connection is closed, or is none of TCP.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.ask(Wire::local_addr)
    }

    /// The address of the other end: `get_extra_info("peername")`.
    ///
    /// # Errors
    /// If the connection is closed or was reset, or is none of TCP.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.ask(Wire::peer_addr)
    }
}

impl Clone for StreamWriter {
    fn clone(&self) -> Self {
        Self::of(Rc::clone(&self.stream))
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.stream.drop_writer();
    }
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter")
            .field("buffered", &self.write_buffer_size())
            .field("closing", &self.is_closing())
            .finish_non_exhaustive()
    }
}
