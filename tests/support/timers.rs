//! Whether a loop still has timers. Must not know what set them.

use oneloop::{Error, EventLoop};

/// Runs what is left on a loop with a virtual clock, until nothing can happen any more. Its clock must not jump, as it
/// would for a timer.
///
/// # Panics
/// If the clock jumps, or the run ends in another way.
#[track_caller]
pub(crate) fn assert_no_timer_is_left(lp: &EventLoop) {
    let before = lp.time();
    assert!(matches!(lp.run_forever(), Err(Error::Deadlock(_))), "it runs on");
    assert_eq!(lp.time(), before, "a timer was still set");
}
