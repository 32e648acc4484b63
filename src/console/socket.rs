//! The listening socket and its file. Owns who may connect, and which file at the path may be replaced; must not know
//! what is asked.
//!
//! At no moment another user can connect. The socket is bound in a directory that is new and for this user alone, and
//! gets its final mode there; only then its file is linked to where it belongs.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::{io, process};

use crate::error::InspectError;
use crate::net::SocketFile;
use crate::sys::lock_within_a_second;

/// Listens at the path, whose file is removed when what is returned beside the socket is dropped.
pub(super) fn listen(path: &Path) -> Result<(UnixListener, Option<SocketFile>), InspectError> {
    let failed = |error| InspectError::Io(path.to_owned(), error);
    SocketAddr::from_pathname(path).map_err(failed)?; // a file may have a longer path than a client can name
    let new = NewDirectory::beside(path).map_err(failed)?;
    let socket = new.0.join("s");
    let listener = UnixListener::bind(&socket).map_err(failed)?;
    fs::set_permissions(&socket, Permissions::from_mode(0o600)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    publish(&socket, path)?;
    Ok((listener, SocketFile::at(path)))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new directory, for this user alone. Dropping it removes it with what is in it.
struct NewDirectory(PathBuf);

impl NewDirectory {
    /// Its name is short, as the path of a socket must be.
    fn beside(path: &Path) -> io::Result<Self> {
        let mut number = process::id();
        loop {
            let directory = parent(path).join(format!(".{number:x}"));
            match DirBuilder::new().mode(0o700).create(&directory) {
                Ok(()) => return Ok(Self(directory)),
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) => number = number.wrapping_mul(31).wrapping_add(1),
            }
        }
    }
}

impl Drop for NewDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Links the socket to the path, from which the file of a dead program is taken away. A link replaces nothing; and of
/// several programs that do this at once, none takes away what another has just put there.
fn publish(socket: &Path, path: &Path) -> Result<(), InspectError> {
    let failed = |error| InspectError::Io(path.to_owned(), error);
    let _lock = lock_within_a_second(parent(path)).map_err(failed)?;
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(InspectError::NotASocket(path.to_owned())),
        Ok(_) if is_answered(path) => return Err(InspectError::InUse(path.to_owned())),
        Ok(_) => fs::remove_file(path).map_err(failed)?,
        Err(_) => {} // the link tells why, if it is anything but that there is none
    }
    fs::hard_link(socket, path).map_err(failed)
}

/// Whether a program listens there. It is taken to do so unless the system says that none does: it may have more
/// clients than it can take at the moment, or belong to another user.
fn is_answered(path: &Path) -> bool {
    !mio::net::UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
