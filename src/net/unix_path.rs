//! Paths that name sockets. Owns what is done about one that is left over, and the pause before a system call that no
//! event announces; must not know the sockets.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use crate::primitives::sleep;

/// Removes what an earlier socket has left at this path, if it is a socket: as asyncio does.
pub(super) fn remove_stale(path: &Path) {
    if fs::metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        // who may not remove it learns from the bind that it is in use
        let _ = fs::remove_file(path);
    }
}

/// The error of a bind, with the path.
pub(super) fn refused(path: &Path, error: &io::Error) -> io::Error {
    let kind = error.kind();
    let text = match kind {
        io::ErrorKind::AddrInUse => format!("address {} is already in use", path.display()),
        _ => format!("while attempting to bind on {}: {error}", path.display()),
    };
    io::Error::new(kind, text)
}

/// The path of a socket, to be removed with it, unless it is another's by then.
#[derive(Debug)]
pub(super) struct OwnPath {
    path: PathBuf,
    /// Device and number of the file that it was; `None` if it is to stay.
    inode: Option<(u64, u64)>,
}

impl OwnPath {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let inode = inode(path);
        inode.is_some().then(|| Self { path: path.to_owned(), inode })
    }

    /// It stays.
    pub(super) fn keep(mut self) {
        self.inode = None;
    }
}

impl Drop for OwnPath {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Pauses before the same call is tried again, each longer than the one before: for what the system refuses for a while
/// without saying when it will not.
#[derive(Debug)]
pub(super) struct Patience {
    pause: Duration,
}

impl Patience {
    const MOST: Duration = Duration::from_millis(64);

    pub(super) fn new() -> Self {
        Self { pause: Duration::from_millis(1) }
    }

    pub(super) async fn wait(&mut self) {
        sleep(self.pause).await;
        self.pause = Self::MOST.min(self.pause * 2);
    }
}
