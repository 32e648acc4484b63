//! The reading end of a stream: asyncio's `StreamReader`. Owns what a line, a message and the end are; must not know where
//! the bytes come from.

use std::fmt;
use std::io::{self, BufRead as _};
use std::rc::Rc;

use super::transport::{DEFAULT_LIMIT, Stream};
use crate::error::{IncompleteReadError, LimitOverrunError, ReadError, SharedIoError};

/// Reads bytes, lines and messages: asyncio's `StreamReader`. Clones are the same reader.
///
/// [`open_connection`](fn@crate::open_connection) and [`start_server`](fn@crate::start_server) make one for each
/// connection. One made by [`new`](Self::new) is fed by hand, with [`feed_data`](Self::feed_data) and
/// [`feed_eof`](Self::feed_eof).
///
/// A reader takes bytes from its connection only when somebody asks it for some and it does not hold the answer. asyncio
/// takes them when they come and stops above twice the limit; here the peer is held up by the system as soon as nobody
/// reads. So [`at_eof`](Self::at_eof), [`exception`](Self::exception) and [`StreamWriter::drain`](crate::StreamWriter::drain)
/// know of the peer's end, or of an error, when a read has met it, and bytes that came before an error are never lost
/// behind it.
///
/// One task at a time may wait for data of a reader. A second one panics, as asyncio raises `RuntimeError`: neither could
/// know which bytes it would get.
///
/// # Examples
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
///     assert_eq!(count.await?, 4); // the last line has no end, and is a line
///     Ok::<(), oneloop::error::ReadError>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Cancel safety
/// Every method: what has come stays in the reader until all of what was asked for is there, so a read that is cancelled
/// or dropped loses nothing, and the next one begins where it began.
pub struct StreamReader {
    stream: Rc<Stream>,
}

impl StreamReader {
    /// A reader that is fed by hand, with asyncio's limit of 64 KiB.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// The same with another limit: the longest line, or message up to a separator, without the separator.
    ///
    /// # Panics
    /// If the limit is 0.
    pub fn with_limit(limit: usize) -> Self {
        Self::of(Stream::fed(limit))
    }

    pub(crate) fn of(stream: Rc<Stream>) -> Self {
        stream.add_reader();
        Self { stream }
    }

    // Reading.

    /// Up to `count` bytes, as soon as there is one; none at the end of the stream, or if none are asked for: asyncio's
    /// `read(n)`.
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
        self.check()?;
        if count > 0 && self.stream.buffer().is_empty() && !self.stream.has_ended() {
            self.stream.more("read", None, 1).await?;
        }
        Ok(self.stream.buffer().take(count))
    }

    /// The same into a place of one's own. Answers how many bytes there are; 0 at the end of the stream, or if there is no
    /// room.
    ///
    /// # Errors
    /// If the connection fails, or `set_exception` was called.
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{StreamReader, run};
    ///
    /// run(async {
    ///     let reader = StreamReader::new();
    ///     reader.feed_data(b"bytes");
    ///     let mut place = [0; 3];
    ///     assert_eq!(reader.read_into(&mut place).await?, 3);
    ///     assert_eq!(&place, b"byt");
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_into(&self, place: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        if !place.is_empty() && self.stream.buffer().is_empty() && !self.stream.has_ended() {
            // a large place spares the way through the buffer
            let into = (place.len() >= self.stream.worth_a_read()).then_some(&mut *place);
            let count = self.stream.more("read_into", into, 1).await?;
            if count > 0 {
                return Ok(count);
            }
        }
        let mut buffer = self.stream.buffer();
        let count = place.len().min(buffer.len());
        place[..count].copy_from_slice(&buffer.as_slice()[..count]);
        buffer.consume(count);
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
        self.check()?;
        while !self.stream.has_ended() {
            self.stream.more("read_to_end", None, usize::MAX).await?;
        }
        Ok(self.stream.buffer().take_all())
    }

    /// Exactly `count` bytes, whatever the limit.
    ///
    /// # Errors
    /// [`ReadError::Incomplete`] if the stream ends first, with what came; and as [`read`](Self::read).
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readexactly(&self, count: usize) -> Result<Vec<u8>, ReadError> {
        self.at_least("readexactly", count).await?;
        Ok(self.stream.buffer().take(count))
    }

    /// Fills a place of one's own.
    ///
    /// # Errors
    /// [`ReadError::Incomplete`] if the stream ends first, with what came; and as [`read`](Self::read).
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readexactly_into(&self, place: &mut [u8]) -> Result<(), ReadError> {
        self.at_least("readexactly_into", place.len()).await?;
        let mut buffer = self.stream.buffer();
        place.copy_from_slice(&buffer.as_slice()[..place.len()]);
        buffer.consume(place.len());
        Ok(())
    }

    /// A line with its `\n`; without one if the stream ends in the line; empty if it has ended.
    ///
    /// # Errors
    /// [`ReadError::Limit`] if the line is longer than the limit, without its `\n`: it has been dropped then, with its
    /// `\n` if that has come, else with all that has come. And as [`read`](Self::read).
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readline(&self) -> Result<Vec<u8>, ReadError> {
        let length = self.line("readline").await?;
        Ok(self.stream.buffer().take(length))
    }

    /// The same, put behind what is in `line`. Answers how many bytes there are; 0 at the end of the stream.
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
        let length = self.line("readline_into").await?;
        let mut buffer = self.stream.buffer();
        line.extend_from_slice(&buffer.as_slice()[..length]);
        buffer.consume(length);
        Ok(length)
    }

    /// The next line, or `None` when the stream has ended: asyncio's `async for line in reader`, as
    /// `while let Some(line) = reader.next_line().await?`.
    ///
    /// # Errors
    /// As [`readline`](Self::readline).
    ///
    /// # Panics
    /// If another task is waiting for data of this reader.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next_line(&self) -> Result<Option<Vec<u8>>, ReadError> {
        let length = self.line("next_line").await?;
        Ok((length > 0).then(|| self.stream.buffer().take(length)))
    }

    /// All bytes up to a separator, and the separator.
    ///
    /// # Errors
    /// [`ReadError::Limit`] if there are more bytes in front of the separator than the limit allows: they stay in the
    /// stream. [`ReadError::Incomplete`] if the stream ends first, with what came. And as [`read`](Self::read).
    ///
    /// # Panics
    /// If the separator is empty, or another task is waiting for data of this reader.
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
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readuntil(&self, separator: impl AsRef<[u8]>) -> Result<Vec<u8>, ReadError> {
        let length = self.until("readuntil", &[separator.as_ref()]).await?;
        Ok(self.stream.buffer().take(length))
    }

    /// The same with several separators: as few bytes as end in one of them.
    ///
    /// # Errors
    /// As [`readuntil`](Self::readuntil); if several separators end in the same place, the shortest is the one that is
    /// not counted.
    ///
    /// # Panics
    /// If there is no separator, or one is empty, or another task is waiting for data of this reader.
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
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readuntil_any(&self, separators: &[&[u8]]) -> Result<Vec<u8>, ReadError> {
        let length = self.until("readuntil_any", separators).await?;
        Ok(self.stream.buffer().take(length))
    }

    // What the methods have in common: each sees to it that the buffer holds the answer, and says how long that is.

    fn check(&self) -> io::Result<()> {
        self.stream.refusal().map_or(Ok(()), Err)
    }

    async fn at_least(&self, caller: &str, count: usize) -> Result<(), ReadError> {
        self.check()?;
        loop {
            let len = self.stream.buffer().len();
            if len >= count {
                return Ok(());
            }
            if self.stream.has_ended() {
                let partial = self.stream.buffer().take_all();
                return Err(IncompleteReadError::new(partial, Some(count)).into());
            }
            self.stream.more(caller, None, count - len).await?;
        }
    }

    async fn line(&self, caller: &str) -> Result<usize, ReadError> {
        match self.search(caller, &[b"\n"]).await {
            Ok(Some(length)) => Ok(length),
            Ok(None) => Ok(self.stream.buffer().len()),
            Err(ReadError::Limit(error)) => {
                let mut buffer = self.stream.buffer();
                if buffer.as_slice().get(error.consumed) == Some(&b'\n') {
                    buffer.consume(error.consumed + 1);
                } else {
                    buffer.clear();
                }
                Err(error.dropped().into())
            }
            Err(other) => Err(other),
        }
    }

    async fn until(&self, caller: &str, separators: &[&[u8]]) -> Result<usize, ReadError> {
        match self.search(caller, separators).await? {
            Some(length) => Ok(length),
            None => Err(IncompleteReadError::new(self.stream.buffer().take_all(), None).into()),
        }
    }

    /// Where the first separator in the buffer ends, or `None` if the stream ends without one.
    async fn search(&self, caller: &str, separators: &[&[u8]]) -> Result<Option<usize>, ReadError> {
        let shortest = separators.iter().map(|separator| separator.len()).min();
        let longest = separators.iter().map(|separator| separator.len()).max();
        assert!(shortest > Some(0), "{caller}() needs a separator, and none may be empty");
        let (shortest, longest) = (shortest.unwrap_or(1), longest.unwrap_or(1));
        self.check()?;
        let limit = self.stream.limit();
        // up to where no separator begins
        let mut from = 0;
        loop {
            let len = self.stream.buffer().len();
            if len >= from + shortest {
                let found = first_of(separators, self.stream.buffer().as_slice(), from);
                if let Some((start, end)) = found {
                    return if start > limit { Err(LimitOverrunError::new(start).into()) } else { Ok(Some(end)) };
                }
                from = (len + 1).saturating_sub(longest);
                if from > limit {
                    return Err(LimitOverrunError::new(from).into());
                }
            }
            if self.stream.has_ended() {
                return Ok(None);
            }
            self.stream.more(caller, None, 1).await?;
        }
    }

    // Feeding, and what is known of the stream.

    /// Puts bytes behind those that are there. For a reader that is fed by hand.
    ///
    /// # Panics
    /// After `feed_eof`.
    pub fn feed_data(&self, data: impl AsRef<[u8]>) {
        self.stream.feed_data(data.as_ref());
    }

    /// Nothing more will come. For a reader that is fed by hand.
    pub fn feed_eof(&self) {
        self.stream.feed_eof();
    }

    /// Makes every read fail from now on, also one that is waiting, whatever the reader holds.
    pub fn set_exception(&self, error: io::Error) {
        self.stream.set_read_error(SharedIoError::new(error));
    }

    /// Why reads fail, if they do: the error that a read has met, or `set_exception` was given.
    pub fn exception(&self) -> Option<io::Error> {
        self.stream.read_error()
    }

    /// Whether the end of the stream has been met, and everything before it read.
    pub fn at_eof(&self) -> bool {
        self.stream.has_ended() && self.stream.buffer().is_empty()
    }
}

/// Where the separator that ends first begins and ends, at `from` or later; of several that end there the shortest.
fn first_of(separators: &[&[u8]], bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let found = separators.iter().filter_map(|separator| {
        let start = from + find(separator, &bytes[from..])?;
        Some((start, start + separator.len()))
    });
    found.min_by_key(|(start, end)| (*end, end - start))
}

/// Where `needle` begins in `bytes`.
fn find(needle: &[u8], bytes: &[u8]) -> Option<usize> {
    let (&first, rest) = needle.split_first()?;
    let mut from = 0;
    loop {
        // the standard library's fastest search for a byte that is open to all
        let skipped = (&bytes[from..]).skip_until(first).ok()?;
        if skipped == 0 || bytes[from + skipped - 1] != first {
            return None;
        }
        from += skipped;
        if bytes[from..].starts_with(rest) {
            return Some(from - 1);
        }
    }
}

impl Default for StreamReader {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for StreamReader {
    fn clone(&self) -> Self {
        Self::of(Rc::clone(&self.stream))
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        self.stream.drop_reader();
    }
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("StreamReader");
        shown.field("bytes", &self.stream.buffer().len()).field("eof", &self.stream.has_ended());
        if self.stream.limit() != DEFAULT_LIMIT {
            shown.field("limit", &self.stream.limit());
        }
        if let Some(error) = self.exception() {
            shown.field("exception", &error);
        }
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_is_found_where_it_first_is() {
        assert_eq!(find(b"\n", b"a\nb\n"), Some(1));
        assert_eq!(find(b"\n", b"ab"), None);
        assert_eq!(find(b"\n", b""), None);
        assert_eq!(find(b"aab", b"aaab"), Some(1));
        assert_eq!(find(b"ab", b"aaa"), None);
    }

    #[test]
    fn the_separator_that_ends_first_wins_and_of_two_that_end_there_the_shortest() {
        assert_eq!(first_of(&[b"aaa", b"A"], b"someaaaA", 0), Some((4, 7)));
        assert_eq!(first_of(&[b"yz", b"xyz"], b"wxyz", 0), Some((2, 4)));
        assert_eq!(first_of(&[b"xyz", b"yz"], b"wxyz", 0), Some((2, 4)));
        assert_eq!(first_of(&[b"a"], b"aba", 1), Some((2, 3)));
    }
}
