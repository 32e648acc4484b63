//! Reading and writing bytes, alike for connections and pipes. Owns the loops around the system calls, and, as macros,
//! the public methods of every stream; must not know the kinds of streams.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsRawFd;

use super::descriptor::Descriptor;
use crate::reactor::Direction;

/// The most pieces that one system call takes. More are left to the next call.
const MOST_PIECES_OF_A_CALL: usize = 1024;

/// A connection or pipe, as the methods of the macros see it.
pub(super) struct ByteStream<'a, T: AsRawFd> {
    pub(super) descriptor: &'a Descriptor<T>,
}

impl<T> ByteStream<'_, T>
where
    T: AsRawFd,
    for<'b> &'b T: Read,
{
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.descriptor.transfer(Direction::Read, buffer.len(), |mut inner| inner.read(buffer)).await
    }

    pub(super) async fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let Some(first) = buffers.iter().position(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let count = MOST_PIECES_OF_A_CALL.min(buffers.len() - first);
        let buffers = &mut buffers[first..][..count];
        let room = buffers.iter().map(|buffer| buffer.len()).sum();
        self.descriptor.transfer(Direction::Read, room, |mut inner| inner.read_vectored(buffers)).await
    }

    pub(super) async fn read_exact(&self, mut buffer: &mut [u8]) -> io::Result<()> {
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

    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.descriptor.try_transfer_once(Direction::Read, buffer.len(), |mut inner| inner.read(buffer))
    }
}

impl<T> ByteStream<'_, T>
where
    T: AsRawFd,
    for<'b> &'b T: Write,
{
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.descriptor.transfer(Direction::Write, bytes.len(), |mut inner| inner.write(bytes)).await
    }

    pub(super) async fn write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(first) = pieces.iter().position(|piece| !piece.is_empty()) else { return Ok(0) };
        let pieces = &pieces[first..][..MOST_PIECES_OF_A_CALL.min(pieces.len() - first)];
        let length = pieces.iter().map(|piece| piece.len()).sum();
        self.descriptor.transfer(Direction::Write, length, |mut inner| inner.write_vectored(pieces)).await
    }

    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(io::Error::new(ErrorKind::WriteZero, "the stream takes no more bytes")),
                n => bytes = &bytes[n..],
            }
        }
        Ok(())
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.descriptor.try_transfer_once(Direction::Write, bytes.len(), |mut inner| inner.write(bytes))
    }
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
            pub async fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.byte_stream().read(buffer).await
            }

            /// As [`read`](Self::read), into several buffers, which are filled one after another. One call takes at most
            /// 1024 of them.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn read_vectored(&self, buffers: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                self.byte_stream().read_vectored(buffers).await
            }

            /// Reads until the buffer is full.
            ///
            /// # Errors
            /// `UnexpectedEof` if the stream ends first; and as [`read`](Self::read).
            ///
            /// # Cancel safety
            /// Not cancel safe: the bytes read so far are in the buffer, but their number is lost.
            pub async fn read_exact(&self, buffer: &mut [u8]) -> std::io::Result<()> {
                self.byte_stream().read_exact(buffer).await
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
            pub async fn write(&self, bytes: &[u8]) -> std::io::Result<usize> {
                self.byte_stream().write(bytes).await
            }

            /// As [`write`](Self::write), from several pieces, which are written one after another. One call takes at
            /// most 1024 of them.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            ///
            /// # Cancel safety
            /// If this is cancelled, it has written nothing.
            pub async fn write_vectored(&self, pieces: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                self.byte_stream().write_vectored(pieces).await
            }

            /// Writes all bytes: asyncio's `sock_sendall`.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            ///
            /// # Cancel safety
            /// Not cancel safe: some bytes may have been written, and their number is lost. The peer may then have half
            /// a message.
            pub async fn write_all(&self, bytes: &[u8]) -> std::io::Result<()> {
                self.byte_stream().write_all(bytes).await
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
        }
    };
}

pub(super) use reads;
pub(super) use writes;
