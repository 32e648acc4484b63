//! How often this process is a child of itself. Owns the count; must not know what a fork does to whom.
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

/// How many forks, by `fork` of libc, lead from the process that has called `count_forks` first to this one.
#[inline]
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}
