//! Paths that name Unix sockets. Owns the removal of a socket's file; must not know the sockets.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Removes the file at this path if it is a socket, which an earlier program may have left there. asyncio does so too.
pub(super) fn remove_stale(path: &Path) {
    if fs::metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        // if the removal fails, the bind that follows reports that the path is in use
        let _ = fs::remove_file(path);
    }
}

/// The error of a failed bind, with the path in its text.
pub(super) fn bind_error(path: &Path, error: &io::Error) -> io::Error {
    let kind = error.kind();
    let text = match kind {
        io::ErrorKind::AddrInUse => format!("address {} is already in use", path.display()),
        _ => format!("while attempting to bind on {}: {error}", path.display()),
    };
    io::Error::new(kind, text)
}

/// The file of a bound socket. Dropping this removes the file, unless another socket has replaced it by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// `None` if the file is to stay.
    id: Option<FileId>,
}

impl SocketFile {
    pub(super) fn at(path: &Path) -> Option<Self> {
        let id = file_id(path);
        id.is_some().then(|| Self { path: path.to_owned(), id })
    }

    /// Leaves the file where it is.
    pub(super) fn keep(mut self) {
        self.id = None;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.id.is_some() && file_id(&self.path) == self.id {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Device and inode, which tell a file from another one at the same path.
type FileId = (u64, u64);

fn file_id(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
