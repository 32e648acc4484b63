//! One step of a task: what is delivered to it, one poll of its coroutine, and what follows from the poll. Owns the
//! order of these; must not know the type of the coroutine, so that the step is compiled once for all of them.

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
    Core, Ending, IN_DESTRUCTOR, Kind, Loop, NodeRef, Request, TaskState, Waits, guarded, report_panic,
    report_unretrieved,
};

/// A coroutine in the memory of its task, without its type.
pub(super) trait Coroutine {
    /// Polls the coroutine once. If it returns a value that counts, the value replaces it in its memory.
    fn resume(&self, cx: &mut Context<'_>) -> Resumed;

    /// Drops the coroutine or its value in place. Returns the panic of its destructor as an error.
    fn discard(&self) -> Result<(), Box<dyn Any + Send>>;
}

/// What a poll resulted in. One word in size, because most polls return `Pending` or `Finished`.
pub(super) enum Resumed {
    Pending,
    Finished,
    Failed(Box<Failure>),
}

/// How a poll ended a task without a value.
pub(super) enum Failure {
    /// The coroutine returned while a cancellation was pending, so its value was dropped, as in asyncio. Holds the
    /// message of the cancellation.
    Cancelled(Option<Arc<str>>),
    Panicked(Box<dyn Any + Send>),
}

/// Called when a coroutine has returned. If a cancellation is pending, because one is being thrown and was not caught
/// or because one was requested during the poll, takes it and returns it: the returned value does not count.
pub(super) fn cancelled_meanwhile(kernel: &Loop, state: &TaskState) -> Option<Failure> {
    if kernel.throwing().throw() != Throw::Off {
        Some(Failure::Cancelled(kernel.throwing().take()))
    } else if state.request() != Request::None {
        Some(Failure::Cancelled(state.take_request().1))
    } else {
        None
    }
}

/// Takes a step of the task `me`, in its context of variables. Not inlined into `Node::step`, which exists once for
/// each type of coroutine.
#[inline(never)]
pub(super) fn step(core: &Core, state: &TaskState, coroutine: &dyn Coroutine, me: &NodeRef) {
    if uses_contexts() {
        return step_in_context(core, state, coroutine, me);
    }
    let first_use = FirstUse { core, state };
    advance(core, state, coroutine, me);
    drop(first_use);
}

/// Ends a step that began before the thread used variables, also if a destructor panics after the poll: the thread's
/// first use of a variable may have been in this step.
struct FirstUse<'a> {
    core: &'a Core,
    state: &'a TaskState,
}

impl Drop for FirstUse<'_> {
    #[inline]
    fn drop(&mut self) {
        if uses_contexts() {
            leave_context(self.core, self.state, None);
        }
    }
}

/// A step on a thread that has used variables.
#[inline(never)]
fn step_in_context(core: &Core, state: &TaskState, coroutine: &dyn Coroutine, me: &NodeRef) {
    let outside = swap_context(state.take_context());
    // a destructor may panic after the poll; the thread must not be left in the task's context
    guarded(core.kernel(), IN_DESTRUCTOR, || advance(core, state, coroutine, me));
    leave_context(core, state, outside);
}

/// Puts the thread back into the context `outside`. The task keeps its context, unless it has ended: a value in the
/// context may hold a handle on this very task.
#[cold]
fn leave_context(core: &Core, state: &TaskState, outside: Option<Variables>) {
    let own = swap_context(outside);
    if core.is_done() {
        guarded(core.kernel(), IN_DESTRUCTOR, || drop(own));
    } else {
        state.set_context(own);
    }
}

#[expect(clippy::inline_always, reason = "a call from each of its two callers cost half as much as the step; measured")]
#[inline(always)]
fn advance(core: &Core, state: &TaskState, coroutine: &dyn Coroutine, me: &NodeRef) {
    let kernel = &**core.kernel();
    let throwing = state.needs_bookkeeping().replace(false) && begin(kernel, state);
    state.running().set(true);
    let resumed = if throwing && !state.started().get() {
        // asyncio throws into a coroutine that has not begun; it ends without running any of its code
        Resumed::Pending
    } else {
        state.started().set(true);
        let waker = ManuallyDrop::new(waker(state.key())); // its destructor would do nothing
        let mut cx = Context::from_waker(&waker);
        kernel.running_task().during(me, || coroutine.resume(&mut cx))
    };
    let still_throwing = kernel.throwing().throw() != Throw::Off;
    match resumed {
        Resumed::Pending if !still_throwing => {
            suspend(kernel, state);
            if state.needs_bookkeeping().get() {
                begin_wait(state, me);
            }
        }
        Resumed::Finished => {
            suspend(kernel, state);
            end(core, state, me, None);
        }
        // The coroutine failed; or it returned `Pending` and nothing in it has caught the cancellation that is being
        // thrown. Destructors run in `fail`, so the task counts as running until then.
        resumed => {
            let ending = kernel.running_task().during(me, || fail(kernel, coroutine, resumed));
            suspend(kernel, state);
            end(core, state, me, Some(ending));
        }
    }
}

/// The first part of a step: ends the wait of the task, and starts to throw the requested cancellation, if there is
/// one. Returns whether there is one.
#[inline(never)] // nor is `begin_wait`: most steps need neither, and would pay for every register that these use
fn begin(kernel: &Loop, state: &TaskState) -> bool {
    let waits = state.clear_waits();
    let throws = state.request() != Request::None;
    if throws {
        let (_, message) = state.take_request();
        kernel.throwing().start(Throw::Delivered, message_to_throw(&waits, message));
        // a cancellation that went to the awaited node before is replaced by this one
        drop(state.take_handed_on());
    }
    state.needs_bookkeeping().set(state.has_handed_on());
    if !matches!(waits, Waits::None) {
        // this is seldom the last pointer to the node, but if it is, a value of the user is dropped with it
        guarded(kernel, IN_DESTRUCTOR, || drop(waits));
    }
    throws
}

/// The last part of a step after which the task waits. A cancellation that was requested during the step goes to the
/// node that the task awaits. A cancellation that went to a node before comes back if the task no longer awaits that
/// node.
#[inline(never)]
fn begin_wait(state: &TaskState, me: &NodeRef) {
    if state.request() != Request::None {
        deliver_to_wait(me);
    } else if state.has_handed_on() {
        take_back_if_given_up(me);
    }
}

#[inline]
fn suspend(kernel: &Loop, state: &TaskState) {
    state.leaf().set(kernel.running_task().leaf().take());
    state.running().set(false);
}

/// Drops the coroutine and returns how the task ends without a value. If the destructor panics, that panic is how it
/// ends.
#[cold]
fn fail(kernel: &Loop, coroutine: &dyn Coroutine, resumed: Resumed) -> Ending {
    let ending = match resumed {
        Resumed::Failed(failure) => match *failure {
            Failure::Cancelled(message) => Ending::Cancelled(Cancelled::new(message)),
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

/// Ends the task: removes it from the kernel's table and tells its watchers. `ending` is `None` if it has a value.
fn end(core: &Core, state: &TaskState, me: &NodeRef, ending: Option<Ending>) {
    let kernel = core.kernel();
    let in_table = kernel.remove_task(state.key());
    if state.needs_bookkeeping().get() {
        guarded(kernel, IN_DESTRUCTOR, || drop(state.take_handed_on()));
    }
    let share = || me.clone();
    match ending {
        None => core.finish(share),
        Some(ending) => core.end(ending, share),
    }
    if !core.has_handles() {
        report_unretrieved(core, &Kind::Task(state));
        guarded(kernel, IN_DESTRUCTOR, || me.orphaned());
    }
    drop(in_table);
}

/// The loop closes: drops the coroutine in the task's context, and tells no watcher.
pub(super) fn abandon(core: &Core, state: &TaskState, coroutine: &dyn Coroutine) {
    let kernel = core.kernel();
    drop(kernel.remove_task(state.key()));
    let outside = if uses_contexts() { swap_context(state.take_context()) } else { None };
    if let Err(payload) = coroutine.discard() {
        report_panic(kernel, IN_DESTRUCTOR, payload);
    }
    guarded(kernel, IN_DESTRUCTOR, || core.end_silently());
    guarded(kernel, IN_DESTRUCTOR, || drop(state.clear_waits()));
    guarded(kernel, IN_DESTRUCTOR, || drop(state.take_handed_on()));
    if uses_contexts() {
        leave_context(core, state, outside);
    }
}

/// The message of the cancellation to throw. If the awaited node was cancelled, the task would have met that
/// cancellation anyway, so its message comes first.
fn message_to_throw(waits: &Waits, message: Option<Arc<str>>) -> Option<Arc<str>> {
    let awaited = match waits {
        Waits::One(node) => node.core().ending(),
        Waits::None | Waits::Many(_) => None,
    };
    match awaited {
        Some(Ending::Cancelled(cancelled)) => cancelled.into_message(),
        _ => message,
    }
}
