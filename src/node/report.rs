//! Calls code of a user that must not take the loop with it, and reports what goes wrong where nothing awaits it: asyncio's
//! `call_exception_handler`. Owns the reports' way out; must not know nodes.

use std::any::Any;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::base::{TaskKey, WakeTarget};
use crate::error::{Exception, ExceptionContext, Panic};
use crate::kernel::{Inbox, Kernel, Queued};

/// Tells the loop's exception handler, or standard error if there is none or if it panics itself.
pub(crate) fn call_exception_handler<P: Queued>(kernel: &Kernel<P>, context: &ExceptionContext) {
    let handler = kernel.exception_handler();
    let told = handler.map(|tell| catch_unwind(AssertUnwindSafe(|| tell(context))).map_err(Panic::new));
    if !matches!(told, Some(Ok(()))) {
        // a closed standard error is no reason to fail
        let _ = writeln!(std::io::stderr(), "oneloop: {context}");
    }
}

/// Runs code of a user that must not take the loop with it: a panic is reported.
pub(crate) fn guarded<P: Queued>(kernel: &Kernel<P>, message: &'static str, f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        report_panic(kernel, message, payload);
    }
}

/// Reports a caught panic that belongs to no task.
pub(crate) fn report_panic<P: Queued>(kernel: &Kernel<P>, message: &'static str, payload: Box<dyn Any + Send>) {
    report(kernel, message, Panic::new(payload).into());
}

/// Reports what belongs to no task.
pub(crate) fn report<P: Queued>(kernel: &Kernel<P>, message: &'static str, exception: Exception) {
    call_exception_handler(kernel, &ExceptionContext { message, exception, task: None, created: None });
}

/// Wakes what waits. `kernel` is the loop of this thread.
#[inline]
pub(crate) fn wake<P: Queued>(kernel: &Kernel<P>, target: WakeTarget) {
    match target {
        WakeTarget::Task(key) => wake_task(kernel, key),
        WakeTarget::Foreign(waker) => guarded(kernel, "Exception in waker", || waker.wake()),
    }
}

/// Queues the task: directly if `kernel` is its loop, through its loop's inbox otherwise.
#[inline]
pub(crate) fn wake_task<P: Queued>(kernel: &Kernel<P>, key: TaskKey) {
    if kernel.number() == key.number() {
        kernel.wake(key);
    } else {
        Inbox::deliver(key);
    }
}
