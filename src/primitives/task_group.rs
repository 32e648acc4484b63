//! Tasks that end together: asyncio's `TaskGroup`. Owns the children of a group and what follows when one fails; must
//! not know `gather` or `wait`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::task::{Context, Poll};

use slab::Slab;

use super::group_coroutines::{catch_panic, result, value_or_error};
use crate::awaitables::{Task, begin_if_eager, current_task, spawn};
use crate::base::{PooledRc, poll_with, unsize};
use crate::cancel::{SingleWaiter, ThrowingScope, cancel, leaf_fn, poll_scope, throw_again_around};
use crate::current;
use crate::error::{Cancelled, GroupError, Panic};
use crate::kernel::{ChildTurn, ChildTurnRef};
use crate::node::{Core, Ending, Kind, Loop, NodeRef, State, Watch, WatchRef, Watcher};

/// Runs `body` with a group in which it starts tasks, and returns when all of them have ended: asyncio's
/// `async with TaskGroup()`.
///
/// When the body or a child fails, the others are cancelled and waited for. Then all errors are returned together, in
/// the order in which the children ended, that of the body last. A child that was cancelled by other code has not
/// failed. If a child or the body panics, the others are cancelled and waited for too, and the panic is resumed here.
///
/// Of the task that runs the group, only the body is cancelled then. What a combinator polls beside the group, `join!`
/// for example, goes on. See [what a cancellation reaches](crate::guide::from_asyncio#what-a-cancellation-reaches).
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
/// A cancellation of the task, or of a time limit or a group around this one, cancels the body and the children, and is
/// raised again when they have ended. If there are errors then, they are returned, and the cancellation is raised at
/// the next await. If the group is dropped, it cancels its children and does not wait for them.
#[doc(alias = "JoinSet")]
pub async fn task_group<R, E, B>(body: B) -> Result<R, GroupError<E>>
where
    E: 'static,
    B: AsyncFnOnce(&TaskGroup<E>) -> Result<R, E>,
{
    let group = TaskGroup { state: GroupState::enter() };
    let state = &group.state;
    let mut inside = Inside { state: state.clone(), left: false };

    let ended = state.catching(catch_panic(body(&group))).await;
    let (returned, mut cancelled) = match ended {
        Ok(returned) => (Some(returned), None),
        Err(cancelled) => (None, Some(cancelled)),
    };
    if !matches!(returned, Some(Ok(Ok(_)))) && !state.aborting.get() {
        state.abort();
    }

    state.wait_for_children(&mut cancelled).await;
    let others = state.other_requests();
    inside.leave();
    if others == 0 && state.scope.has_thrown() {
        cancelled = None; // it was the group's own, which has ended the body
    }

    let returned = state.resume_panic(returned);
    match state.conclude(returned, cancelled, others > 0) {
        Ok(result) => result,
        Err(cancelled) => cancelled.reraise().await,
    }
}

/// The group that [`task_group`](fn@task_group) passes to its body. Its clones are the same group, so that children can
/// start others.
pub struct TaskGroup<E> {
    state: PooledRc<GroupState<E>>,
}

impl<E: 'static> TaskGroup<E> {
    /// Starts a task in the group: asyncio's `TaskGroup.create_task`. Its handle gives the value alone, as no error is
    /// left once the group has returned one: an error of the task goes to the group, which has any type of errors. A
    /// task that has failed ends cancelled for those that await it, of which the body and the other children are
    /// cancelled anyway.
    ///
    /// While the group is aborting, the task is cancelled before it starts, where asyncio raises an error.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{run, task_group};
    /// use std::io;
    /// async fn size(text: &'static str) -> io::Result<usize> {
    ///     if text.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(text.len()) }
    /// }
    ///
    /// async fn sizes(texts: [&'static str; 2]) -> io::Result<usize> {
    ///     let sum = task_group(async |g| {
    ///         let [first, second] = texts.map(|text| g.create_task(size(text)));
    ///         Ok::<_, io::Error>(first.await + second.await)
    ///     });
    ///     Ok(sum.await?)
    /// }
    ///
    /// run(async {
    ///     assert_eq!(sizes(["one", "three"]).await.unwrap(), 8);
    ///     assert_eq!(sizes(["one", ""]).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the group is finished.
    #[track_caller]
    pub fn create_task<F, V>(&self, future: F) -> Task<V>
    where
        F: Future<Output = Result<V, E>> + 'static,
        V: 'static,
    {
        let (place, group) = (self.place_for_child(), self.state.clone());
        let child = value_or_error(future, move |error| group.note_error(place, error));
        self.spawn(place, child, Location::caller())
    }

    /// Starts a task in the group whose handle gives what it returned, its error included: that goes to the group and
    /// to the awaiter of the task, hence the bound `Clone`; wrap an error that has none in an `Rc`. Otherwise as
    /// [`create_task`](Self::create_task).
    ///
    /// # Examples
    /// ```
    /// use oneloop::{run, task_group};
    ///
    /// run(async {
    ///     let ended: Result<(), _> = task_group(async |g| {
    ///         let mut child = g.create_result_task(async { Err::<(), _>("boom") });
    ///         oneloop::shield(async move { assert_eq!(child.outcome().await.unwrap(), Err("boom")) }).await;
    ///         Ok(())
    ///     }).await;
    ///     assert_eq!(ended.unwrap_err().errors, ["boom"]);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the group is finished.
    #[track_caller]
    pub fn create_result_task<F, V>(&self, future: F) -> Task<Result<V, E>>
    where
        F: Future<Output = Result<V, E>> + 'static,
        V: 'static,
        E: Clone,
    {
        let (place, group) = (self.place_for_child(), self.state.clone());
        let child = result(future, move |error: &E| group.note_error(place, error.clone()));
        self.spawn(place, child, Location::caller())
    }

    #[track_caller]
    fn place_for_child(&self) -> u32 {
        assert!(!self.state.finished.get(), "the task group is finished, so it can start no task; use create_task");
        self.state.next_place()
    }

    fn spawn<F>(&self, place: u32, child: F, created: &'static Location<'static>) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let state = &self.state;
        let task = spawn(Rc::clone(&state.kernel), child, created);
        GroupState::watch(state, place, task.join().node());
        if state.aborting.get() {
            task.cancel();
        }
        begin_if_eager(&task);
        task
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone() }
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let children = self.state.children.borrow().len();
        f.debug_struct("TaskGroup").field("tasks", &children).finish_non_exhaustive()
    }
}

/// The state of a group, and the watcher of its children. The flags `aborting` and `finished` make these phases:
///
/// ```text
///                 the body returned, and all children have ended
///   running ───────────────────────────────────────────────────────▶ finished
///      │                                                                ▲
///      │ the body or a child failed or panicked,                        │ all children have ended,
///      │ it was cancelled from outside, or is dropped                   │ or the group is dropped
///      ▼                                                                │
///   aborting: all children are cancelled ───────────────────────────────┘
/// ```
struct GroupState<E> {
    kernel: Rc<Loop>,
    /// The children that have not ended, and those that have ended while their entry of the ready queue has not run.
    /// Each is in the place that its watcher names.
    children: RefCell<Slab<NodeRef>>,
    /// The number of children that have not ended.
    remaining: Cell<usize>,
    /// The errors that children have returned while their entries of the ready queue have not run, by place.
    noted: RefCell<BTreeMap<u32, E>>,
    errors: RefCell<Vec<E>>,
    /// The first panic of a child.
    panic: Cell<Option<Panic>>,
    aborting: Cell<bool>,
    /// What the group ends when a child fails: its body, and the wait for the children.
    scope: ThrowingScope,
    /// The parent, while it waits for the last child.
    waiter: SingleWaiter,
    /// Whether the last child has ended since the parent began to wait.
    completed: Cell<bool>,
    finished: Cell<bool>,
}

impl<E: 'static> GroupState<E> {
    /// # Panics
    /// Outside a task.
    fn enter() -> PooledRc<Self> {
        let kernel = current::expect();
        let in_task = kernel.running_task().is_some();
        assert!(in_task, "a task group needs a task; use create_task or run_until_complete");
        PooledRc::new_uninit().write(Self {
            kernel,
            children: RefCell::default(),
            remaining: Cell::new(0),
            noted: RefCell::default(),
            errors: RefCell::default(),
            panic: Cell::new(None),
            aborting: Cell::new(false),
            scope: ThrowingScope::group(),
            waiter: SingleWaiter::default(),
            completed: Cell::new(false),
            finished: Cell::new(false),
        })
    }

    /// The place of the next child.
    fn next_place(&self) -> u32 {
        let place = self.children.borrow().vacant_key();
        u32::try_from(place).expect("a loop has fewer tasks than 2^32")
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
            Kind::Task(state) => state.id(),
            Kind::Plain | Kind::Gathering(_) => unreachable!("the children of a group are tasks"),
        });
        for node in nodes {
            cancel(&node, &None);
        }
    }

    /// Waits until no child is left. A cancellation does not end the wait: if the group is not aborting, it aborts, and
    /// the cancellation is put into `cancelled`.
    async fn wait_for_children(&self, cancelled: &mut Option<Cancelled>) {
        while !self.children.borrow().is_empty() {
            self.completed.set(false);
            let completed =
                leaf_fn(&self.kernel, &"the children of its task group", |cx: &Context<'_>| self.poll_completed(cx));
            if let Err(again) = self.catching(completed).await
                && !self.aborting.get()
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
    fn catching<F: Future>(&self, future: F) -> impl Future<Output = Result<F::Output, Cancelled>> {
        poll_with(future, |future, cx| poll_scope(self.scope.scope(), future, cx))
    }

    /// How many requests to cancel the parent, or a scope around the group, have not been taken back. Those do not
    /// count that were caught beside the group.
    fn other_requests(&self) -> i64 {
        let (outstanding, has_reached_it) = self.scope.outstanding(&self.kernel);
        if has_reached_it { outstanding } else { 0 }
    }

    /// asyncio's callback `_on_task_done`.
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
        if failed && !self.aborting.get() && !self.scope.has_thrown() {
            self.abort();
            self.scope.throw(&self.kernel);
        }
    }

    /// Resumes the panic of a child, or that of the body. If there is none, returns what the body returned; `None` if
    /// it was cancelled.
    fn resume_panic<R>(&self, returned: Option<Result<R, Panic>>) -> Option<R> {
        match (self.panic.take(), returned) {
            (Some(panic), _) | (None, Some(Err(panic))) => panic.resume(),
            (None, Some(Ok(returned))) => Some(returned),
            (None, None) => None,
        }
    }

    /// The result of the finished group, or the cancellation that is to be raised in its place. `returned` is what the
    /// body returned, and `cancelled` a cancellation by other code. `is_cancelling`: a request of other code has not been
    /// taken back.
    fn conclude<R>(
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
        if errors.is_empty() {
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
    fn child_done(&self, me: &WatchRef, place: u32, child: &Core) {
        child.set_retrieved();
        let remaining = self.remaining.get() - 1;
        self.remaining.set(remaining);
        if remaining > 0 && child.state() != State::Panicked && self.noted.borrow().is_empty() {
            let ended = self.children.borrow_mut().try_remove(place as usize);
            drop(ended);
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

/// The run of a group. If it is dropped before its end, it cancels the children, and takes back the group's request to
/// end its body.
struct Inside<E: 'static> {
    state: PooledRc<GroupState<E>>,
    left: bool,
}

impl<E: 'static> Inside<E> {
    /// Finishes the group, and takes its own request back.
    fn leave(&mut self) {
        self.left = true;
        self.state.finished.set(true);
        self.state.scope.finish(&self.state.kernel);
    }
}

impl<E: 'static> Drop for Inside<E> {
    fn drop(&mut self) {
        if !self.left {
            self.leave();
            self.state.abort();
        }
    }
}
