//! The results of system calls. Owns how a call says that it has failed; must not know any call.

use std::io;

/// The result of a call, which is negative if the call has failed.
pub(super) fn checked<N: Default + PartialOrd>(result: N) -> io::Result<N> {
    if result < N::default() { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The result of a call that returns how many bytes it has moved, or a negative number if it has failed.
pub(super) fn count(result: impl TryInto<usize>) -> io::Result<usize> {
    result.try_into().map_err(|_| io::Error::last_os_error())
}
