//! Terminals, which other processes share, and other descriptors of this one: the standard ones are often the same.
//! Owns how one is opened anew; must not know what is read or written.

use std::os::fd::OwnedFd;

use crate::reactor::Direction;

/// The same terminal, opened anew for one direction. So it can be made non-blocking for that alone: `println!` panics
/// if standard output would block.
///
/// Returns the descriptor itself if it is no terminal, or cannot be opened: it may belong to another user, and only
/// Linux has paths by which descriptors are opened anew.
pub(super) fn opened_anew(fd: OwnedFd, direction: Direction) -> OwnedFd {
    #[cfg(target_os = "linux")]
    if let Some(own) = linux::open_anew(&fd, direction) {
        return own;
    }
    let _ = direction;
    fd
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::io::IsTerminal;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::os::unix::fs::OpenOptionsExt;

    use crate::reactor::Direction;

    /// The file that makes a new pair of terminals each time that it is opened. The first of such a pair is a terminal
    /// too, and has this path.
    const MAKER_OF_PAIRS: &str = "ptmx";

    pub(super) fn open_anew(fd: &OwnedFd, direction: Direction) -> Option<OwnedFd> {
        if !fd.is_terminal() {
            return None;
        }
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        if fs::read_link(&path).ok()?.file_name()? == MAKER_OF_PAIRS {
            return None;
        }
        let (reads, writes) = (direction == Direction::Read, direction == Direction::Write);
        // it does not become the terminal of this process, if that has none
        File::options().read(reads).write(writes).custom_flags(libc::O_NOCTTY).open(path).map(OwnedFd::from).ok()
    }
}
