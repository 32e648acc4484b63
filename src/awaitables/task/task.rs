//! A coroutine that the loop steps: asyncio's `Task`. Owns the typed handle and the making of tasks; must not know the
//! loop that runs them.

use std::panic::Location;
use std::rc::Rc;

use super::cell::TaskCell;
use crate::awaitables::any_future::TaskHandle;
use crate::awaitables::join_handle::{JoinHandle, handle_methods};
use crate::base::Context;
use crate::current;
use crate::node::{Loop, as_promise};

/// A running coroutine: asyncio's `Task`.
///
/// The loop owns the task; this is the one handle that its value comes out by. Awaiting it gives the value of the
/// coroutine; if the task was cancelled, the cancellation is raised in the awaiter, and if it panicked, the panic goes
/// on there. Dropping the handle lets the task run on.
///
/// # Examples
/// ```
/// use oneloop::{create_task, run, sleep};
/// use std::time::Duration;
///
/// let sum = run(async {
///     let task = create_task(async {
///         sleep(Duration::from_millis(1)).await;
///         40
///     });
///     task.await + 2
/// })?;
/// assert_eq!(sum, 42);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Cancel safety
/// Dropping the await loses nothing: the task runs on. A cancellation of the awaiting task is handed on to this task,
/// and the awaiter sees it only if this task ends cancelled.
pub struct Task<T> {
    join: JoinHandle<T>,
}

impl<T: 'static> Task<T> {
    /// A cloneable handle without the type of the value.
    pub fn handle(&self) -> TaskHandle {
        TaskHandle::of_task(self.join.node())
    }

    /// Its number: unique on its loop, counted from 1 in order of creation.
    pub fn id(&self) -> u64 {
        self.handle().id()
    }

    /// Its name: `Task-` and its number, if it was given no other.
    pub fn name(&self) -> String {
        self.handle().name()
    }

    /// Gives it a name; for use at its creation, `create_task(f()).named("reader")`.
    #[must_use = "it is the task's one handle"]
    pub fn named(self, name: impl AsRef<str>) -> Self {
        self.set_name(name.as_ref());
        self
    }

    /// Gives it a name.
    pub fn set_name(&self, name: &str) {
        self.handle().set_name(name);
    }

    /// Takes it out of `all_tasks()`: it is work of the loop itself, and nobody is to cancel it or wait for it.
    pub(crate) fn hide(self, name: &str) {
        let handle = self.handle();
        handle.set_name(name);
        handle.state().hide();
    }

    /// Gives it a context to run in, shared with whoever else has it, instead of the copy that it has inherited: asyncio's
    /// `create_task(f(), context=ctx)`. For use at its creation, `create_task(f()).in_context(&ctx)`, or
    /// `group.create_task(f()).in_context(&ctx)`.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Context, ContextVar, create_task, run};
    ///
    /// static COUNT: ContextVar<u32> = ContextVar::new("count");
    ///
    /// run(async {
    ///     let ctx = Context::new();
    ///     for _ in 0..3 {
    ///         create_task(async { COUNT.set(COUNT.get().unwrap_or(0) + 1) }).in_context(&ctx).await;
    ///     }
    ///     assert_eq!(ctx.get(&COUNT), Some(3));
    ///     assert_eq!(COUNT.get(), None);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If it has taken its first step.
    #[track_caller]
    #[must_use = "it is the task's one handle"]
    pub fn in_context(self, ctx: &Context) -> Self {
        let handle = self.handle();
        let state = handle.state();
        assert!(
            !state.started().get(),
            "a task that has begun keeps its context; give it another where it is created: create_task(f()).in_context(&ctx)"
        );
        current::note_context_use();
        drop(state.set_context(Some(ctx.clone())));
        self
    }

    /// How many cancellations were asked for and not taken back: asyncio's `cancelling()`.
    pub fn cancelling(&self) -> u32 {
        self.handle().cancelling()
    }

    /// Takes one request for cancellation back and answers how many are left: asyncio's `uncancel()`.
    pub fn uncancel(&self) -> u32 {
        self.handle().uncancel()
    }
}

handle_methods!(Task);

/// Starts a coroutine on this thread's loop: asyncio's `create_task`. Its first step comes in the next iteration, in
/// order of creation. It runs in a copy of the [`Context`] of this moment.
///
/// # Examples
/// ```
/// use oneloop::{create_task, run};
///
/// let three = run(async {
///     let (one, two) = (create_task(async { 1 }), create_task(async { 2 }));
///     one.await + two.await
/// })?;
/// assert_eq!(three, 3);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If this thread is in no loop, or the loop is closed.
#[track_caller]
pub fn create_task<F>(future: F) -> Task<F::Output>
where
    F: IntoFuture + 'static,
    F::IntoFuture: 'static,
    F::Output: 'static,
{
    spawn(current::expect(), future.into_future(), true, Location::caller())
}

/// A task on `kernel`, queued for its first step or held back until somebody wakes it.
pub(crate) fn spawn<F>(
    kernel: Rc<Loop>,
    future: F,
    queued: bool,
    created: &'static Location<'static>,
) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    Task { join: JoinHandle::adopt(as_promise(TaskCell::spawn(kernel, future, queued, created))) }
}
