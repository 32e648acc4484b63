//! Where a coroutine lives: one allocation that holds it, then its value. Owns that place; must not know what a step is
//! but for the poll.
#![expect(unsafe_code, reason = "the coroutine is pinned in the allocation that it shares with its state")]

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::step::{Coroutine, Failure, Resumed, abandon, cancelled_meanwhile, step};
use crate::base::PooledRc;
use crate::current::{copy_thread_context, uses_contexts};
use crate::kernel::Phase;
use crate::node::{Core, Kind, Loop, Node, NodeRef, Promise, TaskState, as_node};

/// `Coroutine` → `Value` when it returned → `Empty` when the value was taken; `Coroutine` → `Empty` when it was dropped.
enum Stage<F: Future> {
    Coroutine(F),
    Value(F::Output),
    Empty,
}

/// A task. The kernel's table holds it while it is pending, its handles as long as they like.
pub(crate) struct TaskCell<F: Future> {
    core: Core,
    suspension: TaskState,
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
    ) -> PooledRc<Self> {
        assert!(
            kernel.life().phase() != Phase::Closed,
            "the event loop is closed, so it can take no task; make a new one with EventLoop::new()"
        );
        let (id, key) = kernel.next_task();
        let cell = PooledRc::make(|| Self {
            core: Core::new(kernel),
            suspension: TaskState::new(id, key, created),
            stage: UnsafeCell::new(Stage::Coroutine(future)),
        });
        if uses_contexts() {
            cell.suspension.set_context(copy_thread_context());
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
}

impl<F> Coroutine for TaskCell<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn resume(&self, cx: &mut Context<'_>) -> Resumed {
        let resumed = self.with_stage(|stage| {
            catch_unwind(AssertUnwindSafe(|| {
                let Stage::Coroutine(future) = &mut *stage else { unreachable!("a pending task holds its coroutine") };
                // SAFETY: pinned, see `stage`.
                let future = unsafe { Pin::new_unchecked(future) };
                let Poll::Ready(value) = future.poll(cx) else { return Resumed::Pending };
                if let Some(failure) = cancelled_meanwhile(self.core.kernel(), &self.suspension) {
                    drop(value);
                    return Resumed::Failed(Box::new(failure));
                }
                *stage = Stage::Value(value);
                Resumed::Finished
            }))
        });
        let resumed = resumed.expect("a task is stepped by one at a time");
        resumed.unwrap_or_else(|payload| Resumed::Failed(Box::new(Failure::Panicked(payload))))
    }

    fn discard(&self) -> Result<(), Box<dyn Any + Send>> {
        catch_unwind(AssertUnwindSafe(|| {
            self.with_stage(|stage| *stage = Stage::Empty);
        }))
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
        step(&self.core, &self.suspension, self, me);
    }

    fn abandon(&self) {
        abandon(&self.core, &self.suspension, self);
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
