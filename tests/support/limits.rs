//! The process's limit on open descriptors, raised. Must not know what is opened.
#![expect(unsafe_code, reason = "the standard library knows no limits")]

/// Raises the limit on open descriptors as far as it goes, and returns it.
pub(crate) fn raise_descriptor_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: one structure, alive for the call.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: one structure, alive for the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}
