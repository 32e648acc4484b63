//! What a loop counts of itself at all times: once in an iteration, a poll or for a timer, and never for an entry. Owns
//! these numbers; must not know who reads them.

use std::cell::OnceCell;

use crate::base::concurrency::Arc;
use crate::base::{Fact, MemoryCount};

/// What is counted since the loop was made. What else can be told of it, its other parts know by themselves.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(super) iterations: Fact<u64>,
    pub(super) largest_batch: Fact<usize>,
    pub(super) polls: Fact<u64>,
    pub(super) events: Fact<u64>,
    pub(super) timers_set: Fact<u64>,
    pub(super) timers_due: Fact<u64>,
    buffers: OnceCell<Arc<MemoryCount>>,
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

    /// Where the memory of the loop's buffers is counted.
    pub(crate) fn buffers(&self) -> &Arc<MemoryCount> {
        self.buffers.get_or_init(Arc::default)
    }

    /// The bytes of memory that the buffers have, and the most that they had.
    pub(super) fn memory_of_buffers(&self) -> (u64, u64) {
        self.buffers.get().map_or((0, 0), |count| (count.now(), count.most()))
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
