//! Errors of buffered streams. Owns their types and texts; must not know streams.

use std::string::FromUtf8Error;
use std::sync::Arc;
use std::{fmt, io};

use thiserror::Error;

/// The stream ended too early: asyncio's `IncompleteReadError`. The bytes that came before the end are in `partial`,
/// and no longer in the stream.
///
/// # Examples
/// ```
/// use oneloop::error::ReadError;
/// use oneloop::{StreamReader, run};
///
/// run(async {
///     let reader = StreamReader::new();
///     reader.feed_data(b"half");
///     reader.feed_eof();
///     let Err(ReadError::Incomplete(error)) = reader.readexactly(8).await else { panic!("it had 4 bytes") };
///     assert_eq!((error.partial, error.expected), (b"half".to_vec(), Some(8)));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the stream ended after {} bytes, before {}", .partial.len(), Missing(*.expected))]
#[non_exhaustive]
pub struct IncompleteReadError {
    /// The bytes that came before the end.
    pub partial: Vec<u8>,
    /// How many bytes were asked for; `None` for a read up to a separator.
    pub expected: Option<usize>,
}

impl IncompleteReadError {
    pub(crate) fn new(partial: Vec<u8>, expected: Option<usize>) -> Self {
        Self { partial, expected }
    }
}

/// What the read was for, as text: the number of bytes, or a separator.
struct Missing(Option<usize>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(count) => write!(f, "the {count} that were asked for"),
            None => f.write_str("any separator"),
        }
    }
}

/// No separator within the reader's limit: asyncio's `LimitOverrunError`.
///
/// [`readuntil`](crate::StreamReader::readuntil) leaves all bytes in the stream.
/// [`readline`](crate::StreamReader::readline), whose error in asyncio is a `ValueError`, has dropped the line.
///
/// # Examples
/// ```
/// use oneloop::error::ReadError;
/// use oneloop::{StreamReader, run};
///
/// run(async {
///     let reader = StreamReader::with_limit(4);
///     reader.feed_data(b"a long line\n");
///     let Err(ReadError::Limit(error)) = reader.readuntil("\n").await else { panic!("4 bytes are the limit") };
///     assert_eq!(error.consumed, 11);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", self.text())]
#[non_exhaustive]
pub struct LimitOverrunError {
    /// How many bytes there are in front of the separator. If none was found: how many bytes certainly contain none.
    pub consumed: usize,
    dropped: bool,
}

/// What makes a reader with another limit.
const WHERE_LIMITS_ARE_SET: &str = "into_streams_with_limit() of a socket, limit() of ServerBuilder or ProcessBuilder";

impl LimitOverrunError {
    pub(crate) fn new(consumed: usize) -> Self {
        Self { consumed, dropped: false }
    }

    /// Turns this error into one whose line was dropped.
    pub(crate) fn dropped(self) -> Self {
        Self { dropped: true, ..self }
    }

    fn text(&self) -> String {
        let consumed = self.consumed;
        if self.dropped {
            format!(
                "a line of {consumed} bytes or more was dropped: it is over the limit; make the reader with a higher \
                 one ({WHERE_LIMITS_ARE_SET})"
            )
        } else {
            format!(
                "no separator within the limit, in {consumed} bytes; take some with read(), or make the reader with a \
                 higher limit ({WHERE_LIMITS_ARE_SET})"
            )
        }
    }
}

/// Why a read from a [`StreamReader`](crate::StreamReader) returned nothing. It becomes an `io::Error` by `?`.
///
/// # Examples
/// ```
/// use oneloop::error::ReadError;
/// use oneloop::{StreamReader, run};
///
/// run(async {
///     let reader = StreamReader::new();
///     reader.feed_data(b"hal");
///     reader.feed_eof();
///     match reader.readexactly(4).await {
///         Err(ReadError::Incomplete(error)) => assert_eq!(error.partial, b"hal"),
///         other => panic!("{other:?}"),
///     }
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The stream ended before the read had its bytes.
    #[error(transparent)]
    Incomplete(#[from] IncompleteReadError),
    /// The line, or the message, is longer than the reader's limit.
    #[error(transparent)]
    Limit(#[from] LimitOverrunError),
    /// The line is no text. The error inside holds its bytes, without the line end; the stream goes on behind it.
    #[error("a line is not UTF-8, but readline() reads bytes: {0}")]
    Utf8(#[from] FromUtf8Error),
    /// The connection failed, or the code that feeds the reader called `set_exception`.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Incomplete(error) => Self::new(io::ErrorKind::UnexpectedEof, error),
            ReadError::Limit(error) => Self::new(io::ErrorKind::InvalidData, error),
            ReadError::Utf8(_) => Self::new(io::ErrorKind::InvalidData, error),
            ReadError::Io(error) => error,
        }
    }
}

/// Why a file was not sent within the system. It becomes an `io::Error` by `?`.
///
/// # Examples
/// ```
/// use oneloop::error::SendfileError;
/// use std::io::{Error, ErrorKind};
///
/// assert_eq!(Error::from(SendfileError::NotAvailable).kind(), ErrorKind::Unsupported);
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendfileError {
    /// The system sends no such file, or nothing by a stream of this kind, one with TLS say: asyncio's
    /// `SendfileNotAvailableError`. Nothing was sent.
    #[error("the system does not send this file by this stream; StreamWriter::sendfile() reads and writes it")]
    NotAvailable,
    /// The file could not be read, or the connection was lost. Some of the bytes may have been sent.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<SendfileError> for io::Error {
    fn from(error: SendfileError) -> Self {
        match error {
            SendfileError::NotAvailable => Self::new(io::ErrorKind::Unsupported, error),
            SendfileError::Io(error) => error,
        }
    }
}

/// An `io::Error` that is reported to several callers, one after another. `io::Error` itself cannot be cloned.
#[derive(Clone, Debug)]
pub(crate) struct SharedIoError(Arc<io::Error>);

impl SharedIoError {
    pub(crate) fn new(error: io::Error) -> Self {
        Self(Arc::new(error))
    }

    /// An equal error: same number, kind, text and source.
    pub(crate) fn to_io_error(&self) -> io::Error {
        match self.0.raw_os_error() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::new(self.0.kind(), self.clone()),
        }
    }
}

impl fmt::Display for SharedIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SharedIoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.get_ref().map(|inner| inner as _)
    }
}
