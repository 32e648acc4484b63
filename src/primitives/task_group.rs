//! Tasks that end together: asyncio's `TaskGroup`. Owns who belongs to the group and what is done when one fails; must
//! not know `gather` or `wait`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use slab::Slab;

use crate::awaitables::{Task, TaskHandle, current_task, spawn};
use crate::base::{PooledRc, poll_with, unsize};
use crate::cancel::{SingleWaiter, cancel, catch_cancelled, poll_leaf};
use crate::current;
use crate::error::{Cancelled, GroupError, Panic};
use crate::kernel::{ChildTurn, ChildTurnRef};
use crate::node::{Core, Ending, Kind, Loop, NodeRef, State, Watch, WatchRef, Watcher};

/// Runs `body` with a group in which it starts tasks, and returns when all of them have ended: asyncio's
/// `async with TaskGroup()`.
///
/// When the body or a child fails, the others are cancelled and waited for, and all errors come out together, in the
/// order in which the children ended, the body's own last. A child that was cancelled by somebody is no failure. If a
/// child or the body panics, the others are cancelled and waited for too, and the panic goes on here.
///
/// # Examples
/// ```
/// use oneloop::{run, sleep, task_group};
/// use std::time::Duration;
///
/// run(async {
///     let ended: Result<(), _> = task_group(async |g| {
///         g.create_task(async { Err::<(), _>("boom") });
///         g.create_task(async { sleep(Duration::from_secs(3600)).await; Ok(()) }); // cancelled
///         Ok(())
///     }).await;
///     assert_eq!(ended.unwrap_err().errors, ["boom"]);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Errors
/// [`GroupError`] with the errors of the children and the body.
///
/// # Panics
/// If it is awaited outside a task, or if a child or the body panicked.
///
/// # Cancel safety
/// A cancellation of the task cancels the children, and comes out when they have ended; if there are errors too, those
/// come out, and the cancellation is raised at the task's next await. Dropped, the group cancels its
/// children and lets them end by themselves.
pub async fn task_group<R, E, B>(body: B) -> Result<R, GroupError<E>>
where
    E: 'static,
    B: AsyncFnOnce(&TaskGroup<E>) -> Result<R, E>,
{
    let group = TaskGroup { node: GroupState::enter() };
    let mut inside = Inside { node: group.node.clone(), left: false };
    let ended = catch_cancelled(catch_panic(body(&group))).await;
    let node = &group.node;
    let (returned, mut cancelled) = match ended {
        Ok(returned) => (Some(returned), None),
        Err(cancelled) => (None, Some(cancelled)),
    };
    if !matches!(returned, Some(Ok(Ok(_)))) && !node.aborting.get() {
        node.abort();
    }
    node.wait_for_children(&mut cancelled).await;
    if inside.leave() == Some(0) {
        cancelled = None;
    }
    let returned = match (node.panic.take(), returned) {
        (Some(panic), _) | (None, Some(Err(panic))) => panic.resume(),
        (None, Some(Ok(returned))) => Some(returned),
        (None, None) => None,
    };
    let mut errors = node.errors.take();
    if let (Some(cancelled), true) = (cancelled, errors.is_empty()) {
        cancelled.reraise().await;
    }
    match returned {
        Some(Ok(value)) if errors.is_empty() => return Ok(value),
        Some(Err(error)) => errors.push(error),
        Some(Ok(_)) | None => {}
    }
    if errors.is_empty() {
        // the body was ended by the group's own cancellation, and no error is left to say so: not known to happen
        Cancelled::default().reraise().await;
    }
    if node.parent.cancelling() > 0 {
        node.parent.uncancel();
        node.parent.cancel();
    }
    Err(GroupError::new(errors))
}

/// The group that [`task_group`](fn@task_group) hands to its body. Clones are the same group, for children that start
/// others.
pub struct TaskGroup<E> {
    node: PooledRc<GroupState<E>>,
}

impl<E: 'static> TaskGroup<E> {
    /// Starts a task in the group: asyncio's `TaskGroup.create_task`. An error that it returns goes to the group and to
    /// whoever awaits the task, hence `Clone` (wrap what is not in an `Rc`).
    ///
    /// While the group is being aborted, the task is cancelled before it starts, where asyncio raises an error.
    ///
    /// # Panics
    /// If the group is finished.
    #[track_caller]
    pub fn create_task<F, V>(&self, future: F) -> Task<Result<V, E>>
    where
        F: Future<Output = Result<V, E>> + 'static,
        V: 'static,
        E: Clone,
    {
        let node = &self.node;
        assert!(!node.finished.get(), "the task group is finished, so it can start no task; use create_task");
        let place = node.next_place();
        let group = node.clone();
        let child = poll_with(future, move |mut future, cx| {
            let body = future.as_mut().as_pin_mut().expect("a task is not polled again after its end");
            let returned = ready!(body.poll(cx));
            future.set(None);
            if let Err(error) = &returned {
                group.note_error(place, error.clone());
            }
            Poll::Ready(returned)
        });
        let task = spawn(Rc::clone(&node.kernel), child, true, Location::caller());
        GroupState::watch(node, place, task.join().node());
        if node.aborting.get() {
            task.cancel();
        }
        task
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self { node: self.node.clone() }
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let children = self.node.children.borrow().len();
        f.debug_struct("TaskGroup").field("tasks", &children).finish_non_exhaustive()
    }
}

struct GroupState<E> {
    kernel: Rc<Loop>,
    parent: TaskHandle,
    /// Those that have not ended, or whose end has its turn still to come, each in the place that its watcher names.
    children: RefCell<Slab<NodeRef>>,
    /// How many have not ended.
    remaining: Cell<usize>,
    /// What children have returned whose end has its turn still to come.
    noted: RefCell<BTreeMap<u32, E>>,
    errors: RefCell<Vec<E>>,
    panic: Cell<Option<Panic>>,
    aborting: Cell<bool>,
    parent_cancel_requested: Cell<bool>,
    /// Who waits for the last child.
    waiter: SingleWaiter,
    /// The last child has ended since somebody began to wait for it.
    completed: Cell<bool>,
    finished: Cell<bool>,
}

impl<E: 'static> GroupState<E> {
    fn enter() -> PooledRc<Self> {
        PooledRc::new(Self {
            kernel: current::expect(),
            parent: current_task().expect("a task group needs a task; use create_task or run_until_complete"),
            children: RefCell::default(),
            remaining: Cell::new(0),
            noted: RefCell::default(),
            errors: RefCell::default(),
            panic: Cell::new(None),
            aborting: Cell::new(false),
            parent_cancel_requested: Cell::new(false),
            waiter: SingleWaiter::default(),
            completed: Cell::new(false),
            finished: Cell::new(false),
        })
    }

    /// The place that the next child will have.
    fn next_place(&self) -> u32 {
        let place = self.children.borrow().vacant_key();
        u32::try_from(place).expect("fewer children than tasks can be")
    }

    fn watch(me: &PooledRc<Self>, place: u32, child: NodeRef) {
        let number = me.kernel.next_watch();
        child.core().watchers().add(number, Watcher::Watch(unsize!(me.clone() => dyn Watch), place));
        me.remaining.set(me.remaining.get() + 1);
        me.children.borrow_mut().insert(child);
    }

    fn note_error(&self, place: u32, error: E) {
        let replaced = self.noted.borrow_mut().insert(place, error);
        drop(replaced);
    }

    /// Cancels every child, in order of creation.
    fn abort(&self) {
        self.aborting.set(true);
        let mut nodes: Vec<NodeRef> = self.children.borrow().iter().map(|(_, child)| child.clone()).collect();
        nodes.sort_by_key(|child| match child.kind() {
            Kind::Task(suspension) => suspension.id(),
            Kind::Plain | Kind::Group(_) => unreachable!("the children of a group are tasks"),
        });
        for node in nodes {
            cancel(&node, &None);
        }
    }

    /// Waits until no child is left, whatever cancellations come; the first from outside aborts the group and is kept.
    async fn wait_for_children(&self, cancelled: &mut Option<Cancelled>) {
        while !self.children.borrow().is_empty() {
            self.completed.set(false);
            if let Err(again) = catch_cancelled(poll_fn(|cx| self.poll_completed(cx))).await
                && !self.aborting.get()
            {
                *cancelled = Some(again);
                self.abort();
            }
        }
    }

    fn poll_completed(&self, cx: &Context<'_>) -> Poll<()> {
        poll_leaf(cx, &"the children of its task group", || {
            if self.completed.get() {
                return Poll::Ready(());
            }
            self.waiter.set(cx);
            Poll::Pending
        })
    }

    /// The turn that a child's end takes: asyncio's `_on_task_done`.
    fn child_ended(&self, child: &Core, error: Option<E>) {
        if self.children.borrow().is_empty() {
            self.completed.set(true);
            self.waiter.wake(&self.kernel);
        }
        let failed = match (child.ending(), error) {
            (Some(Ending::Panicked(panic)), _) => {
                child.set_retrieved();
                self.panic.set(self.panic.take().or(Some(panic)));
                true
            }
            (_, Some(error)) => {
                self.errors.borrow_mut().push(error);
                true
            }
            (_, None) => false,
        };
        if failed && !self.aborting.get() && !self.parent_cancel_requested.get() {
            self.abort();
            self.parent_cancel_requested.set(true);
            self.parent.cancel();
        }
    }
}

impl<E: 'static> Watch for GroupState<E> {
    /// The end of a child that has not failed takes no turn while there are others: nobody could tell.
    fn child_done(&self, me: &WatchRef, place: u32, child: &Core) {
        child.set_retrieved();
        let remaining = self.remaining.get() - 1;
        self.remaining.set(remaining);
        if remaining > 0 && child.state() != State::Panicked && self.noted.borrow().is_empty() {
            let left = self.children.borrow_mut().try_remove(place as usize);
            drop(left);
        } else {
            self.kernel.push_child_turn(me.clone().into_turn(), place);
        }
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

/// Runs `future` and catches its panic, which waits until the children have ended.
fn catch_panic<F: Future>(future: F) -> impl Future<Output = Result<F::Output, Panic>> {
    poll_with(future, |mut future, cx| {
        let body = future.as_mut().as_pin_mut().expect("a body is not polled again after its end");
        match catch_unwind(AssertUnwindSafe(|| body.poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(Panic::new(payload))),
        }
    })
}

/// A group that is not left yet. One that is dropped before its end does not leave its children behind unasked, nor its
/// own cancellation behind in the parent.
struct Inside<E: 'static> {
    node: PooledRc<GroupState<E>>,
    left: bool,
}

impl<E: 'static> Inside<E> {
    /// Leaves the group; if it had asked for a cancellation of its parent, takes that back and answers how many others
    /// are left.
    fn leave(&mut self) -> Option<u32> {
        self.left = true;
        self.node.finished.set(true);
        self.node.parent_cancel_requested.get().then(|| self.node.parent.uncancel())
    }
}

impl<E: 'static> Drop for Inside<E> {
    fn drop(&mut self) {
        if !self.left {
            self.leave();
            self.node.abort();
        }
    }
}
