//! Paths and names of Unix sockets. Owns what a path stands for, and the removal of a socket's file; must not know the
//! sockets.

#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt as _;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Removes the file of this address if it is a socket, which an earlier program may have left there. asyncio does so
/// too.
pub(super) fn remove_stale(address: &SocketAddr) {
    let Some(path) = address.as_pathname() else { return };
    if fs::metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        // if the removal fails, the bind that follows reports that the path is in use
        let _ = fs::remove_file(path);
    }
}

/// The address that a path stands for. On Linux, a path that begins with a NUL is a name without a file ("abstract"),
/// as in asyncio.
pub(super) fn address_at(path: &Path) -> io::Result<SocketAddr> {
    address_of(path).map_err(|error| {
        let place = path.display();
        let text =
            format!("{place} is no address of a Unix socket, which has about 100 bytes at most, and no NUL: {error}");
        io::Error::new(error.kind(), text)
    })
}

fn address_of(path: &Path) -> io::Result<SocketAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let [0, name @ ..] = path.as_os_str().as_bytes() {
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(path)
}

/// The address as text: its path, or its name behind an `@`.
fn text_of(address: &SocketAddr) -> String {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = address.as_abstract_name() {
        return format!("@{}", String::from_utf8_lossy(name));
    }
    address.as_pathname().map_or_else(|| "a socket without a name".to_owned(), |path| path.display().to_string())
}

/// The error of a failed bind, with the path in its text.
pub(super) fn bind_error(address: &SocketAddr, error: &io::Error) -> io::Error {
    let (kind, place) = (error.kind(), text_of(address));
    let text = match kind {
        io::ErrorKind::AddrInUse => format!("address {place} is already in use"),
        _ => format!("while attempting to bind on {place}: {error}"),
    };
    io::Error::new(kind, text)
}

/// The error of a failed connect, with the path in its text.
pub(super) fn connect_error(address: &SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot connect to {}: {error}", text_of(address)))
}

/// The file of a bound socket. Dropping this removes the file, unless another socket has replaced it by then.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// `None` if the file is to stay.
    id: Option<FileId>,
}

impl SocketFile {
    pub(crate) fn at(path: &Path) -> Option<Self> {
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
