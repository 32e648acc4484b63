//! The typed handle on a task: asyncio's `Task`. Owns the handle and `create_task`; must not know the loop that runs
//! the task.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::cell::TaskCell;
use super::eager::{CannotBegin, begin_now};
use crate::awaitables::any_future::TaskHandle;
use crate::awaitables::join_handle::JoinHandle;
use crate::awaitables::value_handle::ValueHandle;
use crate::base::Context;
use crate::current;
use crate::node::{Loop, NodeRef, as_promise};

/// A running coroutine: asyncio's `Task`.
///
/// The loop owns the task. This handle is the only one that its value can be taken from. Awaiting it returns the value
/// of the coroutine; if the task was cancelled, its cancellation is raised in the awaiter, and if it panicked, its
/// panic is resumed there. If the handle is dropped, the task runs on.
///
/// The first await takes the value, so a second one, by `&mut`, panics. To await a task more than once, or in several
/// places, use [`shared`](Self::shared).
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
/// Dropping the await loses nothing: the task runs on. A cancellation of the awaiting task cancels this task, if
/// nothing else is awaited there; the awaiter is cancelled only if this task ends cancelled.
#[doc(alias = "JoinHandle")]
pub struct Task<T> {
    pub(crate) join: JoinHandle<T>,
}

impl<T: 'static> Task<T> {
    /// A cloneable handle on the task, without the type of the value.
    pub fn handle(&self) -> TaskHandle {
        TaskHandle::of_task(self.join.node())
    }

    /// The number of the task: unique on its loop, counted from 1 in order of creation.
    pub fn id(&self) -> u64 {
        self.handle().id()
    }

    /// The name of the task; `Task-` and its number by default.
    pub fn name(&self) -> String {
        self.handle().name()
    }

    /// This task with a name, as in `create_task(f()).named("reader")`.
    #[expect(clippy::return_self_not_must_use, reason = "dropping the handle detaches the task, which may be meant")]
    pub fn named(self, name: impl AsRef<str>) -> Self {
        self.set_name(name.as_ref());
        self
    }

    /// Sets the name of the task.
    pub fn set_name(&self, name: &str) {
        self.handle().set_name(name);
    }

    /// Leaves the task out of `all_tasks()`: it does work of the crate itself, which a program must not cancel or wait
    /// for.
    pub(crate) fn hide(self, name: &str) {
        let handle = self.handle();
        handle.set_name(name);
        handle.state().hide();
    }

    /// This task in the given context, which it shares with everything else that runs in it, instead of in its copy of
    /// the creator's context: asyncio's `create_task(f(), context=ctx)`. Call it right after the creation, as in
    /// `create_task(f()).in_context(&ctx)` or `group.create_task(f()).in_context(&ctx)`.
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
    /// If the task has taken its first step.
    #[expect(clippy::return_self_not_must_use, reason = "dropping the handle detaches the task, which may be meant")]
    #[track_caller]
    pub fn in_context(self, ctx: &Context) -> Self {
        let handle = self.handle();
        let state = handle.state();
        assert!(
            !state.has_started(),
            "a task that has begun keeps its context; give it another where it is created: \
             create_task(f()).in_context(&ctx)"
        );
        current::note_context_use();
        drop(state.set_context(Some(ctx.clone())));
        self
    }

    /// This task, whose first step is taken now, inside the running one, and not in the next iteration: asyncio's
    /// `eager_start=True`. Call it right after the creation, as in `create_task(f()).eager()` or
    /// `group.create_task(f()).named("reader").eager()`. For all tasks of a loop there is
    /// [`EventLoop::set_eager_tasks`](crate::EventLoop::set_eager_tasks).
    ///
    /// The task runs up to its first await that has to wait, in its own copy of the context, with itself as
    /// [`current_task`](crate::current_task). If it ends before, it is done when this returns, was never queued, and an
    /// await of it does not wait; done callbacks are called in the next iteration all the same. Otherwise it goes on
    /// like any other task. A task that has taken its first step is returned as it is.
    ///
    /// Eager tasks change the order of a program: what a task does before its first wait comes before the rest of its
    /// creator's step. Eager tasks that make each other nest on the stack.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{create_task, run};
    /// use std::cell::RefCell;
    /// use std::collections::HashMap;
    /// use std::rc::Rc;
    ///
    /// run(async {
    ///     let cache = Rc::new(RefCell::new(HashMap::from([("one", 1)])));
    ///     let known = Rc::clone(&cache);
    ///     let look = create_task(async move { known.borrow().get("one").copied() }).eager();
    ///     assert!(look.done()); // the value was there, so nothing had to wait
    ///     assert_eq!(look.await, Some(1));
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the loop of the task does not run, where asyncio queues the step; and if something else was queued since the
    /// task was made. A panic of the task is its outcome, as in any other step.
    #[expect(clippy::return_self_not_must_use, reason = "dropping the handle detaches the task, which may be meant")]
    #[track_caller]
    pub fn eager(self) -> Self {
        match begin_now(&self.join.node()) {
            Ok(()) => self,
            Err(CannotBegin::LoopNotRunning) => panic!(
                "a task can begin at once only while its loop runs; make it in a task or a callback of that loop, or \
                 leave out eager()"
            ),
            Err(CannotBegin::NotLastInQueue) => panic!(
                "a task can begin at once only where it is created, before anything else is scheduled: \
                 create_task(f()).eager()"
            ),
        }
    }

    /// The context in which the task runs, `None` once it has ended: see [`TaskHandle::get_context`].
    pub fn get_context(&self) -> Option<Context> {
        self.handle().get_context()
    }

    /// The number of cancellations that were requested and not taken back: asyncio's `cancelling()`.
    pub fn cancelling(&self) -> u32 {
        self.handle().cancelling()
    }

    /// Takes back one request for cancellation and returns the number of those that remain: asyncio's `uncancel()`.
    pub fn uncancel(&self) -> u32 {
        self.handle().uncancel()
    }
}

impl<V: 'static, E: fmt::Display + 'static> Task<Result<V, E>> {
    /// This task, whose error is reported to the exception handler, once, if nothing has asked for it when the last
    /// handle is dropped: what asyncio does with the exception of every task. Here only a panic is reported of itself,
    /// as a program may leave an `Err` alone on purpose.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, create_task, yield_now};
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    ///
    /// let (lp, reports) = (EventLoop::new()?, Rc::new(RefCell::new(Vec::new())));
    /// let kept = reports.clone();
    /// lp.set_exception_handler(move |context| kept.borrow_mut().push(context.to_string()));
    /// lp.run_until_complete(async {
    ///     create_task(async { "a lot".parse::<u32>() }).named("parser").reporting_errors();
    ///     yield_now().await;
    /// })?;
    /// let report = "Task exception was never retrieved (parser): invalid digit found in string, created at ";
    /// assert!(reports.borrow()[0].starts_with(report), "{reports:?}");
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    #[expect(clippy::return_self_not_must_use, reason = "dropping the handle detaches the task, which is meant")]
    pub fn reporting_errors(self) -> Self {
        self.handle().state().report_errors(|value| {
            let result: &Result<V, E> = value.downcast_ref()?;
            result.as_ref().err().map(ToString::to_string)
        });
        self
    }
}

/// Starts a coroutine as a task of this thread's loop: asyncio's `create_task`. Its first step comes in the next
/// iteration, in order of creation; at once with [`eager`](Task::eager), or on a loop whose tasks are eager. It runs in
/// a copy of the [`Context`] of this moment.
///
/// The loop owns the task. If the handle is dropped, the task runs on, and its value is dropped at its end: an `Err`
/// too, unless [`reporting_errors`](Task::reporting_errors) asks for a report. A panic that nothing asks for is always
/// reported.
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
#[doc(alias = "spawn")]
#[doc(alias = "spawn_local")]
#[track_caller]
pub fn create_task<F>(future: F) -> Task<F::Output>
where
    F: IntoFuture + 'static,
    F::IntoFuture: 'static,
    F::Output: 'static,
{
    start(current::expect(), future.into_future(), Location::caller())
}

/// A task on `kernel`, whose first step is queued.
pub(crate) fn spawn<F>(kernel: Rc<Loop>, future: F, created: &'static Location<'static>) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    Task { join: JoinHandle::adopt(as_promise(TaskCell::spawn(kernel, future, created))) }
}

/// A task on `kernel`, made for the program: if the loop has eager tasks, it has taken its first step.
pub(crate) fn start<F>(kernel: Rc<Loop>, future: F, created: &'static Location<'static>) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    Task { join: JoinHandle::of(start_unawaited(kernel, future, created)) }
}

/// As `start`, with a handle that cannot be awaited.
pub(crate) fn start_unawaited<F>(
    kernel: Rc<Loop>,
    future: F,
    created: &'static Location<'static>,
) -> ValueHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let eager = kernel.life().is_eager();
    let task = ValueHandle::adopt(as_promise(TaskCell::spawn(kernel, future, created)));
    if eager {
        begin_if_running(&task.node());
    }
    task
}

/// Takes the first step of a task that was made just now. While its loop does not run, the step stays queued.
#[cold]
pub(crate) fn begin_if_running(task: &NodeRef) {
    let _ = begin_now(task);
}
