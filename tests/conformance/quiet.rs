//! Panics that are caught and told otherwise, so that they need not be printed: those of a replay, and those that stand
//! for what asyncio raises when it refuses a call. Must not know what is refused.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// From now on, panics of this thread are not printed.
pub(crate) fn keep_this_thread_quiet() {
    QUIET.set(true);
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
}

/// What `f` returns; none if it panics with a text that has `refusal` in it.
///
/// # Panics
/// If `f` panics with another text.
pub(crate) fn refused<R>(refusal: &str, f: impl FnOnce() -> R) -> Option<R> {
    let ended = catch_unwind(AssertUnwindSafe(f));
    ended.map_or_else(
        |payload| {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            if text.is_some_and(|text| text.contains(refusal)) { None } else { resume_unwind(payload) }
        },
        Some,
    )
}
