//! Drops nested values without recursion. Owns the order of these drops; must not know what is dropped.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Panic;
use crate::kernel::{Kernel, Queued};

/// Drops `value`. If a destructor in it calls this function, that value is not dropped inside the destructor but after
/// it. So a chain of a million handles, each the last one on the next node, does not overflow the stack.
pub(crate) fn drop_flat<P: Queued>(kernel: &Kernel<P>, value: Box<dyn Any>) {
    let deferred = kernel.deferred_drops();
    deferred.defer(value);
    let mut panicked = None;
    if let Some(_draining) = deferred.start_draining() {
        while let Some(value) = deferred.next() {
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(value)));
            panicked = panicked.or(dropped.err().map(Panic::new));
        }
    }
    // only now, when all values are dropped, the first panic goes on
    if let Some(panic) = panicked {
        panic.resume();
    }
}
