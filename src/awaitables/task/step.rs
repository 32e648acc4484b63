//! One step of a task: what is delivered to it, one poll of its coroutine, and what follows from the poll. Owns the
//! order of these; must not know the type of the coroutine, so that the step is compiled once for all of them.

use std::any::Any;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::throw::{Thrown, drop_nodes, puts_off, throw, throws_again};
use crate::base::Context as Variables;
use crate::cancel::{deliver_to_wait, take_back_if_given_up};
use crate::current::{swap_context, uses_contexts, waker};
use crate::error::{Cancelled, Panic};
use crate::kernel::Throw;
use crate::node::{
    Core, Ending, FIRST_VARIANT, IN_DESTRUCTOR, Kind, Loop, NodeRef, Request, TaskState, guarded, report_panic,
    report_unretrieved,
};

/// What every task has beside its coroutine.
pub(super) struct TaskParts {
    pub(super) core: Core,
    pub(super) state: TaskState,
}

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

impl Resumed {
    #[cold]
    pub(super) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        Self::Failed(Box::new(Failure::Panicked(payload)))
    }

    /// `is_cancelled_meanwhile` is true: takes the cancellation.
    #[cold]
    pub(super) fn cancelled(kernel: &Loop, state: &TaskState) -> Self {
        let message = match kernel.throwing().throw() {
            Throw::Off => state.take_request().1,
            Throw::Delivered | Throw::Raised(_) => kernel.throwing().take(),
        };
        Self::Failed(Box::new(Failure::Cancelled(message)))
    }
}

/// Called when a coroutine has returned: whether a cancellation is pending, because one is being thrown and was not
/// caught or because one was requested during the poll. Then the returned value does not count.
#[inline]
pub(super) fn is_cancelled_meanwhile(kernel: &Loop, state: &TaskState) -> bool {
    kernel.throwing().throw() != Throw::Off || state.request() != Request::None
}

/// Takes a step of the task `me`, in its context of variables. Not inlined into `Node::step`, which exists once for
/// each type of coroutine. Each kind of step is a function of its own, since the usual one would pay for every register
/// that the others use. To go on there is a jump.
#[inline(never)]
pub(super) fn step(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef) {
    if uses_contexts() {
        step_in_context(task, coroutine, me);
    } else if task.state.has_chores() {
        step_with_chores(task, coroutine, me);
    } else {
        step_without_chores(task, coroutine, me);
    }
}

/// The usual step: nothing to do but to poll, and most often nothing after it. What is seldom left to do is a function
/// of its own, to which this goes on by a jump.
#[inline(never)]
fn step_without_chores(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef) {
    let kernel = &**task.core.kernel();
    match poll(kernel, &task.state, coroutine, me, FIRST_VARIANT) {
        Resumed::Finished if ends_unseen(task) => end_unseen(task),
        Resumed::Finished => end_seen(task, me),
        Resumed::Pending if waits_without_chores(kernel, &task.state) => {}
        Resumed::Pending => finish_first_use(task, coroutine, me, Resumed::Pending),
        Resumed::Failed(failure) => finish_first_use(task, coroutine, me, Resumed::Failed(failure)),
    }
}

/// Whether nothing is left to do after a poll that has returned Pending, in a step that began without a context.
#[inline]
fn waits_without_chores(kernel: &Loop, state: &TaskState) -> bool {
    kernel.throwing().throw() == Throw::Off && !state.has_chores_at_a_wait() && !uses_contexts()
}

/// Ends the task, which has a value, in a step that began before the thread used variables.
#[inline(never)]
fn end_seen(task: &TaskParts, me: &NodeRef) {
    let first_use = FirstUse { task };
    end(task, me, || task.core.finish(|| me.clone()));
    drop(first_use);
}

/// What follows from the poll of a step that began before the thread used variables.
#[inline(never)]
fn finish_first_use(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef, resumed: Resumed) {
    let first_use = FirstUse { task };
    finish(task, coroutine, me, resumed);
    drop(first_use);
}

/// A step of a task that has waited for a node, polls futures of other crates, or is cancelled.
#[inline(never)]
fn step_with_chores(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef) {
    let first_use = FirstUse { task };
    advance_with_chores(task, coroutine, me);
    drop(first_use);
}

/// Ends a step that began before the thread used variables, also if a destructor panics after the poll: the thread's
/// first use of a variable may have been in this step.
struct FirstUse<'a> {
    task: &'a TaskParts,
}

impl Drop for FirstUse<'_> {
    #[inline]
    fn drop(&mut self) {
        if uses_contexts() {
            leave_context(self.task, None);
        }
    }
}

/// A step on a thread that has used variables.
#[inline(never)]
fn step_in_context(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef) {
    let outside = swap_context(task.state.context());
    // a destructor may panic after the poll; the thread must not be left in the task's context
    guarded(task.core.kernel(), IN_DESTRUCTOR, || advance(task, coroutine, me));
    leave_context(task, outside);
}

/// Puts the thread back into the context `outside`. The task keeps its context, unless it has ended: a value in the
/// context may hold a handle on this very task.
#[cold]
fn leave_context(task: &TaskParts, outside: Option<Variables>) {
    let own = swap_context(outside);
    if task.core.is_done() {
        guarded(task.core.kernel(), IN_DESTRUCTOR, || drop((own, task.state.take_context())));
    } else {
        task.state.set_context(own);
    }
}

fn advance(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef) {
    if task.state.has_chores() {
        advance_with_chores(task, coroutine, me);
    } else {
        advance_without_chores(task, coroutine, me);
    }
}

#[expect(clippy::inline_always, reason = "a call from each of its two callers cost half as much as the step; measured")]
#[inline(always)]
fn advance_without_chores(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef) {
    let kernel = &**task.core.kernel();
    let resumed = poll(kernel, &task.state, coroutine, me, FIRST_VARIANT);
    finish(task, coroutine, me, resumed);
}

#[expect(clippy::inline_always, reason = "as `advance_without_chores`")]
#[inline(always)]
fn advance_with_chores(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef) {
    match task.state.request() {
        Request::None => advance_without_throw(task, coroutine, me),
        Request::Asked | Request::Interrupted => advance_throwing(task, coroutine, me),
    }
}

/// A step that delivers no cancellation.
#[inline]
fn advance_without_throw(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef) {
    let kernel = &**task.core.kernel();
    if task.state.is_held() {
        return; // it was woken without a reason
    }
    let variant = task.state.next_variant();
    drop_nodes(kernel, &task.state);
    let resumed = poll(kernel, &task.state, coroutine, me, variant);
    finish(task, coroutine, me, resumed);
}

/// What follows from the poll of a step.
#[expect(clippy::inline_always, reason = "as `advance_without_chores`")]
#[inline(always)]
fn finish(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef, resumed: Resumed) {
    let failure = match resumed {
        Resumed::Finished => return end_finished(task, me),
        Resumed::Pending if task.core.kernel().throwing().throw() == Throw::Off => return suspend(&task.state, me),
        Resumed::Pending => None, // nothing in it has caught a cancellation that a leaf in it has raised
        Resumed::Failed(failure) => Some(failure),
    };
    fail(task, coroutine, me, failure);
}

/// The part of a step in which code of the user runs.
#[expect(clippy::inline_always, reason = "as `advance_without_chores`")]
#[inline(always)]
fn poll(kernel: &Loop, state: &TaskState, coroutine: &dyn Coroutine, me: &NodeRef, variant: u8) -> Resumed {
    kernel.step().begin_poll(state.awaits());
    let resume = |waker: &Waker| coroutine.resume(&mut Context::from_waker(waker));
    kernel.running_task().during(me, state, waker(state.key(), variant), resume)
}

/// A step that delivers a cancellation.
#[inline(never)]
fn advance_throwing(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef) {
    let kernel = &**task.core.kernel();
    if puts_off(kernel, &task.state) {
        return advance_without_throw(task, coroutine, me);
    }
    let thrown = match throw(kernel, &task.state) {
        Thrown::IntoPoll(thrown) => thrown,
        Thrown::PastAll(message) => return drop_and_end(task, coroutine, me, cancelled(message)),
    };
    let failure = match poll(kernel, &task.state, coroutine, me, thrown.variant) {
        Resumed::Finished => {
            kernel.throwing().clear();
            return end_finished(task, me);
        }
        Resumed::Pending => {
            if kernel.throwing().throw() == Throw::Off || throws_again(kernel, &task.state, me, thrown) {
                if kernel.throwing().again().get() {
                    kernel.wake(task.state.key());
                }
                kernel.throwing().clear();
                return suspend(&task.state, me);
            }
            None
        }
        Resumed::Failed(failure) => Some(failure),
    };
    fail(task, coroutine, me, failure);
}

/// The last part of a step after which the task waits.
#[expect(clippy::inline_always, reason = "as `advance_without_chores`")]
#[inline(always)]
fn suspend(state: &TaskState, me: &NodeRef) {
    if state.has_chores_at_a_wait() {
        begin_wait(state, me);
    }
}

/// A cancellation that was requested during the step goes to the node that the task awaits. A cancellation that went to
/// a node before comes back if the task no longer awaits that node.
#[inline(never)]
fn begin_wait(state: &TaskState, me: &NodeRef) {
    if state.request() != Request::None {
        deliver_to_wait(me);
    } else if state.has_handed_on() {
        take_back_if_given_up(me);
    }
}

/// Ends the task without a value: by its `failure`, or else by the cancellation that is being thrown.
#[cold]
fn fail(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef, failure: Option<Box<Failure>>) {
    let kernel = task.core.kernel();
    let message = kernel.throwing().take();
    kernel.throwing().clear();
    let ending = match failure.map(|failure| *failure) {
        None => cancelled(message),
        Some(Failure::Cancelled(message)) => cancelled(message),
        Some(Failure::Panicked(payload)) => Ending::Panicked(Panic::new(payload)),
    };
    drop_and_end(task, coroutine, me, ending);
}

fn cancelled(message: Option<Arc<str>>) -> Ending {
    Ending::Cancelled(Cancelled::new(message))
}

/// Drops the coroutine, and ends the task. If the destructor panics, that panic is how it ends.
#[cold]
fn drop_and_end(task: &TaskParts, coroutine: &dyn Coroutine, me: &NodeRef, ending: Ending) {
    let kernel = task.core.kernel();
    // destructors run here, so the task counts as running until then
    let waker = waker(task.state.key(), FIRST_VARIANT);
    let ending = match kernel.running_task().during(me, &task.state, waker, |_| coroutine.discard()) {
        Ok(()) => ending,
        Err(payload) => Ending::Panicked(Panic::new(payload)),
    };
    end_without_value(task, me, ending);
}

/// Ends the task, which has a value.
#[inline(never)]
fn end_finished(task: &TaskParts, me: &NodeRef) {
    end(task, me, || task.core.finish(|| me.clone()));
}

/// Whether nothing is told of the end of a task, and nothing dropped: it has a handle, and nothing awaits it yet. (And
/// the thread uses no variables, so that its context need not be put back.)
#[inline]
fn ends_unseen(task: &TaskParts) -> bool {
    !task.core.is_watched() && task.core.has_handles() && !task.state.has_chores_at_the_end() && !uses_contexts()
}

/// Ends the task, which has a value and `ends_unseen`.
#[inline]
fn end_unseen(task: &TaskParts) {
    task.core.finish_unwatched();
    drop(task.core.kernel().remove_task(task.state.key())); // not the last pointer: the entry of the step has one
}

/// Ends the task without a value.
#[cold]
fn end_without_value(task: &TaskParts, me: &NodeRef, ending: Ending) {
    end(task, me, || task.core.end(ending, || me.clone()));
}

/// Removes the task from the kernel's table, and has `tell` tell its watchers.
#[expect(clippy::inline_always, reason = "an ending that is passed on costs the usual end a twelfth")]
#[inline(always)]
fn end(task: &TaskParts, me: &NodeRef, tell: impl FnOnce()) {
    drop(task.core.kernel().remove_task(task.state.key())); // not the last pointer: there is `me`
    if task.state.has_chores_at_the_end() {
        end_with_chores(task);
    }
    tell();
    if !task.core.has_handles() {
        end_without_handles(task, me);
    }
}

/// Gives up what few tasks have: a place in the tree of what is awaited, and a cancellation that went to a node.
#[inline(never)]
fn end_with_chores(task: &TaskParts) {
    let kernel = task.core.kernel();
    leave_tree(kernel, &task.state);
    guarded(kernel, IN_DESTRUCTOR, || drop(task.state.take_handed_on()));
}

/// No handle is left: a panic that nothing has asked for is reported, and the value is dropped.
#[inline(never)]
fn end_without_handles(task: &TaskParts, me: &NodeRef) {
    report_unretrieved(&task.core, || Kind::Task(&task.state));
    guarded(task.core.kernel(), IN_DESTRUCTOR, || me.orphaned());
}

/// The task has no place any more in the tree of what is awaited.
#[cold]
fn leave_tree(kernel: &Loop, state: &TaskState) {
    if let Some(root) = state.take_root() {
        drop(kernel.await_tree().remove(root));
    }
}

/// The loop closes: drops the coroutine in the task's context, and tells no watcher.
pub(super) fn abandon(task: &TaskParts, coroutine: &dyn Coroutine) {
    let kernel = task.core.kernel();
    drop(kernel.remove_task(task.state.key()));
    leave_tree(kernel, &task.state);
    let outside = if uses_contexts() { swap_context(task.state.take_context()) } else { None };
    if let Err(payload) = coroutine.discard() {
        report_panic(kernel, IN_DESTRUCTOR, payload);
    }
    guarded(kernel, IN_DESTRUCTOR, || task.core.end_silently());
    drop_nodes(kernel, &task.state);
    guarded(kernel, IN_DESTRUCTOR, || drop(task.state.take_handed_on()));
    if uses_contexts() {
        leave_context(task, outside);
    }
}
