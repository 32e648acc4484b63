//! Pipes, and whatever else reads or writes bytes by a descriptor. Owns the two ends; must not know processes.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::{fmt, io};

use super::descriptor::Descriptor;
use super::io::{Stream, has_descriptor, reads, writes};
use crate::sys::set_nonblocking;

/// A pipe: what is written to one end is read at the other.
///
/// # Errors
/// If the system is out of descriptors.
///
/// # Panics
/// If this thread is in no loop.
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
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    Ok((PipeReader::from_fd(reader.into())?, PipeWriter::from_fd(writer.into())?))
}

/// The end of a pipe that is read, or anything else that bytes come from: a terminal, a child's output.
pub struct PipeReader {
    io: Descriptor<File>,
    is_pipe: bool,
}

/// The end of a pipe that is written to, or anything else that takes bytes.
pub struct PipeWriter {
    io: Descriptor<File>,
    is_pipe: bool,
}

/// Non-blocking, registered, and whether it is a pipe, whose short reads and writes tell that it is empty or full. A
/// terminal's do not: it gives a line at a time.
fn register(fd: OwnedFd) -> io::Result<(Descriptor<File>, bool)> {
    let file = File::from(fd);
    set_nonblocking(&file)?;
    let kind = file.metadata()?.file_type();
    Ok((Descriptor::new(file)?, kind.is_fifo() || kind.is_socket()))
}

impl PipeReader {
    /// Takes a descriptor over: asyncio's `connect_read_pipe`. It becomes non-blocking, for everybody who shares it, as a
    /// parent's terminal is shared.
    ///
    /// # Errors
    /// If the system cannot watch it (a regular file, say), or it is registered already.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let (io, is_pipe) = register(fd)?;
        Ok(Self { io, is_pipe })
    }

    /// The descriptor, registered no more. It is still non-blocking.
    pub fn into_fd(self) -> OwnedFd {
        self.io.into_inner().into()
    }

    /// Its descriptor, still registered, and whether it is a pipe.
    pub(crate) fn into_descriptor(self) -> (Descriptor<File>, bool) {
        (self.io, self.is_pipe)
    }

    fn stream(&self) -> Stream<'_, File> {
        Stream { io: &self.io, short_is_empty: self.is_pipe }
    }
}

impl PipeWriter {
    /// Takes a descriptor over: asyncio's `connect_write_pipe`. It becomes non-blocking, for everybody who shares it, as
    /// a parent's terminal is shared.
    ///
    /// # Errors
    /// If the system cannot watch it (a regular file, say), or it is registered already.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let (io, is_pipe) = register(fd)?;
        Ok(Self { io, is_pipe })
    }

    /// The descriptor, registered no more. It is still non-blocking.
    pub fn into_fd(self) -> OwnedFd {
        self.io.into_inner().into()
    }

    /// Its descriptor, still registered, and whether it is a pipe.
    pub(crate) fn into_descriptor(self) -> (Descriptor<File>, bool) {
        (self.io, self.is_pipe)
    }

    fn stream(&self) -> Stream<'_, File> {
        Stream { io: &self.io, short_is_empty: self.is_pipe }
    }
}

reads!(PipeReader);
writes!(PipeWriter);
has_descriptor!(PipeReader);
has_descriptor!(PipeWriter);

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PipeReader").field(self.io.get_ref()).finish()
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PipeWriter").field(self.io.get_ref()).finish()
    }
}
