//! How the child measures a row. Owns the stopwatches and how often the work is repeated; must not know what the work
//! is.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A row on a system: does a batch of operations so many times.
pub(crate) type Work = fn(u64) -> Cost;

/// What some operations have cost.
pub(crate) struct Cost {
    pub(crate) operations: u64,
    pub(crate) time: Duration,
}

impl Cost {
    fn each(&self) -> f64 {
        self.time.as_secs_f64() * 1e9 / float(self.operations)
    }
}

/// Runs since it was made: by the clock on the wall, or by the time that the process had.
pub(crate) enum Stopwatch {
    Wall(Instant),
    Cpu(Duration),
}

impl Stopwatch {
    pub(crate) fn wall() -> Self {
        Self::Wall(Instant::now())
    }

    pub(crate) fn cpu() -> Self {
        Self::Cpu(cpu_time())
    }

    /// What `operations` of them have cost until now.
    pub(crate) fn cost(&self, operations: u64) -> Cost {
        let time = match self {
            Self::Wall(start) => start.elapsed(),
            Self::Cpu(start) => cpu_time().saturating_sub(*start),
        };
        Cost { operations, time }
    }
}

/// Of all threads of the process.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("no process has had less than nothing")
}

/// Nanoseconds of an operation, over a round of this length.
pub(crate) fn value(work: Work, round: Duration) -> f64 {
    let mut times = 1;
    loop {
        let cost = work(times);
        let took = cost.time.max(Duration::from_nanos(1));
        let factor = round.as_secs_f64() / took.as_secs_f64();
        if factor < 0.25 {
            return cost.each(); // a round of several lengths, warm or not
        }
        if factor < 4.0 {
            times = scaled(times, factor).max(1);
            break;
        }
        // the first runs are slow, and say little
        times = scaled(times, factor.min(30.0));
    }
    work(times).each()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and never negative")]
fn scaled(times: u64, factor: f64) -> u64 {
    (float(times) * factor).round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "no round has 2^53 operations")]
fn float(count: u64) -> f64 {
    count as f64
}
