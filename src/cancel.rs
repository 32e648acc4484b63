//! How a cancellation travels: from a task to what it awaits, from a gathering to its children, as asyncio's
//! `_fut_waiter` hands it on. Owns that walk; must not know coroutines or the primitives.
//!
//! The walk is a loop with a stack of its own, so that neither a chain of a million tasks nor gatherings nested a
//! hundred thousand deep can overflow the thread's.

use std::sync::Arc;

use crate::error::Cancelled;
use crate::node::{Ending, Kind, Node, NodeRef, Request, Suspension, same};

type Message = Option<Arc<str>>;

/// Several nodes to cancel one after another: the children of a gathering.
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
    /// At a fork.
    Fork(Frame),
}

/// Asks a node to be cancelled: asyncio's `cancel()`. False if it was done already, or, for a gathering, if all its
/// children were.
pub(crate) fn cancel(node: &NodeRef, message: &Message) -> bool {
    let mut stack = match follow(node.clone(), message) {
        Followed::Answer(taken) => return taken,
        Followed::Fork(frame) => vec![frame],
    };
    loop {
        let top = stack.last_mut().expect("a frame is open until the walk answers");
        let answer = match top.children.next() {
            Some(child) => match follow(child, message) {
                Followed::Answer(taken) => taken,
                Followed::Fork(frame) => {
                    stack.push(frame);
                    continue;
                }
            },
            None => close(stack.pop().expect("it was there a moment ago"), message),
        };
        match (stack.last_mut(), answer) {
            (None, answer) => return answer,
            (Some(parent), answer) => parent.taken |= answer,
        }
        // the last frame's answer was given to its parent above; a childless stack has returned
    }
}

/// Follows a chain of tasks that await each other to its end.
fn follow(mut node: NodeRef, message: &Message) -> Followed {
    let mut path = Path::default();
    let mut awaiter: Option<NodeRef> = None;
    loop {
        if node.core().is_done() {
            return Followed::Answer(awaiter.is_some_and(|task| ask_without_queueing(&*task, message)));
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
                return Followed::Fork(fork(node.clone(), awaiter, children));
            }
            Kind::Task(suspension) => {
                suspension.count_cancel();
                match next_of(&*node, suspension, message) {
                    Next::Taken => return Followed::Answer(true),
                    Next::Chain(next) => {
                        suspension.hand_on(next.clone(), message.clone());
                        next
                    }
                }
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

enum Next {
    Taken,
    Chain(NodeRef),
}

/// What a cancellation does at one task: it is kept for the next step, handed on, or ends the wait.
fn next_of(task: &dyn Node, suspension: &Suspension, message: &Message) -> Next {
    let kernel = task.core().kernel();
    if suspension.running().get() || kernel.is_queued(suspension.key()) {
        suspension.ask(Request::Asked, message.clone());
        return Next::Taken;
    }
    if let Some(node) = suspension.waits_for_one() {
        return Next::Chain(node);
    }
    interrupt(task, message);
    Next::Taken
}

fn fork(gathering: NodeRef, awaiter: Option<NodeRef>, children: Vec<NodeRef>) -> Frame {
    gathering.core().visiting().set(true);
    Frame { gathering, awaiter, children: children.into_iter(), taken: false }
}

/// All children of a gathering were asked: what that means for it.
fn close(frame: Frame, message: &Message) -> bool {
    frame.gathering.core().visiting().set(false);
    if let (Kind::Group(group), true) = (frame.gathering.kind(), frame.taken) {
        group.set_cancel_requested(message.clone());
    }
    frame.taken || frame.awaiter.is_some_and(|task| ask_without_queueing(&*task, message))
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
    if !node.core().is_done() && suspension.waits_for_nodes().iter().any(|one| same(&**one, &*node)) {
        suspension.hand_on(node, message);
    } else {
        interrupt(&**task, &message);
    }
}
