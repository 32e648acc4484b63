//! Locks on files, which the system takes back from a process that dies. Owns the raw call; must not know what is
//! locked.
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

/// How often a lock is tried that another process holds.
const ATTEMPTS: u32 = 100;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// Locks a file or directory until the returned file is dropped. If another process still holds the lock after a
/// second, returns without the lock: that process may hang, and must not stop this one.
pub(crate) fn lock_within_a_second(path: &Path) -> io::Result<File> {
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
