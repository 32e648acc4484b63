//! Ticks at a steady pace, for which asyncio has a loop around `sleep`. Owns the deadline of the next tick, and what
//! becomes of ticks that were missed; must not know timers.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::sleep::{Sleep, sleep_until};
use crate::base::nanos;
use crate::current;
use crate::node::Loop;

/// A clock that ticks every `period`: at once, then `period` later, and so on. Unlike `sleep(period)` in a loop, it
/// does not drift: what the program does between two ticks makes the pause no longer.
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, interval, sleep};
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let begun = lp.time();
/// let ticks = lp.run_until_complete(async {
///     let mut clock = interval(Duration::from_secs(10));
///     let mut ticks = Vec::new();
///     for _ in 0..4 {
///         ticks.push((clock.tick().await - begun).as_secs());
///         sleep(Duration::from_secs(3)).await; // work
///     }
///     ticks
/// })?;
/// assert_eq!(ticks, [0, 10, 20, 30]);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If `period` is zero, or this thread is in no loop.
#[doc(alias = "ticker")]
#[doc(alias = "setInterval")]
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    let kernel = current::expect();
    let now = kernel.clock().now();
    Interval::new(kernel, now, period)
}

/// A clock that ticks at `start` and every `period` from then on: [`interval`](fn@interval) with another first tick.
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, interval_at};
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let (minute, begun) = (Duration::from_secs(60), lp.time());
/// lp.run_until_complete(async {
///     let mut clock = interval_at(begun + minute, minute);
///     assert_eq!(clock.tick().await, begun + minute); // the first comes a minute from now
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// As [`interval`](fn@interval).
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    let kernel = current::expect();
    let start = kernel.clock().nanos_at(start);
    Interval::new(kernel, start, period)
}

/// What becomes of the ticks of an [`Interval`] whose time has passed before `tick()` was called.
///
/// ```text
///   period 10, and the work after the tick at 10 takes 25, until 35:
///
///   Burst    0    10    35  35    40    50    60    every tick, the late ones at once
///   Delay    0    10    35        45    55    65    a whole period after a late tick
///   Skip     0    10    35        40    50    60    one late tick, then in step again
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissedTicks {
    /// They come one after another at once, until the clock has caught up: as many ticks as periods have passed.
    #[default]
    Burst,
    /// One comes at once, and the next one a whole period after that.
    Delay,
    /// One comes at once, and the others are left out. Ticks come at multiples of the period from the start.
    Skip,
}

/// A clock that ticks at a steady pace, from [`interval`](fn@interval) or [`interval_at`].
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, interval};
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let begun = lp.time();
/// lp.run_until_complete(async {
///     let mut clock = interval(Duration::from_secs(60));
///     assert_eq!(clock.tick().await, begun); // the first comes at once
///     assert_eq!(clock.tick().await, begun + Duration::from_secs(60));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it ticks only while tick() is awaited"]
pub struct Interval {
    kernel: Rc<Loop>,
    /// The deadline of the next tick.
    next: u64,
    period: u64,
    missed: MissedTicks,
    /// The wait for the next tick, once it has begun. It is kept when a call of `tick` is dropped.
    wait: Option<Wait>,
}

#[derive(Debug)]
struct Wait {
    sleep: Sleep,
    /// Whether it began after the time of the tick.
    is_late: bool,
}

impl Interval {
    #[track_caller]
    fn new(kernel: Rc<Loop>, first: u64, period: Duration) -> Self {
        assert!(!period.is_zero(), "an interval needs a period above zero; use yield_now() to let other tasks run");
        Self { kernel, next: first, period: nanos(period), missed: MissedTicks::default(), wait: None }
    }

    /// This clock with another way to treat missed ticks, as in `interval(period).missed_ticks(MissedTicks::Skip)`.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Clock, EventLoop, MissedTicks, interval, sleep};
    /// use std::time::Duration;
    ///
    /// let ms = Duration::from_millis;
    /// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
    /// lp.run_until_complete(async {
    ///     let mut clock = interval(ms(10)).missed_ticks(MissedTicks::Skip);
    ///     let first = clock.tick().await;
    ///     sleep(ms(25)).await; // the ticks at 10 and at 20 ms are missed
    ///     assert_eq!(clock.tick().await - first, ms(10)); // late, at once
    ///     assert_eq!(clock.tick().await - first, ms(30)); // and in step again
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    #[must_use = "it is the interval"]
    pub fn missed_ticks(mut self, missed: MissedTicks) -> Self {
        self.missed = missed;
        self
    }

    /// Waits for the next tick, and returns the time for which it was set; it may be a little later now. Takes an
    /// iteration also if that time has passed.
    ///
    /// # Panics
    /// If it is awaited in another loop than that in which the interval was made.
    ///
    /// # Cancel safety
    /// Nothing is lost: the tick comes with the next call.
    pub async fn tick(&mut self) -> Instant {
        let clock = self.kernel.clock();
        let at = clock.instant(self.next);
        let begin = || Wait { sleep: sleep_until(at), is_late: clock.now() > self.next };
        let wait = self.wait.get_or_insert_with(begin);
        (&mut wait.sleep).await;
        let is_late = wait.is_late;
        self.wait = None;
        self.next = self.following(is_late, clock.now());
        at
    }

    /// Has the next tick come a whole period from now.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Clock, EventLoop, interval, sleep};
    /// use std::time::Duration;
    ///
    /// let ms = Duration::from_millis;
    /// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
    /// lp.run_until_complete(async {
    ///     let mut idle = interval(ms(10));
    ///     let first = idle.tick().await;
    ///     sleep(ms(7)).await;
    ///     idle.reset(); // something has happened, so the peer is not idle
    ///     assert_eq!(idle.tick().await - first, ms(17));
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn reset(&mut self) {
        self.wait = None;
        self.next = self.kernel.clock().now().saturating_add(self.period);
    }

    /// The time between two ticks.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{interval, run};
    /// use std::time::Duration;
    ///
    /// run(async { assert_eq!(interval(Duration::from_secs(1)).period(), Duration::from_secs(1)) })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn period(&self) -> Duration {
        Duration::from_nanos(self.period)
    }

    /// The deadline of the tick after `next`, which comes now.
    fn following(&self, is_late: bool, now: u64) -> u64 {
        let in_step = self.next.saturating_add(self.period);
        match self.missed {
            MissedTicks::Delay if is_late => now.saturating_add(self.period),
            MissedTicks::Skip if in_step <= now => {
                let passed = (now - self.next) / self.period;
                self.next.saturating_add(self.period.saturating_mul(passed + 1))
            }
            _ => in_step,
        }
    }
}
