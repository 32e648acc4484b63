//! The one allocation of a task. Owns the memory of the coroutine, and later of its value; must not know what a step
//! does besides the poll.
#![expect(unsafe_code, reason = "the coroutine is pinned in the allocation that it shares with its state")]

use std::any::Any;
use std::cell::UnsafeCell;
use std::mem::{ManuallyDrop, needs_drop};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::step::{Coroutine, Resumed, TaskParts, abandon, is_cancelled_meanwhile, step};
use crate::base::PooledRc;
use crate::current::{copy_thread_context, uses_contexts};
use crate::kernel::Phase;
use crate::node::{
    Core, Held, Kind, Loan, Loop, Node, NodeRef, Promise, TaskState, as_node, drop_flat, report_unretrieved_error,
};

/// The memory of a task. What it holds is noted in the task's state, where there is a byte to spare: an enum would take
/// a word more for many coroutines.
#[repr(C)] // so that both begin where it begins
union Memory<F: Future> {
    coroutine: ManuallyDrop<F>,
    value: ManuallyDrop<F::Output>,
}

/// A task. The kernel's table holds a counted pointer to it while it is pending, and each handle holds one.
pub(crate) struct TaskCell<F: Future> {
    task: TaskParts,
    /// Invariants, which the SAFETY comments cite by name:
    /// - **lent**: it is reached only by a `Loan` of `state`, of which there is one at a time, and which says what is
    ///   here.
    /// - **pinned**: a coroutine is written here when the cell is made, inside its block, and never moved again. It is
    ///   polled in place and dropped in place.
    memory: UnsafeCell<Memory<F>>,
}

impl<F: Future> TaskCell<F> {
    /// The place of the coroutine.
    fn coroutine(&self) -> *mut F {
        self.memory.get().cast()
    }

    /// The place of the value.
    fn value(&self) -> *mut F::Output {
        self.memory.get().cast()
    }

    /// Drops what is in the memory, in place, unless it is lent.
    #[inline]
    fn drop_rest(&self) {
        if let Some(mut loan) = self.task.state.memory().lend(self.task.state.memory().held()) {
            self.drop_held(&mut loan);
        }
    }

    /// Drops what is in the memory, in place.
    fn drop_held(&self, loan: &mut Loan<'_>) {
        match std::mem::replace(&mut loan.held, Held::Nothing) {
            Held::Nothing => {}
            // SAFETY: lent. It is dropped once, also if its destructor panics, since nothing is here from now on.
            Held::Coroutine => unsafe { ptr::drop_in_place(self.coroutine()) },
            // SAFETY: as above.
            Held::Value => unsafe { ptr::drop_in_place(self.value()) },
        }
    }
}

impl<F: Future> Drop for TaskCell<F> {
    #[inline]
    fn drop(&mut self) {
        if self.task.state.memory().held() != Held::Nothing {
            self.drop_rest();
        }
    }
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
        let (key, era) = kernel.next_task();
        let cell = block.write(Self {
            task: TaskParts { core: Core::of_era(kernel, era), state: TaskState::new(key, created) },
            memory: UnsafeCell::new(Memory { coroutine: ManuallyDrop::new(future) }),
        });
        cell.task.core.kernel().insert_task(key, as_node(cell.clone()));
        if uses_contexts() {
            cell.task.state.set_context(copy_thread_context());
        }
        cell
    }

    /// Moves the value out, if there is one, and it is not lent.
    fn take_value(&self) -> Option<F::Output> {
        let mut loan = self.task.state.memory().lend(Held::Value)?;
        loan.held = Held::Nothing;
        // SAFETY: lent. It is moved once, since nothing is here from now on.
        Some(unsafe { self.value().read() })
    }

    /// Polls the coroutine, which is what is lent.
    fn poll(&self, loan: &mut Loan<'_>, cx: &mut Context<'_>) -> Resumed {
        // SAFETY: lent.
        let coroutine = unsafe { &mut *self.coroutine() };
        // SAFETY: pinned.
        let coroutine = unsafe { Pin::new_unchecked(coroutine) };
        let Poll::Ready(value) = coroutine.poll(cx) else { return Resumed::Pending };
        if is_cancelled_meanwhile(self.task.core.kernel(), &self.task.state) {
            let cancelled = Resumed::cancelled(self.task.core.kernel(), &self.task.state);
            drop(value);
            return cancelled;
        }
        self.drop_held(loan);
        // SAFETY: lent. Nothing is here that would have to be dropped.
        unsafe { self.value().write(value) };
        loan.held = Held::Value;
        Resumed::Finished
    }
}

impl<F> Coroutine for TaskCell<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn resume(&self, cx: &mut Context<'_>) -> Resumed {
        let loan = self.task.state.memory().lend(Held::Coroutine);
        let mut loan = loan.expect("a pending task holds its coroutine, which is lent only while it runs");
        catch_unwind(AssertUnwindSafe(|| self.poll(&mut loan, cx))).unwrap_or_else(Resumed::panicked)
    }

    fn discard(&self) -> Result<(), Box<dyn Any + Send>> {
        catch_unwind(AssertUnwindSafe(|| {
            self.drop_rest();
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
            // The memory is lent here only while `discard` runs a destructor that drops the last handle. The end of
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
        if let Some(_loan) = self.task.state.memory().lend(Held::Value) {
            // SAFETY: lent.
            look(unsafe { &*self.value() });
        }
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
                "a node: its watchers or its ending 32, its loop 8, handles, state, flags and era 8",
                size_of::<Core>(),
                48,
            ),
            (
                "a task: what it awaits 32, key 8, place of creation 8, what few need 8, requests and chores 8",
                size_of::<TaskState>(),
                64,
            ),
            ("the coroutine or its value, of which there is none here", size_of::<Memory<Waits>>(), 0),
            ("its block: all of that, and the count of pointers", block, 120),
            ("its place in the table: key and pointer", slot, 24),
            ("its handle: the pointer, the place among the watchers, the wait", handle, 32),
            ("an entry of the ready queue, while it is in there", size_of::<Entry<NodeRef>>(), 24),
        ];
        for (part, bytes, said) in parts {
            assert_eq!(bytes, said, "{part}");
        }
        let of_the_allocator = 8;
        assert_eq!(block + of_the_allocator + slot + handle, 184);
    }
}
