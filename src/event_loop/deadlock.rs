//! The report of a deadlock: which task waits for what. Owns the lines of the report; must not know how the deadlock
//! was found.

use crate::awaitables::tasks_of;
use crate::error::Deadlock;
use crate::inspect::capture;
use crate::node::{Kind, Loop, NodeRef};

/// Describes what each task of the loop waits for.
pub(super) fn deadlock(kernel: &Loop) -> Deadlock {
    let waiting = tasks_of(kernel).into_iter().map(|task| {
        let state = task.state();
        let (mut nodes, mut leaves) = kernel.await_tree().listed(state.root());
        nodes.extend(state.nodes());
        leaves.extend(state.awaits().leaf());
        let mut waits: Vec<String> = nodes.iter().map(describe).collect();
        waits.extend(leaves.into_iter().map(|leaf| (*leaf).to_owned()));
        waits.dedup();
        let what = if waits.is_empty() { "something outside the loop".to_owned() } else { waits.join(" and ") };
        format!("{} waits for {what}", task.name())
    });
    Deadlock::new(waiting.collect(), capture(kernel).to_string())
}

fn describe(node: &NodeRef) -> String {
    match node.kind() {
        Kind::Task(state) => state.name(),
        Kind::Plain => "a future".to_owned(),
        Kind::Gathering(gathering) => format!("a gathering of {}", gathering.children().len()),
    }
}
