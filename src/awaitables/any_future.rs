//! Any task, future or gathering without the type of its value. Owns the untyped handles; must not know how values are
//! made or taken.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use crate::base::{PooledRc, unsize};
use crate::cancel::{cancel, uncancel};
use crate::current;
use crate::kernel::Run;
use crate::node::{DoneCallback, Kind, Loop, NodeRef, State, TaskState, Watcher, release, same};

/// Names a done callback, for `remove_done_callback`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallbackId(u64);

/// A cloneable handle on any task, future or gathering: it can cancel it, ask for its state and be told of its end, but
/// has no part in its value.
///
/// # Examples
/// ```
/// use oneloop::{AnyFuture, create_future, create_task, run, yield_now};
///
/// run(async {
///     let task = create_task(yield_now());
///     let future = create_future::<i32>();
///     let all: Vec<AnyFuture> = vec![task.handle().into(), future.handle()];
///     all.iter().for_each(|one| assert!(one.cancel()));
///     assert!(!all[0].done() && all[1].cancelled()); // a task ends when it has its turn, a future at once
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
pub struct AnyFuture {
    node: NodeRef,
}

impl AnyFuture {
    pub(crate) fn new(node: NodeRef) -> Self {
        node.core().add_handle();
        Self { node }
    }

    pub(crate) fn node(&self) -> &NodeRef {
        &self.node
    }

    /// Whether it has ended, in whatever way.
    pub fn done(&self) -> bool {
        self.node.core().is_done()
    }

    /// Whether it has ended by cancellation. False right after `cancel()` of a task, which ends when it has its turn.
    ///
    /// A gathering that was cancelled says true here; asyncio's own says false for ever (gh-85071).
    pub fn cancelled(&self) -> bool {
        self.node.core().state() == State::Cancelled
    }

    /// Asks it to be cancelled: asyncio's `cancel()`. False if it was done already (for a gathering: if all its children
    /// were). A future is cancelled at once; a task meets the cancellation at the await where it is suspended, or hands
    /// it on if it awaits a task, future or gathering.
    pub fn cancel(&self) -> bool {
        cancel(&self.node, &None)
    }

    /// [`cancel`](Self::cancel) with a message for whoever catches it.
    pub fn cancel_with(&self, message: &str) -> bool {
        cancel(&self.node, &Some(Arc::from(message)))
    }

    /// Calls `f` when it is done, in a turn of its own: asyncio's `add_done_callback`. Callbacks and awaiters take their
    /// turns in the order in which they came. If it is done already, the turn comes in the next iteration.
    ///
    /// # Panics
    /// Never here; a panic of `f` is reported to the loop's exception handler.
    pub fn add_done_callback(&self, f: impl FnOnce(&Self) + 'static) -> CallbackId {
        let core = self.node.core();
        let callback = if current::uses_contexts() {
            let own = current::copy_thread_context();
            callback(move |done: &Self| {
                drop(current::swap_context(own));
                f(done);
            })
        } else {
            callback(f)
        };
        let number = core.kernel().next_watch();
        if core.is_done() {
            callback.set_node(self.node.clone());
            core.kernel().push_run(unsize!(callback => dyn Run));
        } else {
            core.watchers().add(number, Watcher::Done(callback));
        }
        CallbackId(number)
    }

    /// Takes a callback back; whether it was still registered. One that is queued already runs: asyncio's
    /// `remove_done_callback`.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        let removed = self.node.core().watchers().remove(id.0);
        removed.is_some()
    }
}

impl Clone for AnyFuture {
    fn clone(&self) -> Self {
        Self::new(self.node.clone())
    }
}

impl Drop for AnyFuture {
    fn drop(&mut self) {
        release(&*self.node);
    }
}

/// The same task, future or gathering.
impl PartialEq for AnyFuture {
    fn eq(&self, other: &Self) -> bool {
        same(&*self.node, &*other.node)
    }
}

impl Eq for AnyFuture {}

impl fmt::Debug for AnyFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self.node.kind() {
            Kind::Plain => ("Future", None),
            Kind::Task(state) => ("Task", Some(state.name())),
            Kind::Group(_) => ("Gathering", None),
        };
        let mut shown = f.debug_struct(kind);
        if let Some(name) = name {
            shown.field("name", &name);
        }
        shown.field("state", &self.node.core().state()).finish_non_exhaustive()
    }
}

struct Callback<F> {
    f: Cell<Option<F>>,
    node: Cell<Option<NodeRef>>,
}

fn callback(f: impl FnOnce(&AnyFuture) + 'static) -> PooledRc<dyn DoneCallback> {
    unsize!(PooledRc::new(Callback { f: Cell::new(Some(f)), node: Cell::new(None) }) => dyn DoneCallback)
}

impl<F: FnOnce(&AnyFuture) + 'static> Run for Callback<F> {
    fn run(&self) {
        let node = self.node.take();
        if let (Some(f), Some(node)) = (self.f.take(), node) {
            f(&AnyFuture::new(node));
        }
    }
}

impl<F: FnOnce(&AnyFuture) + 'static> DoneCallback for Callback<F> {
    fn set_node(&self, node: NodeRef) {
        self.node.set(Some(node));
    }
}

/// A cloneable, untyped handle on a task: everything of [`AnyFuture`], and what only tasks have.
///
/// # Examples
/// ```
/// use oneloop::{catch_cancelled, current_task, run, yield_now};
///
/// run(async {
///     let me = current_task().expect("inside a task");
///     me.set_name("main");
///     me.cancel();
///     assert!(catch_cancelled(yield_now()).await.is_err());
///     assert_eq!((me.name().as_str(), me.cancelling(), me.uncancel()), ("main", 1, 0));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TaskHandle {
    any: AnyFuture,
}

impl TaskHandle {
    /// `None` if the node is no task.
    pub(crate) fn new(node: NodeRef) -> Option<Self> {
        matches!(node.kind(), Kind::Task(_)).then(|| Self::of_task(node))
    }

    /// The node must be a task.
    pub(crate) fn of_task(node: NodeRef) -> Self {
        Self { any: AnyFuture::new(node) }
    }

    pub(crate) fn state(&self) -> &TaskState {
        match self.any.node.kind() {
            Kind::Task(state) => state,
            Kind::Plain | Kind::Group(_) => unreachable!("a task handle is made for tasks only"),
        }
    }

    /// The same handle, as one on any future.
    pub fn as_any(&self) -> &AnyFuture {
        &self.any
    }

    /// Its number: unique on its loop, counted from 1 in order of creation.
    pub fn id(&self) -> u64 {
        self.state().id()
    }

    /// Its name: `Task-` and its number, if it was given no other.
    pub fn name(&self) -> String {
        self.state().name()
    }

    /// Gives it a name.
    pub fn set_name(&self, name: &str) {
        self.state().set_name(name);
    }

    /// Where it was created.
    pub fn created_at(&self) -> &'static Location<'static> {
        self.state().created()
    }

    /// How many cancellations were asked for and not taken back: asyncio's `cancelling()`.
    pub fn cancelling(&self) -> u32 {
        self.state().cancelling()
    }

    /// Takes one request for cancellation back and answers how many are left: asyncio's `uncancel()`, for whoever caught
    /// a cancellation and goes on. At zero, a cancellation that was not delivered yet is dropped.
    pub fn uncancel(&self) -> u32 {
        uncancel(&*self.any.node)
    }
}

impl From<TaskHandle> for AnyFuture {
    fn from(task: TaskHandle) -> Self {
        task.any
    }
}

impl Deref for TaskHandle {
    type Target = AnyFuture;

    fn deref(&self) -> &AnyFuture {
        &self.any
    }
}

impl fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any.fmt(f)
    }
}

/// The task that is running: asyncio's `current_task()`. `None` in a callback and outside a loop.
///
/// # Examples
/// ```
/// use oneloop::{create_task, current_task, run};
///
/// assert!(current_task().is_none());
/// run(async {
///     let task = create_task(async { current_task().expect("inside a task").id() });
///     let id = task.id();
///     assert_eq!(task.await, id);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
pub fn current_task() -> Option<TaskHandle> {
    let task = current::current().and_then(|kernel| kernel.running_task().current());
    task.and_then(TaskHandle::new)
}

/// The tasks of this thread's loop that are not done, in order of creation: asyncio's `all_tasks()`.
///
/// # Examples
/// ```
/// use oneloop::{all_tasks, create_task, run, yield_now};
///
/// run(async {
///     create_task(yield_now());
///     assert_eq!(all_tasks().len(), 2); // this one, and the new one
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If this thread is in no loop.
#[track_caller]
pub fn all_tasks() -> Vec<TaskHandle> {
    let mut tasks = tasks_of(&current::expect());
    tasks.retain(|task| !task.state().is_hidden());
    tasks
}

/// The pending tasks of a loop, in order of creation, its own among them.
pub(crate) fn tasks_of(kernel: &Loop) -> Vec<TaskHandle> {
    let mut tasks: Vec<TaskHandle> = kernel.tasks().into_iter().filter_map(TaskHandle::new).collect();
    tasks.retain(|task| !task.done());
    tasks.sort_by_key(TaskHandle::id);
    tasks
}
