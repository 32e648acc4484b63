//! The step that a task takes: what is delivered to it, one poll of its coroutine, and what that means. Owns the order of
//! these; must not know the type of the coroutine, so that there is one step for all of them.

use std::any::Any;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::Context;

use crate::base::Context as Variables;
use crate::cancel::{deliver_to_wait, take_back_if_given_up};
use crate::current::{swap_context, uses_contexts, waker};
use crate::error::{Cancelled, Panic};
use crate::kernel::Throw;
use crate::node::{
    Core, Ending, Kind, Loop, NodeRef, Request, TaskState, Waits, guarded, report_panic, report_unretrieved,
};

/// A coroutine in its place, without its type.
pub(super) trait Coroutine {
    /// One poll. A value that is not lost takes the coroutine's place.
    fn resume(&self, cx: &mut Context<'_>) -> Resumed;

    /// Drops the coroutine, in its place, or its value. A destructor may panic.
    fn discard(&self) -> Result<(), Box<dyn Any + Send>>;
}

/// What a poll came to. One word, as most polls come to nothing much.
pub(super) enum Resumed {
    Pending,
    Finished,
    Failed(Box<Failure>),
}

/// How a poll ended a task without a value.
pub(super) enum Failure {
    /// It returned while a cancellation was on its way: the value has been dropped. With the cancellation's message.
    Lost(Option<Arc<str>>),
    Panicked(Box<dyn Any + Send>),
}

/// Whether a value that is returned now is lost: a cancellation is being thrown and has found no catcher, or one was asked
/// for meanwhile. It is taken.
pub(super) fn cancelled_meanwhile(kernel: &Loop, suspension: &TaskState) -> Option<Failure> {
    if kernel.throwing().throw() != Throw::Off {
        Some(Failure::Lost(kernel.throwing().take()))
    } else if suspension.request() != Request::None {
        Some(Failure::Lost(suspension.take_request().1))
    } else {
        None
    }
}

/// Takes a step of the task `me`, in its context of variables. Not inlined, as a copy for each type of coroutine would be
/// all there is to it.
#[inline(never)]
pub(super) fn step(core: &Core, suspension: &TaskState, coroutine: &dyn Coroutine, me: &NodeRef) {
    if uses_contexts() {
        return step_in_context(core, suspension, coroutine, me);
    }
    advance(core, suspension, coroutine, me);
    if uses_contexts() {
        leave_context(core, suspension, None);
    }
}

/// A step on a thread that has used variables.
#[inline(never)]
fn step_in_context(core: &Core, suspension: &TaskState, coroutine: &dyn Coroutine, me: &NodeRef) {
    let outside = swap_context(suspension.take_context());
    advance(core, suspension, coroutine, me);
    leave_context(core, suspension, outside);
}

/// A task that has ended lets go of what its variables are set to: a value may hold a handle on this very task.
#[cold]
fn leave_context(core: &Core, suspension: &TaskState, outside: Option<Variables>) {
    let own = swap_context(outside);
    if core.is_done() {
        guarded(core.kernel(), "Exception in destructor", || drop(own));
    } else {
        suspension.set_context(own);
    }
}

#[expect(clippy::inline_always, reason = "in both; a call between them cost as much as half of it")]
#[inline(always)]
fn advance(core: &Core, suspension: &TaskState, coroutine: &dyn Coroutine, me: &NodeRef) {
    let kernel = &**core.kernel();
    let throwing = suspension.needs_bookkeeping().replace(false) && begin(kernel, suspension);
    suspension.running().set(true);
    let resumed = if throwing && !suspension.started().get() {
        Resumed::Pending // cancelled before it began
    } else {
        suspension.started().set(true);
        let waker = ManuallyDrop::new(waker(suspension.key())); // its destructor would do nothing
        let mut cx = Context::from_waker(&waker);
        kernel.running_task().during(me, || coroutine.resume(&mut cx))
    };
    let still_throwing = kernel.throwing().throw() != Throw::Off;
    match resumed {
        Resumed::Pending if !still_throwing => {
            suspend(kernel, suspension);
            if suspension.needs_bookkeeping().get() {
                wait(suspension, me);
            }
        }
        Resumed::Finished => {
            suspend(kernel, suspension);
            end(core, suspension, me, None);
        }
        resumed => {
            let ending = kernel.running_task().during(me, || fail(kernel, coroutine, resumed));
            suspend(kernel, suspension);
            end(core, suspension, me, Some(ending));
        }
    }
}

/// The task no longer waits: whether a cancellation is to be thrown at it, which is on its way now.
#[inline(never)] // nor is `wait`: most steps have none of this, and pay for every register that it needs
fn begin(kernel: &Loop, suspension: &TaskState) -> bool {
    let waits = suspension.clear_waits();
    let throws = suspension.request() != Request::None;
    if throws {
        let (_, message) = suspension.take_request();
        kernel.throwing().start(Throw::Delivered, message_on_its_way(&waits, message));
        // whatever became of an earlier one, the task meets a cancellation now
        drop(suspension.take_handed_on());
    }
    suspension.needs_bookkeeping().set(suspension.has_handed_on());
    if !matches!(waits, Waits::None) {
        // seldom the last share of a node, but then a value of a user goes with it
        guarded(kernel, "Exception in destructor", || drop(waits));
    }
    throws
}

/// The task waits: a cancellation that was asked for while it ran goes on to what it waits for, and one that had been
/// handed on comes back if that was given up.
#[inline(never)]
fn wait(suspension: &TaskState, me: &NodeRef) {
    if suspension.request() != Request::None {
        deliver_to_wait(me);
    } else if suspension.has_handed_on() {
        take_back_if_given_up(me);
    }
}

#[inline]
fn suspend(kernel: &Loop, suspension: &TaskState) {
    suspension.leaf().set(kernel.running_task().leaf().take());
    suspension.running().set(false);
}

/// How a task ends without a value. Its coroutine is dropped; a destructor that panics ends the task so.
#[cold]
fn fail(kernel: &Loop, coroutine: &dyn Coroutine, resumed: Resumed) -> Ending {
    let ending = match resumed {
        Resumed::Failed(failure) => match *failure {
            Failure::Lost(message) => Ending::Cancelled(Cancelled::new(message)),
            Failure::Panicked(payload) => {
                kernel.throwing().take();
                Ending::Panicked(Panic::new(payload))
            }
        },
        Resumed::Pending | Resumed::Finished => Ending::Cancelled(Cancelled::new(kernel.throwing().take())),
    };
    match coroutine.discard() {
        Ok(()) => ending,
        Err(payload) => Ending::Panicked(Panic::new(payload)),
    }
}

/// The last turn: out of the table, and whoever watches is told.
fn end(core: &Core, suspension: &TaskState, me: &NodeRef, ending: Option<Ending>) {
    let kernel = core.kernel();
    let in_table = kernel.remove_task(suspension.key());
    if suspension.needs_bookkeeping().get() {
        guarded(kernel, "Exception in destructor", || drop(suspension.take_handed_on()));
    }
    let share = || me.clone();
    match ending {
        None => core.finish(share),
        Some(ending) => core.end(ending, share),
    }
    if !core.has_handles() {
        report_unretrieved(core, &Kind::Task(suspension));
        guarded(kernel, "Exception in destructor", || me.orphaned());
    }
    drop(in_table);
}

/// The loop closes: drops what there is, in the task's context.
pub(super) fn abandon(core: &Core, suspension: &TaskState, coroutine: &dyn Coroutine) {
    let kernel = core.kernel();
    drop(kernel.remove_task(suspension.key()));
    let outside = if uses_contexts() { swap_context(suspension.take_context()) } else { None };
    if let Err(payload) = coroutine.discard() {
        report_panic(kernel, "Exception in destructor", payload);
    }
    guarded(kernel, "Exception in destructor", || core.end_silently());
    guarded(kernel, "Exception in destructor", || drop(suspension.clear_waits()));
    guarded(kernel, "Exception in destructor", || drop(suspension.take_handed_on()));
    if uses_contexts() {
        leave_context(core, suspension, outside);
    }
}

/// The message to deliver. If what the task awaits has been cancelled, that cancellation was on its way first.
fn message_on_its_way(waits: &Waits, message: Option<Arc<str>>) -> Option<Arc<str>> {
    let awaited = match waits {
        Waits::One(node) => node.core().ending(),
        Waits::None | Waits::Many(_) => None,
    };
    match awaited {
        Some(Ending::Cancelled(cancelled)) => cancelled.into_message(),
        _ => message,
    }
}
