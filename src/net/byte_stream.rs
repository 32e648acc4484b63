//! Reading and writing bytes, alike for connections and pipes. Owns the loops around the system calls, and, as macros,
//! the public methods of every stream; must not know the kinds of streams.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
#[cfg(any(feature = "hyper", feature = "tokio-io"))]
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::task::{Context, Poll};

use super::descriptor::Descriptor;
use crate::reactor::Direction;
#[cfg(any(feature = "hyper", feature = "tokio-io"))]
use crate::sys::socket::Fill;

/// The most pieces that one system call takes. More are left to the next call.
const MOST_PIECES_OF_A_CALL: usize = 1024;

/// A connection or pipe, as the methods of the macros see it.
pub(super) struct ByteStream<'a, T: AsRawFd> {
    pub(super) descriptor: &'a Descriptor<T>,
}

impl<T: AsRawFd> Clone for ByteStream<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: AsRawFd> Copy for ByteStream<'_, T> {}

// What the macros call is returned, not awaited: an `async fn` keeps its arguments once more than the future that it
// awaits, and an idle connection waits in one of them.

impl<'a, T> ByteStream<'a, T>
where
    T: AsRawFd,
    for<'b> &'b T: Read,
{
    pub(super) fn read<'b>(self, buffer: &'b mut [u8]) -> impl Future<Output = io::Result<usize>> + use<'a, 'b, T> {
        let operation = self.descriptor.operation(Direction::Read);
        poll_fn(move |cx| operation.poll_transfer(cx, buffer.len(), |mut inner| inner.read(buffer)))
    }

    pub(super) fn read_vectored<'b, 'c>(
        self,
        buffers: &'b mut [IoSliceMut<'c>],
    ) -> impl Future<Output = io::Result<usize>> + use<'a, 'b, 'c, T> {
        let (buffers, room) = pieces_to_fill(buffers).unwrap_or_default();
        let operation = self.descriptor.operation(Direction::Read);
        poll_fn(move |cx| operation.poll_transfer(cx, room, |mut inner| inner.read_vectored(buffers)))
    }

    pub(super) async fn read_exact(self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read(buffer).await? {
                0 => {
                    return Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "the stream ended before the buffer was full",
                    ));
                }
                n => buffer = &mut buffer[n..],
            }
        }
        Ok(())
    }

    pub(super) fn poll_read(self, cx: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.descriptor.poll_transfer(Direction::Read, cx, buffer.len(), |mut inner| inner.read(buffer))
    }

    pub(super) fn poll_read_vectored(
        self,
        cx: &Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some((buffers, room)) = pieces_to_fill(buffers) else { return Poll::Ready(Ok(0)) };
        self.descriptor.poll_transfer(Direction::Read, cx, room, |mut inner| inner.read_vectored(buffers))
    }

    /// As [`poll_read`](Self::poll_read), into a place that need not have been written to before.
    #[cfg(any(feature = "hyper", feature = "tokio-io"))]
    pub(super) fn poll_fill(self, cx: &Context<'_>, place: &mut [MaybeUninit<u8>]) -> Poll<io::Result<usize>>
    where
        T: Fill,
    {
        if place.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.descriptor.poll_transfer(Direction::Read, cx, place.len(), |inner| inner.fill(place))
    }

    pub(super) fn try_read(self, buffer: &mut [u8]) -> io::Result<usize> {
        self.descriptor.try_transfer_once(Direction::Read, buffer.len(), |mut inner| inner.read(buffer))
    }
}

impl<'a, T> ByteStream<'a, T>
where
    T: AsRawFd,
    for<'b> &'b T: Write,
{
    pub(super) fn write<'b>(self, bytes: &'b [u8]) -> impl Future<Output = io::Result<usize>> + use<'a, 'b, T> {
        let operation = self.descriptor.operation(Direction::Write);
        poll_fn(move |cx| operation.poll_transfer(cx, bytes.len(), |mut inner| inner.write(bytes)))
    }

    pub(super) fn write_vectored<'b, 'c>(
        self,
        pieces: &'b [IoSlice<'c>],
    ) -> impl Future<Output = io::Result<usize>> + use<'a, 'b, 'c, T> {
        let (pieces, length) = pieces_to_send(pieces).unwrap_or_default();
        let operation = self.descriptor.operation(Direction::Write);
        poll_fn(move |cx| operation.poll_transfer(cx, length, |mut inner| inner.write_vectored(pieces)))
    }

    pub(super) async fn write_all(self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(io::Error::new(ErrorKind::WriteZero, "the stream takes no more bytes")),
                n => bytes = &bytes[n..],
            }
        }
        Ok(())
    }

    pub(super) fn poll_write(self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.descriptor.poll_transfer(Direction::Write, cx, bytes.len(), |mut inner| inner.write(bytes))
    }

    pub(super) fn poll_write_vectored(self, cx: &Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Some((pieces, length)) = pieces_to_send(pieces) else { return Poll::Ready(Ok(0)) };
        self.descriptor.poll_transfer(Direction::Write, cx, length, |mut inner| inner.write_vectored(pieces))
    }

    pub(super) fn try_write(self, bytes: &[u8]) -> io::Result<usize> {
        self.descriptor.try_transfer_once(Direction::Write, bytes.len(), |mut inner| inner.write(bytes))
    }
}

/// The buffers that one call fills, and their room; `None` if there is no room.
fn pieces_to_fill<'a, 'b>(buffers: &'a mut [IoSliceMut<'b>]) -> Option<(&'a mut [IoSliceMut<'b>], usize)> {
    let first = buffers.iter().position(|buffer| !buffer.is_empty())?;
    let count = MOST_PIECES_OF_A_CALL.min(buffers.len() - first);
    let buffers = &mut buffers[first..][..count];
    let room = buffers.iter().map(|buffer| buffer.len()).sum();
    Some((buffers, room))
}

/// The pieces that one call takes, and their length; `None` if there are no bytes.
fn pieces_to_send<'a, 'b>(pieces: &'a [IoSlice<'b>]) -> Option<(&'a [IoSlice<'b>], usize)> {
    let first = pieces.iter().position(|piece| !piece.is_empty())?;
    let pieces = &pieces[first..][..MOST_PIECES_OF_A_CALL.min(pieces.len() - first)];
    let length = pieces.iter().map(|piece| piece.len()).sum();
    Some((pieces, length))
}

/// The public methods of a type that can be read. The type has the methods
/// `byte_stream(&self) -> ByteStream<$Inner>` and `descriptor(&self) -> &Descriptor<$Inner>`.
macro_rules! reads {
    ($Type:ty, $Inner:ty) => {
        reads_with!($Type, $Inner);

        impl $Type {
            /// Waits until there is something to read, and reads what fits: asyncio's `sock_recv_into`. 0 means the end
            /// of the stream, or a buffer without room.
            ///
            /// A buffer larger than the messages saves a system call for each message of a TCP connection: there a read
            /// that does not fill the buffer proves that no more bytes are there.
            ///
            /// # Errors
            /// Errors of the system call, such as `ConnectionReset`.
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = std::io::Result<usize>> {
                self.byte_stream().read(buffer)
            }

            /// As [`read`](Self::read), into several buffers, which are filled one after another. One call takes at
            /// most 1024 of them.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub fn read_vectored(
                &self,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> impl Future<Output = std::io::Result<usize>> {
                self.byte_stream().read_vectored(buffers)
            }

            /// Reads until the buffer is full.
            ///
            /// # Errors
            /// `UnexpectedEof` if the stream ends first; and as [`read`](Self::read).
            ///
            /// # Cancel safety
            /// Not cancel safe: the bytes read so far are in the buffer, but their number is lost.
            pub fn read_exact(&self, buffer: &mut [u8]) -> impl Future<Output = std::io::Result<()>> {
                self.byte_stream().read_exact(buffer)
            }

            /// Reads what is there, without waiting.
            ///
            /// It counts as one of the 64 operations that a step of a task may do, so what is made of this and
            /// [`readable`](Self::readable) starves no other task. A callback may do as many as it likes.
            ///
            /// # Errors
            /// `WouldBlock` if the loop has not yet learned of bytes to read, or the step has done enough; and as
            /// [`read`](Self::read).
            pub fn try_read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.byte_stream().try_read(buffer)
            }

            /// [`read`](Self::read) as a poll, for a future that is written by hand.
            ///
            /// One task at a time may poll for reading: the waker of the last poll is kept, as
            /// [`Descriptor::poll_read_ready`](crate::Descriptor::poll_read_ready) tells.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            ///
            /// # Panics
            /// If it has to wait in a task of another loop, or after its loop has closed.
            pub fn poll_read(
                &self,
                cx: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.byte_stream().poll_read(cx, buffer)
            }

            /// [`poll_read`](Self::poll_read) into a place that need not have been written to before.
            #[cfg(any(feature = "hyper", feature = "tokio-io"))]
            pub(crate) fn poll_fill(
                &self,
                cx: &std::task::Context<'_>,
                place: &mut [std::mem::MaybeUninit<u8>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.byte_stream().poll_fill(cx, place)
            }

            /// [`read_vectored`](Self::read_vectored) as a poll. As [`poll_read`](Self::poll_read), into several
            /// buffers.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            ///
            /// # Panics
            /// If it has to wait in a task of another loop, or after its loop has closed.
            pub fn poll_read_vectored(
                &self,
                cx: &mut std::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.byte_stream().poll_read_vectored(cx, buffers)
            }
        }
    };
}

/// The public methods of a type that can be written to. The type has the methods
/// `byte_stream(&self) -> ByteStream<$Inner>` and `descriptor(&self) -> &Descriptor<$Inner>`.
macro_rules! writes {
    ($Type:ty, $Inner:ty) => {
        writes_with!($Type, $Inner);

        impl $Type {
            /// Waits until there is room, and writes as many bytes as the system takes.
            ///
            /// # Errors
            /// Errors of the system call, such as `BrokenPipe` and `ConnectionReset`.
            ///
            /// # Cancel safety
            /// If this is cancelled, it has written nothing.
            pub fn write(&self, bytes: &[u8]) -> impl Future<Output = std::io::Result<usize>> {
                self.byte_stream().write(bytes)
            }

            /// As [`write`](Self::write), from several pieces, which are written one after another. One call takes at
            /// most 1024 of them.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            ///
            /// # Cancel safety
            /// If this is cancelled, it has written nothing.
            pub fn write_vectored(
                &self,
                pieces: &[std::io::IoSlice<'_>],
            ) -> impl Future<Output = std::io::Result<usize>> {
                self.byte_stream().write_vectored(pieces)
            }

            /// Writes all bytes: asyncio's `sock_sendall`.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            ///
            /// # Cancel safety
            /// Not cancel safe: some bytes may have been written, and their number is lost. The peer may then have half
            /// a message.
            pub fn write_all(&self, bytes: &[u8]) -> impl Future<Output = std::io::Result<()>> {
                self.byte_stream().write_all(bytes)
            }

            /// Writes as many bytes as the system takes now, without waiting.
            ///
            /// It counts as one of the 64 operations that a step of a task may do, so what is made of this and
            /// [`writable`](Self::writable) starves no other task. A callback may do as many as it likes.
            ///
            /// # Errors
            /// `WouldBlock` if the loop has not yet learned of room, or the step has done enough; and as
            /// [`write`](Self::write).
            pub fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize> {
                self.byte_stream().try_write(bytes)
            }

            /// [`write`](Self::write) as a poll, for a future that is written by hand.
            ///
            /// One task at a time may poll for writing: the waker of the last poll is kept, as
            /// [`Descriptor::poll_read_ready`](crate::Descriptor::poll_read_ready) tells.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            ///
            /// # Panics
            /// If it has to wait in a task of another loop, or after its loop has closed.
            pub fn poll_write(
                &self,
                cx: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.byte_stream().poll_write(cx, bytes)
            }

            /// [`write_vectored`](Self::write_vectored) as a poll. As [`poll_write`](Self::poll_write), from several
            /// pieces.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            ///
            /// # Panics
            /// If it has to wait in a task of another loop, or after its loop has closed.
            pub fn poll_write_vectored(
                &self,
                cx: &mut std::task::Context<'_>,
                pieces: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.byte_stream().poll_write_vectored(cx, pieces)
            }
        }
    };
}

pub(super) use reads;
pub(super) use writes;
