//! Runs a main future: asyncio's `run_until_complete` and `run`. Owns the proof that what the main future borrows is
//! returned in time; must not know how an iteration goes.
#![expect(unsafe_code, reason = "the main future may borrow from its caller while the task table wants 'static")]

use std::cell::Cell;
use std::io::{Write as _, stderr};
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::process::abort;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

#[cfg(feature = "signal")]
use super::ctrl_c::interruptible;
#[cfg(feature = "signal")]
use super::ctrl_c::main_begins;
use crate::awaitables::{JoinHandle, recognise_borrowed, spawn, tasks_of};
use crate::current;
use crate::error::{Error, ExceptionContext, TaskError};
use crate::event_loop::EventLoop;
use crate::kernel::Phase;
use crate::node::{Ending, NodeRef, call_exception_handler};
use crate::primitives::wait;

impl EventLoop {
    /// Runs until `future` is done and gives its value: asyncio's `run_until_complete`.
    ///
    /// A coroutine becomes a task, and may borrow from its caller; it is dropped if the run ends early. A task, future or
    /// gathering of this loop is run as it is. Tasks that are not done stay on the loop for the next run.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if it was cancelled, [`Error::Stopped`] if `stop()` came first, [`Error::Running`] inside a
    /// running loop, [`Error::Closed`] after `close`, [`Error::ForeignLoop`] for a task of another loop,
    /// [`Error::Deadlock`] if the clock is virtual and nothing can ever happen again, [`Error::Io`] if the operating
    /// system fails.
    ///
    /// # Panics
    /// A panic of the future goes on here.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    ///
    /// let lp = EventLoop::new()?;
    /// let task = lp.create_task(async { 1 });
    /// let borrowed = String::from("mine");
    /// assert_eq!(lp.run_until_complete(async { borrowed.len() })?, 4);
    /// assert_eq!(lp.run_until_complete(task)?, 1);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    #[track_caller]
    pub fn run_until_complete<F: IntoFuture>(&self, future: F) -> Result<F::Output, Error> {
        self.run_created_at(future, Location::caller())
    }

    fn run_created_at<F: IntoFuture>(
        &self,
        future: F,
        created: &'static Location<'static>,
    ) -> Result<F::Output, Error> {
        match recognise_borrowed(future) {
            Ok(join) => {
                self.run_until_done(&*join.node())?;
                value_of(&join)
            }
            Err(coroutine) => self.run_coroutine(coroutine.into_future(), created),
        }
    }

    fn run_coroutine<F: Future>(&self, future: F, created: &'static Location<'static>) -> Result<F::Output, Error> {
        if current::any_running() {
            return Err(Error::Running);
        }
        if self.kernel().phase() != Phase::Open {
            return Err(Error::Closed);
        }
        let value = Cell::new(None);
        let gone = Cell::new(false);
        let mut future = pin!(Some(future));
        let main: Pin<Box<dyn Future<Output = ()> + '_>> =
            Box::pin(Main { future: future.as_mut(), value: &value, gone: &gone });
        // SAFETY: `Main` borrows from this frame and from the caller. It is dropped before the frame ends, since
        // `Finally` sees to it on every way out, and ends the process if it could not.
        let main = unsafe {
            mem::transmute::<Pin<Box<dyn Future<Output = ()> + '_>>, Pin<Box<dyn Future<Output = ()>>>>(main)
        };
        let task = spawn(Rc::clone(self.kernel()), main, true, created).into_join();
        #[cfg(feature = "signal")]
        main_begins(self, &task.any());
        let finally = Finally { lp: self, task: task.node(), gone: &gone };
        let ran = self.run_until_done(&*finally.task);
        drop(finally);
        ran?;
        value_of(&task)?;
        Ok(value.take().expect("a main future that finished has left its value"))
    }
}

/// The value of a node that is done, for whoever ran the loop for it.
fn value_of<T>(join: &JoinHandle<T>) -> Result<T, Error> {
    match join.take_result() {
        Ok(value) => Ok(value),
        Err(TaskError::Cancelled(cancelled)) => Err(Error::Cancelled(cancelled)),
        Err(TaskError::Panicked(panic)) => panic.resume(),
        Err(other) => panic!("{other}"),
    }
}

/// The main future as a coroutine without a value: it leaves the value in the frame of its caller.
struct Main<'a, F: Future> {
    future: Pin<&'a mut Option<F>>,
    value: &'a Cell<Option<F::Output>>,
    gone: &'a Cell<bool>,
}

impl<F: Future> Future for Main<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let future = self.future.as_mut().as_pin_mut().expect("a task is not polled after its end");
        future.poll(cx).map(|value| self.value.set(Some(value)))
    }
}

/// The destructors of the main future run when its task ends, like those of any other.
impl<F: Future> Drop for Main<'_, F> {
    fn drop(&mut self) {
        self.gone.set(true);
        self.future.set(None);
    }
}

/// However the run ends, the main future ends with it.
struct Finally<'a> {
    lp: &'a EventLoop,
    task: NodeRef,
    gone: &'a Cell<bool>,
}

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        if !self.gone.get() {
            let _in = self.lp.enter();
            self.task.abandon();
        }
        if !self.gone.get() {
            // What it borrows is about to go: nothing sound is left to do. No way to get here is known.
            abort();
        }
    }
}

/// How long [`run`] waits for threads at its end.
const THREAD_JOIN_TIMEOUT: Duration = Duration::from_secs(300);

/// Runs a future on a new loop: asyncio's `run()`. When it has ended, in whatever way, the tasks that are left are cancelled
/// and waited for; what they panic with then is reported to the loop's exception handler. Then the loop's
/// [default executor](EventLoop::shutdown_default_executor) is shut down, for which its threads get five minutes to finish,
/// and the loop is closed.
///
/// With the feature `signal`, and on the program's main thread, Ctrl-C (`SIGINT`) cancels the main task, unless somebody
/// handles that signal already; a second Ctrl-C ends the process at once. Before and after the run the signal does what it
/// does by default.
///
/// # Errors
/// As [`EventLoop::run_until_complete`]; and [`Error::Interrupted`] if the main task was cancelled by Ctrl-C, and did not
/// catch that.
///
/// # Panics
/// A panic of the future goes on here, when all that is done.
///
/// # Examples
/// ```
/// let value = oneloop::run(async { 42 })?;
/// assert_eq!(value, 42);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[track_caller]
pub fn run<F: IntoFuture>(future: F) -> Result<F::Output, Error> {
    if current::any_running() {
        return Err(Error::Running);
    }
    let lp = EventLoop::new()?;
    let created = Location::caller();
    let value = catch_unwind(AssertUnwindSafe(|| interruptible(&lp, || lp.run_created_at(future, created))));
    // A failure of the system in one of these has been met by the main future before.
    let _ = cancel_what_is_left(&lp);
    let _ = end_threads(&lp);
    value.unwrap_or_else(|payload| resume_unwind(payload))
}

/// With the feature `signal`, Ctrl-C cancels the main task.
#[cfg(not(feature = "signal"))]
fn interruptible<T>(_lp: &EventLoop, run: impl FnOnce() -> T) -> T {
    run()
}

/// Cancels the tasks that are left, waits for their ends, and reports those that went wrong.
fn cancel_what_is_left(lp: &EventLoop) -> Result<(), Error> {
    let left = tasks_of(lp.kernel());
    if left.is_empty() {
        return Ok(());
    }
    let _in = lp.enter();
    for task in &left {
        task.cancel();
    }
    drop(lp.run_until_complete(wait(left.iter().cloned()))?);
    for task in left {
        let core = task.node().core();
        if let Some(Ending::Panicked(exception)) = core.ending() {
            core.set_retrieved();
            let message = "unhandled exception during asyncio.run() shutdown";
            let (name, created) = (Some(task.name()), Some(task.created_at()));
            call_exception_handler(
                lp.kernel(),
                &ExceptionContext { message, exception: exception.into(), task: name, created },
            );
        }
    }
    Ok(())
}

fn end_threads(lp: &EventLoop) -> Result<(), Error> {
    let Some(executor) = lp.kernel().shut_default_executor() else { return Ok(()) };
    if executor.thread_count() > 0 && lp.run_until_complete(lp.shutdown_default_executor(THREAD_JOIN_TIMEOUT))?.is_err()
    {
        // a closed standard error is no reason to fail
        let _ = writeln!(
            stderr(),
            "oneloop: the executor's threads have not ended within {} seconds; the program goes on without them",
            THREAD_JOIN_TIMEOUT.as_secs()
        );
    }
    Ok(())
}
