//! How the child measures a row. Owns the stopwatches and how often the work is repeated; must not know what the work
//! is.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A row on a system: does a batch of operations so many times.
pub(crate) type Work = fn(u64) -> Cost;

/// What some operations have cost.
pub(crate) enum Cost {
    /// Time, and so much of it that there is one for each.
    Time { operations: u64, time: Duration },
    /// What the row counts, in its own unit, once and for all: it is not done again.
    Value(f64),
    /// It cannot be done on this machine, and why.
    Impossible(String),
}

impl Cost {
    /// The time of one operation as a value, where the work takes too long to be done again.
    pub(crate) fn once(self) -> Self {
        match self {
            Self::Time { operations, time } => Self::Value(nanos(operations, time)),
            other => other,
        }
    }
}

fn nanos(operations: u64, time: Duration) -> f64 {
    time.as_secs_f64() * 1e9 / float(operations)
}

/// What a child exits with, that has said on standard error why the machine cannot do the row.
pub(crate) const IMPOSSIBLE: u8 = 77;

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
        Cost::Time { operations, time }
    }
}

/// Of all threads of the process.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("no process has had less than nothing")
}

/// Nanoseconds of an operation, over a round of this length; or what the row counts, or why it cannot.
pub(crate) fn value(work: Work, round: Duration) -> Result<f64, String> {
    let mut times = 1;
    let mut last = false;
    loop {
        let (operations, time) = match work(times) {
            Cost::Time { operations, time } => (operations, time),
            Cost::Value(value) => return Ok(value),
            Cost::Impossible(reason) => return Err(reason),
        };
        let took = time.max(Duration::from_nanos(1));
        let factor = round.as_secs_f64() / took.as_secs_f64();
        // a round of several lengths, warm or not
        if last || factor < 0.25 {
            return Ok(nanos(operations, time));
        }
        last = factor < 4.0;
        // the first runs are slow, and say little
        times = scaled(times, factor.min(30.0)).max(1);
    }
}

/// The value below which there are so many hundredths of them.
pub(crate) fn percentile(mut values: Vec<f64>, hundredths: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() * hundredths / 100]
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and never negative")]
fn scaled(times: u64, factor: f64) -> u64 {
    (float(times) * factor).round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "no round has 2^53 operations")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
