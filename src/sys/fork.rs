//! How often this process was forked. Owns the count; must not know what a fork means to a loop.
#![expect(unsafe_code, reason = "a handler for forks is set by libc")]

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);
static COUNTING: Once = Once::new();

extern "C" fn count() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Counts forks from now on.
pub(crate) fn count_forks() {
    COUNTING.call_once(|| {
        // SAFETY: the handler runs in the child alone, and does nothing but count, which is allowed there. The call
        // fails only for want of memory, and then forks go unnoticed.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(count)) };
    });
}

/// The number of forks, by `fork` of libc, between the process that was the first to call `count_forks` and this one.
#[inline]
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}
