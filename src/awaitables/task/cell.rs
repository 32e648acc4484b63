//! The one allocation of a task. Owns the memory of the coroutine, and later of its value; must not know what a step
//! does besides the poll.
#![expect(unsafe_code, reason = "the coroutine is pinned in the allocation that it shares with its state")]

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::mem::needs_drop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::step::{Coroutine, Failure, Resumed, abandon, cancelled_meanwhile, step};
use crate::base::PooledRc;
use crate::current::{copy_thread_context, uses_contexts};
use crate::kernel::Phase;
use crate::node::{Core, Kind, Loop, Node, NodeRef, Promise, TaskState, as_node, drop_flat};

/// What the memory of a task holds.
///
/// ```text
///   Coroutine ── it returns ──▶ Value ── the value is taken,  ──▶ Empty
///       │                              or the last handle goes      ▲
///       └──── it is cancelled, panics, or the loop closes ──────────┘
/// ```
enum Stage<F: Future> {
    Coroutine(F),
    Value(F::Output),
    Empty,
}

/// A task. The kernel's table holds a counted pointer to it while it is pending, and each handle holds one.
pub(crate) struct TaskCell<F: Future> {
    core: Core,
    state: TaskState,
    /// Accessed by `with_stage` alone.
    ///
    /// Invariant, **pinned**: a coroutine is written here when the cell is made, inside its block, and never moved
    /// again. It is polled in place and dropped in place.
    stage: UnsafeCell<Stage<F>>,
}

impl<F> TaskCell<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    /// Makes a task, inserts it into the kernel's table, and queues its first step.
    ///
    /// # Panics
    /// If the loop is closed.
    pub(crate) fn spawn(kernel: Rc<Loop>, future: F, created: &'static Location<'static>) -> PooledRc<Self> {
        assert!(
            kernel.life().phase() != Phase::Closed,
            "the event loop is closed, so it can take no task; make a new one with EventLoop::new() (this one would be \
             created at {created})"
        );
        let block = PooledRc::new_uninit();
        let (id, key) = kernel.next_task();
        let cell = block.write(Self {
            core: Core::new(kernel),
            state: TaskState::new(id, key, created),
            stage: UnsafeCell::new(Stage::Coroutine(future)),
        });
        if uses_contexts() {
            cell.state.set_context(copy_thread_context());
        }
        cell.core.kernel().insert_task(key, as_node(cell.clone()));
        cell
    }

    /// Lends the stage to `f`. Returns `None` if it is lent already: while the coroutine is polled or dropped, or its
    /// value is read, a second caller gets nothing.
    fn with_stage<R>(&self, f: impl FnOnce(&mut Stage<F>) -> R) -> Option<R> {
        let in_use = self.state.stage_in_use();
        if in_use.replace(true) {
            return None;
        }
        let _release = ReleaseOnDrop(in_use);
        // SAFETY: this is the only place that reaches into the cell, and `in_use`, which is set until `f` has returned
        // or panicked, keeps a second caller out.
        Some(f(unsafe { &mut *self.stage.get() }))
    }

    /// Moves the value out, if there is one.
    fn take_value(&self) -> Option<F::Output> {
        let value = self.with_stage(|stage| match stage {
            Stage::Value(_) => match std::mem::replace(stage, Stage::Empty) {
                Stage::Value(value) => Some(value),
                Stage::Coroutine(_) | Stage::Empty => None,
            },
            Stage::Coroutine(_) | Stage::Empty => None,
        });
        value.flatten()
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
                if let Some(failure) = cancelled_meanwhile(self.core.kernel(), &self.state) {
                    drop(value);
                    return Resumed::Failed(Box::new(failure));
                }
                *stage = Stage::Value(value);
                Resumed::Finished
            }))
        });
        let resumed = resumed.expect("the coroutine is in use only while its task runs, which does not nest");
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
        Kind::Task(&self.state)
    }

    fn orphaned(&self) {
        if self.core.is_done() {
            // The stage is in use here only while `discard` runs a destructor that drops the last handle. The end of
            // the task calls `orphaned` again then.
            let value = self.take_value();
            if needs_drop::<F::Output>() && value.is_some() {
                drop_flat(self.core.kernel(), Box::new(value));
            }
        }
    }

    fn step(&self, me: &NodeRef) {
        step(&self.core, &self.state, self, me);
    }

    fn abandon(&self) {
        abandon(&self.core, &self.state, self);
    }
}

impl<F> Promise<F::Output> for TaskCell<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn take(&self) -> Option<F::Output> {
        let value = self.take_value()?;
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

/// Sets the flag to false when it is dropped, also by a panic.
struct ReleaseOnDrop<'a>(&'a Cell<bool>);

impl Drop for ReleaseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest cell for which a small task is in its present size class of blocks. One more word costs a tenth of
    /// the time to spawn and join a task (measured).
    const SMALL_CELL_MAX: usize = 152;

    #[test]
    fn a_cell_stays_small() {
        fn size<F: Future<Output: 'static> + 'static>(_: &F) -> usize {
            size_of::<TaskCell<F>>()
        }
        assert!(size(&std::future::ready(1_u64)) <= SMALL_CELL_MAX);
    }
}
