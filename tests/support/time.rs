//! Spans of time, and what time it is. Must not know what waits.

use std::time::{Duration, Instant};

use oneloop::EventLoop;

pub(crate) const SECOND: Duration = secs(1);
/// Longer than anything that a test waits for.
pub(crate) const LONG: Duration = secs(1_000);

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The time by the clock of the loop that this runs in.
pub(crate) fn now() -> Instant {
    EventLoop::current().time()
}
