//! The monotonic clock, and waits for a descriptor. Owns the raw calls; must not know the loop.
#![expect(unsafe_code, reason = "calls into libc")]

use std::io;
use std::os::fd::AsRawFd;

#[cfg(target_os = "linux")]
pub(crate) use linux::{monotonic_nanos, wait_readable};

/// The reading of the clock of `Instant`, in nanoseconds since an arbitrary time.
#[cfg(not(target_os = "linux"))]
pub(crate) fn monotonic_nanos() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Blocks until `descriptor` is readable, at its end or in error, or a signal comes.
pub(crate) fn wait_for_input(descriptor: &impl AsRawFd) -> io::Result<()> {
    let mut descriptor = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, alive for the call.
    let result = unsafe { libc::poll(&raw mut descriptor, 1, -1) };
    match io::Error::last_os_error() {
        e if result < 0 && e.kind() != io::ErrorKind::Interrupted => Err(e),
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::AsRawFd;
    use std::time::Duration;
    use std::{io, ptr};

    const NANOS_PER_SECOND: u64 = 1_000_000_000;

    /// The reading of the clock of `Instant`, in nanoseconds since an arbitrary time. A reading costs
    /// a third of what the difference of two `Instant`s costs.
    pub(crate) fn monotonic_nanos() -> u64 {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: one timespec, alive for the call. The call cannot fail: the clock exists and the address is valid.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
        now.tv_sec.cast_unsigned() * NANOS_PER_SECOND + now.tv_nsec.cast_unsigned()
    }

    /// Waits until `descriptor` is readable or `timeout` has passed, as exactly as the system can, and returns whether
    /// it is readable. A signal ends the wait early.
    pub(crate) fn wait_readable(descriptor: &impl AsRawFd, timeout: Duration) -> io::Result<bool> {
        let mut descriptor = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let timeout = libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(timeout.subsec_nanos()),
        };
        // SAFETY: one pollfd and one timespec, both alive for the call; no signal mask.
        let result = unsafe { libc::ppoll(&raw mut descriptor, 1, &raw const timeout, ptr::null()) };
        match io::Error::last_os_error() {
            _ if result >= 0 => Ok(result > 0),
            e if e.kind() == io::ErrorKind::Interrupted => Ok(false),
            e => Err(e),
        }
    }
}
