//! Where a coroutine lives: one allocation that holds it, then its value. Owns the step that a task takes; must not
//! know when it is taken.
#![expect(unsafe_code, reason = "the coroutine is pinned in the allocation that it shares with its state")]

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Core, Kind, Loop, Node, NodeRef, Promise, Suspension, as_node};
use crate::cancel::{deliver_to_wait, take_back_if_given_up};
use crate::context::{copy_variables, exchange_variables, uses_variables};
use crate::counted::Counted;
use crate::error::{Cancelled, Panic};
use crate::kernel::{Phase, Throw};
use crate::node::{Ending, Request, Waits, guarded, report_unretrieved};
use crate::variables::Context as Variables;
use crate::waker::waker;

/// `Coroutine` → `Value` when it returned → `Empty` when the value was taken; `Coroutine` → `Empty` when it was dropped.
enum Stage<F: Future> {
    Coroutine(F),
    Value(F::Output),
    Empty,
}

/// A task. The kernel's table holds it while it is pending, its handles as long as they like.
pub(crate) struct TaskCell<F: Future> {
    core: Core,
    suspension: Suspension,
    /// Used by `with_stage` alone.
    ///
    /// Invariant, **pinned**: a coroutine is put here when the cell is made, inside its block, and never moved again: it
    /// is polled in place and dropped in place.
    stage: UnsafeCell<Stage<F>>,
}

impl<F> TaskCell<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    /// Makes a task and takes it into the kernel's table.
    pub(crate) fn spawn(
        kernel: Rc<Loop>,
        future: F,
        queued: bool,
        created: &'static Location<'static>,
    ) -> Counted<Self> {
        assert!(
            kernel.phase() != Phase::Closed,
            "the event loop is closed, so it can take no task; make a new one with EventLoop::new()"
        );
        let id = kernel.next_task_id();
        let key = kernel.next_task_key(id);
        let cell = Counted::make(|| Self {
            core: Core::new(kernel),
            suspension: Suspension::new(id, key, created),
            stage: UnsafeCell::new(Stage::Coroutine(future)),
        });
        if uses_variables() {
            cell.suspension.set_context(copy_variables());
        }
        cell.core.kernel().insert_task(key, queued, as_node(cell.clone()));
        cell
    }

    /// Lends the stage to `f`, unless it is lent already: while the coroutine runs or is dropped, or its value is shown,
    /// whoever else comes finds nothing.
    fn with_stage<R>(&self, f: impl FnOnce(&mut Stage<F>) -> R) -> Option<R> {
        let in_use = self.suspension.stage_in_use();
        if in_use.replace(true) {
            return None;
        }
        let _given_back = GivenBack(in_use);
        // SAFETY: this is the only place that reaches into the cell, and the mark, which stands until `f` has returned
        // or panicked, keeps a second caller out.
        Some(f(unsafe { &mut *self.stage.get() }))
    }

    /// One poll of the coroutine, or its end if it is cancelled before it began.
    fn poll(&self, throwing: bool) -> Result<Poll<F::Output>, Box<dyn Any + Send>> {
        if throwing && !self.suspension.started().get() {
            return Ok(Poll::Pending);
        }
        self.suspension.started().set(true);
        let waker = waker(self.suspension.key());
        let mut cx = Context::from_waker(&waker);
        let polled = self.with_stage(|stage| {
            let Stage::Coroutine(future) = stage else { unreachable!("a pending task holds its coroutine") };
            // SAFETY: pinned, see `stage`.
            let future = unsafe { Pin::new_unchecked(future) };
            catch_unwind(AssertUnwindSafe(|| future.poll(&mut cx)))
        });
        polled.expect("a task is stepped by one at a time")
    }

    /// What the poll means: the value, how the task ends without one, or nothing yet. A cancellation that is still
    /// being thrown has found no catcher; one that was asked for meanwhile costs a returned value.
    fn judge(&self, polled: Result<Poll<F::Output>, Box<dyn Any + Send>>) -> Option<Result<F::Output, Ending>> {
        let kernel = self.core.kernel();
        let throwing = kernel.throw() != Throw::Off;
        match polled {
            Ok(Poll::Pending) if !throwing => None,
            Err(payload) => {
                kernel.take_throw();
                Some(Err(Ending::Panicked(Panic::new(payload))))
            }
            Ok(Poll::Ready(value)) if !throwing && self.suspension.request() == Request::None => Some(Ok(value)),
            Ok(polled) => {
                let message = if throwing { kernel.take_throw() } else { self.suspension.take_request().1 };
                let lost = catch_unwind(AssertUnwindSafe(|| drop(polled)));
                Some(Err(match lost {
                    Ok(()) => Ending::Cancelled(Cancelled::new(message)),
                    Err(payload) => Ending::Panicked(Panic::new(payload)),
                }))
            }
        }
    }

    /// Drops the coroutine, in its place, and puts the value there. A destructor that panics ends the task so.
    fn settle(&self, ended: Result<F::Output, Ending>) -> Option<Ending> {
        let (stage, ending) = match ended {
            Ok(value) => (Stage::Value(value), None),
            Err(ending) => (Stage::Empty, Some(ending)),
        };
        let dropped = catch_unwind(AssertUnwindSafe(|| self.with_stage(|place| *place = stage)));
        dropped.err().map_or(ending, |payload| Some(Ending::Panicked(Panic::new(payload))))
    }

    /// Runs `f` in the task's context of variables.
    fn in_context(&self, f: impl FnOnce()) {
        let outside = if uses_variables() { exchange_variables(self.suspension.take_context()) } else { None };
        f();
        if uses_variables() {
            self.leave_context(outside);
        }
    }

    /// A task that has ended lets go of what its variables are set to: a value may hold a handle on this very task.
    #[cold]
    fn leave_context(&self, outside: Option<Variables>) {
        let own = exchange_variables(outside);
        if self.core.is_done() {
            guarded(self.core.kernel(), "Exception in destructor", || drop(own));
        } else {
            self.suspension.set_context(own);
        }
    }

    /// A step, in the task's context.
    fn advance(&self, me: &NodeRef) {
        let kernel = self.core.kernel();
        let waits = self.suspension.clear_waits();
        let (request, message) = self.suspension.take_request();
        if request != Request::None {
            kernel.start_throw(Throw::Delivered, message_on_its_way(&waits, message));
            // whatever became of an earlier one, the task meets a cancellation now
            drop(self.suspension.take_handed_on());
        }
        if let Waits::One(_) | Waits::Many(_) = waits {
            // seldom the last share of a node, but then a value of a user goes with it
            guarded(kernel, "Exception in destructor", || drop(waits));
        }
        self.suspension.running().set(true);
        kernel.set_current(Some(me.clone()));
        let ended = self.judge(self.poll(request != Request::None));
        let ended = ended.map(|ended| self.settle(ended));
        drop(kernel.set_current(None));
        self.suspension.leaf().set(kernel.leaf().take());
        self.suspension.running().set(false);
        match ended {
            Some(ending) => self.end(me, ending),
            None if self.suspension.request() != Request::None => deliver_to_wait(me),
            None if self.suspension.has_handed_on() => take_back_if_given_up(me),
            None => {}
        }
    }

    /// The last turn: out of the table, and whoever watches is told.
    fn end(&self, me: &NodeRef, ending: Option<Ending>) {
        let kernel = self.core.kernel();
        let in_table = kernel.remove_task(self.suspension.key());
        if self.suspension.has_handed_on() {
            guarded(kernel, "Exception in destructor", || drop(self.suspension.take_handed_on()));
        }
        let me = || me.clone();
        match ending {
            None => self.core.finish(me),
            Some(ending) => self.core.end(ending, me),
        }
        if !self.core.has_handles() {
            report_unretrieved(&self.core, &self.kind());
            guarded(kernel, "Exception in destructor", || self.orphaned());
        }
        drop(in_table);
    }
}

impl<F> Node for TaskCell<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn core(&self) -> &Core {
        &self.core
    }

    fn kind(&self) -> Kind<'_> {
        Kind::Task(&self.suspension)
    }

    fn orphaned(&self) {
        if self.core.is_done() {
            // in use only while a destructor runs; `end` comes here again then
            let value = self.with_stage(|stage| std::mem::replace(stage, Stage::Empty));
            drop(value);
        }
    }

    fn step(&self, me: &NodeRef) {
        self.in_context(|| self.advance(me));
    }

    fn abandon(&self) {
        let kernel = self.core.kernel();
        drop(kernel.remove_task(self.suspension.key()));
        self.in_context(|| {
            guarded(kernel, "Exception in destructor", || {
                self.with_stage(|stage| *stage = Stage::Empty);
            });
            guarded(kernel, "Exception in destructor", || self.core.end_silently());
            guarded(kernel, "Exception in destructor", || drop(self.suspension.clear_waits()));
            guarded(kernel, "Exception in destructor", || drop(self.suspension.take_handed_on()));
        });
    }
}

impl<F> Promise<F::Output> for TaskCell<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn take(&self) -> Option<F::Output> {
        let value = self.with_stage(|stage| match stage {
            Stage::Value(_) => match std::mem::replace(stage, Stage::Empty) {
                Stage::Value(value) => Some(value),
                Stage::Coroutine(_) | Stage::Empty => None,
            },
            Stage::Coroutine(_) | Stage::Empty => None,
        });
        let value = value.flatten()?;
        self.core.set_taken();
        Some(value)
    }

    fn peek(&self, look: &mut dyn FnMut(&F::Output)) {
        self.with_stage(|stage| {
            if let Stage::Value(value) = stage {
                look(value);
            }
        });
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

/// The stage is free again when this is dropped.
struct GivenBack<'a>(&'a Cell<bool>);

impl Drop for GivenBack<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One more word would put the smallest tasks into the next class of blocks, and cost a tenth of their life.
    #[test]
    fn a_cell_stays_small() {
        fn size<F: Future<Output: 'static> + 'static>(_: &F) -> usize {
            size_of::<TaskCell<F>>()
        }
        assert!(size(&std::future::ready(1_u64)) <= 152);
    }
}
