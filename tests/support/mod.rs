//! What tests share, by subject: plain helpers, each in one spelling. Must not know what any test shows.
//!
//! This is all of it, for `tests/it`. A program that needs a part includes those files by their paths, so that nothing in
//! it is unused.

mod again;
mod alone;
#[cfg(all(unix, feature = "signal"))]
mod ignored;

pub(crate) use again::this_test_again;
pub(crate) use alone::alone;
#[cfg(all(unix, feature = "signal"))]
pub(crate) use alone::in_another_process;
#[cfg(all(unix, feature = "signal"))]
pub(crate) use ignored::skips_since_ignored;
