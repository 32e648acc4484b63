//! The operations of a reader and a writer as polls, for futures that are written by hand and for the traits of other
//! crates. Owns these methods; must not know how bytes are received and sent.

use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll, ready};

use super::reader::StreamReader;
use super::writer::StreamWriter;

impl StreamReader {
    /// Ready when a read need not wait: there are bytes, or the end. For a future that is written by hand.
    ///
    /// The stream keeps the waker of the last poll, so one task at a time may poll its reader. To stop polling costs
    /// nothing.
    ///
    /// # Errors
    /// If the connection fails, or `set_exception` was called.
    ///
    /// # Panics
    /// If a task awaits data of this reader; if it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_input("poll_read_ready", None, cx).map_ok(drop)
    }

    /// [`read_into`](Self::read_into) as a poll, for a future that is written by hand: `Pending` if there are no bytes,
    /// and the task is woken when there are. It keeps the waker as [`poll_read_ready`](Self::poll_read_ready) does.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{StreamReader, run};
    /// use std::future::poll_fn;
    ///
    /// run(async {
    ///     let reader = StreamReader::new();
    ///     reader.feed_data(b"bytes");
    ///     let mut target = [0; 3];
    ///     assert_eq!(poll_fn(|cx| reader.poll_read(cx, &mut target)).await?, 3);
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
    /// If a task awaits data of this reader; if it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_read(&self, cx: &mut Context<'_>, target: &mut [u8]) -> Poll<io::Result<usize>> {
        if target.is_empty() {
            return Poll::Ready(Ok(0));
        }
        // a target as long as a chunk saves the copy through the buffer
        let direct = (target.len() >= self.buffer().chunk()).then_some(&mut *target);
        let count = ready!(self.poll_input("poll_read", direct, cx))?;
        Poll::Ready(Ok(if count > 0 { count } else { self.move_to(target) }))
    }

    /// [`poll_read`](Self::poll_read) into a place that need not have been written to before.
    #[cfg(any(feature = "hyper", feature = "tokio-io"))]
    pub(crate) fn poll_fill(
        &self,
        cx: &mut Context<'_>,
        place: &mut [std::mem::MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        if place.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll_input("poll_read", None, cx))?;
        let mut bytes = self.bytes();
        let count = place.len().min(bytes.len());
        for (to, from) in place.iter_mut().zip(bytes.as_slice()) {
            to.write(*from);
        }
        bytes.consume(count);
        Poll::Ready(Ok(count))
    }

    /// As [`poll_read`](Self::poll_read), into several targets, which are filled one after another.
    ///
    /// # Errors
    /// As [`poll_read`](Self::poll_read).
    ///
    /// # Panics
    /// If a task awaits data of this reader; if it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_read_vectored(&self, cx: &mut Context<'_>, targets: &mut [IoSliceMut<'_>]) -> Poll<io::Result<usize>> {
        if targets.iter().all(|target| target.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll_input("poll_read_vectored", None, cx))?;
        Poll::Ready(Ok(targets.iter_mut().map(|target| self.move_to(target)).sum()))
    }

    /// Ready when the buffer has bytes, the stream has ended, or bytes have gone directly into `direct`: returns how
    /// many did.
    fn poll_input(&self, method: &str, direct: Option<&mut [u8]>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.buffer().check()?;
        if self.must_receive() {
            self.transport.poll_more(method, &self.readable, direct, cx)
        } else {
            Poll::Ready(Ok(0))
        }
    }

    /// Moves bytes from the buffer, and returns how many.
    fn move_to(&self, target: &mut [u8]) -> usize {
        let mut bytes = self.bytes();
        let count = target.len().min(bytes.len());
        target[..count].copy_from_slice(&bytes.as_slice()[..count]);
        bytes.consume(count);
        count
    }
}

impl StreamWriter {
    /// [`drain`](Self::drain) as a poll, for a future that is written by hand: ready when there is room in the buffer.
    ///
    /// The stream keeps the waker of the last poll, so one task at a time may poll its writer. To stop polling costs
    /// nothing. It counts as one of the 64 operations that a step of a task may do.
    ///
    /// # Errors
    /// The error by which the connection was lost; `BrokenPipe` after `write_eof` or `close`.
    ///
    /// # Panics
    /// If it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_room(cx)
    }

    /// Waits for room in the buffer as [`poll_write_ready`](Self::poll_write_ready) does, and writes all of `data`.
    /// Returns its length.
    ///
    /// # Errors
    /// As [`poll_write_ready`](Self::poll_write_ready).
    ///
    /// # Panics
    /// If it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_write(&self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_write_ready(cx))?;
        self.write(data);
        Poll::Ready(self.transport.check_writing().map(|()| data.len()))
    }

    /// As [`poll_write`](Self::poll_write), for several pieces, which are sent together.
    ///
    /// # Errors
    /// As [`poll_write_ready`](Self::poll_write_ready).
    ///
    /// # Panics
    /// If it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_write_vectored(&self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(self.poll_write_ready(cx))?;
        self.writelines(pieces.iter().map(|piece| &**piece));
        Poll::Ready(self.transport.check_writing().map(|()| pieces.iter().map(|piece| piece.len()).sum()))
    }

    /// Ready when all bytes are sent, that is, given to the system. It keeps the waker as
    /// [`poll_write_ready`](Self::poll_write_ready) does.
    ///
    /// # Errors
    /// The error by which the connection was lost.
    ///
    /// # Panics
    /// If it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_sent(cx)
    }
}
