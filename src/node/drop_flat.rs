//! Drops nested values without recursion. Owns the order of such drops; must not know what is dropped.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Panic;
use crate::kernel::{Kernel, Queued};

/// Drops `value`. What a destructor inside it hands to this function meanwhile is dropped afterwards, one after another, so
/// that a chain of a million handles, each the last on the next, cannot overflow the stack.
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
    // all is dropped now; the panic goes on where it would have
    if let Some(panic) = panicked {
        panic.resume();
    }
}
