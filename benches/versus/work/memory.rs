//! What is kept for each that is idle: what the process has in memory, its files aside, before and after. Owns that
//! measure; must not know any system.
//!
//! An allocator that counts would be in the way of every other row, and would not see how the system's own rounds up.

use std::fs;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use rustix::thread::disable_transparent_huge_pages;

use super::sockets::{alone, end_of, want};
use super::timers::{SEED, arm, far_off};
use crate::measure::{Cost, float};
use crate::sizes::{IDLE, KEPT};
use crate::system::{Sockets, Spawn, Timers};

/// So many at a time, so that what waits for its first turn is never a long queue; and first, for all that is made
/// once.
const PORTION: u64 = 1_000;

/// What the process had when it was made.
struct Gauge(Result<u64, String>);

impl Gauge {
    fn new() -> Self {
        // not 2 MiB for the first byte; where it is refused, they are rarely given
        let _ = disable_transparent_huge_pages(true);
        Self(resident())
    }

    /// What there is more of, for each of `count`.
    fn each(self, count: u64) -> Cost {
        match self.0.and_then(|before| Ok((before, resident()?))) {
            Ok((before, after)) => Cost::Value(float(after.saturating_sub(before)) / float(count)),
            Err(reason) => Cost::Impossible(reason),
        }
    }
}

/// In bytes, page by page, as the kernel finds them when it is asked.
fn resident() -> Result<u64, String> {
    const FILE: &str = "/proc/self/smaps_rollup";
    let text = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
    let kibi =
        text.lines().find_map(|line| line.strip_prefix("Anonymous:")?.strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibi.map(|kibi| kibi * 1_024).ok_or_else(|| format!("{FILE} does not say what is anonymous"))
}

pub(crate) fn task<S: Spawn>(_: u64) -> Cost {
    S::run(async |system: S| {
        let mut tasks = Vec::new();
        idle(&system, &mut tasks).await;
        tasks.reserve_exact(usize::try_from(KEPT).expect("places in memory"));
        let gauge = Gauge::new();
        for _ in 0..KEPT / PORTION {
            idle(&system, &mut tasks).await;
        }
        gauge.each(KEPT)
    })
}

/// A portion of tasks that wait.
async fn idle<S: Spawn>(system: &S, tasks: &mut Vec<S::Task<()>>) {
    tasks.extend((0..PORTION).map(|_| system.spawn(pending())));
    system.spawn(async {}).await; // they had their turn before
}

pub(crate) fn timer<S: Timers>(_: u64) -> Cost {
    S::run(async |_| {
        let mut number = SEED;
        let mut timers = Vec::new();
        poll_fn(|cx| {
            let mut set = |count, timers: &mut Vec<Pin<Box<_>>>| {
                for _ in 0..count {
                    let mut timer = Box::pin(S::timer(far_off(&mut number)));
                    arm(timer.as_mut(), cx);
                    timers.push(timer);
                }
            };
            set(PORTION, &mut timers);
            timers.reserve_exact(usize::try_from(KEPT).expect("places in memory"));
            let gauge = Gauge::new();
            set(KEPT, &mut timers);
            Poll::Ready(gauge.each(KEPT))
        })
        .await
    })
}

pub(crate) fn connection<S: Sockets>(_: u64) -> Cost {
    if let Err(reason) = want(IDLE + PORTION) {
        return Cost::Impossible(reason);
    }
    S::run(async |system: S| {
        let mut tasks = Vec::new();
        connect(&system, &mut tasks).await;
        let gauge = Gauge::new();
        for _ in 0..IDLE / PORTION {
            connect(&system, &mut tasks).await;
        }
        gauge.each(IDLE)
    })
}

/// A portion of connections on which nothing comes, each with a task that reads.
async fn connect<S: Sockets>(system: &S, tasks: &mut Vec<S::Task<()>>) {
    tasks.extend((0..PORTION).map(|_| system.spawn(end_of::<S>(S::stream(alone())))));
    system.spawn(async {}).await; // they had their turn before
}
