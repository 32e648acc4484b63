//! Locks on files, which the system takes back from a process that dies. Owns the raw call; must not know what is locked.
#![expect(
    unsafe_code,
    reason = "flock, which the standard library has only in later versions than the oldest supported"
)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// How often a lock that another holds is tried again, and how long it waits before.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// Locks a file or directory until what is returned is dropped. If another holds the lock for a second, it is not waited
/// for any longer, since that may be a process that does no good.
pub(crate) fn lock_for_a_moment(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    for _ in 0..ATTEMPTS {
        // SAFETY: the call touches no memory of ours, and the descriptor is open.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            break;
        }
        sleep(PAUSE);
    }
    Ok(file)
}
