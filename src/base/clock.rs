//! What time it is: the machine's clock, or one that stands still until the loop moves it. Owns the epoch that the
//! timer wheel counts from; must not know timers or the loop.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::sys::monotonic_nanos;

/// Which clock a loop lives by.
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, sleep};
/// use std::time::{Duration, Instant};
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let started = (Instant::now(), lp.time());
/// lp.run_until_complete(sleep(Duration::from_secs(3600)))?;
/// assert_eq!(lp.time() - started.1, Duration::from_secs(3600)); // an hour on the loop's clock,
/// assert!(started.0.elapsed() < Duration::from_secs(60)); // and next to nothing on yours
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clock {
    /// The machine's monotonic clock.
    #[default]
    Real,
    /// Stands still while anything is ready and jumps to the next deadline when nothing is: tests of hours take
    /// microseconds and always run the same way. While a job is on a thread (see [`to_thread`](fn@crate::to_thread)) it
    /// does not jump: the next deadline comes when it has come by the real clock.
    Virtual,
}

/// What the clock shows when the loop is made: room for times before it, so that they stay in order.
const EPOCH: u64 = 1 << 61;

/// A running clock. Time is counted in nanoseconds; 2^64 of them last 584 years, of which 73 lie before the epoch.
#[derive(Debug)]
pub(crate) struct Ticker {
    epoch: Instant,
    /// The same moment, or a little later, on the system's own count.
    epoch_nanos: u64,
    /// What a virtual clock shows; none on a real one.
    stood: Option<Cell<u64>>,
}

impl Ticker {
    pub(crate) fn new(clock: Clock) -> Self {
        let epoch = Instant::now();
        // read second, so that the count is never ahead of Instant and no timer early by it
        let epoch_nanos = monotonic_nanos();
        Self { epoch, epoch_nanos, stood: (clock == Clock::Virtual).then(|| Cell::new(EPOCH)) }
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.stood.is_some()
    }

    pub(crate) fn now(&self) -> u64 {
        match &self.stood {
            Some(stood) => stood.get(),
            None => EPOCH + monotonic_nanos().saturating_sub(self.epoch_nanos),
        }
    }

    /// Moves a virtual clock on; it never goes back.
    pub(crate) fn jump_to(&self, now: u64) {
        if let Some(stood) = &self.stood {
            stood.set(stood.get().max(now));
        }
    }

    pub(crate) fn instant(&self, at: u64) -> Instant {
        let apart = Duration::from_nanos(at.abs_diff(EPOCH));
        let instant = if at < EPOCH { self.epoch.checked_sub(apart) } else { self.epoch.checked_add(apart) };
        instant.unwrap_or(self.epoch)
    }

    pub(crate) fn nanos_at(&self, instant: Instant) -> u64 {
        let after = nanos(instant.saturating_duration_since(self.epoch));
        let before = nanos(self.epoch.saturating_duration_since(instant));
        EPOCH.saturating_add(after).saturating_sub(before)
    }
}

/// `duration` in whole nanoseconds, or as many as can be counted.
pub(crate) fn nanos(duration: Duration) -> u64 {
    const PER_SECOND: u64 = 1_000_000_000;
    duration.as_secs().saturating_mul(PER_SECOND).saturating_add(u64::from(duration.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_epoch_stay_in_order() {
        let ticker = Ticker::new(Clock::Virtual);
        let now = ticker.instant(ticker.now());
        let earlier = now.checked_sub(Duration::from_nanos(1)).expect("a machine that is up for a nanosecond");
        assert!(ticker.nanos_at(earlier) < ticker.nanos_at(now));
        assert_eq!(ticker.instant(ticker.nanos_at(earlier)), earlier);
    }

    #[test]
    fn the_count_is_never_ahead_of_instant() {
        let ticker = Ticker::new(Clock::Real);
        for _ in 0..1000 {
            let count = ticker.now();
            assert!(ticker.nanos_at(Instant::now()) >= count);
        }
    }
}
