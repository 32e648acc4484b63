//! The texts of panics. Must not know where they come from.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt as _;

/// The text of a panic.
///
/// # Panics
/// If the payload is not a text.
#[track_caller]
fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).expect("a panic with a text")
}

/// The text of the panic of `f`.
///
/// # Panics
/// If `f` does not panic.
#[track_caller]
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { panic!("it does not panic") };
    text_of(&*payload).to_owned()
}

/// The text of the panic of `future`.
///
/// # Panics
/// If `future` does not panic.
pub(crate) async fn panic_in<F: Future>(future: F) -> String {
    let Err(payload) = AssertUnwindSafe(future).catch_unwind().await else { panic!("it does not panic") };
    text_of(&*payload).to_owned()
}
