//! A reader whose bytes can be looked at before they are taken. Owns the bytes that are shown; must not know the
//! traits.

use std::io;
use std::task::{Context, Poll, ready};

use crate::base::ByteBuffer;
use crate::streams::StreamReader;

/// A [`StreamReader`] that shows its bytes before they are taken: `AsyncBufRead` of futures-io and of tokio, by the
/// features `futures-io` and `tokio-io`.
///
/// What the reader holds is handed over whole and not copied, so it has no buffer of its own to fill. (A `StreamReader`
/// itself cannot lend its bytes: its clones are the same reader.)
///
/// # Examples
/// ```
/// use oneloop::adapters::BufferedReader;
/// use oneloop::{StreamReader, run};
/// use std::future::poll_fn;
///
/// run(async {
///     let reader = StreamReader::new();
///     reader.feed_data("some bytes");
///     let mut buffered = BufferedReader::from(reader);
///     // what a crate does through `AsyncBufRead`
///     assert_eq!(poll_fn(|cx| buffered.poll_fill_buf(cx).map_ok(<[u8]>::len)).await?, 10);
///     buffered.consume(5);
///     assert_eq!(buffered.into_reader().read(100).await?, b"bytes");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BufferedReader {
    reader: StreamReader,
    /// The bytes that are shown, which come before those of the reader.
    shown: ByteBuffer,
}

impl BufferedReader {
    /// The reader, with all bytes that were not consumed.
    pub fn into_reader(mut self) -> StreamReader {
        let behind = self.reader.bytes().take_all();
        self.shown.push(&behind);
        std::mem::swap(&mut *self.reader.bytes(), &mut self.shown);
        self.reader
    }

    /// The bytes that are there, at least one unless the stream has ended. They stay until they are consumed.
    ///
    /// # Errors
    /// If the connection fails, or `set_exception` was called.
    ///
    /// # Panics
    /// As [`StreamReader::poll_read_ready`].
    pub fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        if self.shown.is_empty() {
            ready!(self.reader.poll_read_ready(cx))?;
            std::mem::swap(&mut *self.reader.bytes(), &mut self.shown);
        }
        Poll::Ready(Ok(self.shown.as_slice()))
    }

    /// Takes away up to `count` of the bytes that [`poll_fill_buf`](Self::poll_fill_buf) has shown.
    pub fn consume(&mut self, count: usize) {
        self.shown.consume(count);
    }

    /// Moves bytes into `target`, and returns how many; 0 at the end of the stream.
    #[cfg(feature = "futures-io")]
    pub(super) fn poll_take(&mut self, cx: &mut Context<'_>, target: &mut [u8]) -> Poll<io::Result<usize>> {
        let bytes = ready!(self.poll_fill_buf(cx))?;
        let count = target.len().min(bytes.len());
        target[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Poll::Ready(Ok(count))
    }
}

impl From<StreamReader> for BufferedReader {
    fn from(reader: StreamReader) -> Self {
        let shown = reader.bytes().counted_alike();
        Self { reader, shown }
    }
}
