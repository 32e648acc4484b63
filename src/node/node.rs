//! The node itself: the trait of its kinds, and the part that all of them have. Owns the state of a node, and tells its
//! watchers; must not know how any kind of node gets its value.
//!
//! A **node** is pending and then done, once and for all. Tasks, futures, gatherings and shields are nodes. While it is
//! pending, watchers are registered with it: a task that awaits it, a callback, a primitive that counts its children.
//! When it ends, its watchers are told, in order, and each queues what it has to do.

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
use crate::kernel::{ChildTurn, Kernel, Leaf, Run};

/// A counted pointer to any node.
pub(crate) type NodeRef = PooledRc<dyn Node>;

/// A counted pointer to a node with a value, or to a view of one.
pub(crate) type PromiseRef<T> = PooledRc<dyn Promise<T>>;

/// A kernel whose tasks are nodes, as in every loop of this crate. (The kernel itself leaves open what a task is.)
pub(crate) type Loop = Kernel<NodeRef>;

/// The state of a task that waits for nodes, as every task of this crate does.
pub(crate) type TaskState = task_state::TaskState<NodeRef>;

/// The kind of a node, which decides what a cancellation does.
pub(crate) enum Kind<'a> {
    /// A future or a shield: a cancellation ends it.
    Plain,
    /// A task: a cancellation goes to what it awaits, or is thrown in its next step.
    Task(&'a TaskState),
    /// A gathering: a cancellation goes to its children.
    Gathering(&'a dyn Parent),
}

/// What has children to which a cancellation goes: a gathering.
pub(crate) trait Parent {
    fn children(&self) -> Vec<NodeRef>;
    /// A child has accepted the cancellation. So the gathering will end as cancelled, even if the child does not.
    fn set_cancel_requested(&self, message: Option<Arc<str>>);
}

/// A node: see the head of this file. Invariant: **the destructor of a node does not unwind**, since the last pointer
/// to it may go in the middle of anything. What it holds for the program is dropped by `drop_flat`.
pub(crate) trait Node: Typed {
    fn core(&self) -> &Core;
    fn kind(&self) -> Kind<'_>;
    /// Whether a wait for the first exception takes this node, which has ended cancelled, for one that failed.
    /// asyncio's `cancelled()` of a gathering is always false, and its `exception()` is a `CancelledError`.
    fn cancelled_counts_as_failed(&self) -> bool {
        matches!(self.kind(), Kind::Gathering(_))
    }
    /// Called when the last handle was dropped, so that the value cannot be reached any more.
    fn orphaned(&self);
    /// Called when a cancellation has ended a `Plain` node, while what the node waits for goes on.
    fn given_up(&self) {}
    /// Takes one step. `me` points to `self`. Only tasks are queued, so only they are stepped.
    fn step(&self, _me: &NodeRef) {}
    /// Called when the loop closes. A task drops its coroutine.
    fn abandon(&self) {}
    /// The node that this is a view of, if it is a view.
    fn viewed(&self) -> Option<NodeRef> {
        None
    }
    /// What a shield is around, until that has ended.
    fn shielded(&self) -> Option<NodeRef> {
        None
    }
    /// Whether its value may have parts.
    fn has_parts(&self) -> bool {
        false
    }
    /// The finished nodes with parts of their own of whose values its value is made, as long as it has not been made:
    /// see `make_parts`.
    fn parts(&self, _found: &mut dyn FnMut(NodeRef)) {}
    /// Makes the value, so that to take it or to look at it recurses no deeper than to its own parts.
    fn make(&self) {}
}

/// A node, or a view of one, with a value of a known type.
pub(crate) trait Promise<T>: Node {
    /// Moves the value out of a finished node. `None` if it was moved out before.
    fn take(&self) -> Option<T>;
    /// Shows the value of a finished node to `look`, if it is still there.
    fn peek(&self, look: &mut dyn FnMut(&T));
}

/// A primitive that counts its children as they end, such as a gathering or a wait.
pub(crate) trait Watch: ChildTurn {
    /// Called when the child with this index is done. Where asyncio would run a callback, this returns the number with
    /// which its entry is queued; `None` if it has nothing to do. The child is still telling its watchers, so this must
    /// run no code of a user.
    fn child_done(&self, index: u32, child: &Core) -> Option<u32>;

    /// The place of this watcher among the watchers of a child, if it is not that of its registration: see [`Ranked`].
    /// asyncio registers anew for each wait, at the end; a watcher that keeps its registration moves its rank instead.
    fn rank(&self) -> Option<u64> {
        None
    }

    /// The task that waits for the children by this, for the call graph.
    fn waiter(&self) -> Option<TaskKey> {
        None
    }

    /// If this watches a future that the crate settles: what that stands for, for the call graph.
    fn stands_for(&self) -> Option<Leaf> {
        None
    }
}

/// A counted pointer to a primitive that counts its children.
pub(crate) type WatchRef = PooledRc<dyn Watch>;

/// A callback that receives the node when it is done.
pub(crate) trait DoneCallback: Run {
    fn set_node(&self, node: NodeRef);
}

/// What is told when a node is done.
pub(crate) enum Watcher {
    /// Wakes what awaits the node.
    Wake(WakeTarget),
    /// Queues a callback.
    Done(PooledRc<dyn DoneCallback>),
    /// Lets a primitive count. It knows the node by this index.
    Watch(WatchRef, u32),
}

impl Watcher {
    #[expect(clippy::inline_always, reason = "a watcher that is passed on costs the end of a node a tenth; measured")]
    #[inline(always)]
    fn tell(self, core: &Core, me: &dyn Fn() -> NodeRef) {
        match self {
            Self::Wake(target) => wake(core.kernel(), target),
            Self::Done(callback) => queue_callback(core, callback, me),
            Self::Watch(watch, index) => count_child(core, watch, index),
        }
    }

    /// Changes the index by which a primitive knows the node.
    pub(crate) fn renumber(&mut self, to: u32) {
        if let Self::Watch(_, index) = self {
            *index = to;
        }
    }
}

// Each of the next two is a function of its own, to which `tell` goes on by a jump: so none pays for the registers of
// another.

#[inline(never)]
fn count_child(core: &Core, watch: WatchRef, index: u32) {
    if let Some(number) = watch.child_done(index, core) {
        queue_turn(core, watch, number);
    }
}

#[inline(never)] // as above: most children decide nothing
fn queue_turn(core: &Core, watch: WatchRef, number: u32) {
    core.kernel().push_child_turn(watch.into_turn(), number);
}

#[inline(never)]
fn queue_callback(core: &Core, callback: PooledRc<dyn DoneCallback>, me: &dyn Fn() -> NodeRef) {
    callback.set_node(me());
    core.kernel().push_run(unsize!(callback => dyn Run));
}

impl Ranked for Watcher {
    fn rank(&self) -> Option<u64> {
        match self {
            Self::Watch(watch, _) => watch.rank(),
            Self::Wake(_) | Self::Done(_) => None,
        }
    }
}

/// What every kind of node has.
pub(crate) struct Core {
    kernel: Rc<Loop>,
    // The next two are not dropped as fields: the destructor of `Core` takes the watchers out, to drop them without
    // recursion; and of most nodes both are empty, which one look tells.
    watchers: ManuallyDrop<Watchers<Watcher>>,
    /// `Some` if the node has panicked, or was cancelled with a message: of most cancellations the state tells all.
    ending: ManuallyDrop<Cell<Option<Box<Ending>>>>,
    /// The number of handles that users hold. A handle can await, settle or cancel the node.
    handles: Cell<u32>,
    state: Cell<State>,
    /// Whether the program has seen how the node ended. If not, a panic is reported when the last handle is dropped.
    retrieved: Cell<bool>,
    /// Whether the value was moved out. Then the last handle has nothing to drop.
    taken: Cell<bool>,
    /// True while a cancellation goes on from this node, so that the walk notices a cycle.
    visiting: Cell<bool>,
}

impl Core {
    /// A pending node with one handle.
    pub(crate) fn new(kernel: Rc<Loop>) -> Self {
        Self {
            kernel,
            watchers: ManuallyDrop::default(),
            ending: ManuallyDrop::default(),
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

    /// How the node ended, if it ended without a value.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match self.state.get() {
            State::Pending | State::Finished => None,
            State::Cancelled | State::Panicked => {
                let ending = self.ending.take();
                let copy = ending.as_deref().cloned();
                self.ending.set(ending);
                copy.or_else(|| Some(Ending::Cancelled(Cancelled::default())))
            }
        }
    }

    /// The value was moved out.
    pub(crate) fn set_taken(&self) {
        self.taken.set(true);
    }

    /// Notes that the program has seen how the node ended, and returns whether it had seen that before.
    pub(crate) fn set_retrieved(&self) -> bool {
        self.retrieved.replace(true)
    }

    pub(crate) fn was_retrieved(&self) -> bool {
        self.retrieved.get()
    }

    pub(crate) fn has_handles(&self) -> bool {
        self.handles.get() > 0
    }

    /// Ends the node with a value, and tells its watchers. The caller has stored the value before.
    pub(crate) fn finish(&self, me: impl Fn() -> NodeRef) {
        debug_assert!(!self.is_done(), "a node ends once");
        self.state.set(State::Finished);
        self.tell_watchers(&me);
    }

    /// Whether a watcher is registered.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        !self.watchers.is_empty()
    }

    /// As `finish`, for a node that is not watched.
    #[inline]
    pub(crate) fn finish_unwatched(&self) {
        debug_assert!(!self.is_done() && !self.is_watched(), "a node ends once, and tells all its watchers");
        self.state.set(State::Finished);
    }

    /// Ends the node without a value, and tells its watchers.
    pub(crate) fn end(&self, ending: Ending, me: impl Fn() -> NodeRef) {
        debug_assert!(!self.is_done(), "a node ends once");
        self.state.set(ending.state());
        if ending.has_more_than_its_state() {
            self.ending.set(Some(Box::new(ending)));
        }
        self.tell_watchers(&me);
    }

    #[inline]
    fn tell_watchers(&self, me: &dyn Fn() -> NodeRef) {
        if !self.watchers.is_empty() {
            self.tell_all(me);
        }
    }

    #[inline(never)] // once for all kinds of node
    fn tell_all(&self, me: &dyn Fn() -> NodeRef) {
        match self.watchers.take_one() {
            Some(watcher) => watcher.tell(self, me),
            None => self.tell_several(me),
        }
    }

    #[cold]
    fn tell_several(&self, me: &dyn Fn() -> NodeRef) {
        self.watchers.drain(|watcher| watcher.tell(self, me));
    }

    /// Takes an ending back. No watcher may have been told of it. A gathering does so when its options change the rules
    /// by which it has ended.
    pub(crate) fn reopen(&self) {
        self.state.set(State::Pending);
        self.ending.set(None);
    }

    /// Ends the node because its loop closes. No watcher is told.
    pub(crate) fn end_silently(&self) {
        if !self.is_done() {
            self.state.set(State::Cancelled);
        }
        self.forget_watchers();
    }

    /// Drops the watchers, as there is nothing to tell them any more. A watcher may hold the last pointer to a node
    /// that has watchers too, and so on; and a callback may hold anything.
    pub(crate) fn forget_watchers(&self) {
        self.watchers.drain(|watcher| drop_flat(&self.kernel, Box::new(watcher)));
    }

    #[cold]
    fn drop_watchers_and_ending(&self) {
        self.forget_watchers();
        drop(self.ending.take());
    }

    pub(crate) fn add_handle(&self) {
        self.handles.set(self.handles.get() + 1);
    }

    /// Counts a handle less. Returns whether it was the last one and the node may have a value left to drop.
    #[inline]
    pub(crate) fn drop_handle(&self) -> bool {
        self.handles.set(self.handles.get() - 1);
        self.handles.get() == 0 && !self.taken.get()
    }
}

impl Drop for Core {
    #[inline]
    fn drop(&mut self) {
        if !self.watchers.is_empty() | self.ending.get_mut().is_some() {
            self.drop_watchers_and_ending();
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Equal if both point to the same node.
impl PartialEq for NodeRef {
    fn eq(&self, other: &Self) -> bool {
        same(&**self, &**other)
    }
}

/// Whether both are the same node, or views of it.
pub(crate) fn same(one: &dyn Node, other: &dyn Node) -> bool {
    std::ptr::eq(one.core(), other.core())
}

/// Whether a cancellation has ended the wait of a task. Its next step will deliver the cancellation.
pub(crate) fn is_interrupted(kernel: &Loop, key: TaskKey) -> bool {
    kernel.task(key).is_some_and(|task| match task.kind() {
        Kind::Task(state) => state.is_interrupted(),
        Kind::Plain | Kind::Gathering(_) => false,
    })
}
