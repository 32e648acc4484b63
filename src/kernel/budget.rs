//! How much may be done before others get their turn. Owns the counts; must not know what is counted. It counts and never
//! looks at a clock, so that the same program polls at the same places.

use std::cell::Cell;

/// How many entries may run before descriptors are polled again although work is ready.
const ENTRIES_BETWEEN_POLLS: usize = 64;

/// How many operations of one step may go through without waiting.
const OPERATIONS_PER_STEP: u32 = 64;

/// What has been done since the last poll, and in the current step.
#[derive(Default)]
pub(crate) struct Budget {
    entries: Cell<usize>,
    /// The operations of the current step that did not have to wait.
    operations: Cell<u32>,
}

impl Budget {
    /// A task's step begins.
    #[inline]
    pub(crate) fn start_step(&self) {
        self.operations.set(0);
    }

    /// Asks for one operation that could go through without waiting. False: the task is to give others their turn first,
    /// and descriptors are polled in the next iteration, so that a socket that is always ready starves nothing.
    pub(crate) fn may_go_on(&self) -> bool {
        let operations = self.operations.get();
        if operations < OPERATIONS_PER_STEP {
            self.operations.set(operations + 1);
            return true;
        }
        self.poll_soon();
        false
    }

    /// So many entries were run.
    #[inline]
    pub(crate) fn count_entries(&self, count: usize) {
        self.entries.set(self.entries.get() + count);
    }

    /// Whether descriptors are to be polled although work is ready.
    #[inline]
    pub(crate) fn poll_is_due(&self) -> bool {
        self.entries.get() >= ENTRIES_BETWEEN_POLLS
    }

    /// The next iteration is to poll, although work may be ready.
    pub(crate) fn poll_soon(&self) {
        self.entries.set(ENTRIES_BETWEEN_POLLS);
    }

    /// Descriptors were polled.
    pub(crate) fn polled(&self) {
        self.entries.set(0);
    }
}
