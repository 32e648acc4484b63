//! Leaves: the futures of the loop at the bottom of a task. Owns what every leaf has to do; must not know what a leaf
//! waits for.
//!
//! A task is a tree of futures. The inner ones are the program's: `async` blocks and combinators, which poll others. A
//! **leaf** is a future of this crate that polls no other: it registers with something of the loop (a timer, a node, a
//! queue of waiters, a descriptor), returns `Pending`, and is polled again when that has happened.

use std::cell::Cell;
use std::task::{Context, Poll};

use crate::base::WakeTarget;
use crate::current::{self, key_of, wake_target};
use crate::kernel::{Leaf, Throw};
use crate::node::{Core, Kind, Loop, Node, NodeRef, TaskState, same, wake};

/// Polls a leaf. `poll` looks whether the leaf is ready, and registers what to wake if it is not. `what` says what it
/// waits for.
///
/// While a cancellation is delivered to the task, the leaf returns `Pending` and `poll` is not called. So the leaf may
/// miss its wake-up. If a sibling catches the cancellation (`join!` with a `catch_cancelled`) and this leaf survives,
/// it must be polled again. A leaf whose waker is foreign wakes itself now; for the others, `catch_cancelled` queues
/// the task once more.
#[inline]
pub(crate) fn poll_leaf<R>(cx: &Context<'_>, what: Leaf, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
    if is_throwing(cx) {
        return Poll::Pending;
    }
    let polled = poll();
    if polled.is_pending() {
        current::note_wait(what);
    }
    polled
}

/// Whether a leaf must return `Pending` because a cancellation is being delivered: see `poll_leaf`.
#[inline]
pub(crate) fn is_throwing(cx: &Context<'_>) -> bool {
    current::throw() == Throw::Delivered && skip_leaf(cx)
}

#[cold]
fn skip_leaf(cx: &Context<'_>) -> bool {
    if let Some(kernel) = current::current() {
        kernel.throwing().leaf_skipped().set(true);
    }
    if key_of(cx.waker()).is_none() {
        cx.waker().wake_by_ref();
    }
    true
}

/// Notes in the running task that it is about to wait for a node: for the await graph, and because a cancellation of
/// the task goes to that node.
pub(crate) fn wait_for_node(core: &Core, node: impl FnOnce() -> NodeRef) {
    with_running(core.kernel(), |task| task.wait_for(node()));
}

/// Notes in the running task that its await of `node` was dropped. The caller drops the pointer that the task held.
pub(crate) fn no_longer_waits_for(node: &dyn Node) -> Option<NodeRef> {
    with_running(node.core().kernel(), |task| task.no_longer_waits_for(|other| same(&**other, node))).flatten()
}

/// Queues another step of the running task.
pub(super) fn poll_again(kernel: &Loop) {
    with_running(kernel, |task| kernel.wake(task.key()));
}

/// Shows the state of the loop's running task to `f`, if a task is running.
fn with_running<R>(kernel: &Loop, f: impl FnOnce(&TaskState) -> R) -> Option<R> {
    kernel.running_task().with(|task| match task?.kind() {
        Kind::Task(state) => Some(f(state)),
        Kind::Plain | Kind::Gathering(_) => None,
    })
}

/// What to wake when an event happens for which at most one future waits.
#[derive(Default)]
pub(crate) struct SingleWaiter {
    target: Cell<Option<WakeTarget>>,
}

impl SingleWaiter {
    /// The future that is polled with `cx` waits now, in place of any earlier one.
    pub(crate) fn set(&self, cx: &Context<'_>) {
        drop(self.target.replace(Some(wake_target(cx))));
    }

    pub(crate) fn clear(&self) {
        drop(self.target.take());
    }

    pub(crate) fn wake(&self, kernel: &Loop) {
        if let Some(target) = self.target.take() {
            wake(kernel, target);
        }
    }
}
