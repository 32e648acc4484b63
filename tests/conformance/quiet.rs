//! Panics that stand for what asyncio raises when it refuses a call: they are caught, and not printed. Must not know
//! what is refused.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

thread_local! {
    /// A refusal is expected on this thread.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// From now on, refusals are not printed.
pub(crate) fn keep_refusals_quiet() {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !QUIET.get() {
            loud(info);
        }
    }));
}

/// What `f` returns; none if it panics with a text that has `refusal` in it.
///
/// # Panics
/// If `f` panics with another text.
pub(crate) fn refused<R>(refusal: &str, f: impl FnOnce() -> R) -> Option<R> {
    let before = QUIET.replace(true);
    let ended = catch_unwind(AssertUnwindSafe(f));
    QUIET.set(before);
    ended.map_or_else(
        |payload| {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            if text.is_some_and(|text| text.contains(refusal)) { None } else { resume_unwind(payload) }
        },
        Some,
    )
}
