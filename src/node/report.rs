//! Reports of what goes wrong where no await sees it: asyncio's `call_exception_handler`. Owns the way to the exception
//! handler, and the calls of code of a user, wakers among it, whose panics the loop must survive; must not know nodes.

use std::any::Any;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use crate::base::{TaskKey, WakeTarget};
use crate::error::{Exception, ExceptionContext, Panic};
use crate::kernel::{Kernel, Queued, send_wake};

/// The name under which a panic of a destructor is reported.
pub(crate) const IN_DESTRUCTOR: &str = "Exception in destructor";

/// Calls the loop's exception handler. If there is none, or if it panics, a line goes to standard error.
pub(crate) fn call_exception_handler<P: Queued>(kernel: &Kernel<P>, context: &ExceptionContext) {
    let handler = kernel.exception_handler();
    let told = handler.as_ref().map(|handler| catch_unwind(AssertUnwindSafe(|| handler(context))).map_err(Panic::new));
    // the handler may have set another one, and this may be its last pointer
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(handler))).map_err(Panic::new);
    if !matches!((told, dropped), (Some(Ok(())), Ok(()))) {
        // a closed standard error is no reason to fail
        let _ = writeln!(std::io::stderr(), "oneloop: {context}");
    }
}

/// Calls `f`, which is or may be code of a user. A panic is reported and goes no further.
pub(crate) fn guarded<P: Queued>(kernel: &Kernel<P>, message: &'static str, f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        report_panic(kernel, message, payload);
    }
}

/// Drops a value of a user. A panic of its destructor is reported and goes no further.
#[cold]
pub(crate) fn drop_guarded<P: Queued, T>(kernel: &Kernel<P>, value: T) {
    guarded(kernel, IN_DESTRUCTOR, || drop(value));
}

/// Reports a caught panic that belongs to no task.
pub(crate) fn report_panic<P: Queued>(kernel: &Kernel<P>, message: &'static str, payload: Box<dyn Any + Send>) {
    report(kernel, message, Panic::new(payload).into());
}

/// Reports an exception that belongs to no task.
pub(crate) fn report<P: Queued>(kernel: &Kernel<P>, message: &'static str, exception: Exception) {
    call_exception_handler(kernel, &ExceptionContext { message, exception, task: None, created: None });
}

/// Wakes `target`. `kernel` is the loop of this thread.
#[inline]
pub(crate) fn wake<P: Queued>(kernel: &Kernel<P>, target: WakeTarget) {
    match target {
        WakeTarget::Task(key) => wake_task(kernel, key),
        WakeTarget::Foreign(waker) => wake_foreign(kernel, waker),
    }
}

/// Apart, so that the wake of a task does not pay for its registers.
#[inline(never)]
fn wake_foreign<P: Queued>(kernel: &Kernel<P>, waker: Waker) {
    guarded(kernel, "Exception in waker", || waker.wake());
}

/// Queues a task. If it belongs to another loop than `kernel`, it is queued through that loop's inbox.
#[inline]
pub(crate) fn wake_task<P: Queued>(kernel: &Kernel<P>, key: TaskKey) {
    if kernel.number() == key.number() {
        kernel.wake(key);
    } else {
        send_wake(key);
    }
}
