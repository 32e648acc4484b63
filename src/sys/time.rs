//! The monotonic clock, a timer with a descriptor, and waits for a descriptor. Owns the raw calls; must not know the
//! loop.
#![expect(unsafe_code, reason = "calls into libc")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::result::checked;

#[cfg(target_os = "linux")]
pub(crate) use linux::{DeadlineTimer, monotonic_nanos, wait_readable};

/// A timer without a descriptor, which can never be set: only Linux has one.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(crate) struct DeadlineTimer;

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the signatures of the functions for Linux")]
impl DeadlineTimer {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        None
    }

    pub(crate) fn set(&self, at: Option<u64>) -> bool {
        at.is_none()
    }
}

/// Another descriptor of the same thing, which is closed when a program is started.
pub(crate) fn duplicate(descriptor: &impl AsRawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call touches no memory of ours.
    let copy = checked(unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 0) })?;
    // SAFETY: the descriptor is new, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

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
    wait_for_input_of([descriptor.as_raw_fd()])
}

/// As `wait_for_input`, for one of two descriptors.
pub(crate) fn wait_for_either(one: &impl AsRawFd, other: &impl AsRawFd) -> io::Result<()> {
    wait_for_input_of([one.as_raw_fd(), other.as_raw_fd()])
}

fn wait_for_input_of<const N: usize>(descriptors: [RawFd; N]) -> io::Result<()> {
    let mut descriptors = descriptors.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    // SAFETY: as many as the array has, alive for the call.
    let result = unsafe { libc::poll(descriptors.as_mut_ptr(), N as libc::nfds_t, -1) };
    match checked(result) {
        Err(e) if e.kind() != io::ErrorKind::Interrupted => Err(e),
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
    use std::time::Duration;
    use std::{io, ptr};

    use crate::sys::result::checked;

    const NANOS_PER_SECOND: u64 = 1_000_000_000;

    /// A timer of the system whose descriptor is readable from a deadline on. The system rounds up no deadline of it.
    #[derive(Debug)]
    pub(crate) struct DeadlineTimer(OwnedFd);

    impl DeadlineTimer {
        pub(crate) fn new() -> io::Result<Self> {
            // SAFETY: the call touches no memory of ours.
            let timer = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) };
            let timer = checked(timer)?;
            // SAFETY: the descriptor is new, so nothing else owns it.
            Ok(Self(unsafe { OwnedFd::from_raw_fd(timer) }))
        }

        #[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
        pub(crate) fn descriptor(&self) -> Option<RawFd> {
            Some(self.0.as_raw_fd())
        }

        /// Sets the timer to a reading of the monotonic clock, or stops it. The descriptor is not readable until then.
        /// Returns false if the system refuses.
        pub(crate) fn set(&self, at: Option<u64>) -> bool {
            let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // to the system, 0 means: stop it
            let it_value = at.map_or(zero, |at| timespec(at.max(1)));
            let setting = libc::itimerspec { it_interval: zero, it_value };
            // SAFETY: one setting, alive for the call; the old one is not asked for.
            let result = unsafe {
                libc::timerfd_settime(self.0.as_raw_fd(), libc::TFD_TIMER_ABSTIME, &raw const setting, ptr::null_mut())
            };
            result == 0
        }
    }

    fn timespec(nanos: u64) -> libc::timespec {
        libc::timespec {
            tv_sec: (nanos / NANOS_PER_SECOND).cast_signed(),
            tv_nsec: (nanos % NANOS_PER_SECOND).cast_signed(),
        }
    }

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
        match checked(result) {
            Ok(ready) => Ok(ready > 0),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(e) => Err(e),
        }
    }
}
