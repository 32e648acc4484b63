//! The writing handle of a stream: asyncio's `StreamWriter`. Owns the public methods; must not know how bytes are sent.

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, RawFd};
use std::rc::Rc;
use std::{fmt, io};

use super::channel::ByteChannel;
use super::transport::Transport;
use crate::error::SendfileError;
use crate::net::{FileRange, PeerCred};

/// Writes bytes: asyncio's `StreamWriter`. Clones are the same writer.
///
/// [`write`](Self::write) never waits: bytes that the system does not take at once lie in a buffer, and the loop sends
/// them while the program goes on. [`drain`](Self::drain) waits while the buffer is too full, so write and drain by
/// turns.
///
/// [`close`](Self::close) sends the bytes that are left, then closes. Without `close`, dropping the last writer tells
/// the peer that no more bytes come, as [`write_eof`](Self::write_eof) does. Once the last reader is dropped too, the
/// connection closes after all bytes are sent. (asyncio closes it with the writer alone.) A loop that has ended sends
/// nothing more: await [`wait_closed`](Self::wait_closed) before its end.
///
/// # Examples
/// ```
/// use oneloop::{open_connection, run, start_server};
///
/// run(async {
///     let server = start_server(
///         async |reader, writer| {
///             while let Some(line) = reader.next_line().await? {
///                 writer.write(format!("{}\n", line.to_uppercase()));
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
    pub(super) transport: Rc<Transport>,
}

impl StreamWriter {
    pub(crate) fn of(transport: Rc<Transport>) -> Self {
        transport.add_writer();
        Self { transport }
    }

    /// Sends bytes, or buffers them, and never waits. After `close`, or once the connection is lost, the bytes are
    /// dropped, and [`drain`](Self::drain) returns an error.
    ///
    /// # Panics
    /// After `write_eof`.
    #[track_caller]
    pub fn write(&self, data: impl AsRef<[u8]>) {
        self.transport.write(data.as_ref());
    }

    /// As [`write`](Self::write), for several pieces, which are sent together.
    ///
    /// # Panics
    /// After `write_eof`.
    #[track_caller]
    pub fn writelines<B: AsRef<[u8]>>(&self, pieces: impl IntoIterator<Item = B>) {
        self.transport.write_pieces(pieces);
    }

    /// Waits until there is room in the buffer. Returns at once unless the buffer has grown above the high watermark;
    /// then waits until it has shrunk to the low watermark. Any number of tasks may wait.
    ///
    /// # Errors
    /// The error by which the connection was lost, the error of its reads, or `ConnectionReset` if it is closed.
    ///
    /// # Cancel safety
    /// Nothing is lost: the bytes that were written are still sent.
    pub async fn drain(&self) -> io::Result<()> {
        self.transport.drain().await
    }

    /// Sends the bytes of a file from `offset` on, `count` of them or up to its end, behind what was written before,
    /// and returns how many: asyncio's `loop.sendfile(writer.transport, file, offset, count)`.
    ///
    /// Write more when this has returned. asyncio refuses a write before that; here it comes before the file or behind
    /// it, and never within. An end (`write_eof`, `close`) waits for a file that has begun, too.
    ///
    /// The bytes go from the file to the connection within the system, on Linux and Android. Elsewhere, over TLS, and
    /// of a file that the system cannot send, they are read on a thread of the loop's default executor and written, as
    /// fast as the peer takes them. Then what another task writes meanwhile comes within the file, and the last bytes
    /// may still be in the buffer when this returns. [`sendfile_native`](Self::sendfile_native) refuses a file that
    /// would have to be read so.
    ///
    /// The position of the file itself is not used. Afterwards it is behind the last byte that was sent, also after an
    /// error or if the future is dropped, unless none was. A file on a disk may block the thread until it is read.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::UnixStream;
    /// use oneloop::run;
    /// use std::fs::File;
    /// use std::io::Seek as _;
    ///
    /// run(async {
    ///     let (left, right) = UnixStream::pair()?;
    ///     let ((_, writer), (reader, _)) = (left.into_streams(), right.into_streams());
    ///     let mut file = File::open("README.md")?;
    ///     writer.write("> ");
    ///     assert_eq!(writer.sendfile(&file, 0, 9).await?, 9);
    ///     writer.write(" <");
    ///     assert_eq!(reader.readexactly(13).await?, b"> # oneloop <");
    ///     assert_eq!(file.stream_position()?, 9);
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Errors of reading the file, the error by which the connection was lost, and `BrokenPipe` if the stream was ended
    /// or closed. Some bytes may have been sent.
    ///
    /// # Panics
    /// Where the file is read on a thread, as [`to_thread`](fn@crate::to_thread).
    ///
    /// # Cancel safety
    /// Some of the bytes may have been sent: as many as the position of the file says.
    pub async fn sendfile(&self, file: &File, offset: u64, count: impl Into<Option<u64>>) -> io::Result<u64> {
        let range = FileRange { file, offset, count: count.into() };
        match self.transport.send_file(range).await {
            Err(SendfileError::NotAvailable) => self.transport.write_file(range).await,
            sent => Ok(sent?),
        }
    }

    /// As [`sendfile`](Self::sendfile), within the system or not at all: asyncio's `fallback=False`.
    ///
    /// # Errors
    /// [`SendfileError::NotAvailable`] if the system does not send the file, and nothing was sent; else as `sendfile`.
    ///
    /// # Cancel safety
    /// As `sendfile`.
    pub async fn sendfile_native(
        &self,
        file: &File,
        offset: u64,
        count: impl Into<Option<u64>>,
    ) -> Result<u64, SendfileError> {
        self.transport.send_file(FileRange { file, offset, count: count.into() }).await
    }

    /// Tells the peer, once all bytes are sent, that no more bytes come. Reading goes on. A second call does nothing.
    pub fn write_eof(&self) {
        self.transport.write_eof();
    }

    /// Whether [`write_eof`](Self::write_eof) works for this stream. Always true; for a pipe, `write_eof` closes it.
    pub fn can_write_eof(&self) -> bool {
        true
    }

    /// Sends the bytes that are left, then closes the connection. Reads return the bytes that the reader holds, and
    /// then the end of the stream.
    pub fn close(&self) {
        self.transport.close();
    }

    /// Closes the connection at once, and drops the bytes that are not sent: asyncio's `transport.abort()`.
    pub fn abort(&self) {
        self.transport.abort();
    }

    /// Whether the connection is closed, is closing, or is lost and can send no more.
    pub fn is_closing(&self) -> bool {
        self.transport.notice_end();
        self.transport.is_closing()
    }

    /// Waits until the connection is closed or lost. It is closed by `close`, on this handle or another one. It is lost
    /// if the peer has reset it, or, for a pipe, if its other end is gone: if nothing was left to send then, the pipe
    /// is closed and this returns without an error. If the peer has only ended its own direction, the connection stays:
    /// to wait for that, read.
    ///
    /// # Errors
    /// The error by which the connection was lost; some bytes may not have been sent then.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn wait_closed(&self) -> io::Result<()> {
        self.transport.wait_closed().await
    }

    /// How many bytes lie in the buffer: asyncio's `transport.get_write_buffer_size()`.
    pub fn write_buffer_size(&self) -> usize {
        self.transport.unsent_bytes()
    }

    /// Sets the watermarks of the buffer: asyncio's `transport.set_write_buffer_limits(high, low)`. With more bytes
    /// than `high` in the buffer [`drain`](Self::drain) waits, until there are no more than `low`. By default, `high`
    /// is 64 KiB and `low` a quarter of that.
    ///
    /// # Panics
    /// If `low` is above `high`.
    #[track_caller]
    pub fn set_write_buffer_limits(&self, high: usize, low: usize) {
        assert!(low <= high, "the low watermark is above the high one; give the high one first");
        self.transport.set_watermarks(high, low);
    }

    /// The number of the descriptor, for settings that have no method here: `get_extra_info("socket")`. `None` once the
    /// connection is closed. The descriptor belongs to the stream, so do not close it.
    pub fn raw_fd(&self) -> Option<RawFd> {
        self.transport.with_channel(|channel| channel.get_ref().as_raw_fd())
    }

    /// The local address: `get_extra_info("sockname")`.
    ///
    /// # Errors
    /// If the connection is closed, or is not a TCP connection.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.transport.query(ByteChannel::local_addr)
    }

    /// The address of the peer: `get_extra_info("peername")`.
    ///
    /// # Errors
    /// If the connection is closed or was reset, or is not a TCP connection.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.transport.query(ByteChannel::peer_addr)
    }

    /// Which process is at the other end of a Unix connection: `SO_PEERCRED` of `get_extra_info("socket")`.
    ///
    /// # Errors
    /// If the connection is closed, or is not a Unix connection.
    pub fn peer_cred(&self) -> io::Result<PeerCred> {
        self.transport.query(ByteChannel::peer_cred)
    }
}

impl Clone for StreamWriter {
    fn clone(&self) -> Self {
        Self::of(Rc::clone(&self.transport))
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.transport.drop_writer();
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
