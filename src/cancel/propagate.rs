//! How a cancellation travels between tasks: from a task to what it awaits, and from a gathering to its children, as
//! asyncio's `cancel()` follows `_fut_waiter`. Owns that walk; must not know coroutines or primitives.
//!
//! The walk is a loop with a stack of its own. So neither a chain of a million tasks nor a hundred thousand nested
//! gatherings overflow the stack of the thread.

use std::panic::Location;
use std::sync::Arc;

use crate::base::{TaskKey, WakeTarget};
use crate::error::Cancelled;
use crate::kernel::{Queued, SoleAwait};
use crate::node::{Core, Ending, Kind, Loop, NodeRef, Request, TaskState, Watcher};

type Message = Option<Arc<str>>;

/// How often the end of a run lets its cancellations pass through one task. It cancels every task, and each of these
/// cancellations goes down the chain of awaits below the task: so a chain costs so many walks, and not one for each of
/// its tasks.
const PASSES_AT_THE_END: u32 = 64;

/// A cancellation on its way.
struct Walk<'a> {
    message: &'a Message,
    /// A task that has handed on so many cancellations to the same node hands on no more.
    most_passes: u32,
}

/// A gathering whose children are being cancelled one after another. Until the last of them was, it is marked as
/// visiting.
struct Frame {
    gathering: NodeRef,
    /// The task that awaits the gathering, if the cancellation has come from there.
    awaiter: Option<NodeRef>,
    children: std::vec::IntoIter<NodeRef>,
    /// Whether a child has accepted the cancellation.
    accepted: bool,
}

/// How a chain of awaits ends.
enum ChainEnd {
    /// At a node that has accepted the cancellation, or has refused it because it is done.
    Node { accepted: bool },
    /// At a gathering.
    Gathering(Frame),
}

/// [`cancel`], asked for by the program, and where: its place is noted, if the loop is observed.
#[track_caller]
pub(crate) fn cancel_here(node: &NodeRef, message: &Message) -> bool {
    let notes = node.core().kernel().notes();
    if !notes.of_cancellations() {
        return cancel(node, message);
    }
    notes.set_asked_at(Some(Location::caller()));
    let accepted = cancel(node, message);
    notes.set_asked_at(None);
    accepted
}

/// Cancels a node: asyncio's `cancel()`. Returns whether the cancellation was accepted. It is refused by a node that is
/// done, and by a gathering whose children are all done.
pub(crate) fn cancel(node: &NodeRef, message: &Message) -> bool {
    begin(node, &Walk { message, most_passes: u32::MAX })
}

/// Cancels a task at the end of a run. That cancels all other tasks too, so it need not follow a long chain of awaits
/// to its end from each of them. The tasks far down the chain count fewer cancellations for it.
pub(crate) fn cancel_at_the_end(task: &NodeRef) {
    begin(task, &Walk { message: &None, most_passes: PASSES_AT_THE_END });
}

fn begin(node: &NodeRef, walk: &Walk<'_>) -> bool {
    match meet(node, None, walk) {
        Met::End { accepted } => accepted, // the usual case, for which no walk is begun
        met => go_on(node, met, walk),
    }
}

/// Follows the cancellation of a node, where it has `met` something to go on to, to all its ends.
fn go_on(node: &NodeRef, met: Met, walk: &Walk<'_>) -> bool {
    let mut stack = match follow(node.clone(), met, walk) {
        ChainEnd::Node { accepted } => return accepted,
        ChainEnd::Gathering(frame) => vec![frame],
    };
    loop {
        let top = stack.last_mut().expect("the walk ends with the last frame");
        let accepted = match top.children.next() {
            Some(child) => {
                let met = meet(&child, None, walk);
                match follow(child, met, walk) {
                    ChainEnd::Node { accepted } => accepted,
                    ChainEnd::Gathering(frame) => {
                        stack.push(frame);
                        continue;
                    }
                }
            }
            None => stack.pop().expect("it was there a moment ago").close(walk.message),
        };
        match stack.last_mut() {
            Some(parent) => parent.accepted |= accepted,
            None => return accepted,
        }
    }
}

/// Follows a chain of tasks that await each other to its end.
fn follow(mut node: NodeRef, mut met: Met, walk: &Walk<'_>) -> ChainEnd {
    let mut path = Path::default();
    let mut awaiter: Option<NodeRef> = None;
    loop {
        let next = match met {
            Met::End { accepted } => return ChainEnd::Node { accepted },
            Met::Children(children) => return ChainEnd::Gathering(Frame::open(node, awaiter, children)),
            Met::Awaited(next) => next,
        };
        path.visit(&node);
        awaiter = Some(std::mem::replace(&mut node, next));
        met = meet(&node, awaiter.as_ref(), walk);
    }
}

/// What a cancellation meets at a node.
enum Met {
    /// It ends here: the node has accepted it, or has refused it because it is done.
    End { accepted: bool },
    /// A task, which awaits this node alone: the cancellation goes there.
    Awaited(NodeRef),
    /// A gathering: it goes to the children.
    Children(Vec<NodeRef>),
}

/// A cancellation comes to a node, from the program or from the task that awaits it.
fn meet(node: &NodeRef, awaiter: Option<&NodeRef>, walk: &Walk<'_>) -> Met {
    let (core, message) = (node.core(), walk.message);
    if core.is_done() {
        return Met::End { accepted: refuse(core, awaiter, message) };
    }
    if core.visiting().get() {
        // a cycle of awaits: no task of it would ever take a step, so the task that closes it is cancelled
        if let Some(task) = awaiter {
            interrupt(task, message);
        }
        return Met::End { accepted: awaiter.is_some() };
    }
    match node.kind() {
        Kind::Plain => {
            core.end(Ending::Cancelled(Cancelled::new(message.clone())), || node.clone());
            node.given_up();
            Met::End { accepted: true }
        }
        Kind::Gathering(gathering) => Met::Children(gathering.children()),
        Kind::Task(state) => {
            core.kernel().notes().add_cancelled(node, message.as_ref());
            state.count_cancel(); // of every task on the way, as asyncio's `cancel()` counts
            let Some(next) = ask_or_follow(node, core.kernel(), state, message) else {
                return Met::End { accepted: true };
            };
            let before = state.hand_on(next.clone(), message.clone());
            if state.cancelling() > walk.most_passes && before.is_some_and(|(before, _)| before == next) {
                return Met::End { accepted: true };
            }
            Met::Awaited(next)
        }
    }
}

/// A cancellation comes to a node that is done. Returns whether the task that awaits it accepts the cancellation.
fn refuse(core: &Core, awaiter: Option<&NodeRef>, message: &Message) -> bool {
    let Some(task) = awaiter else {
        // as in asyncio: a program that cancels a failed task need not be told of the failure
        core.set_retrieved();
        return false;
    };
    ask_without_queueing(task, message);
    if let Kind::Task(state) = task.kind() {
        task.core().kernel().wake(state.key()); // the node has done so, unless its await was dropped since
    }
    true
}

/// The tasks of a chain that the walk has passed. They are marked as visiting until the end of the chain is found.
#[derive(Default)]
struct Path {
    passed: Vec<NodeRef>,
}

impl Path {
    fn visit(&mut self, node: &NodeRef) {
        node.core().visiting().set(true);
        self.passed.push(node.clone());
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        for node in &self.passed {
            node.core().visiting().set(false);
        }
    }
}

/// Cancels the task itself, or returns the node that the task waits for and to which the cancellation goes instead.
fn ask_or_follow(task: &NodeRef, kernel: &Loop, state: &TaskState, message: &Message) -> Option<NodeRef> {
    if kernel.running_task().is(state) || state.is_thrown_again() {
        state.ask(Request::Asked, message.clone());
        return None;
    }
    let awaited = sole_await(kernel, state);
    match &awaited {
        // it takes a step anyway
        None if task.queued().get() => state.ask(Request::Asked, message.clone()),
        None => interrupt_wait(kernel, state, message),
        Some(_) => {}
    }
    awaited
}

/// The node that the task awaits, if it awaits nothing else. A cancellation is handed on to this node.
///
/// A task that awaits several things, in a `select` or `join` of another crate, may have given some of them up without
/// dropping them. So no node is sure to be awaited, and such a task is cancelled itself.
fn sole_await(kernel: &Loop, state: &TaskState) -> Option<NodeRef> {
    if state.awaits().leaves() != 0 {
        return None;
    }
    let mut sole = SoleAwait::Nothing;
    let something_below = kernel.await_tree().add_to(state.root(), &mut sole);
    state.add_awaits_to(&mut sole, something_below);
    let node = sole.into_node()?;
    if node.core().is_done() {
        return Some(node);
    }
    // An await that the task has counted may go on in another task, or have been dropped from outside.
    if !something_below {
        return Some(node).filter(|node| wakes(node, state.key()));
    }
    wake_too(&node, state.key());
    Some(node)
}

/// Whether the end of a node wakes the task.
pub(super) fn wakes(node: &NodeRef, task: TaskKey) -> bool {
    node.core().watchers().any(|watcher| matches!(watcher, Watcher::Wake(WakeTarget::Task(key)) if *key == task))
}

/// Has the end of a node wake the task too, which awaits it under a waker of another crate, as far as is known. If the
/// task has given it up meanwhile, that waker does not reach it.
pub(super) fn wake_too(node: &NodeRef, task: TaskKey) {
    if !wakes(node, task) {
        let number = node.core().kernel().next_watch();
        node.core().watchers().add(number, Watcher::Wake(WakeTarget::Task(task)));
    }
}

/// Whether the task awaits the node, perhaps among others.
fn awaits(kernel: &Loop, state: &TaskState, node: &NodeRef) -> bool {
    state.nodes().contains(node) || kernel.await_tree().listed(state.root()).0.contains(node)
}

impl Frame {
    fn open(gathering: NodeRef, awaiter: Option<NodeRef>, children: Vec<NodeRef>) -> Self {
        gathering.core().visiting().set(true);
        Self { gathering, awaiter, children: children.into_iter(), accepted: false }
    }

    /// Called when all children were cancelled. Returns whether the gathering, or the task that awaits it, accepts the
    /// cancellation.
    fn close(self, message: &Message) -> bool {
        if self.accepted {
            if let Kind::Gathering(gathering) = self.gathering.kind() {
                gathering.set_cancel_requested(message.clone());
            }
            return true;
        }
        // the gathering ends without this cancellation, and its end wakes the task
        if let Some(task) = &self.awaiter {
            ask_without_queueing(task, message);
        }
        self.awaiter.is_some()
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.gathering.core().visiting().set(false);
    }
}

/// Cancels a task whose awaited node is done, or will be without this cancellation. The node wakes the task, and that
/// step delivers the cancellation.
fn ask_without_queueing(task: &NodeRef, message: &Message) {
    if let Kind::Task(state) = task.kind() {
        state.ask(Request::Asked, message.clone());
    }
}

/// Ends the wait of a task: queues it, and has its next step deliver the cancellation.
fn interrupt(task: &NodeRef, message: &Message) {
    if let Kind::Task(state) = task.kind() {
        interrupt_wait(task.core().kernel(), state, message);
    }
}

fn interrupt_wait(kernel: &Loop, state: &TaskState, message: &Message) {
    state.ask(Request::Interrupted, message.clone());
    kernel.wake(state.key());
}

/// Called when a step has ended with a wait, although a cancellation of the task was asked for during the step. Cancels
/// the node that the task waits for now, or ends the wait. If the task is queued again, its next step delivers the
/// cancellation anyway.
pub(crate) fn deliver_to_wait(task: &NodeRef) {
    let Kind::Task(state) = task.kind() else { return };
    // a throw that goes on in the next step is nothing to hand on: the catchers that it has yet to reach would miss it
    if state.request() == Request::None || state.is_thrown_again() {
        return;
    }
    // A task may be queued without a reason: combinators with wakers of their own wake it so. Then what it awaits is
    // not done.
    let awaited = sole_await(task.core().kernel(), state).filter(|node| !node.core().is_done());
    if awaited.is_none() && task.queued().get() {
        return;
    }
    let (_, message) = state.take_request();
    match awaited {
        Some(node) if cancel(&node, &message) => drop(state.hand_on(node, message)),
        _ => interrupt(task, &message),
    }
}

/// Called when a step has ended with a wait, and a cancellation of the task was handed on to a node before.
///
/// If the task still waits for that node, or has seen how the node ended, all is well. Otherwise the task had given the
/// node up before the cancellation without dropping the await, as `select` over `&mut task` does. So the cancellation
/// was not the node's but the task's own, and ends its wait.
pub(crate) fn take_back_if_given_up(task: &NodeRef) {
    let Kind::Task(state) = task.kind() else { return };
    let Some((node, message)) = state.take_handed_on() else { return };
    if node.core().was_retrieved() {
        return;
    }
    if !node.core().is_done() && awaits(task.core().kernel(), state, &node) {
        drop(state.hand_on(node, message));
    } else {
        interrupt(task, &message);
    }
}
