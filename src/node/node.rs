//! What a task, a future and a gathering have in common: asyncio's `Future` as the loop sees it. Owns the state of a
//! node, who watches it, and the kernel it belongs to; must not know how any kind of node gets its value.

use std::any::Any;
use std::cell::Cell;
use std::io::Write as _;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use super::pointer::NodeRef;
use super::task_state::{Request, TaskState};
use super::watchers::Watchers;
use crate::base::TaskKey;
use crate::error::{Cancelled, Exception, ExceptionContext, Panic, TaskError};
use crate::kernel::Kernel;

/// A kernel whose tasks are nodes: every loop of this crate.
pub(crate) type Loop = Kernel<NodeRef>;

/// `Pending` → one of the others, once and for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    /// It has a value, or had one that was taken.
    Finished,
    Cancelled,
    Panicked,
}

/// What is kept of an ending without a value.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    Cancelled(Cancelled),
    Panicked(Panic),
}

impl Ending {
    fn state(&self) -> State {
        match self {
            Self::Cancelled(_) => State::Cancelled,
            Self::Panicked(_) => State::Panicked,
        }
    }
}

impl From<Ending> for TaskError {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Cancelled(cancelled) => cancelled.into(),
            Ending::Panicked(panic) => panic.into(),
        }
    }
}

/// What a cancellation has to know of a node.
pub(crate) enum Kind<'a> {
    /// A future that others settle: cancelling settles it.
    Plain,
    /// A coroutine: cancelling throws into it, or into what it awaits.
    Task(&'a TaskState),
    /// A gathering: cancelling cancels its children.
    Group(&'a dyn Group),
}

/// The children of a gathering.
pub(crate) trait Group {
    fn children(&self) -> Vec<NodeRef>;
    /// A child took the cancellation: the gathering will end cancelled, whatever the children make of it.
    fn set_cancel_requested(&self, message: Option<Arc<str>>);
}

/// Anything that is pending and then done.
pub(crate) trait Node {
    fn core(&self) -> &Core;
    fn kind(&self) -> Kind<'_>;
    /// The last handle is gone: nobody will ask for the value any more.
    fn orphaned(&self);
    /// It was cancelled although what it waits for goes on.
    fn given_up(&self) {}
    /// Takes one step; `me` is this node. Tasks alone are queued to do so.
    fn step(&self, _me: &NodeRef) {}
    /// The loop closes: drop what would run.
    fn abandon(&self) {}
}

/// A node, or a view of one, with a value of a known type.
pub(crate) trait Promise<T>: Node {
    /// Moves the value out of a finished node; `None` if that has happened before.
    fn take(&self) -> Option<T>;
    /// Shows the value of a finished node to `look`, if it is still there.
    fn peek(&self, look: &mut dyn FnMut(&T));
    /// The promise has gone into another node: make the value as soon as there is one, not when it is taken.
    fn fix(&self) {}
}

/// The part of a node that every kind has.
pub(crate) struct Core {
    kernel: Rc<Loop>,
    /// Emptied when the core is dropped, and so not dropped once more.
    watchers: ManuallyDrop<Watchers>,
    ending: Cell<Option<Box<Ending>>>,
    /// Handles that users hold, which can await, settle or cancel the node.
    handles: Cell<u32>,
    state: Cell<State>,
    /// Whether somebody has seen how it ended, so that a panic is not reported again.
    retrieved: Cell<bool>,
    /// Whether the value was moved out, so that there is nothing left for the last handle to drop.
    taken: Cell<bool>,
    /// Set while a cancellation goes through this node's children, so that a cycle is noticed.
    visiting: Cell<bool>,
}

impl Core {
    /// A pending node with one handle.
    pub(crate) fn new(kernel: Rc<Loop>) -> Self {
        Self {
            kernel,
            watchers: ManuallyDrop::default(),
            ending: Cell::new(None),
            handles: Cell::new(1),
            state: Cell::new(State::Pending),
            retrieved: Cell::new(false),
            taken: Cell::new(false),
            visiting: Cell::new(false),
        }
    }

    pub(crate) fn kernel(&self) -> &Rc<Loop> {
        &self.kernel
    }

    pub(crate) fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    pub(crate) fn state(&self) -> State {
        self.state.get()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state.get() != State::Pending
    }

    pub(crate) fn visiting(&self) -> &Cell<bool> {
        &self.visiting
    }

    /// How it ended, if it ended without a value.
    pub(crate) fn ending(&self) -> Option<Ending> {
        if self.state.get() == State::Finished {
            return None;
        }
        let ending = self.ending.take();
        let copy = ending.as_deref().cloned();
        self.ending.set(ending);
        copy
    }

    /// The value was moved out for good.
    pub(crate) fn set_taken(&self) {
        self.taken.set(true);
    }

    /// Somebody has seen how it ended.
    pub(crate) fn set_retrieved(&self) {
        self.retrieved.set(true);
    }

    pub(crate) fn was_retrieved(&self) -> bool {
        self.retrieved.get()
    }

    pub(crate) fn has_handles(&self) -> bool {
        self.handles.get() > 0
    }

    /// Ends the node with a value, which its owner has stored before, and tells its watchers in the order in which
    /// they came.
    pub(crate) fn finish(&self, me: impl Fn() -> NodeRef) {
        debug_assert!(!self.is_done(), "a node ends once");
        self.state.set(State::Finished);
        self.watchers.notify(self, me);
    }

    /// Ends the node without a value.
    pub(crate) fn end(&self, ending: Ending, me: impl Fn() -> NodeRef) {
        debug_assert!(!self.is_done(), "a node ends once");
        self.state.set(ending.state());
        self.ending.set(Some(Box::new(ending)));
        self.watchers.notify(self, me);
    }

    /// Takes an ending back that nobody was told of: the rules by which it was reached have changed.
    pub(crate) fn reopen(&self) {
        self.state.set(State::Pending);
        self.ending.set(None);
    }

    /// Ends the node for good while its loop closes: nobody is told.
    pub(crate) fn end_silently(&self) {
        if !self.is_done() {
            self.state.set(State::Cancelled);
            self.ending.set(Some(Box::new(Ending::Cancelled(Cancelled::default()))));
        }
        self.forget_watchers();
    }

    /// Nobody will be told of the end: there will be none.
    pub(crate) fn forget_watchers(&self) {
        self.watchers.clear(&self.kernel);
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if !self.watchers.is_empty() {
            self.forget_watchers();
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Whether the wait of a task was ended by a cancellation that its next step will deliver.
pub(crate) fn is_interrupted(kernel: &Loop, key: TaskKey) -> bool {
    kernel.task(key).is_some_and(|task| match task.kind() {
        Kind::Task(suspension) => suspension.request() == Request::Interrupted,
        Kind::Plain | Kind::Group(_) => false,
    })
}

/// One more handle on the node with this core.
pub(crate) fn retain(core: &Core) {
    core.handles.set(core.handles.get() + 1);
}

/// One handle less. With the last one goes what only handles can reach; a panic that nobody saw is reported.
pub(crate) fn release(node: &(impl Node + ?Sized)) {
    let core = node.core();
    core.handles.set(core.handles.get() - 1);
    if core.handles.get() == 0 && !core.taken.get() {
        report_unretrieved(core, &node.kind());
        node.orphaned();
    }
}

/// Drops something that may hold the last handle on something that holds the last handle on something ...: one after
/// another, however deep they are nested.
pub(crate) fn drop_flat(kernel: &Loop, thing: Box<dyn Any>) {
    kernel.bury(thing);
    let mut panicked = None;
    if let Some(_digging) = kernel.start_digging() {
        while let Some(thing) = kernel.unbury() {
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(thing)));
            panicked = panicked.or(dropped.err().map(Panic::new));
        }
    }
    // what is left to drop has been; the panic goes on where it would have
    if let Some(panic) = panicked {
        panic.resume();
    }
}

/// Lends a value to code of a user, out of its place, so that it meets no borrow; it is put back even if that panics.
pub(crate) fn lend<T, R>(place: &Cell<Option<T>>, f: impl FnOnce(&T) -> R) -> Option<R> {
    let lent = Lent { value: place.take(), place };
    lent.value.as_ref().map(f)
}

struct Lent<'a, T> {
    value: Option<T>,
    place: &'a Cell<Option<T>>,
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.place.set(Some(value));
        }
    }
}

/// Tells the exception handler of a panic that nobody can see any more.
#[inline]
pub(crate) fn report_unretrieved(core: &Core, kind: &Kind<'_>) {
    if core.state() == State::Panicked && !core.retrieved.replace(true) {
        report_ending(core, kind);
    }
}

#[cold]
fn report_ending(core: &Core, kind: &Kind<'_>) {
    let Some(Ending::Panicked(exception)) = core.ending() else { return };
    let exception = exception.into();
    let (message, task, created) = match kind {
        Kind::Task(s) => ("Task exception was never retrieved", Some(s.name()), Some(s.created())),
        _ => ("Future exception was never retrieved", None, None),
    };
    call_exception_handler(&core.kernel, &ExceptionContext { message, exception, task, created });
}

/// Tells the loop's exception handler, or standard error if there is none or if it panics itself.
pub(crate) fn call_exception_handler(kernel: &Loop, context: &ExceptionContext) {
    let handled =
        kernel.handler().map(|handler| catch_unwind(AssertUnwindSafe(|| handler(context))).map_err(Panic::new));
    if !matches!(handled, Some(Ok(()))) {
        // a closed standard error is no reason to fail
        let _ = writeln!(std::io::stderr(), "oneloop: {context}");
    }
}

/// Runs code of a user that must not take the loop with it: a panic is reported.
pub(crate) fn guarded(kernel: &Loop, message: &'static str, f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        report_panic(kernel, message, payload);
    }
}

/// Reports a caught panic that belongs to no task.
pub(crate) fn report_panic(kernel: &Loop, message: &'static str, payload: Box<dyn Any + Send>) {
    report(kernel, message, Panic::new(payload).into());
}

/// Reports what belongs to no task.
pub(crate) fn report(kernel: &Loop, message: &'static str, exception: Exception) {
    call_exception_handler(kernel, &ExceptionContext { message, exception, task: None, created: None });
}

/// How a node with a value of type `T` ended. Counts as having seen it.
pub(crate) fn outcome<T>(promise: &dyn Promise<T>) -> Result<T, TaskError> {
    let core = promise.core();
    if core.state() == State::Pending {
        return Err(TaskError::NotDone);
    }
    core.set_retrieved();
    match core.ending() {
        None => promise.take().ok_or(TaskError::Taken),
        Some(ending) => Err(ending.into()),
    }
}
