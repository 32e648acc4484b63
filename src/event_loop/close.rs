//! The end of a loop: asyncio's `close()`. Owns the order in which what is left is dropped; must not know how a loop
//! runs.

use std::rc::Rc;

use super::event_loop::EventLoop;
use crate::awaitables::tasks_of;
use crate::current;
use crate::error::Error;
use crate::kernel::{Batch, Phase};
use crate::node::{IN_DESTRUCTOR, guarded};
use crate::reactor::Reactor;

impl EventLoop {
    /// Drops every task, callback and timer: asyncio's `close()`. The loop is entered meanwhile, so destructors may
    /// still use it. Does nothing if the loop is closed already. A loop is also closed when its last handle is dropped.
    ///
    /// # Errors
    /// [`Error::Running`] while the loop runs.
    pub fn close(&self) -> Result<(), Error> {
        let (kernel, life) = (self.kernel(), self.kernel().life());
        if life.is_running() {
            return Err(Error::Running);
        }
        if life.phase() == Phase::Open {
            let _in = current::enter(Rc::clone(kernel));
            life.set_phase(Phase::Closing);
            // first, so that nothing more comes from other threads while the rest is dropped
            kernel.close_inbox();
            // again and again, as a destructor may create tasks and set timers
            while self.drop_what_is_left() {}
            life.set_phase(Phase::Closed);
            // last, so that it is told of destructors that panic
            guarded(kernel, IN_DESTRUCTOR, || drop(kernel.set_exception_handler(None)));
        }
        Ok(())
    }

    /// Drops what there is now: the tasks first, then callbacks and timers. If there are none, it drops one of the
    /// values that other parts of the crate keep with the loop. Returns false if nothing was left.
    fn drop_what_is_left(&self) -> bool {
        let tasks = tasks_of(self.kernel());
        if tasks.is_empty() && !self.kernel().has_scheduled() {
            let extension = self.kernel().extensions().pop();
            let any = extension.is_some();
            guarded(self.kernel(), IN_DESTRUCTOR, || drop(extension));
            return any;
        }
        for task in tasks {
            task.node().abandon();
        }
        self.drop_scheduled();
        true
    }

    /// Drops entries, expected results, timers and callbacks of descriptors. Each is guarded by itself, so after a
    /// destructor that panics the others are still dropped.
    fn drop_scheduled(&self) {
        let kernel = self.kernel();
        let mut batch = Batch::new();
        kernel.ready().swap(&mut batch);
        for entry in batch {
            guarded(kernel, IN_DESTRUCTOR, || drop(entry));
        }
        for callback in kernel.expected().take_all() {
            guarded(kernel, IN_DESTRUCTOR, || drop(callback));
        }
        for alarm in kernel.take_timers() {
            guarded(kernel, IN_DESTRUCTOR, || drop(alarm));
        }
        for handle in kernel.with_reactor(Reactor::take_watches) {
            guarded(kernel, IN_DESTRUCTOR, || handle.cancel());
        }
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if self.kernel().life().drop_handle() {
            // A destructor may make a handle that is the last one again, and finds the loop closed then. A running loop
            // has a handle, but for one case: `exit` inside a run drops a handle that is in a thread-local, and then
            // there is nothing left to do.
            let _ = self.close();
        }
    }
}
