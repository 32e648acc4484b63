//! Calls of code that may panic, on a thread without a loop to report it to. Owns the end of such a panic; must not
//! know what is called.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Panic;

/// Calls `f`. A panic of it is dropped: the panic hook has reported it, and no task could receive it.
pub(super) fn ignoring_panic(f: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(f)).map_err(Panic::new));
}
