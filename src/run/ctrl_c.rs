//! Ctrl-C while `run` runs: the first cancels the main task, the second ends the process. Owns what the run answers then;
//! must not know how the main future is run.

use std::rc::Rc;

use crate::awaitables::AnyFuture;
use crate::cancel::uncancel;
use crate::error::Error;
use crate::event_loop::EventLoop;
use crate::signal::{Interrupted, SIGINT, Signals};
use crate::sys::{is_at_default, is_main_thread};

/// Runs a main future with Ctrl-C as in asyncio's `Runner`: on the main thread, and if nobody else has a handler. What the
/// signal did before, it does afterwards.
pub(crate) fn interruptible<T>(lp: &EventLoop, run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    if !is_main_thread() || !is_at_default(SIGINT) {
        return run();
    }
    let signals = lp.kernel().extensions().get_or_default::<Signals>();
    if let Err(error) = signals.set_interrupt(lp, SIGINT) {
        return Err(Error::Io(error.into()));
    }
    let armed = Armed { lp, signals };
    let ran = run();
    match (ran, armed.take()) {
        (Err(Error::Cancelled(_)), Some(how)) if how.delivered && was_the_only_one(how.main.as_ref()) => {
            Err(Error::Interrupted)
        }
        // it came while the main task took its last step: asyncio's task is cancelled then, and its value lost
        (Ok(_), Some(how)) if how.came && !how.delivered => Err(Error::Interrupted),
        (ran, _) => ran,
    }
}

/// Tells a run that can be interrupted which task is the main one.
pub(crate) fn main_begins(lp: &EventLoop, main: &AnyFuture) {
    if let Some(signals) = lp.kernel().extensions().get::<Signals>() {
        signals.set_main(main);
    }
}

/// Whether nobody else has cancelled the task.
fn was_the_only_one(task: Option<&AnyFuture>) -> bool {
    task.is_some_and(|task| uncancel(&**task.node()) == 0)
}

/// The signal interrupts while this lives, also if the main future panics.
struct Armed<'a> {
    lp: &'a EventLoop,
    signals: Rc<Signals>,
}

impl Armed<'_> {
    fn take(&self) -> Option<Interrupted> {
        self.signals.remove_interrupt(self.lp.kernel(), SIGINT)
    }
}

impl Drop for Armed<'_> {
    fn drop(&mut self) {
        self.take();
    }
}
