//! How a cancellation travels: from a task to what it awaits, from a gathering to its children, as asyncio's
//! `_fut_waiter` hands it on. Owns that walk; must not know coroutines or the primitives.
//!
//! The walk is a loop with a stack of its own, so that neither a chain of a million tasks nor gatherings nested a
//! hundred thousand deep can overflow the thread's.

use std::sync::Arc;

use crate::error::Cancelled;
use crate::node::{Ending, Kind, Node, NodeRef, Request, TaskState};

type Message = Option<Arc<str>>;

/// A gathering whose children are being asked one after another. It is marked until the last has been.
struct Frame {
    gathering: NodeRef,
    /// The task that awaits the gathering and handed the cancellation on to it.
    awaiter: Option<NodeRef>,
    children: std::vec::IntoIter<NodeRef>,
    /// Whether a child took the cancellation.
    taken: bool,
}

/// Where following a chain of awaits ended.
enum Followed {
    /// The cancellation was taken, or refused because the node was done.
    Answer(bool),
    /// At a gathering.
    Gathering(Frame),
}

/// Asks a node to be cancelled: asyncio's `cancel()`. False if it was done already, or, for a gathering, if all its
/// children were.
pub(crate) fn cancel(node: &NodeRef, message: &Message) -> bool {
    let mut stack = match follow(node.clone(), message) {
        Followed::Answer(taken) => return taken,
        Followed::Gathering(frame) => vec![frame],
    };
    loop {
        let top = stack.last_mut().expect("a frame is open until the walk answers");
        let answer = match top.children.next() {
            Some(child) => match follow(child, message) {
                Followed::Answer(taken) => taken,
                Followed::Gathering(frame) => {
                    stack.push(frame);
                    continue;
                }
            },
            None => stack.pop().expect("it was there a moment ago").close(message),
        };
        match stack.last_mut() {
            Some(parent) => parent.taken |= answer,
            None => return answer,
        }
    }
}

/// Follows a chain of tasks that await each other to its end.
fn follow(mut node: NodeRef, message: &Message) -> Followed {
    let mut path = Path::default();
    let mut awaiter: Option<NodeRef> = None;
    loop {
        if node.core().is_done() {
            let Some(task) = awaiter else {
                // asyncio's rule: who asks this of what has failed needs no report of it
                node.core().set_retrieved();
                return Followed::Answer(false);
            };
            return Followed::Answer(ask_without_queueing(&*task, message));
        }
        if node.core().visiting().get() {
            // a cycle: none of its tasks would ever see the cancellation, so the one that closes it does
            return Followed::Answer(awaiter.is_some_and(|task| interrupt(&*task, message)));
        }
        let next = match node.kind() {
            Kind::Plain => {
                node.core().end(Ending::Cancelled(Cancelled::new(message.clone())), || node.clone());
                node.given_up();
                return Followed::Answer(true);
            }
            Kind::Group(group) => {
                let children = group.children();
                return Followed::Gathering(Frame::open(node.clone(), awaiter, children));
            }
            Kind::Task(suspension) => {
                suspension.count_cancel();
                let Some(next) = go_on(&*node, suspension, message) else { return Followed::Answer(true) };
                suspension.hand_on(next.clone(), message.clone());
                next
            }
        };
        path.visit(&node);
        awaiter = Some(std::mem::replace(&mut node, next));
    }
}

/// The tasks of a chain that were passed, marked until its end is found.
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

/// Where a cancellation goes on from a task; `None` if it ends there, kept for the next step or ending the wait.
fn go_on(task: &dyn Node, suspension: &TaskState, message: &Message) -> Option<NodeRef> {
    let kernel = task.core().kernel();
    if suspension.running().get() || kernel.is_queued(suspension.key()) {
        suspension.ask(Request::Asked, message.clone());
        return None;
    }
    let awaited = suspension.waits_for_one();
    if awaited.is_none() {
        interrupt(task, message);
    }
    awaited
}

impl Frame {
    fn open(gathering: NodeRef, awaiter: Option<NodeRef>, children: Vec<NodeRef>) -> Self {
        gathering.core().visiting().set(true);
        Self { gathering, awaiter, children: children.into_iter(), taken: false }
    }

    /// All children were asked: what that means for the gathering, and for who awaits it.
    fn close(self, message: &Message) -> bool {
        if let (Kind::Group(group), true) = (self.gathering.kind(), self.taken) {
            group.set_cancel_requested(message.clone());
        }
        self.taken || self.awaiter.as_deref().is_some_and(|task| ask_without_queueing(task, message))
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.gathering.core().visiting().set(false);
    }
}

/// What the task awaits is done, or as good as done, and wakes it by itself: the cancellation is delivered then.
fn ask_without_queueing(task: &dyn Node, message: &Message) -> bool {
    if let Kind::Task(suspension) = task.kind() {
        suspension.ask(Request::Asked, message.clone());
    }
    true
}

/// Ends the wait of a task.
fn interrupt(task: &dyn Node, message: &Message) -> bool {
    if let Kind::Task(suspension) = task.kind() {
        suspension.ask(Request::Interrupted, message.clone());
        task.core().kernel().wake(suspension.key());
    }
    true
}

/// A task answered `Pending` although a cancellation of it was asked for while it ran: hand it on to what it awaits
/// now, or end that wait. One that is queued to run again takes it then.
pub(crate) fn deliver_to_wait(task: &NodeRef) {
    let Kind::Task(suspension) = task.kind() else { return };
    if suspension.request() == Request::None || task.core().kernel().is_queued(suspension.key()) {
        return;
    }
    let (_, message) = suspension.take_request();
    let taken = suspension.waits_for_one().is_some_and(|node| cancel(&node, &message));
    if !taken {
        interrupt(&**task, &message);
    }
}

/// A task that handed a cancellation on has taken a step and answered `Pending`. If it does not wait for that node any
/// more and has not met its end either, it had given it up before without dropping it, as a `select` over `&mut task`
/// does: the cancellation was the task's own after all.
pub(crate) fn take_back_if_given_up(task: &NodeRef) {
    let Kind::Task(suspension) = task.kind() else { return };
    let Some((node, message)) = suspension.take_handed_on() else { return };
    if node.core().was_retrieved() {
        return;
    }
    if !node.core().is_done() && suspension.waits_for_nodes().contains(&node) {
        suspension.hand_on(node, message);
    } else {
        interrupt(&**task, &message);
    }
}
