//! The reading handle of a stream: asyncio's `StreamReader`. Owns what each read returns; must not know where the bytes
//! come from.

use std::cell::RefMut;
use std::rc::Rc;
use std::{fmt, io};

use super::separator::line_to_text;
use super::transport::{DEFAULT_LIMIT, ReadBuffer, Readable, Transport};
use crate::base::ByteBuffer;
use crate::error::{ReadError, SharedIoError};

/// Reads bytes, lines and messages: asyncio's `StreamReader`. Clones are the same reader.
///
/// [`open_connection`](fn@crate::open_connection) and [`start_server`](fn@crate::start_server) make one for each
/// connection. A reader made by [`new`](Self::new) has no connection: the program feeds it, with
/// [`feed_data`](Self::feed_data) and [`feed_eof`](Self::feed_eof).
///
/// A reader takes bytes from its connection only when a read needs more bytes than the reader holds. asyncio takes
/// bytes when they arrive, and stops above twice the limit; here the system holds up the peer as soon as no task reads.
/// So [`at_eof`](Self::at_eof) and [`exception`](Self::exception) know of the peer's end, or of an error, only once a
/// read has met it. In return, bytes that came before an error are never lost.
///
/// One task at a time may wait for data of a reader. A second one panics, as asyncio raises `RuntimeError`: neither
/// could know which bytes it would get.
///
/// # Examples
/// A client that reads two lines:
/// ```
/// use oneloop::{open_connection, run, start_server};
///
/// run(async {
///     let greet = async |_reader, writer: oneloop::StreamWriter| {
///         writer.write("hello\ngoodbye\n");
///         Ok::<(), std::io::Error>(())
///     };
///     let server = start_server(greet, "127.0.0.1:0").await?;
///     let (reader, _writer) = open_connection(server.local_addrs()[0]).await?;
///     let mut lines = Vec::new();
///     while let Some(line) = reader.next_line().await? {
///         lines.push(line);
///     }
///     assert_eq!(lines, ["hello", "goodbye"]);
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// One without a connection, for a test:
/// ```
/// use oneloop::{StreamReader, create_task, run};
///
/// run(async {
///     let reader = StreamReader::new();
///     let lines = reader.clone();
///     let count = create_task(async move {
///         let mut count = 0;
///         while let Some(_line) = lines.next_line().await? {
///             count += 1;
///         }
///         Ok::<_, oneloop::error::ReadError>(count)
///     });
///     reader.feed_data(b"one\ntwo\nth");
///     reader.feed_data(b"ree\nfour");
///     reader.feed_eof();
///     assert_eq!(count.await?, 4); // the last line has no `\n`, and is a line
///     Ok::<(), oneloop::error::ReadError>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Cancel safety
/// Every method: bytes stay in the reader until all that a read has asked for are there. So a read that is cancelled or
/// dropped loses nothing, and the next one begins where it began.
pub struct StreamReader {
    pub(super) transport: Rc<Transport>,
    /// For what polls.
    pub(super) readable: Readable,
}

impl StreamReader {
    /// A reader that the program feeds, with asyncio's limit of 64 KiB.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// As [`new`](Self::new), with another limit: the greatest length of a line, or of a message up to a separator,
    /// without the separator.
    ///
    /// # Panics
    /// If the limit is 0.
    #[track_caller]
    pub fn with_limit(limit: usize) -> Self {
        Self::of(Transport::without_channel(limit))
    }

    pub(crate) fn of(transport: Rc<Transport>) -> Self {
        transport.add_reader();
        Self { transport, readable: Readable::default() }
    }

    // Reading.

    /// Up to `count` bytes, as soon as there is at least one; no bytes at the end of the stream, or if `count` is 0:
    /// asyncio's `read(n)`.
    ///
    /// # Errors
    /// If the connection fails, or `set_exception` was called.
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read(&self, count: usize) -> io::Result<Vec<u8>> {
        self.buffer().check()?;
        if count > 0 && self.must_receive() {
            self.transport.more("read", None, 1).await?;
        }
        Ok(self.bytes().take(count))
    }

    /// As [`read`](Self::read), into a slice. Returns the number of bytes; 0 at the end of the stream, or if the slice
    /// is empty.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{StreamReader, run};
    ///
    /// run(async {
    ///     let reader = StreamReader::new();
    ///     reader.feed_data(b"bytes");
    ///     let mut target = [0; 3];
    ///     assert_eq!(reader.read_into(&mut target).await?, 3);
    ///     assert_eq!(&target, b"byt");
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the connection fails, or `set_exception` was called.
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_into(&self, target: &mut [u8]) -> io::Result<usize> {
        self.buffer().check()?;
        if !target.is_empty() && self.must_receive() {
            // a target as long as a chunk saves the copy through the buffer
            let direct = (target.len() >= self.buffer().chunk()).then_some(&mut *target);
            let count = self.transport.more("read_into", direct, 1).await?;
            if count > 0 {
                return Ok(count);
            }
        }
        let mut bytes = self.bytes();
        let count = target.len().min(bytes.len());
        target[..count].copy_from_slice(&bytes.as_slice()[..count]);
        bytes.consume(count);
        Ok(count)
    }

    /// All bytes up to the end of the stream: asyncio's `read()`.
    ///
    /// # Errors
    /// If the connection fails, or `set_exception` was called.
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost: the bytes stay in the reader. (asyncio drops them.)
    pub async fn read_to_end(&self) -> io::Result<Vec<u8>> {
        self.buffer().check()?;
        while !self.buffer().has_ended() {
            let len = self.bytes().len();
            self.transport.more("read_to_end", None, usize::MAX).await?;
            if self.bytes().len() > len {
                self.buffer().check()?; // it reads on, and so meets an error that came after the bytes
            }
        }
        Ok(self.bytes().take_all())
    }

    /// Exactly `count` bytes, which may be more than the limit.
    ///
    /// # Errors
    /// [`ReadError::Incomplete`], with the bytes that came, if the stream ends first; and as [`read`](Self::read).
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readexactly(&self, count: usize) -> Result<Vec<u8>, ReadError> {
        let length = self.transport.receive_at_least("readexactly", count).await?;
        Ok(self.bytes().take(length))
    }

    /// Fills a slice.
    ///
    /// # Errors
    /// [`ReadError::Incomplete`], with the bytes that came, if the stream ends first; and as [`read`](Self::read).
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readexactly_into(&self, target: &mut [u8]) -> Result<(), ReadError> {
        self.transport.receive_at_least("readexactly_into", target.len()).await?;
        let mut bytes = self.bytes();
        target.copy_from_slice(&bytes.as_slice()[..target.len()]);
        bytes.consume(target.len());
        Ok(())
    }

    /// The bytes of a line, its `\n` among them. If the stream ends in the line, the bytes up to the end; no bytes if
    /// the stream has ended. For text there is [`next_line`](Self::next_line).
    ///
    /// # Errors
    /// [`ReadError::Limit`] if the line is longer than the limit, not counting its `\n`. The line is dropped then, up
    /// to its `\n` or, if that has not come yet, with all bytes that have come. And as [`read`](Self::read).
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readline(&self) -> Result<Vec<u8>, ReadError> {
        let length = self.transport.receive_line("readline").await?;
        Ok(self.bytes().take(length))
    }

    /// As [`readline`](Self::readline), appended to `line`. Returns the number of bytes; 0 at the end of the stream.
    ///
    /// # Errors
    /// As [`readline`](Self::readline).
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readline_into(&self, line: &mut Vec<u8>) -> Result<usize, ReadError> {
        let length = self.transport.receive_line("readline_into").await?;
        let mut bytes = self.bytes();
        line.extend_from_slice(&bytes.as_slice()[..length]);
        bytes.consume(length);
        Ok(length)
    }

    /// The next line as text, without the `\n` or `\r\n` at its end, as [`std::io::BufRead::lines`] gives it; `None`
    /// when the stream has ended: `while let Some(line) = reader.next_line().await?`. In asyncio that is
    /// `async for line in reader`, with `line.decode()` and without its end.
    ///
    /// # Errors
    /// [`ReadError::Utf8`], which holds the line, if it is not UTF-8; [`readline`](Self::readline) takes any bytes. And
    /// as `readline`.
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next_line(&self) -> Result<Option<String>, ReadError> {
        let length = self.transport.receive_line("next_line").await?;
        Ok(line_to_text(self.bytes().take(length))?)
    }

    /// All bytes up to a separator, and the separator.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{StreamReader, run};
    ///
    /// run(async {
    ///     let reader = StreamReader::new();
    ///     reader.feed_data(b"GET / HTTP/1.1\r\nHost: here\r\n\r\nbody");
    ///     assert!(reader.readuntil("\r\n\r\n").await?.ends_with(b"here\r\n\r\n"));
    ///     assert_eq!(reader.read(100).await?, b"body");
    ///     Ok::<(), oneloop::error::ReadError>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ReadError::Limit`] if more bytes come before the separator than the limit allows; they stay in the reader.
    /// [`ReadError::Incomplete`], with the bytes that came, if the stream ends first. And as [`read`](Self::read).
    ///
    /// # Panics
    /// If the separator is empty, or another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readuntil(&self, separator: impl AsRef<[u8]>) -> Result<Vec<u8>, ReadError> {
        let length = self.transport.receive_until("readuntil", &[separator.as_ref()]).await?;
        Ok(self.bytes().take(length))
    }

    /// As [`readuntil`](Self::readuntil), with several separators: up to the one that ends first.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{StreamReader, run};
    ///
    /// run(async {
    ///     let reader = StreamReader::new();
    ///     reader.feed_data(b"one. two! three");
    ///     assert_eq!(reader.readuntil_any(&[b". ", b"! "]).await?, b"one. ");
    ///     assert_eq!(reader.readuntil_any(&[b". ", b"! "]).await?, b"two! ");
    ///     Ok::<(), oneloop::error::ReadError>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`readuntil`](Self::readuntil). If several separators end in the same place, the shortest one is not counted
    /// towards the limit.
    ///
    /// # Panics
    /// If there is no separator, or one is empty, or another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readuntil_any(&self, separators: &[&[u8]]) -> Result<Vec<u8>, ReadError> {
        let length = self.transport.receive_until("readuntil_any", separators).await?;
        Ok(self.bytes().take(length))
    }

    pub(super) fn buffer(&self) -> &ReadBuffer {
        self.transport.read_buffer()
    }

    pub(crate) fn bytes(&self) -> RefMut<'_, ByteBuffer> {
        self.buffer().bytes()
    }

    pub(super) fn must_receive(&self) -> bool {
        self.bytes().is_empty() && !self.buffer().has_ended()
    }

    // Feeding, and the state of the stream.

    /// Appends bytes to those that the reader holds. For a reader that the program feeds.
    ///
    /// # Panics
    /// After `feed_eof`.
    #[track_caller]
    pub fn feed_data(&self, data: impl AsRef<[u8]>) {
        self.buffer().feed_data(data.as_ref());
    }

    /// Ends the stream after the bytes that the reader holds. For a reader that the program feeds.
    pub fn feed_eof(&self) {
        self.buffer().feed_eof();
    }

    /// Makes every read fail from now on, also one that is waiting, and also if the reader holds bytes. A read that was
    /// woken before by bytes, by the end or by another error, and has not gone on yet, gets what has woken it, if that
    /// is all that it asked for.
    pub fn set_exception(&self, error: io::Error) {
        self.buffer().set_error(SharedIoError::new(error));
    }

    /// The error with which reads fail: the one that a read has met, or that `set_exception` was given.
    pub fn exception(&self) -> Option<io::Error> {
        self.buffer().error()
    }

    /// Whether a read has met the end of the stream, and all bytes before it have been read.
    pub fn at_eof(&self) -> bool {
        self.buffer().has_ended() && self.bytes().is_empty()
    }
}

impl Default for StreamReader {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for StreamReader {
    fn clone(&self) -> Self {
        Self::of(Rc::clone(&self.transport))
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        self.transport.drop_reader();
    }
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("StreamReader");
        shown.field("bytes", &self.bytes().len()).field("eof", &self.buffer().has_ended());
        if self.buffer().limit() != DEFAULT_LIMIT {
            shown.field("limit", &self.buffer().limit());
        }
        if let Some(error) = self.exception() {
            shown.field("exception", &error);
        }
        shown.finish()
    }
}
