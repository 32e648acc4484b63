//! What a task waits for, in words. Owns the words for nodes; must not know who reads them.

use crate::node::{Kind, Loop, NodeRef, TaskState};

/// What the task waits for since its last step: several things, if it polls several futures at once. Empty if it waits
/// for something outside of the loop.
pub(crate) fn waits_for(kernel: &Loop, state: &TaskState) -> Vec<String> {
    let (mut nodes, mut leaves) = kernel.await_tree().listed(state.root());
    nodes.extend(state.nodes());
    leaves.extend(state.awaits().leaf());
    let mut waits: Vec<String> = nodes.iter().map(describe).collect();
    waits.extend(leaves.into_iter().map(|leaf| (*leaf).to_owned()));
    waits.dedup();
    waits
}

fn describe(node: &NodeRef) -> String {
    match node.kind() {
        Kind::Task(state) => state.name(),
        Kind::Plain => "a future".to_owned(),
        Kind::Gathering(gathering) => format!("a gathering of {}", gathering.children().len()),
    }
}
