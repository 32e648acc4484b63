//! System calls that mio does not expose. Owns the raw calls; must not know the loop.
#![expect(unsafe_code, reason = "calls into libc")]
#![cfg(target_os = "linux")]

use std::io;
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

/// Waits until `descriptor` is readable or `timeout` has passed, to the nanosecond as far as the system goes, and
/// answers whether it is readable. A signal ends the wait early.
pub(crate) fn wait_readable(descriptor: &impl AsRawFd, timeout: Duration) -> io::Result<bool> {
    let mut waited = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(timeout.subsec_nanos() as i32),
    };
    // SAFETY: one pollfd and one timespec, both alive for the call; no signal mask.
    let answer = unsafe { libc::ppoll(&raw mut waited, 1, &raw const timeout, ptr::null()) };
    match io::Error::last_os_error() {
        _ if answer >= 0 => Ok(answer > 0),
        e if e.kind() == io::ErrorKind::Interrupted => Ok(false),
        e => Err(e),
    }
}
