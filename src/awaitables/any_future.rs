//! Handles on a task, future or gathering without the type of its value. Owns `AnyFuture` and `TaskHandle`; must not
//! know how a value is made or taken.

use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use super::waits_for::waits_in_detail;
use crate::base::{Context, PooledRc, in_order, unsize};
use crate::cancel::{cancel_here, uncancel};
use crate::current;
use crate::kernel::{Queued as _, Run};
use crate::node::{DoneCallback, Kind, Loop, NodeRef, State, TaskState, Watcher, release, same};

/// Names a done callback, for `remove_done_callback`.
///
/// # Examples
/// ```
/// use oneloop::{create_task, run};
///
/// run(async {
///     let task = create_task(async { 7 });
///     let id = task.add_done_callback(|_| panic!("it was taken back"));
///     assert!(task.remove_done_callback(id));
///     assert_eq!(task.await, 7);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallbackId(u64);

/// A cloneable handle on any task, future or gathering. It can cancel it, query its state and add callbacks, but cannot
/// reach its value.
///
/// # Examples
/// ```
/// use oneloop::{AnyFuture, create_future, create_task, run, yield_now};
///
/// run(async {
///     let task = create_task(yield_now());
///     let future = create_future::<i32>();
///     let all: Vec<AnyFuture> = vec![task.any(), future.any()];
///     all.iter().for_each(|one| assert!(one.cancel()));
///     // a future is cancelled at once, a task in its next step
///     assert!(!all[0].done() && all[1].cancelled());
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

    /// Whether it has ended: with a value, by cancellation or by a panic.
    pub fn done(&self) -> bool {
        self.node.core().is_done()
    }

    /// Whether it has ended by cancellation. False right after `cancel()` of a task, which ends in its next step.
    ///
    /// True for a gathering that was cancelled; asyncio's `cancelled()` of a gathering is always false (gh-85071).
    pub fn cancelled(&self) -> bool {
        self.node.core().state() == State::Cancelled
    }

    /// Requests its cancellation: asyncio's `cancel()`. Returns false if it was done already (a gathering: if all its
    /// children were).
    ///
    /// A future is cancelled at once. A task meets the cancellation at the await where it is suspended; if it awaits a
    /// task, future or gathering there, and nothing beside it, that is cancelled first.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        cancel_here(&self.node, &None)
    }

    /// [`cancel`](Self::cancel) with a message for the code that catches the cancellation.
    #[track_caller]
    pub fn cancel_with(&self, message: &str) -> bool {
        cancel_here(&self.node, &Some(Arc::from(message)))
    }

    /// Calls `f` when it is done, from an entry of the ready queue of its own: asyncio's `add_done_callback`. Callbacks
    /// and awaiters are queued in the order in which they were registered. If it is done already, `f` is called in the
    /// next iteration.
    ///
    /// # Panics
    /// Never here. A panic of `f` is reported to the loop's exception handler.
    pub fn add_done_callback(&self, f: impl FnOnce(&Self) + 'static) -> CallbackId {
        let core = self.node.core();
        let callback = if current::uses_contexts() {
            // the callback runs in a copy of the context of this moment
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

    /// Removes a callback and returns whether it was still registered: asyncio's `remove_done_callback`. A callback
    /// that is in the ready queue already is called all the same.
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

/// Two handles are equal if they are on one task, future or gathering.
impl PartialEq for AnyFuture {
    fn eq(&self, other: &Self) -> bool {
        same(&*self.node, &*other.node)
    }
}

impl AnyFuture {
    /// What it waits for, if it is a task that waits for something of the loop.
    fn waits_in_words(&self) -> Option<Vec<String>> {
        let Kind::Task(state) = self.node.kind() else { return None };
        let core = self.node.core();
        let waits = !core.is_done() && !self.node.queued().get() && !core.kernel().running_task().is(state);
        Some(waits_in_detail(core.kernel(), state)).filter(|words| waits && !words.is_empty())
    }
}

impl Eq for AnyFuture {}

/// Views of one future have the hash of that future, as they are equal.
impl Hash for AnyFuture {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self.node.core()).hash(state);
    }
}

impl fmt::Debug for AnyFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self.node.kind() {
            Kind::Plain => ("Future", None),
            Kind::Task(state) => ("Task", Some(state.name())),
            Kind::Gathering(_) => ("Gathering", None),
        };
        let mut shown = f.debug_struct(kind);
        if let Some(name) = name {
            shown.field("name", &name);
        }
        shown.field("state", &self.node.core().state());
        if let Some(waits) = self.waits_in_words() {
            shown.field("waits_for", &waits);
        }
        shown.finish_non_exhaustive()
    }
}

/// A done callback. The node is set when it is done, so that a registered callback does not keep its node alive.
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

/// A cloneable handle on a task without the type of its value: the methods of [`AnyFuture`], and those that only tasks
/// have.
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
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TaskHandle {
    any: AnyFuture,
}

impl TaskHandle {
    /// A handle on the node; `None` if it is not a task.
    pub(crate) fn new(node: NodeRef) -> Option<Self> {
        matches!(node.kind(), Kind::Task(_)).then(|| Self::of_task(node))
    }

    /// A handle on a node that is known to be a task.
    pub(crate) fn of_task(node: NodeRef) -> Self {
        Self { any: AnyFuture::new(node) }
    }

    pub(crate) fn state(&self) -> &TaskState {
        match self.any.node.kind() {
            Kind::Task(state) => state,
            Kind::Plain | Kind::Gathering(_) => unreachable!("a task handle is on a task"),
        }
    }

    /// This handle as an [`AnyFuture`].
    pub fn as_any(&self) -> &AnyFuture {
        &self.any
    }

    /// The number of the task: unique on its loop, counted from 1 in order of creation.
    pub fn id(&self) -> u64 {
        self.state().id()
    }

    /// The name of the task; `Task-` and its number by default.
    pub fn name(&self) -> String {
        self.state().name()
    }

    /// Sets the name of the task.
    pub fn set_name(&self, name: &str) {
        self.state().set_name(name);
    }

    /// Where the task was created.
    pub fn created_at(&self) -> &'static Location<'static> {
        self.state().created()
    }

    /// The context in which the task runs: asyncio's `get_context()`. `None` once the task has ended, which lets its
    /// context go; a context that was asked for before can still be looked at.
    ///
    /// One case differs from asyncio. An eager task may begin in the middle of a step of this one, and ask for its
    /// context. If this task has neither inherited nor set a value so far, what it gets is an empty context, which does
    /// not become this task's.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{ContextVar, create_task, run};
    ///
    /// static REQUEST: ContextVar<u32> = ContextVar::new("request");
    ///
    /// run(async {
    ///     let task = create_task(async { REQUEST.set(7) });
    ///     let ctx = task.get_context().expect("it has not ended");
    ///     task.await;
    ///     assert_eq!(ctx.get(&REQUEST), Some(7));
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn get_context(&self) -> Option<Context> {
        if self.any.done() {
            return None;
        }
        Some(self.state().context().unwrap_or_else(|| self.context_made_now()))
    }

    /// The context of a task whose context was an empty one, of which there was no value yet.
    fn context_made_now(&self) -> Context {
        let kernel = self.any.node.core().kernel();
        if current::is_in(kernel) && kernel.running_task().current().is_some_and(|task| same(&*task, &*self.any.node)) {
            return current::writable_context();
        }
        let context = Context::new();
        if !self.state().stage_in_use().get() {
            current::note_context_use();
            drop(self.state().set_context(Some(context.clone())));
        }
        context
    }

    /// The number of cancellations that were requested and not taken back: asyncio's `cancelling()`.
    pub fn cancelling(&self) -> u32 {
        self.state().cancelling()
    }

    /// Takes back one request for cancellation and returns the number of those that remain: asyncio's `uncancel()`, for
    /// code that has caught a cancellation and goes on. At zero, a cancellation that was not delivered yet is dropped.
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

/// The running task: asyncio's `current_task()`. `None` in a callback and outside a loop.
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
///     assert_eq!(all_tasks().len(), 2); // the main task and the new one
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

/// The pending tasks of a loop in order of creation, including the hidden tasks of the crate itself.
pub(crate) fn tasks_of(kernel: &Loop) -> Vec<TaskHandle> {
    let mut tasks = Vec::new();
    for node in kernel.tasks() {
        tasks.extend(TaskHandle::new(node).filter(|task| !task.done()));
    }
    in_order(tasks, TaskHandle::id)
}
