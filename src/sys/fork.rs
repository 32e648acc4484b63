//! How often this process was forked. Owns the count; must not know what a fork means to a loop.
#![expect(unsafe_code, reason = "a handler for forks is set by libc")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

static FORKS: AtomicU32 = AtomicU32::new(0);
/// Whether the handler is set. A lock, as its fast path is a few instructions in the caller: a `Once` would have a
/// function of its own called, which in a new process is one more page of code to be found.
static COUNTS: Mutex<bool> = Mutex::new(false);

extern "C" fn count() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Counts forks from now on.
pub(crate) fn count_forks() {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    if !*counts {
        // SAFETY: the handler runs in the child alone, and does nothing but count, which is allowed there. The call
        // fails only for want of memory, and then forks go unnoticed.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(count)) };
        *counts = true;
    }
}

/// The number of forks, by `fork` of libc, between the process that was the first to call `count_forks` and this one.
#[inline]
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}
