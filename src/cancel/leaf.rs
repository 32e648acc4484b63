//! What every leaf does: a future at the bottom of a task, which waits for something of the loop itself. Owns the one way to
//! wait; must not know what leaves wait for.

use std::cell::Cell;
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
        wait_for(what);
    }
    polled
}

/// Whether a leaf must return `Pending` because the step delivers a cancellation: see `poll_leaf`.
#[inline]
pub(crate) fn is_throwing(cx: &Context<'_>) -> bool {
    current::with(|kernel| kernel.is_some_and(|kernel| kernel.throwing().throw() == Throw::Delivered)) && hold_back(cx)
}

#[cold]
fn hold_back(cx: &Context<'_>) -> bool {
    current::with(|kernel| kernel.inspect(|kernel| kernel.throwing().held_back().set(true)).is_some());
    if key_of(cx.waker()).is_none() {
        cx.waker().wake_by_ref();
    }
    true
}

/// Notes what the running task is about to wait for, if that is no node.
#[inline]
pub(crate) fn wait_for(what: Leaf) {
    current::with(|kernel| {
        if let Some(kernel) = kernel {
            kernel.leaf().set(Some(what));
        }
    });
}

/// Notes in the running task the node that it is about to wait for: the await graph, and the way a cancellation takes.
pub(crate) fn wait_for_node(node: impl FnOnce() -> NodeRef) {
    with_running(|task| task.wait_for(node()));
}

/// The running task has given up an await of `node`. What the task held of it comes back, to be dropped.
pub(crate) fn no_longer_waits_for(node: &dyn Node) -> Option<NodeRef> {
    with_running(|task| task.no_longer_waits_for(|other| crate::node::same(&**other, node))).flatten()
}

/// The running task is to take another step.
pub(super) fn poll_again(kernel: &Loop) {
    kernel.with_current(|task| {
        if let Some(Kind::Task(state)) = task.map(|task| task.kind()) {
            kernel.wake(state.key());
        }
    });
}

fn with_running<R>(f: impl FnOnce(&TaskState) -> R) -> Option<R> {
    current::with(|kernel| {
        kernel?.with_current(|task| match task?.kind() {
            Kind::Task(state) => Some(f(state)),
            Kind::Plain | Kind::Group(_) => None,
        })
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
