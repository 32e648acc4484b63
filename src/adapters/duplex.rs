//! A reader and a writer as one, for crates that ask for one thing that reads and writes. Owns nothing but the two;
//! must not know the traits.

#[cfg(feature = "futures-io")]
use std::io::IoSliceMut;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use crate::streams::{StreamReader, StreamWriter};

/// A [`StreamReader`] and a [`StreamWriter`] as one, for crates that ask for one thing that reads and writes, as hyper
/// does. So a connection over TLS is served like a plain one.
///
/// It has the traits of the features that are on.
///
/// # Examples
/// ```
/// use oneloop::adapters::Duplex;
/// use oneloop::{StreamWriter, open_connection, run, start_server};
///
/// run(async {
///     let server = start_server(async |_, writer: StreamWriter| writer.write("hello"), ("127.0.0.1", 0)).await?;
///     let duplex = Duplex::from(open_connection(server.local_addrs()[0]).await?);
///     // here a crate that asks for one stream is given it
///     let (reader, _writer) = duplex.into_parts();
///     assert_eq!(reader.read_to_end().await?, b"hello");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Duplex {
    reader: StreamReader,
    writer: StreamWriter,
}

impl Duplex {
    /// The two that it was made of.
    pub fn into_parts(self) -> (StreamReader, StreamWriter) {
        (self.reader, self.writer)
    }

    /// The writer, for the addresses and for what TLS has agreed on.
    pub fn writer(&self) -> &StreamWriter {
        &self.writer
    }

    #[cfg(feature = "futures-io")]
    pub(super) fn poll_read(&self, cx: &mut Context<'_>, target: &mut [u8]) -> Poll<io::Result<usize>> {
        self.reader.poll_read(cx, target)
    }

    #[cfg(feature = "futures-io")]
    pub(super) fn poll_read_vectored(
        &self,
        cx: &mut Context<'_>,
        targets: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.reader.poll_read_vectored(cx, targets)
    }

    #[cfg(any(feature = "hyper", feature = "tokio-io"))]
    pub(super) fn poll_fill(
        &self,
        cx: &mut Context<'_>,
        place: &mut [std::mem::MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.reader.poll_fill(cx, place)
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.writer.poll_write(cx, data)
    }

    pub(super) fn poll_write_vectored(&self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.writer.poll_write_vectored(cx, pieces)
    }
}

impl From<(StreamReader, StreamWriter)> for Duplex {
    fn from((reader, writer): (StreamReader, StreamWriter)) -> Self {
        Self { reader, writer }
    }
}
