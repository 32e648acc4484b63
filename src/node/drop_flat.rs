//! The drop of values that the loop holds for the program: outcomes, callbacks, children. Owns their order, and that
//! none of their destructors unwinds into the code that drops them; must not know what is dropped.

use std::any::Any;

use super::report::drop_guarded;
use crate::kernel::{Kernel, Queued};

/// Drops `value`. A panic of a destructor is reported to the exception handler, as asyncio reports an exception in
/// `__del__`. For the last pointer to a value may go anywhere: in the middle of a walk through the tasks, say, which
/// has to come to its end.
///
/// If a destructor in `value` calls this function, that value is not dropped inside the destructor but after it. So a
/// chain of a million handles, each the last one on the next node, does not overflow the stack.
pub(crate) fn drop_flat<P: Queued>(kernel: &Kernel<P>, value: Box<dyn Any>) {
    let deferred = kernel.deferred_drops();
    deferred.defer(value);
    if let Some(_draining) = deferred.start_draining() {
        while let Some(value) = deferred.next() {
            drop_guarded(kernel, value);
        }
    }
}
