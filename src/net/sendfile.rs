//! Sending a file through a connection: asyncio's `sock_sendfile`. Owns the loop around the system call, and the way
//! around it; must not know the kinds of connections.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt as _;

use super::byte_stream::ByteStream;
use crate::sys::send;
use crate::threads::to_thread;

/// The most bytes of one system call, after which other tasks have their turn.
const BYTES_OF_A_CALL: u64 = 1 << 20;
/// The most bytes that are read at a time where the system sends no file.
const BYTES_OF_A_READ: u64 = 256 << 10;

impl<T> ByteStream<'_, T>
where
    T: AsRawFd,
    for<'b> &'b T: Write,
{
    /// Sends the bytes of a file from `offset` on, and returns how many.
    pub(super) async fn sendfile(&self, file: &File, offset: u64, count: Option<u64>) -> io::Result<u64> {
        let mut sent = 0;
        loop {
            let wanted = left(count, sent).min(BYTES_OF_A_CALL);
            if wanted == 0 {
                return Ok(sent);
            }
            let length = as_length(wanted);
            match self.descriptor.write_with(|inner| send::file(inner, file, offset + sent, length)).await {
                Ok(0) => return Ok(sent),
                Ok(n) => sent += n as u64,
                // what the system cannot send by itself is refused at once
                Err(error) if sent == 0 && is_refused(&error) => {
                    return self.send_by_reading(file, offset, count).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`sendfile`](Self::sendfile): reads the file on a thread, and writes what was read.
    async fn send_by_reading(&self, file: &File, offset: u64, count: Option<u64>) -> io::Result<u64> {
        let (mut sent, mut buffer) = (0, Vec::new());
        loop {
            let wanted = left(count, sent).min(BYTES_OF_A_READ);
            if wanted == 0 {
                return Ok(sent);
            }
            let (file, at) = (file.try_clone()?, offset + sent);
            buffer.resize(as_length(wanted), 0);
            let (result, same) = to_thread(move || (file.read_at(&mut buffer, at), buffer)).await;
            buffer = same;
            match result? {
                0 => return Ok(sent),
                n => {
                    self.write_all(&buffer[..n]).await?;
                    sent += n as u64;
                }
            }
        }
    }
}

/// How many bytes are still to be sent; of the whole file, as many as there may be.
fn left(count: Option<u64>, sent: u64) -> u64 {
    count.map_or(u64::MAX, |count| count - sent)
}

fn as_length(bytes: u64) -> usize {
    usize::try_from(bytes).expect("the most bytes at a time are few")
}

/// Whether the system sends no such file, or none at all, so that it has to be read.
fn is_refused(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported || matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS))
}

/// The public method of a connection.
macro_rules! sends_files {
    ($Type:ty) => {
        impl $Type {
            /// Sends the bytes of a file from `offset` on, `count` of them or up to its end, and returns how many were
            /// sent: asyncio's `sock_sendfile` and `loop.sendfile`. The bytes go from the file to the connection within
            /// the system, on Linux and Android. Elsewhere, and of a file that the system cannot send, they are read on
            /// a thread of the loop's default executor, and written.
            ///
            /// If the peer is gone, the system sends the process `SIGPIPE`, which a Rust `main` ignores; a host in another
            /// language has to.
            ///
            /// The position of the file itself is neither used nor moved. A file on a disk may block the thread until
            /// it is read.
            ///
            /// # Errors
            /// Errors of reading the file and of writing to the connection. Some bytes may have been sent.
            ///
            /// # Panics
            /// Where the file is read on a thread, as [`to_thread`](fn@crate::to_thread).
            ///
            /// # Examples
            /// ```
            /// use oneloop::net::UnixStream;
            /// use oneloop::run;
            /// use std::fs::File;
            ///
            /// run(async {
            ///     let (left, right) = UnixStream::pair()?;
            ///     let file = File::open("LICENSE")?;
            ///     assert_eq!(left.sendfile(&file, 0, 11).await?, 11);
            ///     let mut bytes = [0; 11];
            ///     right.read_exact(&mut bytes).await?;
            ///     assert_eq!(&bytes, b"MIT License");
            ///     Ok::<(), std::io::Error>(())
            /// })??;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            ///
            /// # Cancel safety
            /// Some of the bytes may have been sent, and it is not known how many.
            pub async fn sendfile(
                &self,
                file: &std::fs::File,
                offset: u64,
                count: impl Into<Option<u64>>,
            ) -> std::io::Result<u64> {
                self.byte_stream().sendfile(file, offset, count.into()).await
            }
        }
    };
}

pub(super) use sends_files;
