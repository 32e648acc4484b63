//! Ctrl-C during `run`: the first one cancels the main task, the second one ends the process. Owns the result of an
//! interrupted run; must not know how the main future is run.

use std::rc::Rc;

use crate::awaitables::AnyFuture;
use crate::cancel::uncancel;
use crate::error::Error;
use crate::event_loop::EventLoop;
use crate::signal::{InterruptOutcome, SIGINT, Signals};
use crate::sys::{is_at_default, is_main_thread};

/// Calls `run`, which runs a main future, so that Ctrl-C cancels the future: asyncio's `Runner`. This is so on the main
/// thread only, and only if the signal has its default action. It has that action again afterwards.
pub(crate) fn interruptible<T>(lp: &EventLoop, run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    if !is_main_thread() || !is_at_default(SIGINT) {
        return run();
    }
    let signals = lp.kernel().extensions().get_or_default::<Signals>();
    if let Err(error) = signals.set_interrupt(lp, SIGINT) {
        return Err(Error::Io(error.into()));
    }
    let guard = InterruptGuard { lp, signals };
    let result = run();
    match (result, guard.remove()) {
        (Err(Error::Cancelled(_)), Some(outcome))
            if outcome.is_delivered && was_only_cancellation(outcome.main.as_ref()) =>
        {
            Err(Error::Interrupted)
        }
        // the signal came during the last step of the main task; asyncio cancels the task in this case, and its value
        // is lost
        (Ok(_), Some(outcome)) if outcome.has_come && !outcome.is_delivered => Err(Error::Interrupted),
        (result, _) => result,
    }
}

/// Sets the task that Ctrl-C cancels. Does nothing if Ctrl-C does not interrupt this run.
pub(crate) fn main_begins(lp: &EventLoop, main: &AnyFuture) {
    if let Some(signals) = lp.kernel().extensions().get::<Signals>() {
        signals.set_main(main);
    }
}

/// Takes the request of Ctrl-C back, and returns whether it was the only one.
fn was_only_cancellation(task: Option<&AnyFuture>) -> bool {
    task.is_some_and(|task| uncancel(&**task.node()) == 0)
}

/// Until this is dropped, Ctrl-C interrupts the run. It is dropped also if the main future panics.
struct InterruptGuard<'a> {
    lp: &'a EventLoop,
    signals: Rc<Signals>,
}

impl InterruptGuard<'_> {
    fn remove(&self) -> Option<InterruptOutcome> {
        self.signals.remove_interrupt(self.lp.kernel(), SIGINT)
    }
}

impl Drop for InterruptGuard<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}
