//! How much memory some buffers have together. Owns the sum, and the greatest that it was; must not know what the
//! memory holds.

use super::concurrency::{AtomicU64, Ordering};

/// The bytes of memory that some buffers have. Atomic only since a buffer may go to another thread.
#[derive(Debug, Default)]
pub(crate) struct MemoryCount {
    now: AtomicU64,
    most: AtomicU64,
}

impl MemoryCount {
    /// A buffer that had `before` bytes of memory has `after`.
    pub(super) fn change(&self, before: usize, after: usize) {
        let more = (after as u64).wrapping_sub(before as u64);
        let now = self.now.fetch_add(more, Ordering::Relaxed).wrapping_add(more);
        self.most.fetch_max(now, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// The greatest that `now` was.
    pub(crate) fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}
