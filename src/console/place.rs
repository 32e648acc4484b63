//! Where the socket of a program is. Owns the directory of a user's programs and the names in it; must not know
//! sockets.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::{env, io, process};

use crate::sys::socket_options;

/// Stands for the PID in a path.
const PID: &str = "{pid}";

/// Where a program of this user with this PID has its socket, if it was built with
/// [`inspect_by_pid`](crate::EventLoopBuilder::inspect_by_pid). That is in `$XDG_RUNTIME_DIR`, which belongs to the
/// user alone. Where that is not set, it is in a directory of the user below the one for temporary files.
///
/// # Examples
/// ```
/// let path = oneloop::console::path_of(4711)?;
/// assert!(path.ends_with("oneloop-4711.sock"));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If the directory below the one for temporary files belongs to another user, or is not to be made.
pub fn path_of(pid: u32) -> io::Result<PathBuf> {
    Ok(directory()?.join(format!("oneloop-{pid}.sock")))
}

/// The path with the PID of this process in it.
pub(super) fn with_pid(path: &Path) -> PathBuf {
    match path.to_str() {
        Some(text) => text.replace(PID, &process::id().to_string()).into(),
        None => path.to_owned(),
    }
}

/// The directory of the sockets of this user's programs.
fn directory() -> io::Result<PathBuf> {
    match env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(path) => Ok(path),
        None => private_directory(&env::temp_dir(), own_user()?),
    }
}

/// A directory of this user alone. Others may write beside it, so one that is there already is looked at.
fn private_directory(parent: &Path, user: u32) -> io::Result<PathBuf> {
    let path = parent.join(format!("oneloop-{user}"));
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&path)?;
    if found.is_dir() && found.uid() == user && found.mode() & 0o777 == 0o700 {
        return Ok(path);
    }
    let text = format!("{} is not a directory of this user alone; set XDG_RUNTIME_DIR to one", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// The user as whom this process runs: the system tells who is at the other end of a pair of sockets.
pub(super) fn own_user() -> io::Result<u32> {
    let (socket, _other) = UnixStream::pair()?;
    Ok(socket_options::peer(&socket)?.uid)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_directory_below_a_common_one_must_be_of_this_user_alone() {
        let parent = env::temp_dir().join(format!("oneloop-place-{}", process::id()));
        fs::create_dir_all(&parent).unwrap();
        let user = own_user().unwrap();
        let path = private_directory(&parent, user).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(private_directory(&parent, user).unwrap(), path, "it is there already");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
        assert_eq!(private_directory(&parent, user).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        fs::remove_dir(&path).unwrap();
        let elsewhere = parent.join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert_eq!(private_directory(&parent, user).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        fs::remove_dir_all(&parent).unwrap();
    }

    #[test]
    fn the_pid_stands_where_the_path_says() {
        assert_eq!(with_pid(Path::new("a/{pid}.b")), PathBuf::from(format!("a/{}.b", process::id())));
        assert_eq!(with_pid(Path::new("plain")), Path::new("plain"));
    }
}
