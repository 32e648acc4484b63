//! Reading and writing bytes, alike for connections and pipes. Owns the loops around the system calls, and, as macros,
//! the public methods of every stream; must not know the kinds of streams.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsRawFd;

use super::descriptor::Descriptor;
use crate::reactor::Direction;

/// A connection or pipe, as the methods of the macros see it.
pub(super) struct ByteStream<'a, T: AsRawFd> {
    pub(super) descriptor: &'a Descriptor<T>,
    /// A short read proves that no more bytes are there, and a short write that there is no more room.
    pub(super) short_is_blocked: bool,
}

impl<T: AsRawFd> ByteStream<'_, T> {
    /// The `short_below` of [`Descriptor::transfer`].
    fn short_below(&self, requested: usize) -> usize {
        if self.short_is_blocked { requested } else { 0 }
    }
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
        let short_below = self.short_below(buffer.len());
        self.descriptor.transfer(Direction::Read, short_below, |mut inner| inner.read(buffer)).await
    }

    pub(super) async fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let room: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        if room == 0 {
            return Ok(0);
        }
        let short_below = self.short_below(room);
        self.descriptor.transfer(Direction::Read, short_below, |mut inner| inner.read_vectored(buffers)).await
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
        let short_below = self.short_below(buffer.len());
        self.descriptor.try_transfer(Direction::Read, short_below, |mut inner| inner.read(buffer))
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
        let short_below = self.short_below(bytes.len());
        self.descriptor.transfer(Direction::Write, short_below, |mut inner| inner.write(bytes)).await
    }

    pub(super) async fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let length: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        if length == 0 {
            return Ok(0);
        }
        let short_below = self.short_below(length);
        self.descriptor.transfer(Direction::Write, short_below, |mut inner| inner.write_vectored(buffers)).await
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
        let short_below = self.short_below(bytes.len());
        self.descriptor.try_transfer(Direction::Write, short_below, |mut inner| inner.write(bytes))
    }
}

/// The public methods of a type that can be read. The type has a method `byte_stream(&self) -> ByteStream<…>`.
macro_rules! reads {
    ($Type:ty) => {
        impl $Type {
            /// Waits until there is something to read, and reads what fits: asyncio's `sock_recv_into`. 0 means the end
            /// of the stream, or a buffer without room.
            ///
            /// A buffer larger than the messages saves a system call for each message: a read that does not fill the
            /// buffer proves that no more bytes are there.
            ///
            /// # Errors
            /// Errors of the system call, such as `ConnectionReset`.
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.byte_stream().read(buffer).await
            }

            /// As [`read`](Self::read), into several buffers, which are filled one after another.
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
            /// # Errors
            /// `WouldBlock` if the loop has not yet learned of bytes to read; and as [`read`](Self::read).
            pub fn try_read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.byte_stream().try_read(buffer)
            }

            /// Waits until a read would not block: there may be bytes, the end, or an error.
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn readable(&self) {
                self.byte_stream().descriptor.readable().await;
            }
        }
    };
}

/// The public methods of a type that can be written to. The type has a method `byte_stream(&self) -> ByteStream<…>`.
macro_rules! writes {
    ($Type:ty) => {
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

            /// As [`write`](Self::write), from several pieces, which are written one after another.
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
            /// # Errors
            /// `WouldBlock` if the loop has not yet learned of room; and as [`write`](Self::write).
            pub fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize> {
                self.byte_stream().try_write(bytes)
            }

            /// Waits until a write would not block: there may be room, or an error.
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn writable(&self) {
                self.byte_stream().descriptor.writable().await;
            }
        }
    };
}

pub(super) use reads;
pub(super) use writes;
