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

/// What of a file is sent: the bytes from `offset` on, `count` of them, or up to the end.
#[derive(Clone, Copy)]
pub(crate) struct FileRange<'a> {
    pub(crate) file: &'a File,
    pub(crate) offset: u64,
    pub(crate) count: Option<u64>,
}

impl FileRange<'_> {
    /// How many bytes are still to be sent, but no more than `most`.
    fn left(&self, sent: u64, most: u64) -> usize {
        let left = self.count.map_or(u64::MAX, |count| count - sent);
        usize::try_from(left.min(most)).expect("the most bytes at a time are few")
    }

    /// Whether all of the bytes are sent that were asked for.
    pub(crate) fn is_over(&self, sent: u64) -> bool {
        self.count == Some(sent)
    }

    /// Lets the system send what comes behind the first `sent` bytes, and returns how many bytes it took. 0 is the end.
    pub(crate) fn send(&self, socket: &impl AsRawFd, sent: u64) -> io::Result<usize> {
        send::file(socket, self.file, self.offset + sent, self.left(sent, BYTES_OF_A_CALL))
    }

    /// Reads what comes behind the first `sent` bytes, on a thread, into a buffer that is used again. Nothing is the
    /// end.
    pub(crate) async fn read(&self, sent: u64, mut buffer: Vec<u8>) -> io::Result<Vec<u8>> {
        let (file, at) = (self.file.try_clone()?, self.offset + sent);
        buffer.resize(self.left(sent, BYTES_OF_A_READ), 0);
        to_thread(move || {
            let length = file.read_at(&mut buffer, at)?;
            buffer.truncate(length);
            Ok(buffer)
        })
        .await
    }
}

/// Whether the system sends no such file, or none at all, so that it has to be read. It says so at once.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported || matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS))
}

impl<T> ByteStream<'_, T>
where
    T: AsRawFd,
    for<'b> &'b T: Write,
{
    /// Sends the bytes of a file, and returns how many.
    pub(super) async fn sendfile(&self, range: FileRange<'_>) -> io::Result<u64> {
        let mut sent = 0;
        while !range.is_over(sent) {
            match self.descriptor.write_with(|inner| range.send(inner, sent)).await {
                Ok(0) => break,
                Ok(n) => sent += n as u64,
                Err(error) if sent == 0 && is_refused(&error) => return self.send_by_reading(range).await,
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    /// As [`sendfile`](Self::sendfile): reads the file, and writes what was read.
    async fn send_by_reading(&self, range: FileRange<'_>) -> io::Result<u64> {
        let (mut sent, mut bytes) = (0, Vec::new());
        while !range.is_over(sent) {
            bytes = range.read(sent, bytes).await?;
            if bytes.is_empty() {
                break;
            }
            self.write_all(&bytes).await?;
            sent += bytes.len() as u64;
        }
        Ok(sent)
    }
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
            /// If the peer is gone, the system sends the process `SIGPIPE`, which a Rust `main` ignores; a host in
            /// another language has to.
            ///
            /// The position of the file itself is neither used nor moved. A file on a disk may block the thread until
            /// it is read.
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
            /// # Errors
            /// Errors of reading the file and of writing to the connection. Some bytes may have been sent.
            ///
            /// # Panics
            /// Where the file is read on a thread, as [`to_thread`](fn@crate::to_thread).
            ///
            /// # Cancel safety
            /// Some of the bytes may have been sent, and it is not known how many.
            pub async fn sendfile(
                &self,
                file: &std::fs::File,
                offset: u64,
                count: impl Into<Option<u64>>,
            ) -> std::io::Result<u64> {
                let range = $crate::net::sendfile::FileRange { file, offset, count: count.into() };
                self.byte_stream().sendfile(range).await
            }
        }
    };
}

pub(super) use sends_files;
