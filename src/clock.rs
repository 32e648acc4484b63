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
    /// microseconds and always run the same way.
    Virtual,
}

/// A running clock. Time is counted in nanoseconds since the loop was made; 2^64 of them last 584 years.
#[derive(Debug)]
pub(crate) struct Ticker {
    epoch: Instant,
    /// The same moment, or a little later, on the system's own count.
    epoch_nanos: u64,
    /// Nanoseconds that have passed on a virtual clock; none on a real one.
    stood: Option<Cell<u64>>,
}

impl Ticker {
    pub(crate) fn new(clock: Clock) -> Self {
        let epoch = Instant::now();
        // read second, so that the count is never ahead of Instant and no timer early by it
        let epoch_nanos = monotonic_nanos();
        Self { epoch, epoch_nanos, stood: (clock == Clock::Virtual).then(Cell::default) }
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.stood.is_some()
    }

    pub(crate) fn now(&self) -> u64 {
        match &self.stood {
            Some(stood) => stood.get(),
            None => monotonic_nanos().saturating_sub(self.epoch_nanos),
        }
    }

    /// Moves a virtual clock on; it never goes back.
    pub(crate) fn jump_to(&self, now: u64) {
        if let Some(stood) = &self.stood {
            stood.set(stood.get().max(now));
        }
    }

    pub(crate) fn instant(&self, at: u64) -> Instant {
        self.epoch.checked_add(Duration::from_nanos(at)).unwrap_or(self.epoch)
    }

    /// When `instant` is; what was before the epoch counts as the epoch.
    pub(crate) fn nanos_at(&self, instant: Instant) -> u64 {
        nanos(instant.saturating_duration_since(self.epoch))
    }
}

/// `duration` in whole nanoseconds, or as many as can be counted.
pub(crate) fn nanos(duration: Duration) -> u64 {
    const PER_SECOND: u64 = 1_000_000_000;
    duration.as_secs().saturating_mul(PER_SECOND).saturating_add(u64::from(duration.subsec_nanos()))
}
