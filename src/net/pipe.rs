//! Pipes, and other descriptors that bytes come from or go to. Owns the two ends; must not know processes.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::{fmt, io};

use super::byte_stream::{ByteStream, reads, writes};
use super::descriptor::Descriptor;
use super::own_calls::{reads_with, writes_with};
use super::std_socket::as_fd;
use super::terminal::opened_anew;
use crate::reactor::Direction;
use crate::sys::set_nonblocking;

/// A pipe: the bytes that are written to one end are read at the other.
///
/// # Examples
/// ```
/// use oneloop::{net::pipe, run};
///
/// run(async {
///     let (reader, writer) = pipe()?;
///     writer.write_all(b"through").await?;
///     drop(writer);
///     let mut bytes = [0; 100];
///     assert_eq!(reader.read(&mut bytes).await?, 7);
///     assert_eq!(reader.read(&mut bytes).await?, 0); // the end
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the system is out of descriptors.
///
/// # Panics
/// If this thread is in no loop.
#[track_caller]
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    Ok((PipeReader::from_fd(reader.into())?, PipeWriter::from_fd(writer.into())?))
}

/// The reading end of a pipe, or another descriptor that bytes come from: a terminal, a child's output.
///
/// # Examples
/// ```
/// use oneloop::net::PipeReader;
/// use oneloop::run;
/// use std::process::{Command, Stdio};
///
/// run(async {
///     let mut child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
///     let output = PipeReader::from_fd(child.stdout.take().unwrap().into())?;
///     let mut bytes = [0; 16];
///     assert_eq!(output.read(&mut bytes).await?, 6);
///     child.wait()?;
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PipeReader {
    descriptor: Descriptor<File>,
}

/// The writing end of a pipe, or another descriptor that takes bytes.
///
/// # Examples
/// ```
/// use oneloop::net::PipeWriter;
/// use oneloop::run;
/// use std::process::{Command, Stdio};
///
/// run(async {
///     let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
///     let input = PipeWriter::from_fd(child.stdin.take().unwrap().into())?;
///     input.write_all(b"hello").await?;
///     drop(input); // the end of its input
///     assert_eq!(child.wait_with_output()?.stdout, b"hello");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PipeWriter {
    descriptor: Descriptor<File>,
}

/// What both ends have in common. `$direction` is its direction, and `$asyncio` the method of asyncio's loop.
macro_rules! pipe_end {
    ($Type:ident, $direction:expr, $asyncio:literal) => {
        impl $Type {
            #[doc = concat!("Takes over a descriptor: asyncio's `", $asyncio, "`.")]
            ///
            /// The descriptor becomes non-blocking, and so it does for every process that shares it. On Linux a
            /// terminal is opened anew for this, since it is shared with the parent, and often with the standard
            /// output, where `println!` would panic. To read standard input, use [`stdin`](fn@crate::stdin), which
            /// takes files too.
            ///
            /// # Errors
            /// If the system cannot watch the descriptor (a regular file, for example), or it is registered already.
            ///
            /// # Panics
            /// If this thread is in no loop.
            #[track_caller]
            pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
                let fd = opened_anew(fd, $direction);
                set_nonblocking(&fd)?;
                Ok(Self { descriptor: Descriptor::new(File::from(fd))? })
            }

            /// Removes the descriptor from the loop and returns it. It is still non-blocking.
            pub fn into_fd(self) -> OwnedFd {
                self.descriptor.into_inner().into()
            }

            /// The descriptor, still registered.
            pub(crate) fn into_descriptor(self) -> Descriptor<File> {
                self.descriptor
            }

            fn descriptor(&self) -> &Descriptor<File> {
                &self.descriptor
            }

            fn byte_stream(&self) -> ByteStream<'_, File> {
                ByteStream { descriptor: &self.descriptor }
            }
        }

        as_fd!($Type);

        impl fmt::Debug for $Type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($Type)).field(self.descriptor.get_ref()).finish()
            }
        }
    };
}

impl PipeWriter {
    /// Waits until the other end is gone, so that nothing that is written will be read. What is written then fails with
    /// `BrokenPipe`.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::pipe;
    /// use oneloop::{create_task, run, yield_now};
    ///
    /// run(async {
    ///     let (reader, writer) = pipe()?;
    ///     let waiting = create_task(async move { writer.closed().await });
    ///     yield_now().await;
    ///     drop(reader);
    ///     waiting.await;
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn closed(&self) {
        self.descriptor.wait_for_end(Direction::Write).await;
    }
}

pipe_end!(PipeReader, Direction::Read, "connect_read_pipe");
pipe_end!(PipeWriter, Direction::Write, "connect_write_pipe");
reads!(PipeReader, File);
writes!(PipeWriter, File);
