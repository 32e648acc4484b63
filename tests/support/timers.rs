//! Whether a loop still has timers. Must not know what set them.

use oneloop::{Error, EventLoop};

/// Runs what is left on a loop with a virtual clock, which must hold no timer: its clock must not jump.
///
/// # Panics
/// If it does.
#[track_caller]
pub(crate) fn assert_no_timer_is_left(lp: &EventLoop) {
    let before = lp.time();
    assert!(matches!(lp.run_forever(), Err(Error::Deadlock(_))), "it runs on");
    assert_eq!(lp.time(), before, "a timer was still set");
}
