//! Bytes in and out of a descriptor, the same for all streams. Owns the loops around the system calls, and the methods
//! that every stream has, as macros; must not know what kind of stream it is.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsRawFd;

use super::descriptor::Descriptor;
use crate::reactor::Direction;

/// A stream as its methods see it, and whether a transfer of fewer bytes than asked for has used up what there was.
pub(super) struct Stream<'a, T: AsRawFd> {
    pub(super) io: &'a Descriptor<T>,
    pub(super) short_is_empty: bool,
}

impl<T: AsRawFd> Stream<'_, T> {
    /// Fewer than this have used it up.
    fn most(&self, asked: usize) -> usize {
        if self.short_is_empty { asked } else { 0 }
    }
}

impl<T> Stream<'_, T>
where
    T: AsRawFd,
    for<'b> &'b T: Read,
{
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let most = self.most(buffer.len());
        self.io.transfer(Direction::Read, most, |mut socket| socket.read(buffer)).await
    }

    pub(super) async fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let room: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        if room == 0 {
            return Ok(0);
        }
        self.io.transfer(Direction::Read, self.most(room), |mut socket| socket.read_vectored(buffers)).await
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
        self.io.try_transfer(Direction::Read, self.most(buffer.len()), |mut socket| socket.read(buffer))
    }
}

impl<T> Stream<'_, T>
where
    T: AsRawFd,
    for<'b> &'b T: Write,
{
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let most = self.most(bytes.len());
        self.io.transfer(Direction::Write, most, |mut socket| socket.write(bytes)).await
    }

    pub(super) async fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let length: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        if length == 0 {
            return Ok(0);
        }
        self.io.transfer(Direction::Write, self.most(length), |mut socket| socket.write_vectored(buffers)).await
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
        self.io.try_transfer(Direction::Write, self.most(bytes.len()), |mut socket| socket.write(bytes))
    }
}

/// The methods of what can be read, given that it has a `fn stream(&self) -> Stream<…>`.
macro_rules! reads {
    ($Type:ty) => {
        impl $Type {
            /// Waits until there is something to read, and reads what fits: asyncio's `sock_recv_into`. No bytes at all
            /// mean the end of the stream, or a buffer without room.
            ///
            /// A buffer larger than the messages saves a system call for each: fewer bytes than fit say that there are
            /// no more.
            ///
            /// # Errors
            /// What the system says, such as `ConnectionReset`.
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.stream().read(buffer).await
            }

            /// The same for several buffers, which are filled one after another.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn read_vectored(&self, buffers: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                self.stream().read_vectored(buffers).await
            }

            /// Reads until the buffer is full.
            ///
            /// # Errors
            /// `UnexpectedEof` if the stream ends before, and as [`read`](Self::read).
            ///
            /// # Cancel safety
            /// What was read is in the buffer, and how much it was is not told.
            pub async fn read_exact(&self, buffer: &mut [u8]) -> std::io::Result<()> {
                self.stream().read_exact(buffer).await
            }

            /// Reads what is there, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if nothing is there as far as the loop has heard, and as [`read`](Self::read).
            pub fn try_read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.stream().try_read(buffer)
            }

            /// Waits until there may be something to read, or the end, or an error.
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn readable(&self) {
                self.stream().io.readable().await;
            }
        }
    };
}

/// The methods of what can be written to, given that it has a `fn stream(&self) -> Stream<…>`.
macro_rules! writes {
    ($Type:ty) => {
        impl $Type {
            /// Waits until there is room, and writes what the system takes.
            ///
            /// # Errors
            /// What the system says, such as `BrokenPipe` and `ConnectionReset`.
            ///
            /// # Cancel safety
            /// Cancelled, it has written nothing.
            pub async fn write(&self, bytes: &[u8]) -> std::io::Result<usize> {
                self.stream().write(bytes).await
            }

            /// The same for several pieces, which are written one after another.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            ///
            /// # Cancel safety
            /// Cancelled, it has written nothing.
            pub async fn write_vectored(&self, pieces: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                self.stream().write_vectored(pieces).await
            }

            /// Writes all of it: asyncio's `sock_sendall`.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            ///
            /// # Cancel safety
            /// Some of it may have been written, and how much is not told: the stream is of no use for messages then.
            pub async fn write_all(&self, bytes: &[u8]) -> std::io::Result<()> {
                self.stream().write_all(bytes).await
            }

            /// Writes what the system takes now, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if there is no room as far as the loop has heard, and as [`write`](Self::write).
            pub fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize> {
                self.stream().try_write(bytes)
            }

            /// Waits until there may be room, or an error.
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn writable(&self) {
                self.stream().io.writable().await;
            }
        }
    };
}

/// Its descriptor, for those who want to ask the system themselves.
macro_rules! has_descriptor {
    ($Type:ty) => {
        impl std::os::fd::AsFd for $Type {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.io.get_ref().as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $Type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.io.get_ref().as_raw_fd()
            }
        }
    };
}

pub(super) use has_descriptor;
pub(super) use reads;
pub(super) use writes;
