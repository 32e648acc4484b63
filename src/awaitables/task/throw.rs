//! The throw with which a step begins that delivers a cancellation. Owns whom it reaches and how many steps it takes;
//! must not know the coroutine, nor how a step ends.

use std::sync::Arc;

use crate::cancel::{tell, wake_uncertain};
use crate::kernel::{Place, Queued, Throw};
use crate::node::{Ending, Loop, NodeRef, TaskState, drop_guarded};

/// Whether the cancellation waits for the next step: because catchers under wakers of other crates, which may be inside
/// this task, stand elsewhere in the tree. In this step they take their places.
pub(super) fn puts_off(kernel: &Loop, state: &TaskState) -> bool {
    kernel.await_tree().has_uncertain()
        && state.has_started()
        && (state.awaits_clones() || state.root() != Place::NONE)
        && wake_uncertain(kernel, None)
}

/// What a cancellation does in its step.
pub(super) enum Thrown {
    /// Catchers wait in the coroutine, so it is polled.
    IntoPoll(ThrowIntoPoll),
    /// None does, so the coroutine is dropped as it stands. The message of the cancellation.
    PastAll(Option<Arc<str>>),
}

/// A throw into a poll.
#[derive(Clone, Copy)]
pub(super) struct ThrowIntoPoll {
    /// If nothing catches it, the throw may go on for as many more steps, until those catchers have been polled that
    /// stand under wakers of other crates.
    rounds: usize,
    pub(super) variant: u8,
}

/// Begins to throw the requested cancellation. Catchers meet it that wait since the last step; so do those that stand
/// under wakers of other crates, and are told and woken here.
pub(super) fn throw(kernel: &Loop, state: &TaskState) -> Thrown {
    let (since, variant) = (state.catchers_since(), state.next_variant());
    let message = message_to_throw(state);
    drop_nodes(kernel, state);
    // a cancellation that went to the awaited node before is replaced by this one
    drop(state.take_handed_on());
    let (tree, root) = (kernel.await_tree(), state.root());
    if let Some(rounds) = state.take_rounds() {
        kernel.throwing().deliver(0, message);
        return Thrown::IntoPoll(ThrowIntoPoll { rounds, variant });
    }
    // a coroutine that has not begun has no catcher; as in asyncio, it ends without running any of its code
    if since == 0 && !tree.has_catcher(root) {
        return Thrown::PastAll(message);
    }
    let mut rounds = 0;
    if root != Place::NONE {
        tell(kernel, root, message.as_ref());
        rounds = tree.len(root) + 2;
    }
    kernel.throwing().deliver(since, message);
    Thrown::IntoPoll(ThrowIntoPoll { rounds, variant })
}

/// Whether the throw goes on in the next step, because a catcher has been told of it and its combinator has not polled
/// it yet: `FuturesUnordered` polls a part of its futures at a time, and wakes its task for the others.
pub(super) fn throws_again(kernel: &Loop, state: &TaskState, me: &NodeRef, thrown: ThrowIntoPoll) -> bool {
    let goes_on = kernel.throwing().throw() == Throw::Delivered
        && thrown.rounds > 0
        && me.queued().get()
        && kernel.await_tree().has_told(state.root());
    if goes_on {
        state.throw_again(thrown.rounds - 1, kernel.throwing().take());
    }
    goes_on
}

/// Takes the message of the cancellation to throw. If the awaited node was cancelled, the task would have met that
/// cancellation anyway, so its message comes first.
fn message_to_throw(state: &TaskState) -> Option<Arc<str>> {
    let (_, message) = state.take_request();
    match state.sole_node().and_then(|node| node.core().ending()) {
        Some(Ending::Cancelled(cancelled)) => cancelled.into_message(),
        _ => message,
    }
}

/// Drops the pointers to the nodes that the task has awaited. If one is the last pointer to its node, a value of the
/// user is dropped with it.
#[inline]
pub(super) fn drop_nodes(kernel: &Loop, state: &TaskState) {
    if !state.has_awaited_nodes() {
        return;
    }
    match state.take_node() {
        Some(node) if node.is_last() => drop_guarded(kernel, node),
        node => drop(node),
    }
    if state.awaits_several_nodes() {
        drop_guarded(kernel, state.take_other_nodes());
    }
}
