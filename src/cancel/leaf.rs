//! Leaves: the futures of the loop at the bottom of a task. Owns how a leaf tells its task that it waits; must not know
//! what a leaf waits for.
//!
//! A task is a tree of futures. The inner ones are the program's: `async` blocks and combinators, which poll others. A
//! **leaf** is a future of this crate that polls no other: it registers with something of the loop (a timer, a node, a
//! queue of waiters, a descriptor), returns `Pending`, and is polled again when that has happened. A leaf knows nothing
//! of cancellations: it is dropped, or it is polled. A leaf that its loop cannot wake panics instead of waiting.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::base::TaskKey;
use crate::current::{self, key_of};
use crate::kernel::{Awaited, Leaf, Phase, Place, What};
use crate::node::{Core, Loop, Node, NodeRef, TaskState, same};

/// That a leaf waits, for the running task: because a cancellation goes to the one thing that a task or a scope awaits,
/// and for the await graph. A leaf has one, says `note` when it returns `Pending`, `ready` when it does not, and `end`
/// when it is dropped.
///
/// ```text
///   0 ── Pending under the task's own waker ──▶ the number of the step that has counted it
///   0 ── Pending under another waker ─────────▶ a place in the tree, as a number that no step has
///   any ── ready, or dropped ─────────────────▶ 0
/// ```
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    ticket: Cell<u32>,
}

impl Waiting {
    /// The leaf that is polled with `cx` returns `Pending`, and waits for `what`, which `kernel` will wake it for.
    ///
    /// # Panics
    /// If that loop cannot wake it: see [`assert_wakes`].
    #[inline]
    #[track_caller]
    pub(crate) fn note(&self, kernel: &Loop, cx: &Context<'_>, what: Leaf) {
        let noted = kernel.running_task().with_polled(cx.waker(), |task| self.count(kernel, task, what));
        if noted.is_none() {
            self.note_elsewhere(kernel, cx, what);
        }
    }

    /// As `note`, for a leaf that is woken in any loop, and by none that is closed: by itself, or by another thread.
    pub(crate) fn note_woken(&self, kernel: &Loop, cx: &Context<'_>, what: Leaf) {
        if is_own(kernel, cx) {
            with_running(kernel, |task| self.count(kernel, task, what));
        } else {
            self.stand(kernel, Awaited::Leaf(what));
        }
    }

    /// As `note`, for a wait that no future stands for, so that none tells when it is given up: only its waker is kept.
    /// It is counted in a step in which it is polled under the task's own waker. Under another one it is not seen, as
    /// no future of another crate is.
    #[inline]
    #[track_caller]
    pub(crate) fn note_kept(&self, kernel: &Loop, cx: &Context<'_>, what: Leaf) {
        if !kernel.running_task().is_polled_with(cx.waker()) {
            assert_wakes(kernel, what);
        }
        if is_own(kernel, cx) {
            self.note_woken(kernel, cx, what);
        }
    }

    /// As `note`, for the first poll of a leaf. Returns the key of the running task if the leaf is polled with the very
    /// waker of that: so the caller need not ask the waker what to wake.
    ///
    /// # Panics
    /// As `note`.
    #[inline]
    #[track_caller]
    pub(crate) fn begin(&self, kernel: &Loop, cx: &Context<'_>, what: Leaf) -> Option<TaskKey> {
        let key = kernel.running_task().with_polled(cx.waker(), |task| {
            self.ticket.set(task.awaits().step());
            kernel.step().add_leaf(task.awaits(), what);
            task.key()
        });
        if key.is_none() {
            self.note_elsewhere(kernel, cx, what);
        }
        key
    }

    /// As `note`, for a leaf that is not polled with the very waker of the step.
    #[cold]
    #[track_caller]
    fn note_elsewhere(&self, kernel: &Loop, cx: &Context<'_>, what: Leaf) {
        assert_wakes(kernel, what);
        if key_of(cx.waker()).is_none() {
            self.stand(kernel, Awaited::Leaf(what));
        } else {
            with_running(kernel, |task| self.count(kernel, task, what));
        }
    }

    #[inline]
    fn count(&self, kernel: &Loop, task: &TaskState, what: Leaf) {
        if self.take_number(kernel, task) {
            kernel.step().add_leaf(task.awaits(), what);
        }
    }

    /// As `note`, for the await of a node. A cancellation of the task may go to that node.
    #[track_caller]
    #[inline]
    pub(crate) fn note_node(&self, core: &Core, cx: &Context<'_>, node: impl Fn() -> NodeRef) {
        let kernel = &**core.kernel();
        let noted = kernel.running_task().with_polled(cx.waker(), |task| self.count_node(kernel, task, &node));
        if noted.is_none() {
            self.note_node_elsewhere(kernel, cx, &node);
        }
    }

    /// As `note_node`, for an await that is not polled with the very waker of the step.
    #[cold]
    #[track_caller]
    fn note_node_elsewhere(&self, kernel: &Loop, cx: &Context<'_>, node: &dyn Fn() -> NodeRef) {
        assert_wakes(kernel, Leaf::of(What::Future));
        if key_of(cx.waker()).is_none() {
            self.stand(kernel, Awaited::Node(node()));
        } else {
            with_running(kernel, |task| self.count_node(kernel, task, node));
        }
    }

    #[inline]
    fn count_node(&self, kernel: &Loop, task: &TaskState, node: impl Fn() -> NodeRef) {
        if self.take_number(kernel, task) {
            task.wait_for(node());
            kernel.step().add_node();
        }
    }

    /// Takes the number of the step. Returns false if the leaf has it, because it was polled in this step before.
    #[inline]
    fn take_number(&self, kernel: &Loop, task: &TaskState) -> bool {
        let step = task.awaits().step();
        let before = self.ticket.replace(step);
        if is_place(before) {
            remove_entry(kernel, before);
        }
        before != step
    }

    /// Enters the leaf into the tree, or moves its entry to the scope that polls it now.
    #[cold]
    fn stand(&self, kernel: &Loop, what: Awaited<NodeRef>) {
        let Some(parent) = innermost_place(kernel) else { return };
        let ticket = self.ticket.get();
        if is_place(ticket) {
            kernel.await_tree().move_below(Place::from_ticket(ticket), parent);
        } else {
            let place = kernel.await_tree().insert(parent, what);
            self.ticket.set(place.ticket());
        }
    }

    /// The leaf does not return `Pending`.
    #[inline]
    pub(crate) fn ready(&self, kernel: &Loop) {
        if is_place(self.ticket.get()) {
            self.leave(kernel);
        }
        self.ticket.set(0);
    }

    /// As `ready`, for a leaf that keeps no pointer to its loop, but its number.
    #[inline]
    pub(crate) fn ready_in(&self, loop_number: u16) {
        if is_place(self.ticket.get()) {
            self.leave_in(loop_number);
        }
        self.ticket.set(0);
    }

    /// The leaf was counted in the step with this number.
    #[inline]
    pub(crate) fn set_counted(&self, step: u32) {
        self.ticket.set(step);
    }

    /// Whether `end` may have something to do.
    #[inline]
    pub(crate) fn was_noted(&self) -> bool {
        self.ticket.get() != 0
    }

    /// The leaf is dropped.
    #[inline]
    pub(crate) fn end(&self, kernel: &Loop) {
        let ticket = self.ticket.get();
        if ticket == kernel.step().number() {
            self.uncount(kernel);
        } else if is_place(ticket) {
            self.leave(kernel);
        }
    }

    /// As `end`, for a leaf that keeps no pointer to its loop, but its number if it stands in the tree.
    #[inline]
    pub(crate) fn end_in(&self, loop_number: u16) {
        let ticket = self.ticket.get();
        if ticket == 0 {
            return; // the usual case: it was ready
        }
        if is_place(ticket) {
            self.leave_in(loop_number);
        } else if ticket == current::step_number() {
            self.uncount_here();
        }
    }

    #[inline]
    fn uncount(&self, kernel: &Loop) {
        self.ticket.set(0);
        with_running(kernel, |task| kernel.step().remove_leaf(task.awaits()));
    }

    #[cold]
    fn uncount_here(&self) {
        if let Some(kernel) = current::current() {
            self.uncount(&kernel);
        }
    }

    /// The await of `node` is dropped. The caller drops the pointer that the task held.
    pub(crate) fn end_node(&self, node: &dyn Node) -> Option<NodeRef> {
        let kernel = node.core().kernel();
        let ticket = self.ticket.get();
        if ticket == kernel.step().number() {
            return self.uncount_node(node, kernel);
        }
        if is_place(ticket) {
            self.leave(kernel);
        }
        None
    }

    fn uncount_node(&self, node: &dyn Node, kernel: &Loop) -> Option<NodeRef> {
        self.ticket.set(0);
        let waits = with_running(kernel, |task| task.no_longer_waits_for(|other| same(&**other, node)))?;
        kernel.step().remove_node();
        waits
    }

    #[cold]
    fn leave(&self, kernel: &Loop) {
        remove_entry(kernel, self.ticket.take());
    }

    /// Gives up the place in the tree. If this thread has left the loop, the entry stays until the loop goes.
    #[cold]
    fn leave_in(&self, loop_number: u16) {
        if let Some(kernel) = current::entered(loop_number) {
            self.leave(&kernel);
        }
    }
}

/// Called when a leaf is about to wait that is not polled with the waker of its loop's running task: so it costs the
/// usual poll nothing.
///
/// # Panics
/// If the leaf would wait for ever, because its loop is closed, or does not run while a task of another loop awaits it.
#[cold]
#[track_caller]
pub(crate) fn assert_wakes(kernel: &Loop, what: Leaf) {
    assert!(
        kernel.life().phase() != Phase::Closed,
        "awaited {what} of an event loop that is closed, so that it never comes; make it anew in the loop that \
         awaits it"
    );
    assert!(
        !current::runs_task_of_another(kernel),
        "awaited {what} of another event loop; await it in a task of the loop that made it"
    );
}

/// Whether a future is polled with the waker of its task, or with a clone of that.
#[inline]
fn is_own(kernel: &Loop, cx: &Context<'_>) -> bool {
    kernel.running_task().is_polled_with(cx.waker()) || key_of(cx.waker()).is_some()
}

/// Whether a ticket names a place in the tree, and not a step or nothing.
#[inline]
fn is_place(ticket: u32) -> bool {
    ticket & Place::TICKET != 0
}

#[cold]
fn remove_entry(kernel: &Loop, ticket: u32) {
    let entry = kernel.await_tree().remove(Place::from_ticket(ticket));
    drop(entry); // the borrow of the tree has ended: this may be the last pointer to a node
}

/// The place in the tree of the innermost scope that is being polled, or else of the running task.
pub(super) fn innermost_place(kernel: &Loop) -> Option<Place> {
    with_running(kernel, |task| {
        kernel.enclosing().place(kernel.await_tree(), kernel.number(), || match task.root() {
            Place::NONE => {
                let root = kernel.await_tree().insert(Place::NONE, Awaited::Task);
                task.set_root(root);
                root
            }
            root => root,
        })
    })
}

/// Polls a leaf, whose `waiting` says what it waits for.
#[inline]
#[track_caller]
pub(crate) fn poll_leaf<R>(
    waiting: &Waiting,
    kernel: &Loop,
    cx: &Context<'_>,
    what: Leaf,
    poll: impl FnOnce() -> Poll<R>,
) -> Poll<R> {
    let polled = poll();
    if polled.is_pending() {
        waiting.note(kernel, cx, what);
    } else {
        waiting.ready(kernel);
    }
    polled
}

/// A leaf that `poll` polls. `what` says what it waits for.
pub(crate) fn leaf_fn<R, P>(kernel: &Loop, what: Leaf, poll: P) -> LeafFn<'_, P>
where
    P: FnMut(&Context<'_>) -> Poll<R> + Unpin,
{
    LeafFn { kernel, what, waiting: Waiting::default(), poll }
}

/// The future that `leaf_fn` returns.
pub(crate) struct LeafFn<'a, P> {
    kernel: &'a Loop,
    what: Leaf,
    waiting: Waiting,
    poll: P,
}

impl<R, P> Future for LeafFn<'_, P>
where
    P: FnMut(&Context<'_>) -> Poll<R> + Unpin,
{
    type Output = R;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let Self { kernel, what, waiting, poll } = &mut *self;
        poll_leaf(waiting, kernel, cx, *what, || poll(cx))
    }
}

impl<P> Drop for LeafFn<'_, P> {
    fn drop(&mut self) {
        self.waiting.end(self.kernel);
    }
}

/// Queues another step of the running task.
pub(super) fn poll_again(kernel: &Loop) {
    with_running(kernel, |task| kernel.wake(task.key()));
}

/// Shows the state of the loop's running task to `f`, if a task is running.
pub(super) fn with_running<R>(kernel: &Loop, f: impl FnOnce(&TaskState) -> R) -> Option<R> {
    kernel.running_task().with(f)
}
