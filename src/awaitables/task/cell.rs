//! The one allocation of a task. Owns the memory of the coroutine, and later of its value; must not know what a step
//! does besides the poll.
#![expect(unsafe_code, reason = "the coroutine is pinned in the allocation that it shares with its state")]

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::mem::needs_drop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::step::{Coroutine, Resumed, TaskParts, abandon, is_cancelled_meanwhile, step};
use crate::base::PooledRc;
use crate::current::{copy_thread_context, uses_contexts};
use crate::kernel::Phase;
use crate::node::{Core, Kind, Loop, Node, NodeRef, Promise, TaskState, as_node, drop_flat, report_unretrieved_error};

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
    task: TaskParts,
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
            task: TaskParts { core: Core::new(kernel), state: TaskState::new(id, key, created) },
            stage: UnsafeCell::new(Stage::Coroutine(future)),
        });
        cell.task.core.kernel().insert_task(key, as_node(cell.clone()));
        if uses_contexts() {
            cell.task.state.set_context(copy_thread_context());
        }
        cell
    }

    /// Lends the stage to `f`. Returns `None` if it is lent already: while the coroutine is polled or dropped, or its
    /// value is read, a second caller gets nothing.
    fn with_stage<R>(&self, f: impl FnOnce(&mut Stage<F>) -> R) -> Option<R> {
        let in_use = self.task.state.stage_in_use();
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
        let value = self.with_stage(|stage| {
            let Stage::Value(value) = stage else { return None };
            // SAFETY: the value is moved out once: what is left of it is overwritten, and not dropped. (By safe code
            // the stage would be moved out, which is as large as the coroutine was.)
            let value = unsafe { ptr::read(value) };
            // SAFETY: `stage` is a reference.
            unsafe { ptr::write(stage, Stage::Empty) };
            Some(value)
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
                if is_cancelled_meanwhile(self.task.core.kernel(), &self.task.state) {
                    let cancelled = Resumed::cancelled(self.task.core.kernel(), &self.task.state);
                    drop(value);
                    return cancelled;
                }
                *stage = Stage::Value(value);
                Resumed::Finished
            }))
        });
        let resumed = resumed.expect("the coroutine is in use only while its task runs, which does not nest");
        resumed.unwrap_or_else(Resumed::panicked)
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
        &self.task.core
    }

    fn kind(&self) -> Kind<'_> {
        Kind::Task(&self.task.state)
    }

    fn orphaned(&self) {
        if self.task.core.is_done() {
            // The stage is in use here only while `discard` runs a destructor that drops the last handle. The end of
            // the task calls `orphaned` again then.
            let value = self.take_value();
            if let Some(value) = &value {
                report_unretrieved_error(&self.task.core, &self.task.state, value);
            }
            if needs_drop::<F::Output>() && value.is_some() {
                drop_flat(self.task.core.kernel(), Box::new(value));
            }
        }
    }

    fn step(&self, me: &NodeRef) {
        step(&self.task, self, me);
    }

    fn abandon(&self) {
        abandon(&self.task, self);
    }
}

impl<F> Promise<F::Output> for TaskCell<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn take(&self) -> Option<F::Output> {
        let value = self.take_value()?;
        self.task.core.set_taken();
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
    use std::future::Pending;

    use super::*;
    use crate::awaitables::JoinHandle;
    use crate::base::{TaskKey, block_size};
    use crate::kernel::Entry;

    type Waits = Pending<()>;

    /// What is said of the memory of a task in docs/BENCHMARKS.md. A word more in a task of this size costs a tenth of
    /// the time to spawn and join it (measured).
    #[test]
    fn a_task_weighs_what_is_said_of_each_of_its_parts() {
        let (block, slot) = (block_size::<TaskCell<Waits>>(), size_of::<(TaskKey, NodeRef)>());
        let handle = size_of::<JoinHandle<()>>();
        let parts = [
            (
                "a node: its watchers 32, its loop 8, its ending 8, its flags and the count of handles 8",
                size_of::<Core>(),
                56,
            ),
            (
                "a task: what it awaits 32, its name 24, what few tasks need 8, requests and flags 16",
                size_of::<TaskState>(),
                80,
            ),
            (
                "the coroutine or its value, of which there is none here: which of them it is",
                size_of::<Stage<Waits>>(),
                1,
            ),
            ("its block: all of that, and the count of pointers", block, 152),
            ("its place in the table: key and pointer", slot, 24),
            ("its handle: the pointer, the place among the watchers, the wait", handle, 32),
            ("an entry of the ready queue, while it is in there", size_of::<Entry<NodeRef>>(), 24),
        ];
        for (part, bytes, said) in parts {
            assert_eq!(bytes, said, "{part}");
        }
        let of_the_allocator = 8;
        assert_eq!(block + of_the_allocator + slot + handle, 216);
    }
}
