//! The end of a loop: asyncio's `close()`. Owns the order in which what is left is dropped; must not know how a loop
//! runs.

use std::rc::Rc;

use super::event_loop::EventLoop;
use super::observed::tell_of_abandoned;
use crate::awaitables::tasks_of;
use crate::current;
use crate::error::{Error, Exception};
use crate::kernel::{Batch, Phase};
use crate::node::{IN_DESTRUCTOR, drop_guarded, guarded, report};
use crate::observe::{DebugMode, drop_notes};
use crate::reactor::Reactor;

/// So many tasks, callbacks and timers may be made by destructors while a loop closes. More are taken for a sequence
/// without end.
const MADE_BY_DESTRUCTORS_MAX: usize = 100_000;

impl EventLoop {
    /// Drops every task, callback and timer: asyncio's `close()`. The loop is entered meanwhile, so destructors may
    /// still use it. Does nothing if the loop is closed already. A loop is also closed when its last handle is dropped.
    ///
    /// If destructors make more than 100,000 tasks, callbacks and timers meanwhile, the exception handler is told, and
    /// what is left then is never dropped.
    ///
    /// # Errors
    /// [`Error::StillRunning`] while the loop runs.
    pub fn close(&self) -> Result<(), Error> {
        let (kernel, life) = (self.kernel(), self.kernel().life());
        if life.is_running() {
            return Err(Error::StillRunning);
        }
        if life.phase() == Phase::Open {
            let _in = current::enter(Rc::clone(kernel));
            life.set_phase(Phase::Closing);
            kernel.begin_turn();
            // first, so that nothing more comes from other threads while the rest is dropped
            kernel.close_inbox();
            if !self.drop_all() {
                let text =
                    format!("destructors have made {MADE_BY_DESTRUCTORS_MAX} tasks, callbacks and timers and go on");
                report(kernel, "Event loop closed while destructors used it", Exception::Error(text));
                // To refuse their tasks would drop these inside of each other, without end. So what is left is leaked.
                std::mem::forget(Rc::clone(kernel));
            }
            life.set_phase(Phase::Closed);
            kernel.end_last_turn();
            // last, so that it is told of destructors that panic
            guarded(kernel, IN_DESTRUCTOR, || drop(kernel.set_exception_handler(None)));
        }
        Ok(())
    }

    /// Drops what there is, again and again, as a destructor may create tasks and set timers. Returns whether nothing
    /// is left: false if destructors go on and on.
    fn drop_all(&self) -> bool {
        let mut made = 0;
        let mut dropped = self.drop_what_is_left();
        while dropped > 0 && made < MADE_BY_DESTRUCTORS_MAX {
            dropped = self.drop_what_is_left();
            made += dropped;
        }
        dropped == 0
    }

    /// Drops what there is now: the tasks first, then callbacks and timers. If there are none, it drops one of the
    /// values that other parts of the crate keep with the loop. Returns how many there were.
    fn drop_what_is_left(&self) -> usize {
        drop_notes(self.kernel());
        let tasks = tasks_of(self.kernel());
        if tasks.is_empty() && !self.kernel().has_scheduled() {
            DebugMode::report_registrations(self.kernel());
            let extension = self.kernel().extensions().pop();
            let any = usize::from(extension.is_some());
            drop_guarded(self.kernel(), extension);
            return any;
        }
        let dropped = tasks.len();
        DebugMode::report_pending(self.kernel(), &tasks);
        for task in tasks {
            task.node().abandon();
            tell_of_abandoned(self.kernel(), task.node());
        }
        DebugMode::report_registrations(self.kernel());
        dropped + self.drop_scheduled()
    }

    /// Drops entries, expected results, timers and callbacks of descriptors, and returns how many there were. Each is
    /// guarded by itself, so after a destructor that panics the others are still dropped.
    fn drop_scheduled(&self) -> usize {
        let kernel = self.kernel();
        let (rest, mut queued) = (kernel.ready().take_rest(), Batch::default());
        kernel.ready().take_all(&mut queued);
        let mut dropped = 0;
        for mut batch in [rest, queued] {
            dropped += batch.len();
            while let Some(entry) = batch.pop() {
                drop_guarded(kernel, entry);
            }
        }
        for callback in kernel.expected().take_all() {
            dropped += 1;
            drop_guarded(kernel, callback);
        }
        for alarm in kernel.take_timers() {
            dropped += 1;
            drop_guarded(kernel, alarm);
        }
        for handle in kernel.with_reactor(Reactor::take_watches) {
            dropped += 1;
            guarded(kernel, IN_DESTRUCTOR, || handle.cancel());
        }
        dropped
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
