//! The measurement of a row. Owns the stopwatch, the counting allocator and the rounds; must not know what the rows do.
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::Row;

/// The system's allocator, counting what is taken from it.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Counted by thread, so that another thread's allocations are not taken for the measured one's.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

impl Counting {
    fn count() {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    }
}

// SAFETY: everything is handed on to the system's allocator as it came. The count neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(block, layout) }
    }
}

/// What some operations have cost the thread that did them.
pub(crate) struct Cost {
    pub(crate) operations: u64,
    time: Duration,
    allocations: u64,
}

/// Runs `work`, which does `operations` operations, and returns what that has cost this thread.
pub(crate) fn cost(operations: u64, work: impl FnOnce()) -> Cost {
    let before = ALLOCATIONS.get();
    let start = Instant::now();
    work();
    let time = start.elapsed();
    Cost { operations, time, allocations: ALLOCATIONS.get() - before }
}

/// How long to measure a row.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: u32,
    round: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: 7, round: Duration::from_millis(50) };
    pub(crate) const QUICK: Self = Self { rounds: 3, round: Duration::from_millis(10) };
}

/// What one operation costs: nanoseconds of the median and of the fastest round, allocations of all rounds.
pub(crate) struct Measured {
    pub(crate) median: f64,
    pub(crate) minimum: f64,
    pub(crate) allocations: f64,
}

/// Measures a row; `at_round` is called before each round, with its number from 1, and with 0 before the warm-up.
pub(crate) fn measure(row: &Row, effort: Effort, at_round: impl Fn(u32)) -> Measured {
    let lp = row.event_loop();
    at_round(0);
    let times = times_for(effort.round, |times| (row.run)(&lp, times).time);
    (row.run)(&lp, times); // everything has grown to its size after this
    let (mut nanos, mut allocations) = (Vec::new(), 0.0);
    for round in 1..=effort.rounds {
        at_round(round);
        let cost = (row.run)(&lp, times);
        nanos.push(cost.time.as_secs_f64() * 1e9 / float(cost.operations));
        allocations += float(cost.allocations) / float(cost.operations) / f64::from(effort.rounds);
    }
    nanos.sort_by(f64::total_cmp);
    Measured { median: nanos[nanos.len() / 2], minimum: nanos[0], allocations }
}

/// How many times a batch has to run for a round of this length.
fn times_for(round: Duration, run: impl Fn(u64) -> Duration) -> u64 {
    let mut times = 1;
    loop {
        let took = run(times).max(Duration::from_nanos(1));
        let factor = round.as_secs_f64() / took.as_secs_f64();
        if factor < 4.0 {
            return scaled(times, factor).max(1);
        }
        // the first runs are slow, and say little
        times = scaled(times, factor.min(30.0));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and never negative")]
fn scaled(times: u64, factor: f64) -> u64 {
    (float(times) * factor).round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "no round has 2^53 operations")]
fn float(count: u64) -> f64 {
    count as f64
}
