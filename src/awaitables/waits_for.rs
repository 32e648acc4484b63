//! What a task waits for. Owns how it is found out, and the words for nodes; must not know who reads them.

use super::wait_detail::WaitDetail;
use crate::kernel::{Leaf, What};
use crate::node::{Kind, Loop, Node, NodeRef, TaskState, Watcher};
use crate::sys::name_of;

/// What the task waits for since its last step, in words: several things, if it polls several futures at once. Empty if
/// it waits for something outside of the loop.
pub(crate) fn waits_for(kernel: &Loop, state: &TaskState) -> Vec<String> {
    in_words(kernel, state, &describe, &|leaf| leaf.words().to_owned())
}

/// As `waits_for`, with all that can be found out.
pub(crate) fn waits_in_detail(kernel: &Loop, state: &TaskState) -> Vec<String> {
    let leaf = |leaf: Leaf| detail(kernel, leaf).map_or_else(|| leaf.words().to_owned(), |detail| detail.to_string());
    let node = |node: &NodeRef| stands_for(&**node).map_or_else(|| describe(node), leaf);
    in_words(kernel, state, &node, &leaf)
}

fn in_words(
    kernel: &Loop,
    state: &TaskState,
    node: &dyn Fn(&NodeRef) -> String,
    leaf: &dyn Fn(Leaf) -> String,
) -> Vec<String> {
    let (mut nodes, mut leaves) = kernel.await_tree().listed(state.root());
    nodes.extend(state.nodes());
    leaves.extend(state.awaits().leaf());
    let mut waits: Vec<String> = nodes.iter().map(node).collect();
    waits.extend(leaves.into_iter().map(leaf));
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

/// What a future stands for that the crate settles.
pub(crate) fn stands_for(future: &dyn Node) -> Option<Leaf> {
    let mut found = None;
    future.core().watchers().each(|watcher| {
        if let Watcher::Watch(watch, _) = watcher {
            found = found.or_else(|| watch.stands_for());
        }
    });
    found
}

/// What else is known of what a leaf waits for.
pub(crate) fn detail(kernel: &Loop, leaf: Leaf) -> Option<WaitDetail> {
    let number = leaf.number()?;
    let count = number as usize;
    let descriptor = |event| {
        let fd = kernel.with_reactor(|reactor| reactor.fd_of(number))?;
        Some(WaitDetail::Descriptor { fd, name: name_of(fd), event })
    };
    let tasks = |return_when| Some(WaitDetail::Tasks { return_when, of: count });
    match leaf.what() {
        What::Lock => {
            let hold = kernel.holders().of(number)?;
            let task = kernel.task(hold.task);
            let Some(Kind::Task(state)) = task.as_ref().map(|task| task.kind()) else {
                return Some(WaitDetail::HolderEnded);
            };
            let held_by = || WaitDetail::HeldBy { task: state.name(), held: kernel.since_step(hold.step()) };
            hold.is_taken(state.awaits().step()).then(held_by)
        }
        What::Room => Some(WaitDetail::Full(count)),
        What::Semaphore => {
            let (free, of) = Leaf::unpacked(number);
            Some(WaitDetail::Permits { free, of })
        }
        What::Barrier => {
            let (place, of) = Leaf::unpacked(number);
            Some(WaitDetail::Parties { place, of })
        }
        What::ItemsDone => Some(WaitDetail::Unfinished(count)),
        What::AllCompleted => tasks("ALL_COMPLETED"),
        What::FirstCompleted => tasks("FIRST_COMPLETED"),
        What::FirstException => tasks("FIRST_EXCEPTION"),
        What::Readable => descriptor("readable"),
        What::Writable => descriptor("writable"),
        What::OtherEnd => descriptor("gone"),
        What::StreamData => descriptor("data"),
        What::StreamRoom => descriptor("room"),
        What::StreamSent => descriptor("sent"),
        What::StreamDrained => descriptor("drained"),
        What::ConnectionClosed => descriptor("closed"),
        What::Signal => i32::try_from(number).ok().map(WaitDetail::Signal),
        What::Process => Some(WaitDetail::Process(number)),
        _ => None,
    }
}
