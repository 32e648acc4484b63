//! How much is done before descriptors are polled, and before other tasks run. Owns the two counts; must not know what
//! is counted. It counts, and never reads a clock, so that the same program polls at the same points in every run.

use std::cell::Cell;

/// While work is ready, descriptors are polled once in this many entries.
const ENTRIES_BETWEEN_POLLS: usize = 64;

/// More entries than are ever run.
const NEVER: usize = usize::MAX;

/// In one step of a task this many operations on descriptors may succeed without waiting.
const OPERATIONS_PER_STEP: u32 = 64;

/// What was done since the last poll, and in the current step.
pub(crate) struct Budget {
    /// The entries that were run since the last poll.
    entries: Cell<usize>,
    /// How many entries make a poll due; `NEVER` while no descriptor is registered.
    most_entries: Cell<usize>,
    /// The number of a step, and its operations that did not have to wait.
    operations: Cell<(u32, u32)>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { entries: Cell::new(0), most_entries: Cell::new(NEVER), operations: Cell::new((0, 0)) }
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
        self.entries.set(self.entries.get() + count);
    }

    /// Whether descriptors are to be polled although work is ready.
    #[inline]
    pub(crate) fn poll_is_due(&self) -> bool {
        self.entries.get() >= self.most_entries.get()
    }

    /// Says whether any descriptor is registered. Without one there is nothing to poll, whatever was run.
    #[inline]
    pub(crate) fn set_watching(&self, is_watching: bool) {
        self.most_entries.set(if is_watching { ENTRIES_BETWEEN_POLLS } else { NEVER });
    }

    /// Makes the next iteration poll, even if work is ready then.
    pub(crate) fn poll_soon(&self) {
        self.entries.set(ENTRIES_BETWEEN_POLLS);
    }

    /// Descriptors were polled just now.
    pub(crate) fn polled(&self) {
        self.entries.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_run_while_no_descriptor_was_registered_counts_once_one_is() {
        let budget = Budget::default();
        budget.count_entries(ENTRIES_BETWEEN_POLLS);
        assert!(!budget.poll_is_due());
        budget.set_watching(true);
        assert!(budget.poll_is_due());
        budget.polled();
        budget.count_entries(ENTRIES_BETWEEN_POLLS - 1);
        assert!(!budget.poll_is_due());
        budget.poll_soon();
        assert!(budget.poll_is_due());
        budget.set_watching(false);
        assert!(!budget.poll_is_due());
    }
}
