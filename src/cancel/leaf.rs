//! What every leaf does: a future at the bottom of a task, which waits for something of the loop itself. Owns the one way to
//! wait; must not know what leaves wait for.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::base::WakeTarget;
use crate::current::{self, key_of, wake_target};
use crate::kernel::{Leaf, Throw};
use crate::node::{Kind, Loop, Node, NodeRef, TaskState, wake};

/// One poll of a leaf. `poll` looks whether it is ready, and registers what is to be woken if it is not; `what` names what
/// it waits for.
///
/// While a cancellation is delivered to the task, leaves return `Pending` and are not asked. By that a leaf may miss its
/// wake-up. If a sibling catches the cancellation and this leaf survives, it must be polled again: `catch_cancelled` queues
/// the task once more; under a foreign waker the leaf wakes itself now.
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

/// Whether a leaf must return `Pending` because the step delivers a cancellation: see `poll_leaf`.
#[inline]
pub(crate) fn is_throwing(cx: &Context<'_>) -> bool {
    current::throw() == Throw::Delivered && hold_back(cx)
}

#[cold]
fn hold_back(cx: &Context<'_>) -> bool {
    if let Some(kernel) = current::current() {
        kernel.throwing().held_back().set(true);
    }
    if key_of(cx.waker()).is_none() {
        cx.waker().wake_by_ref();
    }
    true
}

/// Notes in the running task the node that it is about to wait for: the await graph, and the way a cancellation takes.
pub(crate) fn wait_for_node(node: NodeRef) {
    let kernel = Rc::clone(node.core().kernel());
    with_running(&kernel, |task| task.wait_for(node));
}

/// The running task has given up an await of `node`. What the task held of it comes back, to be dropped.
pub(crate) fn no_longer_waits_for(node: &dyn Node) -> Option<NodeRef> {
    with_running(node.core().kernel(), |task| task.no_longer_waits_for(|other| crate::node::same(&**other, node)))
        .flatten()
}

/// The running task is to take another step.
pub(super) fn poll_again(kernel: &Loop) {
    kernel.with_current(|task| {
        if let Some(Kind::Task(state)) = task.map(|task| task.kind()) {
            kernel.wake(state.key());
        }
    });
}

/// Shows the state of the loop's running task, if there is one, to `f`.
fn with_running<R>(kernel: &Loop, f: impl FnOnce(&TaskState) -> R) -> Option<R> {
    kernel.with_current(|task| match task?.kind() {
        Kind::Task(state) => Some(f(state)),
        Kind::Plain | Kind::Group(_) => None,
    })
}

/// What is to be woken when something happens for which one future waits at a time.
#[derive(Default)]
pub(crate) struct SingleWaiter {
    target: Cell<Option<WakeTarget>>,
}

impl SingleWaiter {
    /// What is polled with `cx` waits now, instead of what waited before.
    pub(crate) fn set(&self, cx: &Context<'_>) {
        drop(self.target.replace(Some(wake_target(cx))));
    }

    /// Nothing waits any more.
    pub(crate) fn clear(&self) {
        drop(self.target.take());
    }

    pub(crate) fn wake(&self, kernel: &Loop) {
        if let Some(target) = self.target.take() {
            wake(kernel, target);
        }
    }
}
