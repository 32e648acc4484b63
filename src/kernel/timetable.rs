//! What can be seen of the tasks, the timers and the work of a loop. Owns methods that read and change nothing; must
//! not know who asks.

use std::collections::HashMap;
use std::panic::Location;
use std::time::Duration;

use super::alarm::Alarm;
use super::kernel::Kernel;
use super::ready_queue::{Deadline, Queued};
use crate::base::{TaskKey, in_order};
use crate::timer_wheel::TimerKey;

/// What a loop has counted, and has, at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) iterations: u64,
    pub(crate) entries: u64,
    pub(crate) largest_batch: usize,
    pub(crate) ready: usize,
    pub(crate) polls: u64,
    pub(crate) events: u64,
    pub(crate) timers: usize,
    pub(crate) timers_set: u64,
    pub(crate) timers_due: u64,
    pub(crate) tasks: usize,
    pub(crate) tasks_created: u64,
    pub(crate) buffer_bytes: u64,
    pub(crate) most_buffer_bytes: u64,
}

impl<P: Queued> Kernel<P> {
    /// The id of the last task; 0 before the first.
    pub(crate) fn last_task_id(&self) -> u64 {
        self.tasks.last_id()
    }

    /// The deadline of a timer that has neither been carried out nor removed, and whether it runs something.
    pub(crate) fn timer(&self, key: TimerKey) -> Option<(u64, bool)> {
        let mut timers = self.timers.borrow_mut();
        Some((timers.deadline(key)?, matches!(timers.get_mut(key), Some(Alarm::Run(_)))))
    }

    /// Whether a timer has neither been carried out nor removed.
    pub(crate) fn has_timer(&self, key: TimerKey) -> bool {
        self.timers.borrow_mut().get_mut(key).is_some()
    }

    /// A time before which no timer is due. The earliest deadline may be later.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        self.timers.borrow().next_expiry()
    }

    /// What the tasks wait for that ends by a timer, and the earliest deadline of each.
    pub(crate) fn deadlines(&self) -> HashMap<(TaskKey, Deadline), u64> {
        let mut deadlines = HashMap::new();
        for (deadline, alarm) in self.timers.borrow().iter() {
            let limited = match alarm {
                Alarm::Task(key) => Some((*key, Deadline::Sleep)),
                Alarm::Run(run) => run.limits(),
                Alarm::Foreign(_) => None,
            };
            if let Some(limited) = limited {
                let earliest = deadlines.entry(limited).or_insert(deadline);
                *earliest = deadline.min(*earliest);
            }
        }
        deadlines
    }

    /// Where the program has set the timers that are left, in the order of their deadlines; `None` for one that was set
    /// by a part of the crate.
    pub(crate) fn places_of_timers(&self) -> Vec<Option<&'static Location<'static>>> {
        let timers = self.timers.borrow();
        let left = in_order(timers.iter().collect(), |(deadline, _)| *deadline);
        let place = |alarm: &Alarm| if let Alarm::Run(run) = alarm { run.created() } else { None };
        left.into_iter().map(|(_, alarm)| place(alarm)).collect()
    }

    /// The same of the callbacks that watch descriptors, in the order of these.
    pub(crate) fn places_of_watches(&self) -> Vec<Option<&'static Location<'static>>> {
        let reactor = self.reactor.borrow();
        reactor.watches().into_iter().map(|(_, callback)| Some(callback.created())).collect()
    }

    /// Notes how far the loop has come with its steps, because it is about to poll or to let time pass.
    pub(crate) fn note_steps(&self) {
        self.journal.note(self.step().last(), || self.clock.now());
    }

    /// How long ago the step with this number was taken, at least.
    pub(crate) fn since_step(&self, step: u32) -> Option<Duration> {
        let before = self.journal.taken_before(step)?;
        Some(Duration::from_nanos(self.clock.now().saturating_sub(before)))
    }

    /// All that is counted without an observer.
    pub(crate) fn numbers(&self) -> Numbers {
        let (buffer_bytes, most_buffer_bytes) = self.tally.memory_of_buffers();
        Numbers {
            iterations: self.tally.iterations.get(),
            entries: self.budget.entries(),
            largest_batch: self.tally.largest_batch.get(),
            ready: self.ready.len(),
            polls: self.tally.polls.get(),
            events: self.tally.events.get(),
            timers: self.timers.borrow().len(),
            timers_set: self.tally.timers_set.get(),
            timers_due: self.tally.timers_due.get(),
            tasks: self.tasks.len(),
            tasks_created: self.tasks.last_id(),
            buffer_bytes,
            most_buffer_bytes,
        }
    }
}
