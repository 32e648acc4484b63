//! Streams over a new connection, or over a socket or pipe: asyncio's `open_connection`. Owns how a socket becomes a
//! reader and a writer; must not know servers.

use std::io;
use std::path::Path;
use std::rc::Rc;

use super::channel::ByteChannel;
use super::reader::StreamReader;
use super::transport::{DEFAULT_LIMIT, Transport};
use super::writer::StreamWriter;
use crate::error::ConnectError;
use crate::net::{Descriptor, Endpoint, PipeReader, PipeWriter, TcpStream, UnixStream};

/// Connects by TCP: asyncio's `open_connection(host, port)`.
///
/// For other settings, connect with a [`TcpConnector`](crate::net::TcpConnector) and call
/// [`TcpStream::into_streams`].
///
/// # Examples
/// ```
/// use oneloop::{open_connection, run, start_server};
///
/// run(async {
///     let server = start_server(async |_reader, writer| writer.write("welcome\n"), ("127.0.0.1", 0)).await?;
///     let port = server.local_addrs()[0].port();
///     let (reader, _writer) = open_connection(("127.0.0.1", port)).await?;
///     assert_eq!(reader.readline().await?, b"welcome\n");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ConnectError`], with the error of every attempt.
///
/// # Panics
/// If this thread is in no loop.
///
/// # Cancel safety
/// The attempts end.
pub async fn open_connection(to: impl Into<Endpoint>) -> Result<(StreamReader, StreamWriter), ConnectError> {
    TcpStream::connect(to).await.map(TcpStream::into_streams)
}

/// Connects to the Unix socket at a path: asyncio's `open_unix_connection`. On Linux, a path that begins with a NUL is
/// a name without a file, as in asyncio.
///
/// # Examples
/// ```
/// use oneloop::{open_unix_connection, run, start_unix_server};
///
/// let path = std::env::temp_dir().join(format!("oneloop-open-{}.socket", std::process::id()));
/// run(async {
///     let server = start_unix_server(async |_reader, writer| writer.write("welcome\n"), &path).await?;
///     let (reader, _writer) = open_unix_connection(&path).await?;
///     assert_eq!(reader.readline().await?, b"welcome\n");
///     server.close();
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `NotFound`; `ConnectionRefused` if no socket listens at the path any more; other errors of the system call.
///
/// # Panics
/// If this thread is in no loop.
///
/// # Cancel safety
/// The attempt ends.
pub async fn open_unix_connection(path: impl AsRef<Path>) -> io::Result<(StreamReader, StreamWriter)> {
    UnixStream::connect(path).await.map(UnixStream::into_streams)
}

#[track_caller]
fn pair(channel: Descriptor<ByteChannel>, limit: usize) -> (StreamReader, StreamWriter) {
    let transport = Transport::over(channel, limit);
    (StreamReader::of(Rc::clone(&transport)), StreamWriter::of(transport))
}

impl TcpStream {
    /// Converts the connection into a buffered reader and writer. Small writes are sent at once (`set_nodelay`), as in
    /// asyncio.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::{TcpConnector, TcpListener};
    /// use oneloop::run;
    ///
    /// run(async {
    ///     let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
    ///     let connector = TcpConnector::new().local_addr(([127, 0, 0, 1], 0));
    ///     let (_reader, writer) = connector.connect(listener.local_addr()?).await?.into_streams();
    ///     writer.write("hello\n");
    ///     let (reader, _writer) = listener.accept().await?.0.into_streams();
    ///     assert_eq!(reader.readline().await?, b"hello\n");
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_streams(self) -> (StreamReader, StreamWriter) {
        self.into_streams_with_limit(DEFAULT_LIMIT)
    }

    /// As [`into_streams`](Self::into_streams), with another [limit](StreamReader::with_limit) for the reader.
    ///
    /// # Panics
    /// If the limit is 0.
    #[track_caller]
    pub fn into_streams_with_limit(self, limit: usize) -> (StreamReader, StreamWriter) {
        pair(self.into_channel(), limit)
    }

    pub(crate) fn into_channel(self) -> Descriptor<ByteChannel> {
        // fails only if the connection was reset, which the first read or write reports
        let _ = self.set_nodelay(true);
        self.into_descriptor().map(ByteChannel::Tcp)
    }
}

impl UnixStream {
    /// Converts the connection into a buffered reader and writer.
    pub fn into_streams(self) -> (StreamReader, StreamWriter) {
        self.into_streams_with_limit(DEFAULT_LIMIT)
    }

    /// As [`into_streams`](Self::into_streams), with another [limit](StreamReader::with_limit) for the reader.
    ///
    /// # Panics
    /// If the limit is 0.
    #[track_caller]
    pub fn into_streams_with_limit(self, limit: usize) -> (StreamReader, StreamWriter) {
        pair(self.into_channel(), limit)
    }

    pub(crate) fn into_channel(self) -> Descriptor<ByteChannel> {
        self.into_descriptor().map(ByteChannel::Unix)
    }
}

impl PipeReader {
    /// Converts the pipe's end into a buffered reader.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{net::pipe, run};
    ///
    /// run(async {
    ///     let (reader, writer) = pipe()?;
    ///     let (reader, writer) = (reader.into_stream(), writer.into_stream());
    ///     writer.writelines(["one\n", "two\n"]);
    ///     writer.close();
    ///     assert_eq!(reader.read_to_end().await?, b"one\ntwo\n");
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_stream(self) -> StreamReader {
        self.into_stream_with_limit(DEFAULT_LIMIT)
    }

    /// As [`into_stream`](Self::into_stream), with another [limit](StreamReader::with_limit).
    ///
    /// # Panics
    /// If the limit is 0.
    #[track_caller]
    pub fn into_stream_with_limit(self, limit: usize) -> StreamReader {
        StreamReader::of(Transport::over(self.into_descriptor().map(ByteChannel::Pipe), limit))
    }
}

impl PipeWriter {
    /// Converts the pipe's end into a buffered writer. Its `write_eof` closes the pipe.
    pub fn into_stream(self) -> StreamWriter {
        StreamWriter::of(Transport::over(self.into_descriptor().map(ByteChannel::Pipe), DEFAULT_LIMIT))
    }
}
