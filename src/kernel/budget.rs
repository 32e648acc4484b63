//! How much is done before descriptors are polled, and before other tasks run. Owns the two counts; must not know what
//! is counted. It counts, and never reads a clock, so that the same program polls at the same points in every run.

use std::cell::Cell;

/// While work is ready, descriptors are polled once in this many entries.
const ENTRIES_BETWEEN_POLLS: u64 = 64;

/// More entries than are ever run.
const NEVER: u64 = u64::MAX;

/// In one step of a task this many operations on descriptors may succeed without waiting.
const OPERATIONS_PER_STEP: u32 = 64;

/// What was done in all, and in the current step.
pub(crate) struct Budget {
    /// The entries that were run since the loop was made.
    entries: Cell<u64>,
    /// How many of them make the next poll due while a descriptor is registered.
    poll_at: Cell<u64>,
    /// The same at any time: `NEVER` while no descriptor is registered.
    due_at: Cell<u64>,
    /// The number of a step, and its operations that did not have to wait.
    operations: Cell<(u32, u32)>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            entries: Cell::new(0),
            poll_at: Cell::new(ENTRIES_BETWEEN_POLLS),
            due_at: Cell::new(NEVER),
            operations: Cell::new((0, 0)),
        }
    }
}

impl Budget {
    /// Asks for one operation of the step with this number, which would not have to wait. If this returns false, the
    /// operation must wait for the next iteration, which polls descriptors. So a socket that is always ready starves
    /// neither other tasks nor other sockets.
    pub(crate) fn may_go_on(&self, step: u32) -> bool {
        let (counted, operations) = self.operations.get();
        let operations = if counted == step { operations } else { 0 };
        if operations < OPERATIONS_PER_STEP {
            self.operations.set((step, operations + 1));
            return true;
        }
        self.poll_soon();
        false
    }

    /// What is left of the budget of one step is that of another: they are taken one inside the other.
    pub(super) fn hand_on(&self, from: u32, to: u32) {
        let (counted, operations) = self.operations.get();
        if counted == from {
            self.operations.set((to, operations));
        }
    }

    #[inline]
    pub(crate) fn count_entries(&self, count: usize) {
        self.entries.set(self.entries.get() + count as u64);
    }

    /// The entries that were run since the loop was made.
    pub(super) fn entries(&self) -> u64 {
        self.entries.get()
    }

    /// Whether descriptors are to be polled although work is ready.
    #[inline]
    pub(crate) fn poll_is_due(&self) -> bool {
        self.entries.get() >= self.due_at.get()
    }

    /// Says whether any descriptor is registered. Without one there is nothing to poll, whatever was run.
    #[inline]
    pub(crate) fn set_watching(&self, is_watching: bool) {
        self.due_at.set(if is_watching { self.poll_at.get() } else { NEVER });
    }

    /// Makes the next iteration poll, even if work is ready then.
    pub(crate) fn poll_soon(&self) {
        self.set_poll_at(self.entries.get());
    }

    /// Descriptors were polled just now.
    pub(crate) fn polled(&self) {
        self.set_poll_at(self.entries.get() + ENTRIES_BETWEEN_POLLS);
    }

    fn set_poll_at(&self, at: u64) {
        self.poll_at.set(at);
        self.set_watching(self.due_at.get() != NEVER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_run_while_no_descriptor_was_registered_counts_once_one_is() {
        let entries = usize::try_from(ENTRIES_BETWEEN_POLLS).expect("they are few");
        let budget = Budget::default();
        budget.count_entries(entries);
        assert!(!budget.poll_is_due());
        budget.set_watching(true);
        assert!(budget.poll_is_due());
        budget.polled();
        budget.count_entries(entries - 1);
        assert!(!budget.poll_is_due());
        budget.poll_soon();
        assert!(budget.poll_is_due());
        budget.set_watching(false);
        assert!(!budget.poll_is_due());
    }
}
