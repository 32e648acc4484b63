//! A counter of the system, with a descriptor that tells of each addition. Owns the raw call; must not know what is
//! counted.
#![expect(unsafe_code, reason = "a call into libc")]

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

use super::result::checked;

#[derive(Debug)]
pub(crate) struct EventCounter(File);

impl EventCounter {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: the call touches no memory of ours.
        let counter = checked(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the descriptor is new, so nothing else owns it.
        Ok(Self(unsafe { File::from_raw_fd(counter) }))
    }

    pub(crate) fn add_one(&self) {
        // it fails only if the counter is full, after 2^64 additions
        let _ = (&self.0).write(&1_u64.to_ne_bytes());
    }
}

impl AsRawFd for EventCounter {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
