//! Loops and runs on the machine's clock. Must not know what runs.

use std::time::Duration;

use oneloop::{EventLoop, timeout};

/// The time limit of a test: far longer than any test takes, so that only one that hangs reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A loop on the machine's clock.
pub(crate) fn real_loop() -> EventLoop {
    EventLoop::new().expect("a loop")
}

/// Runs `main` on the machine's clock, and fails rather than hangs.
///
/// # Panics
/// If `main` does not end within `PATIENCE`.
#[track_caller]
pub(crate) fn run_real<F: Future>(main: F) -> F::Output {
    real_loop().run_until_complete(timeout(PATIENCE, main)).expect("main comes to its end").expect("it hangs")
}
