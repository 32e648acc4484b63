//! Descriptors that go from process to process with the bytes of a Unix connection: `send_fds` and `recv_fds` of
//! Python's sockets. Owns the two methods; must not know how the descriptors are packed.

use std::io::{self, ErrorKind};
use std::os::fd::{BorrowedFd, OwnedFd};

use super::unix_stream::UnixStream;
use crate::sys::send::{self, DESCRIPTORS_MAX};

impl UnixStream {
    /// Sends bytes, and copies of descriptors together with the first of them, and returns how many of the bytes were
    /// sent: `send_fds` of Python's sockets. The peer receives the descriptors by [`recv_fds`](Self::recv_fds); if it
    /// reads in another way, they are closed there.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::UnixStream;
    /// use oneloop::run;
    /// use std::fs::File;
    /// use std::io::Read as _;
    /// use std::os::fd::AsFd as _;
    ///
    /// run(async {
    ///     let (left, right) = UnixStream::pair()?;
    ///     let file = File::open("LICENSE")?;
    ///     left.send_fds(b"a file", &[file.as_fd()]).await?;
    ///
    ///     let mut bytes = [0; 100];
    ///     let (count, mut fds) = right.recv_fds(&mut bytes).await?;
    ///     assert_eq!(&bytes[..count], b"a file");
    ///     let mut same = File::from(fds.remove(0));
    ///     let mut text = String::new();
    ///     same.read_to_string(&mut text)?;
    ///     assert!(text.starts_with("MIT License"));
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` without a byte, which must go with them, or with more than 253 descriptors; errors of the system
    /// call.
    ///
    /// # Cancel safety
    /// Nothing is sent.
    pub async fn send_fds(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        if bytes.is_empty() || fds.len() > DESCRIPTORS_MAX {
            let wrong = format!("descriptors go with at least one byte, and at most {DESCRIPTORS_MAX} at a time");
            return Err(io::Error::new(ErrorKind::InvalidInput, wrong));
        }
        self.write_with(|stream| send::descriptors(stream, bytes, fds)).await
    }

    /// Reads bytes, at most as many as the buffer has room for, and the descriptors that came with them: `recv_fds` of
    /// Python's sockets. 0 bytes are the end of the stream, or a buffer without room. There is always room for as many
    /// descriptors as one message can carry. They are closed when a new program begins (close-on-exec).
    ///
    /// # Errors
    /// Errors of the system call; of a process that is out of descriptors, `InvalidData`, since some are lost then.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn recv_fds(&self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        if buffer.is_empty() {
            return Ok((0, Vec::new()));
        }
        self.read_with(|stream| send::receive_descriptors(stream, buffer)).await
    }
}
