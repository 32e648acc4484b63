//! The run of a main future: asyncio's `run_until_complete`. Owns the proof that the main future is dropped before what
//! it borrows; must not know how an iteration goes.
#![expect(unsafe_code, reason = "the main future may borrow from its caller, and the task table takes only 'static")]

use std::cell::Cell;
use std::mem;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::process::abort;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::event_loop::EventLoop;
use crate::awaitables::{AnyFuture, JoinHandle, recognise_borrowed, spawn};
use crate::current;
use crate::error::{Error, TaskError};
use crate::kernel::Phase;
use crate::node::NodeRef;

impl EventLoop {
    /// Runs the loop until `future` is done, and returns its value: asyncio's `run_until_complete`.
    ///
    /// A coroutine becomes a task. It may borrow from its caller, and is dropped if the run ends before it is done. A
    /// task, future or gathering of this loop is awaited as it is. Other tasks that are not done stay on the loop for
    /// the next run.
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
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the future was cancelled, [`Error::Stopped`] if `stop()` came first, [`Error::Running`]
    /// inside a running loop, [`Error::Closed`] after `close`, [`Error::ForeignLoop`] for a task of another loop,
    /// [`Error::Deadlock`] if the clock is virtual and nothing can ever happen again, [`Error::Io`] if the operating
    /// system fails.
    ///
    /// # Panics
    /// If the future panics: this panics with the same payload.
    #[doc(alias = "block_on")]
    #[track_caller]
    pub fn run_until_complete<F: IntoFuture>(&self, future: F) -> Result<F::Output, Error> {
        self.run_main(future, Location::caller(), &mut |_main| ())
    }

    /// As `run_until_complete`. Before the first step, `begins` is called with the task that the coroutine has become.
    pub(crate) fn run_main<F: IntoFuture>(
        &self,
        future: F,
        created: &'static Location<'static>,
        begins: &mut dyn FnMut(&AnyFuture),
    ) -> Result<F::Output, Error> {
        match recognise_borrowed(future) {
            Ok(join) => {
                self.run_until_done(&*join.node())?;
                value_of(&join)
            }
            Err(coroutine) => self.run_coroutine(coroutine.into_future(), created, begins),
        }
    }

    fn run_coroutine<F: Future>(
        &self,
        future: F,
        created: &'static Location<'static>,
        begins: &mut dyn FnMut(&AnyFuture),
    ) -> Result<F::Output, Error> {
        self.check_that_it_may_run()?;
        let value = Cell::new(None);
        let gone = Cell::new(false);
        let mut future = pin!(Some(future));
        let main: Pin<Box<dyn Future<Output = ()> + '_>> =
            Box::pin(Main { future: future.as_mut(), value: &value, gone: &gone });
        // SAFETY: `Main` borrows from this frame and from the caller, so it must be dropped before this frame ends:
        // `run_boxed` does that, on every way out.
        let main = unsafe {
            mem::transmute::<Pin<Box<dyn Future<Output = ()> + '_>>, Pin<Box<dyn Future<Output = ()>>>>(main)
        };
        self.run_boxed(main, &gone, created, begins)?;
        Ok(value.take().expect("a main future that finished has left its value"))
    }

    fn check_that_it_may_run(&self) -> Result<(), Error> {
        if current::any_running() {
            return Err(Error::Running);
        }
        if self.kernel().life().phase() != Phase::Open {
            return Err(Error::Closed);
        }
        if self.kernel().was_forked() {
            return Err(Error::Forked);
        }
        Ok(())
    }

    /// Runs a main future, and drops it, whatever happens; `gone` is set by its drop.
    ///
    /// On every way out, `Finally` drops it, or ends the process if it cannot. Before `finally` is made, this frame
    /// cannot end while `main` is in the task table: `spawn` inserts the task last, and nothing after that can panic.
    fn run_boxed(
        &self,
        main: Pin<Box<dyn Future<Output = ()>>>,
        gone: &Cell<bool>,
        created: &'static Location<'static>,
        begins: &mut dyn FnMut(&AnyFuture),
    ) -> Result<(), Error> {
        let task = spawn(Rc::clone(self.kernel()), main, created).into_join();
        let finally = Finally { lp: self, task: task.node(), gone };
        begins(&task.any());
        let ran = self.run_until_done(&*finally.task);
        drop(finally);
        ran?;
        value_of(&task)
    }
}

/// The outcome of a node that is done, as the outcome of the run.
fn value_of<T>(join: &JoinHandle<T>) -> Result<T, Error> {
    match join.take_result() {
        Ok(value) => Ok(value),
        Err(TaskError::Cancelled(cancelled)) => Err(Error::Cancelled(cancelled)),
        Err(TaskError::Panicked(panic)) => panic.resume(),
        Err(other) => panic!("{other}"),
    }
}

/// The main future as a coroutine without a value. It stores the value in the frame of `run_coroutine`.
struct Main<'a, F: Future> {
    future: Pin<&'a mut Option<F>>,
    value: &'a Cell<Option<F::Output>>,
    /// Set when this is dropped.
    gone: &'a Cell<bool>,
}

impl<F: Future> Future for Main<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let future = self.future.as_mut().as_pin_mut().expect("a task is not polled after its end");
        future.poll(cx).map(|value| self.value.set(Some(value)))
    }
}

/// The future itself lies in the frame of `run_coroutine`. It is dropped here, when its task ends, as in any other
/// task.
impl<F: Future> Drop for Main<'_, F> {
    fn drop(&mut self) {
        // first, as the destructor of the future may panic
        self.gone.set(true);
        self.future.set(None);
    }
}

/// Dropping this drops the main future, however the run has ended.
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
            // what the main future borrows is about to go, so no sound way is left; no case is known that leads here
            abort();
        }
    }
}
