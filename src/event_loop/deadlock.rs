//! The report of a deadlock: which task waits for what. Owns the lines of the report; must not know how the deadlock
//! was found.

use crate::awaitables::{tasks_of, waits_in_detail};
use crate::error::Deadlock;
use crate::inspect::capture;
use crate::node::Loop;

/// Describes what each task of the loop waits for.
pub(super) fn deadlock(kernel: &Loop) -> Deadlock {
    let waiting = tasks_of(kernel).into_iter().map(|task| {
        let waits = waits_in_detail(kernel, task.state());
        let what = if waits.is_empty() { "something outside the loop".to_owned() } else { waits.join(" and ") };
        format!("{} waits for {what}", task.name())
    });
    Deadlock::new(waiting.collect(), capture(kernel).to_string())
}
