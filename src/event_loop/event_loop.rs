//! The handle that users hold on a loop. Owns the methods that schedule something or show the state of the loop; must
//! not know how an iteration goes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::timer_handle::TimerHandle;
use crate::awaitables::{Future, Task, pending_future, start};
use crate::current::{self, Guard};
use crate::error::ExceptionContext;
use crate::inspect::{CallGraph, capture};
use crate::kernel::{Alarm, Handle, Phase};
use crate::node::Loop;

/// A single-threaded event loop: asyncio's loop.
///
/// It is a cheap handle: clones are the same loop. When the last handle is dropped, the loop is closed. A task or
/// callback that keeps a handle keeps its own loop open; let it call [`EventLoop::current`] instead.
///
/// Most programs call [`run`](fn@crate::run), which makes a loop, cleans up and closes it, and use functions such as
/// [`create_task`](fn@crate::create_task) inside. A loop of one's own is for tests, for callbacks, and for programs
/// that have a loop already.
///
/// | to … | call |
/// | --- | --- |
/// | make one | [`new`](Self::new), [`builder`](Self::builder) for the settings, [`current`](Self::current) for the one that runs |
/// | run it | [`run_until_complete`](Self::run_until_complete), [`run_forever`](Self::run_forever) until [`stop`](Self::stop), and [`close`](Self::close) |
/// | run it from another loop | [`run_ready`](Self::run_ready), [`run_once`](Self::run_once), [`set_pender`](Self::set_pender) |
/// | start something | [`create_task`](Self::create_task), [`call_soon`](Self::call_soon), [`call_later`](Self::call_later), [`add_reader`](Self::add_reader) |
/// | be reached from threads | [`remote`](Self::remote); [`run_in_executor`](Self::run_in_executor) for calls that block |
/// | see inside | [`call_graph`](Self::call_graph), [`metrics`](Self::metrics), [`set_debug`](Self::set_debug), [`add_observer`](Self::add_observer) |
/// | hear of panics | [`set_exception_handler`](Self::set_exception_handler) |
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, sleep};
/// use std::time::Duration;
///
/// let lp = EventLoop::new()?;
/// let words = vec!["one", "loop"];
/// let sentence = lp.run_until_complete(async {
///     sleep(Duration::from_millis(1)).await;
///     words.join(" ") // the main future may borrow from its caller
/// })?;
/// assert_eq!(sentence, "one loop");
/// # Ok::<(), oneloop::Error>(())
/// ```
pub struct EventLoop {
    kernel: Rc<Loop>,
}

/// Dropping this leaves the loop: see [`EventLoop::enter`].
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, create_task};
///
/// let lp = EventLoop::new()?;
/// let task = {
///     let _in = lp.enter();
///     create_task(async { 7 }) // of `lp`, which does not run yet
/// };
/// assert_eq!(lp.run_until_complete(task)?, 7);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[must_use = "the loop is left as soon as this is dropped; write `let _in = lp.enter();`"]
#[derive(Debug)]
pub struct EnterGuard<'a> {
    _guard: Guard,
    _loop: PhantomData<&'a EventLoop>,
}

impl EventLoop {
    /// The loop that this thread is in: the running one, or the one that was entered last. asyncio's
    /// `get_event_loop()`.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn current() -> Self {
        Self::of(current::expect())
    }

    /// The loop that this thread is in, or `None` if it is in no loop.
    pub fn try_current() -> Option<Self> {
        current::current().map(Self::of)
    }

    /// A handle on the loop with this state.
    pub(crate) fn of(kernel: Rc<Loop>) -> Self {
        kernel.life().add_handle();
        Self { kernel }
    }

    /// Enters the loop: until the guard is dropped, `create_task`, `gather` and the like use this loop on this thread.
    /// So a program can prepare tasks before the loop runs.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, create_task, gather};
    ///
    /// let lp = EventLoop::new()?;
    /// let sums = {
    ///     let _in = lp.enter();
    ///     gather([1, 2].map(|n| create_task(async move { n })))
    /// };
    /// assert_eq!(lp.run_until_complete(sums)?, [1, 2]);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        current::leave_at_the_end();
        EnterGuard { _guard: current::enter(Rc::clone(&self.kernel)), _loop: PhantomData }
    }

    pub(crate) fn kernel(&self) -> &Rc<Loop> {
        &self.kernel
    }

    // Scheduling.

    /// Calls `f` in the next iteration, after what is queued already: asyncio's `call_soon`. What `f` returns is
    /// dropped. Like every callback, `f` runs in a copy of the current [`Context`](crate::Context), made now.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and the loop goes on.
    #[track_caller]
    pub fn call_soon<R>(&self, f: impl FnOnce() -> R + 'static) -> Handle {
        self.refuse_if_closed();
        let handle = callback(f, Location::caller());
        self.kernel.push_run(handle.run_ref());
        handle
    }

    /// Calls `f` when `delay` has passed, and never earlier: asyncio's `call_later`. Callbacks with the same deadline
    /// run in the order in which they were scheduled.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and the loop goes on.
    #[track_caller]
    pub fn call_later<R>(&self, delay: Duration, f: impl FnOnce() -> R + 'static) -> TimerHandle {
        let deadline = self.kernel.clock().deadline_after(delay);
        self.set_callback(deadline, callback(f, Location::caller()))
    }

    /// Calls `f` at the time `when` of the loop's own clock (see [`time`](Self::time)): asyncio's `call_at`. If that
    /// time has passed, `f` is called in the next iteration.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and the loop goes on.
    #[track_caller]
    pub fn call_at<R>(&self, when: Instant, f: impl FnOnce() -> R + 'static) -> TimerHandle {
        let deadline = self.kernel.clock().nanos_at(when);
        self.set_callback(deadline, callback(f, Location::caller()))
    }

    #[track_caller]
    fn set_callback(&self, deadline: u64, handle: Handle) -> TimerHandle {
        self.refuse_if_closed();
        let key = self.kernel.set_timer(deadline, Alarm::Run(handle.run_ref()));
        TimerHandle::new(Rc::clone(&self.kernel), key, self.kernel.clock().instant(deadline), handle)
    }

    #[track_caller]
    pub(crate) fn refuse_if_closed(&self) {
        assert!(
            self.kernel.life().phase() != Phase::Closed,
            "the event loop is closed, so it can schedule nothing; make a new one with EventLoop::new()"
        );
    }

    /// Starts a coroutine on this loop: see [`create_task`](fn@crate::create_task).
    ///
    /// # Panics
    /// If the loop is closed.
    #[track_caller]
    pub fn create_task<F>(&self, future: F) -> Task<F::Output>
    where
        F: IntoFuture + 'static,
        F::IntoFuture: 'static,
        F::Output: 'static,
    {
        start(Rc::clone(&self.kernel), future.into_future(), Location::caller())
    }

    /// Makes a pending future on this loop: see [`create_future`](fn@crate::create_future).
    pub fn create_future<T: 'static>(&self) -> Future<T> {
        pending_future(Rc::clone(&self.kernel))
    }

    /// Says whether tasks that are made from now on take their first step where they are made, while the loop runs:
    /// asyncio's `set_task_factory(asyncio.eager_task_factory)`. It holds for `create_task`, for what `gather`, `wait`,
    /// `shield` and the like make tasks of, for the children of task groups, and for the clients of servers. While the
    /// loop does not run, first steps are queued. For one task alone there is [`Task::eager`], which says what is
    /// different then.
    ///
    /// A task has begun when `create_task` returns it. So its name is still the default one in its first step,
    /// `in_context` panics, and the `limit` of a gathering, which holds back children that have not begun, holds back
    /// none of them.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, create_task, gather};
    ///
    /// let lp = EventLoop::builder().eager_tasks(true).build()?;
    /// lp.run_until_complete(async {
    ///     assert!(create_task(async { 1 }).done());
    ///     assert!(gather([1, 2].map(async |n| n)).done());
    ///     EventLoop::current().set_eager_tasks(false);
    ///     assert!(!create_task(async { 1 }).done());
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// asyncio's programs use a task factory for two more things. To learn of each task, also of those that the loop
    /// makes itself, add an [`Observer`](crate::Observer), which is told where a task was made and how it ended. To
    /// wrap each coroutine, wrap it where the task is made: `create_task(logged(f()))`. (There is one type of task, so
    /// a program makes none of its own.)
    ///
    /// ```
    /// use oneloop::observe::{Moment, ObservedTask, TaskEnding};
    /// use oneloop::{EventLoop, Observer, create_task, gather, yield_now};
    /// use std::cell::RefCell;
    /// use std::collections::HashMap;
    /// use std::rc::Rc;
    ///
    /// /// How many tasks were made by each line of the program, and are there now.
    /// #[derive(Default)]
    /// struct Tasks {
    ///     made: RefCell<HashMap<u32, u32>>,
    ///     now: RefCell<HashMap<u64, String>>,
    /// }
    ///
    /// impl Observer for Tasks {
    ///     fn created(&self, _: &Moment<'_>, task: ObservedTask<'_>) {
    ///         *self.made.borrow_mut().entry(task.created().line()).or_default() += 1;
    ///         self.now.borrow_mut().insert(task.id(), task.name());
    ///     }
    ///
    ///     fn ended(&self, _: &Moment<'_>, task: ObservedTask<'_>, _: TaskEnding) {
    ///         self.now.borrow_mut().remove(&task.id());
    ///     }
    /// }
    ///
    /// let (lp, tasks) = (EventLoop::new()?, Rc::new(Tasks::default()));
    /// lp.add_observer(tasks.clone());
    /// let line = line!() + 1;
    /// let three = lp.run_until_complete(async { gather((0..3).map(|_| create_task(yield_now()))).await.len() })?;
    /// assert_eq!((three, tasks.made.borrow()[&line]), (3, 3 + 1)); // and the main task
    /// assert!(tasks.now.borrow().is_empty());
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn set_eager_tasks(&self, eager: bool) {
        self.kernel.life().set_eager(eager);
    }

    /// Whether new tasks take their first step where they are made.
    pub fn eager_tasks(&self) -> bool {
        self.kernel.life().is_eager()
    }

    // State.

    /// Who waits for whom: asyncio's `capture_call_graph()`, of all tasks at once. Printed, it is a tree. Nothing has
    /// to be switched on for it, and a loop that is never asked pays nothing.
    ///
    /// It may be asked for by a task, by a callback, or between two runs. From another thread,
    /// [`LoopHandle::call_graph`](crate::LoopHandle::call_graph) asks for it.
    ///
    /// ```
    /// use oneloop::{EventLoop, run};
    ///
    /// let graph = run(async { EventLoop::current().call_graph() })?;
    /// assert!(graph.to_string().starts_with("Task-1 runs"), "{graph}");
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    #[doc(alias = "capture_call_graph")]
    #[doc(alias = "print_call_graph")]
    #[doc(alias = "dump")]
    pub fn call_graph(&self) -> CallGraph {
        capture(&self.kernel)
    }

    /// The time on the loop's clock: asyncio's `time()`.
    pub fn time(&self) -> Instant {
        let clock = self.kernel.clock();
        clock.instant(clock.now())
    }

    /// Whether the loop is running.
    pub fn is_running(&self) -> bool {
        self.kernel.life().is_running()
    }

    /// Whether the loop is closed, or about to be.
    pub fn is_closed(&self) -> bool {
        self.kernel.life().phase() != Phase::Open
    }

    /// Ends the run after the current iteration: asyncio's `stop()`. What is scheduled stays for the next run. If the
    /// loop is not running, the next run ends after one iteration, which does not wait. A turn ends in the same way:
    /// see [`Turn::stopped`](crate::Turn::stopped).
    ///
    /// If the main future of such a run is done in that one iteration, the run returns its value, but the entry that
    /// ends a finished run is still queued: it ends the run after it, too. asyncio does the same. A program that embeds
    /// the loop, and cannot know who has called `stop()`, calls [`clear_stop`](Self::clear_stop) before a run.
    pub fn stop(&self) {
        self.kernel.life().set_stopping(true);
    }

    /// Takes back what would stop the next run before its time: calls of [`stop`](Self::stop) outside of runs, and
    /// what an earlier run that was stopped has left. asyncio has no such call.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    ///
    /// let lp = EventLoop::new()?;
    /// lp.stop();
    /// lp.clear_stop();
    /// let value = lp.run_until_complete(async {
    ///     oneloop::yield_now().await;
    ///     5
    /// });
    /// assert_eq!(value?, 5);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn clear_stop(&self) {
        self.kernel.life().forget_stops();
    }

    /// Sets a function to which the loop reports what goes wrong where no await sees it: asyncio's
    /// `set_exception_handler`. These are panics of callbacks, wakers and destructors, and of tasks whose last handle
    /// was dropped before the panic was seen. By default the report is a line on standard error.
    ///
    /// `f` must not panic. If it does, the report goes to standard error as well.
    pub fn set_exception_handler(&self, f: impl Fn(&ExceptionContext) + 'static) {
        drop(self.kernel.set_exception_handler(Some(Rc::new(f))));
    }

    /// Removes the exception handler. Reports go to standard error again.
    pub fn clear_exception_handler(&self) {
        drop(self.kernel.set_exception_handler(None));
    }
}

/// Makes a callback of `f`, which runs in a copy of the current context.
fn callback<R>(f: impl FnOnce() -> R + 'static, created: &'static Location<'static>) -> Handle {
    if current::uses_contexts() { inheriting(f, created) } else { Handle::new(|| drop(f()), created) }
}

#[cold]
fn inheriting<R>(f: impl FnOnce() -> R + 'static, created: &'static Location<'static>) -> Handle {
    let in_own_context = |own| {
        drop(current::swap_context(own)); // the iteration leaves the context afterwards
        drop(f());
    };
    Handle::in_context(in_own_context, current::copy_thread_context(), created)
}

impl Clone for EventLoop {
    fn clone(&self) -> Self {
        Self::of(Rc::clone(&self.kernel))
    }
}

/// Equal if both are handles on the same loop.
impl PartialEq for EventLoop {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.kernel, &other.kernel)
    }
}

impl Eq for EventLoop {}

impl Hash for EventLoop {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Rc::as_ptr(&self.kernel).hash(state);
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("number", &self.kernel.number())
            .field("running", &self.is_running())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
