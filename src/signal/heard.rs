//! How far each task has received the signals of one kind. Owns the numbers of the signals; must not know how one comes,
//! nor how a task waits.

use crate::base::TaskKey;

/// The signals of one kind that have come since a task first waited for one, numbered from 1, and the last one that each
/// task has received. So a signal that comes while a task handles the one before is there when it waits again.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The number of the last signal that has come.
    last: u64,
    /// The number of the last signal that any task has received.
    received: u64,
    /// The number of the last signal that each task has received. What is in no task counts as one.
    tasks: Vec<(Option<TaskKey>, u64)>,
}

impl Heard {
    /// `count` more signals have come.
    pub(super) fn note(&mut self, count: usize) {
        self.last += count as u64;
    }

    /// Begins a wait of `task`, and returns the number of the last signal that is nothing to it. For a task that has
    /// never waited before, these are the signals that another task has received. `is_alive` says whether a task has not
    /// ended yet.
    pub(super) fn begin(&mut self, task: Option<TaskKey>, is_alive: impl Fn(TaskKey) -> bool) -> u64 {
        if let Some((_, received)) = self.tasks.iter().find(|(other, _)| *other == task) {
            return *received;
        }
        // only when there is no more room, so that many tasks do not look at each other
        if self.tasks.len() == self.tasks.capacity() {
            self.tasks.retain(|(task, _)| task.is_none_or(&is_alive));
        }
        self.tasks.push((task, self.received));
        self.received
    }

    /// Whether a signal has come behind the one with this number.
    pub(super) fn has_more_than(&self, number: u64) -> bool {
        self.last > number
    }

    /// A wait of `task` that began behind `number` ends with the next signal.
    pub(super) fn receive(&mut self, task: Option<TaskKey>, number: u64) {
        // less, if the signal was given back meanwhile, which begins the numbers again
        let received = (number + 1).min(self.last);
        self.received = self.received.max(received);
        if let Some((_, last)) = self.tasks.iter_mut().find(|(other, _)| *other == task) {
            *last = received.max(*last);
        }
    }
}
