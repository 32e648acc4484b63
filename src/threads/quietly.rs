//! Calls of code that may panic, where no loop is that could be told. Owns nothing; must not know what is called.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Panic;

/// Calls `f`. A panic goes no further: the panic hook has reported it, and no task could receive it.
pub(super) fn quietly(f: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(f)).map_err(Panic::new));
}
