//! What can be seen of the tasks and timers of a loop. Owns the questions of those who look inside, which change nothing;
//! must not know who asks.

use std::collections::HashMap;

use super::alarm::Alarm;
use super::kernel::Kernel;
use super::ready_queue::Queued;
use crate::base::TaskKey;
use crate::timer_wheel::TimerKey;

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

    /// The tasks that sleep, and the earliest time at which a timer wakes each.
    pub(crate) fn sleepers(&self) -> HashMap<TaskKey, u64> {
        let mut sleepers = HashMap::new();
        for (deadline, alarm) in self.timers.borrow().iter() {
            if let Alarm::Task(key) = alarm {
                let earliest = sleepers.entry(*key).or_insert(deadline);
                *earliest = deadline.min(*earliest);
            }
        }
        sleepers
    }
}
