//! What a task, a future and a gathering have in common: asyncio's `Future` as the loop sees it. Owns the state of a
//! node, its watchers, and the way to its kernel; must not know how any kind of node gets its value.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;

use super::drop_flat::drop_flat;
use super::ending::{Ending, State};
use super::report::wake;
use super::task_state;
use super::watchers::{Ranked, Watchers};
use crate::base::{PooledRc, TaskKey, Typed, WakeTarget, unsize};
use crate::error::Cancelled;
use crate::kernel::{ChildTurn, Kernel, Run};

/// A counted pointer to any node.
pub(crate) type NodeRef = PooledRc<dyn Node>;

/// A counted pointer to a node with a value, or to a view of one.
pub(crate) type PromiseRef<T> = PooledRc<dyn Promise<T>>;

/// A kernel whose tasks are nodes: every loop of this crate.
pub(crate) type Loop = Kernel<NodeRef>;

/// The state of a task whose awaits are nodes: every task of this crate.
pub(crate) type TaskState = task_state::TaskState<NodeRef>;

/// What such a task waits for.
pub(crate) type Waits = task_state::Waits<NodeRef>;

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
pub(crate) trait Node: Typed {
    fn core(&self) -> &Core;
    fn kind(&self) -> Kind<'_>;
    /// The last handle is gone, and with it the last way to the value.
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

/// A primitive that counts its children as they end.
pub(crate) trait Watch: ChildTurn {
    /// The child known under `index` is done. Called in the middle of the child's ending, so it runs no code of a user: it
    /// queues a turn of its own where asyncio would run a callback. `me` points to this very value.
    fn child_done(&self, me: &WatchRef, index: u32, child: &Core);

    /// Where to stand among the watchers of a child, if not where it was registered: a watcher that keeps its
    /// registration while asyncio would register anew stands where the new one would.
    fn rank(&self) -> Option<u64> {
        None
    }
}

/// A counted pointer to a primitive that counts its children.
pub(crate) type WatchRef = PooledRc<dyn Watch>;

/// A callback that is handed the node when it is done.
pub(crate) trait DoneCallback: Run {
    fn set_node(&self, node: NodeRef);
}

/// What is told when a node is done.
pub(crate) enum Watcher {
    /// What awaits the node is woken.
    Wake(WakeTarget),
    /// A callback takes its turn.
    Done(PooledRc<dyn DoneCallback>),
    /// A primitive counts.
    Watch(WatchRef, u32),
}

impl Watcher {
    #[inline]
    fn tell(self, core: &Core, me: &impl Fn() -> NodeRef) {
        match self {
            Self::Wake(target) => wake(core.kernel(), target),
            Self::Done(callback) => {
                callback.set_node(me());
                core.kernel().push_run(unsize!(callback => dyn Run));
            }
            Self::Watch(watch, index) => watch.child_done(&watch, index, core),
        }
    }

    /// A primitive that counts knows the node under another index now.
    pub(crate) fn renumber(&mut self, to: u32) {
        if let Self::Watch(_, index) = self {
            *index = to;
        }
    }
}

impl Ranked for Watcher {
    fn rank(&self) -> Option<u64> {
        match self {
            Self::Watch(watch, _) => watch.rank(),
            Self::Wake(_) | Self::Done(_) => None,
        }
    }
}

/// The part of a node that every kind has.
pub(crate) struct Core {
    kernel: Rc<Loop>,
    /// Emptied when the core is dropped, and so not dropped once more.
    watchers: ManuallyDrop<Watchers<Watcher>>,
    ending: Cell<Option<Box<Ending>>>,
    /// Handles that users hold, which can await, settle or cancel the node.
    handles: Cell<u32>,
    state: Cell<State>,
    /// Whether the program has seen how it ended, so that a panic is not reported again.
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

    pub(crate) fn watchers(&self) -> &Watchers<Watcher> {
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

    /// Its ending was seen by the program, so that a panic is not reported again. Returns whether it was seen before.
    pub(crate) fn set_retrieved(&self) -> bool {
        self.retrieved.replace(true)
    }

    pub(crate) fn was_retrieved(&self) -> bool {
        self.retrieved.get()
    }

    pub(crate) fn has_handles(&self) -> bool {
        self.handles.get() > 0
    }

    /// Ends the node with a value, which its owner has stored before, and tells its watchers in order.
    pub(crate) fn finish(&self, me: impl Fn() -> NodeRef) {
        debug_assert!(!self.is_done(), "a node ends once");
        self.state.set(State::Finished);
        self.watchers.drain(|watcher| watcher.tell(self, &me));
    }

    /// Ends the node without a value.
    pub(crate) fn end(&self, ending: Ending, me: impl Fn() -> NodeRef) {
        debug_assert!(!self.is_done(), "a node ends once");
        self.state.set(ending.state());
        self.ending.set(Some(Box::new(ending)));
        self.watchers.drain(|watcher| watcher.tell(self, &me));
    }

    /// Takes back an ending that no watcher was told of: the rules by which it was reached have changed.
    pub(crate) fn reopen(&self) {
        self.state.set(State::Pending);
        self.ending.set(None);
    }

    /// Ends the node for good while its loop closes: no watcher is told.
    pub(crate) fn end_silently(&self) {
        if !self.is_done() {
            self.state.set(State::Cancelled);
            self.ending.set(Some(Box::new(Ending::Cancelled(Cancelled::default()))));
        }
        self.forget_watchers();
    }

    /// No watcher is told of the end: there will be none. A watcher may hold the last pointer to a node with watchers of
    /// its own, and so on upwards.
    pub(crate) fn forget_watchers(&self) {
        if let Some(watchers) = self.watchers.take() {
            drop_flat(&self.kernel, Box::new(watchers));
        }
    }

    /// A user has one more handle on the node.
    pub(crate) fn add_handle(&self) {
        self.handles.set(self.handles.get() + 1);
    }

    /// A user has one handle less. Returns whether the last one has gone and there is something left for it to drop.
    #[inline]
    pub(crate) fn drop_handle(&self) -> bool {
        self.handles.set(self.handles.get() - 1);
        self.handles.get() == 0 && !self.taken.get()
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if !self.watchers.is_empty_mut() {
            self.forget_watchers();
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Two pointers to one node.
impl PartialEq for NodeRef {
    fn eq(&self, other: &Self) -> bool {
        same(&**self, &**other)
    }
}

/// Whether two nodes, or views of nodes, are one.
pub(crate) fn same(one: &dyn Node, other: &dyn Node) -> bool {
    std::ptr::eq(one.core(), other.core())
}

/// Whether the wait of a task was ended by a cancellation that its next step will deliver.
pub(crate) fn is_interrupted(kernel: &Loop, key: TaskKey) -> bool {
    kernel.task(key).is_some_and(|task| match task.kind() {
        Kind::Task(state) => state.request() == task_state::Request::Interrupted,
        Kind::Plain | Kind::Group(_) => false,
    })
}
