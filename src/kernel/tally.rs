//! What a loop counts of itself at all times: once in an iteration, a poll or for a timer, and never for an entry. Owns
//! these numbers; must not know who reads them.

use crate::base::Fact;

/// What is counted since the loop was made. What else can be told of it, its other parts know by themselves.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(super) iterations: Fact<u64>,
    pub(super) largest_batch: Fact<usize>,
    pub(super) polls: Fact<u64>,
    pub(super) events: Fact<u64>,
    pub(super) timers_set: Fact<u64>,
    pub(super) timers_due: Fact<u64>,
}

fn add(to: &Fact<u64>, count: u64) {
    to.set(to.get() + count);
}

impl Tally {
    #[inline]
    pub(crate) fn count_iteration(&self) {
        add(&self.iterations, 1);
    }

    /// How many iterations have begun.
    pub(crate) fn iterations(&self) -> u64 {
        self.iterations.get()
    }

    /// A batch is the largest for some time.
    #[cold]
    pub(crate) fn note_batch(&self, entries: usize) {
        self.largest_batch.set(self.largest_batch.get().max(entries));
    }

    pub(super) fn count_poll(&self, events: usize) {
        add(&self.polls, 1);
        add(&self.events, events as u64);
    }

    #[inline]
    pub(super) fn count_timer(&self) {
        add(&self.timers_set, 1);
    }

    pub(super) fn count_due_timers(&self, count: usize) {
        add(&self.timers_due, count as u64);
    }
}
