//! The clock of a loop: the machine's, or a virtual one that the loop moves. Owns the epoch from which deadlines are
//! counted; must not know timers or the loop.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::sys::monotonic_nanos;

/// The clock of a loop.
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
/// assert!(started.0.elapsed() < Duration::from_secs(60)); // and almost no time on the real one
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clock {
    /// The machine's monotonic clock.
    #[default]
    Real,
    /// A virtual clock. It stands still while any task or callback is ready, and jumps to the next deadline otherwise.
    /// So tests of hours take microseconds and always run the same way. While a job runs on a thread (see
    /// [`to_thread`](fn@crate::to_thread)) it does not jump: the next deadline takes as long as by the real clock.
    Virtual,
}

/// The time when the loop is made, in nanoseconds. It is not 0, so that earlier times can be counted too and stay in
/// order.
const EPOCH: u64 = 1 << 61;

/// The last time that a clock can show. A deadline beyond it comes then.
const END: u64 = NEVER - 1;

/// A deadline that never comes: that of a timer which is set when a virtual clock shows `END` and no more time can
/// pass.
pub(crate) const NEVER: u64 = u64::MAX;

/// A running clock. It counts nanoseconds; 2^64 of them last 584 years, of which 73 lie before the epoch.
#[derive(Debug)]
pub(crate) struct Ticker {
    epoch: Instant,
    /// The reading of the system's monotonic clock at the epoch, or a little later.
    epoch_nanos: u64,
    /// The time of a virtual clock; `None` for a real clock.
    virtual_now: Option<Cell<u64>>,
    /// Waits end at multiples of this, in nanoseconds. A virtual clock does not wait.
    wait_unit: Cell<u64>,
}

impl Ticker {
    pub(crate) fn new(clock: Clock) -> Self {
        let epoch = Instant::now();
        // read after `epoch`, so that `now` is never ahead of `Instant` and no timer fires early
        let epoch_nanos = monotonic_nanos();
        let virtual_now = (clock == Clock::Virtual).then(|| Cell::new(EPOCH));
        Self { epoch, epoch_nanos, virtual_now, wait_unit: Cell::new(1) }
    }

    /// From now on waits end at multiples of `unit`, so that one wait serves all deadlines in between.
    pub(crate) fn set_wait_unit(&self, unit: Duration) {
        if !self.is_virtual() {
            self.wait_unit.set(nanos(unit));
        }
    }

    /// When a wait for this deadline ends: not before it.
    pub(crate) fn end_of_wait(&self, deadline: u64) -> u64 {
        deadline.checked_next_multiple_of(self.wait_unit.get()).unwrap_or(deadline)
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.virtual_now.is_some()
    }

    pub(crate) fn now(&self) -> u64 {
        match &self.virtual_now {
            Some(now) => now.get(),
            None => EPOCH + monotonic_nanos().saturating_sub(self.epoch_nanos),
        }
    }

    /// The reading of the system's monotonic clock at a time of this one; `None` for a virtual clock, which no time of
    /// the system moves.
    pub(crate) fn system_time(&self, at: u64) -> Option<u64> {
        (!self.is_virtual()).then(|| at.saturating_sub(EPOCH).saturating_add(self.epoch_nanos))
    }

    /// Sets a virtual clock forward; it never goes back. Does nothing to a real clock.
    pub(crate) fn jump_to(&self, time: u64) {
        if let Some(now) = &self.virtual_now {
            now.set(now.get().max(time.min(END)));
        }
    }

    /// The time when `span` will have passed, or `NEVER`.
    #[inline]
    pub(crate) fn deadline_after(&self, span: Duration) -> u64 {
        self.deadline_after_nanos(nanos(span))
    }

    #[inline]
    pub(crate) fn deadline_after_nanos(&self, span: u64) -> u64 {
        Self::after(self.now(), span)
    }

    /// The time when `span` will have passed since `now`, or `NEVER`.
    #[inline]
    pub(crate) fn after(now: u64, span: u64) -> u64 {
        let left = END - now;
        if span <= left { now + span } else { Self::beyond_the_end(left) }
    }

    /// The deadline after a span that is longer than what is `left` of the clock's time.
    #[cold]
    fn beyond_the_end(left: u64) -> u64 {
        if left == 0 { NEVER } else { END }
    }

    /// The `Instant` at which this clock shows, or would show, `at`.
    pub(crate) fn instant(&self, at: u64) -> Instant {
        let apart = Duration::from_nanos(at.abs_diff(EPOCH));
        let instant = if at < EPOCH { self.epoch.checked_sub(apart) } else { self.epoch.checked_add(apart) };
        instant.unwrap_or(self.epoch)
    }

    /// The time of this clock at `instant`.
    pub(crate) fn nanos_at(&self, instant: Instant) -> u64 {
        let after = nanos(instant.saturating_duration_since(self.epoch));
        let before = nanos(self.epoch.saturating_duration_since(instant));
        EPOCH.saturating_add(after).saturating_sub(before)
    }
}

/// `duration` in nanoseconds, or `u64::MAX` if it is longer.
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
        let earlier = now.checked_sub(Duration::from_nanos(1)).expect("a machine that has been up for a nanosecond");
        assert!(ticker.nanos_at(earlier) < ticker.nanos_at(now));
        assert_eq!(ticker.instant(ticker.nanos_at(earlier)), earlier);
    }

    #[test]
    fn waits_end_at_multiples_of_the_unit_and_not_before_the_deadline() {
        let ticker = Ticker::new(Clock::Real);
        assert_eq!(ticker.end_of_wait(EPOCH + 1), EPOCH + 1);
        ticker.set_wait_unit(Duration::from_millis(1));
        assert_eq!(ticker.end_of_wait(2_000_001), 3_000_000);
        assert_eq!(ticker.end_of_wait(3_000_000), 3_000_000);
        assert_eq!(ticker.end_of_wait(END), END);
    }

    #[test]
    fn no_time_passes_after_the_end() {
        let ticker = Ticker::new(Clock::Virtual);
        assert_eq!(ticker.deadline_after(Duration::MAX), END);
        ticker.jump_to(NEVER);
        assert_eq!(ticker.now(), END);
        assert_eq!(ticker.deadline_after(Duration::ZERO), END);
        assert_eq!(ticker.deadline_after(Duration::from_nanos(1)), NEVER);
        assert_eq!(ticker.nanos_at(ticker.instant(NEVER)), NEVER);
    }

    #[test]
    fn the_clock_is_never_ahead_of_instant() {
        let ticker = Ticker::new(Clock::Real);
        for _ in 0..1000 {
            let now = ticker.now();
            assert!(ticker.nanos_at(Instant::now()) >= now);
        }
    }
}
