//! The end of a loop: asyncio's `close()`. Owns the order in which what is left is dropped; must not know how a loop runs.

use std::rc::Rc;

use super::event_loop::EventLoop;
use crate::awaitables::tasks_of;
use crate::current;
use crate::error::Error;
use crate::kernel::{Batch, Phase};
use crate::node::guarded;
use crate::reactor::Reactor;

impl EventLoop {
    /// Drops every task, callback and timer, in the loop's context, so that destructors may still use it: asyncio's
    /// `close()`. Does nothing if it is closed already. The last handle on a loop closes it too.
    ///
    /// # Errors
    /// [`Error::Running`] while it runs.
    pub fn close(&self) -> Result<(), Error> {
        let (kernel, life) = (self.kernel(), self.kernel().life());
        if life.is_running() {
            return Err(Error::Running);
        }
        if life.phase() == Phase::Open {
            let _in = current::enter(Rc::clone(kernel));
            life.set_phase(Phase::Closing);
            kernel.close_inbox();
            while self.drop_what_is_left() {} // a destructor may start tasks and set timers again
            life.set_phase(Phase::Closed);
            guarded(kernel, DESTRUCTOR, || drop(kernel.set_exception_handler(None)));
        }
        Ok(())
    }

    /// Drops what there is now: tasks first, then callbacks and timers, and when there are none, what parts of the crate keep
    /// with the loop. False: there was nothing left.
    fn drop_what_is_left(&self) -> bool {
        let tasks = tasks_of(self.kernel());
        if tasks.is_empty() && !self.kernel().has_scheduled() {
            let extension = self.kernel().extensions().pop();
            let any = extension.is_some();
            guarded(self.kernel(), DESTRUCTOR, || drop(extension));
            return any;
        }
        for task in tasks {
            task.node().abandon();
        }
        self.drop_scheduled();
        true
    }

    /// Drops what is queued and what is set, each by itself, so that a destructor that panics spoils nothing else.
    fn drop_scheduled(&self) {
        let kernel = self.kernel();
        let mut batch = Batch::new();
        kernel.ready().swap(&mut batch);
        for entry in batch {
            guarded(kernel, DESTRUCTOR, || drop(entry));
        }
        for callback in kernel.expected().take_all() {
            guarded(kernel, DESTRUCTOR, || drop(callback));
        }
        for alarm in kernel.take_timers() {
            guarded(kernel, DESTRUCTOR, || drop(alarm));
        }
        for handle in kernel.with_reactor(Reactor::take_watches) {
            guarded(kernel, DESTRUCTOR, || handle.cancel());
        }
    }
}

/// What a report says of a destructor that panicked.
const DESTRUCTOR: &str = "Exception in destructor";

impl Drop for EventLoop {
    fn drop(&mut self) {
        if self.kernel().life().drop_handle() {
            // a handle that is taken during the closing may be the last again, and finds the loop closed
            let closed = self.close();
            debug_assert!(closed.is_ok(), "a running loop has a handle");
        }
    }
}
