//! Debug mode: asyncio's `set_debug`. Owns how it is switched on; must not know what it reports.

use std::time::Duration;

use super::event_loop::EventLoop;
use crate::observe::DebugMode;

/// The variable of the environment: asyncio's `PYTHONASYNCIODEBUG`.
const VARIABLE: &str = "ONELOOP_DEBUG";

impl EventLoop {
    /// Switches debug mode on or off, from the next iteration on: asyncio's `set_debug()`. A loop is made with it by
    /// [`EventLoopBuilder::debug`](crate::EventLoopBuilder::debug), and every loop that is made while `ONELOOP_DEBUG`
    /// is in the environment of the process, set to anything but `0` or nothing.
    ///
    /// In debug mode the exception handler is told of three things that are no errors, but seldom meant, each with its
    /// task and the place where that was created:
    ///
    /// - *Step took too long*, *Callback took too long*: it was over the
    ///   [limit](Self::set_slow_callback_duration), and meanwhile nothing else ran. The text says how long.
    /// - *Task was destroyed but it is pending*: the loop was closed before the task had ended. The text says what it
    ///   waited for: of a lock also which task held it, of a semaphore how many permits were free.
    /// - *Event loop closed with registrations left*: timers of [`call_later`](Self::call_later), or callbacks that
    ///   watch descriptors, which were neither cancelled nor removed. The text says how many, and where they were set.
    ///   Those of tasks do not count. Also how many locks are still held by a guard that a task acquired (before debug
    ///   mode was on: only those for which another task has waited); and how many permits of semaphores that were made
    ///   in the loop, in debug mode.
    ///
    /// If a cancellation of the task was asked for, the first and the second also say by which task or callback, at
    /// which place, and with which message. A panic of a task or callback that nothing awaits is reported in any case,
    /// once; an `Err` is if [`reporting_errors`](crate::Task::reporting_errors) was called of its task.
    ///
    /// A mistake that asyncio finds only in debug mode, the use of a loop from another thread, does not compile. Other
    /// threads may use a [`LoopHandle`](crate::LoopHandle), which returns an error if the loop is closed, and a waker,
    /// which does nothing if its task is gone.
    ///
    /// Debug mode is an [`Observer`](crate::Observer): it changes nothing of the order in which things happen, reads
    /// the machine's clock twice for each step, and costs a loop without it nothing.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use std::thread;
    /// use std::time::Duration;
    ///
    /// let lp = EventLoop::builder().debug(true).build()?;
    /// lp.set_slow_callback_duration(Duration::from_millis(5));
    /// let told = Rc::new(RefCell::new(Vec::new()));
    /// let seen = told.clone();
    /// lp.set_exception_handler(move |context| seen.borrow_mut().push((context.message, context.task.clone())));
    /// let task = lp.create_task(async { thread::sleep(Duration::from_millis(10)) }).named("careless");
    /// lp.run_until_complete(task)?;
    /// assert_eq!(*told.borrow(), [("Step took too long", Some("careless".to_owned()))]);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn set_debug(&self, debug: bool) {
        DebugMode::of(self.kernel()).switch(self.kernel(), debug);
    }

    /// Whether the loop is in debug mode: asyncio's `get_debug()`.
    pub fn debug(&self) -> bool {
        self.kernel().extensions().get::<DebugMode>().is_some_and(|mode| mode.is_on())
    }

    /// How long a step or a callback may take before debug mode reports it; at first 100 ms. asyncio's
    /// `slow_callback_duration`. It is time of the machine, also on a virtual clock.
    pub fn set_slow_callback_duration(&self, limit: Duration) {
        DebugMode::of(self.kernel()).limit().set(limit);
    }

    /// How long a step or a callback may take before debug mode reports it.
    pub fn slow_callback_duration(&self) -> Duration {
        DebugMode::of(self.kernel()).limit().get()
    }
}

/// Whether the environment asks for debug mode. As in asyncio each new loop reads it: to know it from the loop before
/// takes longer than a look.
pub(super) fn is_asked_for() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty() && value != "0")
}
