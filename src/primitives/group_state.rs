//! The state of a task group: its children, their errors, and what follows when one fails. Owns these, and the wait for
//! the children; must not know the body, nor how tasks are made.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Poll};

use slab::Slab;

use crate::awaitables::current_task;
use crate::base::{PooledRc, TaskKey, in_order, poll_with, unsize};
use crate::cancel::{ThrowingScope, cancel, leaf_fn, poll_scope, throw_again_around};
use crate::current::{self, SingleWaiter};
use crate::error::{Cancelled, GroupError, Panic};
use crate::kernel::{ChildTurn, ChildTurnRef, Leaf, What};
use crate::node::{Core, Ending, Kind, Loop, NodeRef, State, Watch, Watcher, report, report_ending};

/// The phases of a group:
///
/// ```text
///                 the body returned, and all children have ended
///   Running ───────────────────────────────────────────────────────▶ Finished
///      │                                                                ▲
///      │ the body or a child failed or panicked,                        │ all children have ended,
///      │ it was cancelled from outside, or is dropped                   │ or the group is dropped
///      ▼                                                                │
///   Aborting: all children are cancelled ───────────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    Aborting,
    Finished,
}

/// The state of a group, and the watcher of its children.
pub(super) struct GroupState<E> {
    pub(super) kernel: Rc<Loop>,
    /// The children that have not ended, and those that have ended while their entry of the ready queue has not run.
    /// Each is in the place that its watcher names.
    pub(super) children: RefCell<Slab<NodeRef>>,
    /// The number of children that have not ended.
    remaining: Cell<usize>,
    /// The errors that children have returned while their entries of the ready queue have not run, by place.
    noted: RefCell<BTreeMap<u32, E>>,
    errors: RefCell<Vec<E>>,
    /// The program has cancelled the group.
    is_cancelled: Cell<bool>,
    /// The first child that has panicked, and the panic of the body: until they are resumed, or reported.
    panicked: Cell<Option<NodeRef>>,
    body_panic: Cell<Option<Panic>>,
    phase: Cell<Phase>,
    /// What the group ends when a child fails: its body, and the wait for the children.
    pub(super) scope: ThrowingScope,
    /// The parent, while it waits for the last child.
    waiter: SingleWaiter,
    /// Whether the last child has ended since the parent began to wait.
    completed: Cell<bool>,
}

impl<E: 'static> GroupState<E> {
    /// # Panics
    /// Outside a task.
    pub(super) fn enter() -> PooledRc<Self> {
        let kernel = current::expect();
        let in_task = kernel.running_task().is_some();
        assert!(in_task, "a task group needs a task; use create_task or run_until_complete");
        PooledRc::new_uninit().write(Self {
            kernel,
            children: RefCell::default(),
            remaining: Cell::new(0),
            noted: RefCell::default(),
            errors: RefCell::default(),
            is_cancelled: Cell::new(false),
            panicked: Cell::new(None),
            body_panic: Cell::new(None),
            phase: Cell::new(Phase::Running),
            scope: ThrowingScope::group(),
            waiter: SingleWaiter::default(),
            completed: Cell::new(false),
        })
    }

    /// The place of the next child.
    #[expect(clippy::cast_possible_truncation, reason = "a loop has fewer tasks than 2^32")]
    pub(super) fn next_place(&self) -> u32 {
        self.children.borrow().vacant_key() as u32
    }

    pub(super) fn watch(me: &PooledRc<Self>, place: u32, child: NodeRef) {
        let number = me.kernel.next_watch();
        child.core().watchers().add_made(number, || Watcher::Watch(unsize!(me.clone() => dyn Watch), place));
        me.remaining.set(me.remaining.get() + 1);
        me.children.borrow_mut().insert(child);
    }

    pub(super) fn note_error(&self, place: u32, error: E) {
        let replaced = self.noted.borrow_mut().insert(place, error);
        drop(replaced);
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Cancels every child, in order of creation.
    pub(super) fn abort(&self) {
        self.phase.set(Phase::Aborting);
        let nodes: Vec<NodeRef> = self.children.borrow().iter().map(|(_, child)| child.clone()).collect();
        let by_creation = in_order(nodes, |child| match child.kind() {
            Kind::Task(state) => state.id(),
            Kind::Plain | Kind::Gathering(_) => unreachable!("the children of a group are tasks"),
        });
        for node in by_creation {
            cancel(&node, &None);
        }
    }

    /// Waits until no child is left. A cancellation does not end the wait: if the group is not aborting, it aborts, and
    /// the cancellation is put into `cancelled`.
    pub(super) async fn wait_for_children(&self, cancelled: &mut Option<Cancelled>) {
        while !self.children.borrow().is_empty() {
            self.completed.set(false);
            let completed =
                leaf_fn(&self.kernel, Leaf::of(What::GroupChildren), |cx: &Context<'_>| self.poll_completed(cx));
            if let Err(again) = self.catching(completed).await
                && self.phase.get() == Phase::Running
            {
                *cancelled = Some(again);
                self.abort();
            }
        }
    }

    fn poll_completed(&self, cx: &Context<'_>) -> Poll<()> {
        if self.completed.get() {
            return Poll::Ready(());
        }
        self.waiter.set(cx);
        Poll::Pending
    }

    /// Awaits `future` as a part of the group: it meets the cancellations of the group and of what is around it.
    pub(super) fn catching<F: Future>(&self, future: F) -> impl Future<Output = Result<F::Output, Cancelled>> {
        poll_with(future, |future, cx| poll_scope(self.scope.scope(), future, cx))
    }

    /// How many requests to cancel the parent, or a scope around the group, have not been taken back. Those do not
    /// count that were caught beside the group.
    pub(super) fn other_requests(&self) -> i64 {
        let (outstanding, has_reached_it) = self.scope.outstanding(&self.kernel);
        if has_reached_it { outstanding } else { 0 }
    }

    /// asyncio's callback `_on_task_done`.
    fn child_ended(&self, child: &Core, error: Option<E>) {
        if self.children.borrow().is_empty() {
            self.completed.set(true);
            self.waiter.wake(&self.kernel);
        }
        let failed = match (child.state(), error) {
            (State::Panicked, _) => true,
            (_, Some(error)) => {
                self.errors.borrow_mut().push(error);
                true
            }
            (_, None) => false,
        };
        if failed {
            self.end_body();
        }
    }

    /// Cancels the children and the body, unless that was done already.
    fn end_body(&self) {
        if self.phase.get() == Phase::Running && !self.scope.has_thrown() {
            self.abort();
            self.scope.throw(&self.kernel);
        }
    }

    /// asyncio's `TaskGroup.cancel()`.
    pub(super) fn cancel(&self) {
        if self.phase.get() != Phase::Finished {
            self.is_cancelled.set(true);
            self.end_body();
        }
    }

    /// The group takes no more children, and its own request back.
    pub(super) fn finish(&self) {
        self.scope.finish(&self.kernel);
        self.phase.set(Phase::Finished);
    }

    /// [`finish`](Self::finish) of a group that is dropped before its end: its children are cancelled, again if it is
    /// aborting already.
    pub(super) fn abandon(&self) {
        self.scope.finish(&self.kernel);
        self.abort();
        self.phase.set(Phase::Finished);
        // no await will meet them
        self.report_panic_of_body();
        if let Some(child) = self.panicked.take() {
            report_ending(child.core(), &child.kind());
        }
    }

    pub(super) fn note_panic_of_body(&self, panic: Panic) {
        self.body_panic.set(Some(panic));
    }

    /// Resumes the panic of a child, or that of the body, if there is one. If there are both, that of the body is
    /// reported; but resumed, if it is the child's, which the body has met by awaiting it.
    pub(super) fn resume_panic(&self) {
        let of_child = self.panicked.take().and_then(|child| child.core().ending());
        if let Some(Ending::Panicked(panic)) = of_child
            && (!panic.was_resumed() || !self.has_body_panicked())
        {
            self.report_panic_of_body();
            panic.resume();
        }
        if let Some(panic) = self.body_panic.take() {
            panic.resume();
        }
    }

    fn report_panic_of_body(&self) {
        if let Some(panic) = self.body_panic.take() {
            report(&self.kernel, "Exception in the body of a task group", panic.into());
        }
    }

    fn has_body_panicked(&self) -> bool {
        let panic = self.body_panic.take();
        let has = panic.is_some();
        self.body_panic.set(panic);
        has
    }

    #[cold]
    fn child_panicked(&self, place: u32, child: &Core) {
        if self.keep_panicked(place) {
            child.set_retrieved();
        }
    }

    /// Keeps a child that has panicked, so that its panic is resumed when all have ended. Returns false if it is not
    /// the first, or the group was dropped: then its panic is reported, as that of any other task.
    fn keep_panicked(&self, place: u32) -> bool {
        let before = self.panicked.take();
        let is_kept = before.is_none() && self.phase.get() != Phase::Finished;
        let child = || self.children.borrow().get(place as usize).cloned();
        self.panicked.set(if is_kept { child() } else { before });
        is_kept
    }

    /// The result of the finished group, without an error if the program has cancelled it; or the cancellation that is
    /// to be raised in its place. `returned` is what the body returned, and `cancelled` a cancellation by other code.
    /// `is_cancelling`: a request of other code has not been taken back.
    pub(super) fn conclude<R>(
        &self,
        returned: Option<Result<R, E>>,
        cancelled: Option<Cancelled>,
        is_cancelling: bool,
    ) -> Result<Result<R, GroupError<E>>, Cancelled> {
        let mut errors = self.errors.take();
        if let (Some(cancelled), true) = (cancelled, errors.is_empty()) {
            return Err(cancelled);
        }
        match returned {
            Some(Ok(value)) if errors.is_empty() => return Ok(Ok(value)),
            Some(Err(error)) => errors.push(error),
            other => drop(other), // now: the compiler loses a result that is made if a destructor panics then
        }
        if errors.is_empty() && !self.is_cancelled.get() {
            // the group's own cancellation has ended the body, but no error explains it: not known to happen
            return Err(Cancelled::default());
        }
        if is_cancelling {
            // The errors go first. The cancellation by other code was caught above, so it is requested again, with the
            // same count, for the next await: of the parent, or of the scope around the group that has asked to end.
            if let Some(task) = current_task().filter(|task| task.state().outside_requests() > 0) {
                task.uncancel();
                task.cancel();
            } else {
                throw_again_around(&self.kernel);
            }
        }
        Ok(Err(GroupError::new(errors)))
    }
}

impl<E: 'static> Watch for GroupState<E> {
    /// asyncio queues a callback for each child. If a child has not failed and is not the last, that callback would do
    /// nothing, so none is queued here.
    fn child_done(&self, place: u32, child: &Core) -> Option<u32> {
        let remaining = self.remaining.get() - 1;
        self.remaining.set(remaining);
        if child.state() == State::Panicked {
            self.child_panicked(place, child);
            return Some(place);
        }
        child.set_retrieved();
        if remaining == 0 || !self.noted.borrow().is_empty() {
            return Some(place);
        }
        let ended = self.children.borrow_mut().try_remove(place as usize);
        drop(ended);
        None
    }

    fn waiter(&self) -> Option<TaskKey> {
        self.scope.task() // while the body runs, too
    }
}

impl<E: 'static> ChildTurn for GroupState<E> {
    fn child_turn(&self, _me: &ChildTurnRef, place: u32) {
        let child = self.children.borrow_mut().try_remove(place as usize);
        let error = self.noted.borrow_mut().remove(&place);
        if let Some(child) = child {
            self.child_ended(child.core(), error);
        }
    }
}
