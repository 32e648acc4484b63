//! The signals of one kind that have come, as a log that each task reads at its own pace. Owns the numbers of the
//! signals and the place of each task; must not know how a signal comes, nor how a task waits.

use crate::base::TaskKey;

/// The signals of one kind that have come since a task first waited for one, numbered from 1, and how far each task has
/// read. So a signal that comes while a task handles the one before is there when it waits again. Signals of one kind
/// are all alike, so the log is but their count.
#[derive(Debug, Default)]
pub(super) struct SignalLog {
    /// The number of the last signal that has come.
    last: u64,
    /// The number of the last signal that any task has received.
    received: u64,
    /// The number of the last signal that each task has received. What is in no task counts as one.
    places: Vec<(Option<TaskKey>, u64)>,
}

impl SignalLog {
    /// `count` more signals have come.
    pub(super) fn note(&mut self, count: usize) {
        self.last += count as u64;
    }

    /// The place of `task`: the signals up to this number are nothing to it. A task that waits for the first time
    /// begins behind what any other task has received. `is_alive` says whether a task has not ended yet.
    pub(super) fn place_of(&mut self, task: Option<TaskKey>, is_alive: impl Fn(TaskKey) -> bool) -> u64 {
        if let Some((_, place)) = self.places.iter().find(|(other, _)| *other == task) {
            return *place;
        }
        // only when there is no more room, so that many tasks do not look at each other
        if self.places.len() == self.places.capacity() {
            self.places.retain(|(task, _)| task.is_none_or(&is_alive));
        }
        self.places.push((task, self.received));
        self.received
    }

    /// Whether a signal has come behind this place.
    pub(super) fn has_more(&self, place: u64) -> bool {
        self.last > place
    }

    /// A wait of `task` that began at `place` ends with the next signal.
    pub(super) fn receive(&mut self, task: Option<TaskKey>, place: u64) {
        // less, if the signal was given back meanwhile, which begins the numbers again
        let received = (place + 1).min(self.last);
        self.received = self.received.max(received);
        if let Some((_, own)) = self.places.iter_mut().find(|(other, _)| *other == task) {
            *own = received.max(*own);
        }
    }
}
