//! The run of a test with many seeds. Owns the function for it, and the setting of the builder; must not know what a
//! seed decides.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::builder::EventLoopBuilder;
use super::event_loop::EventLoop;
use crate::error::Panic;

/// The environment variable that has [`explore`] run one seed.
const SEED: &str = "ONELOOP_SEED";

impl EventLoopBuilder {
    /// Has the loop explore, for tests: what its contract leaves open to the outside is decided by the seed. These are
    /// the order in which the descriptors of one poll are looked at, the iterations in which they are polled while work
    /// is ready, and pauses of the thread, which let the messages of other threads come at other places. What the
    /// contract promises holds for every seed: the order of entries, of timers, of what one thread sends.
    ///
    /// A program that uses neither descriptors nor threads runs the same way with every seed. The system has its say in
    /// the rest, so a seed makes a failure likely again, and not certain. [`explore`] runs a test with many seeds.
    pub fn explore(mut self, seed: u64) -> Self {
        self.exploration = Some(seed);
        self
    }
}

/// Runs a test with each of these seeds. It is given the builder of a loop that
/// [explores](EventLoopBuilder::explore), to which it may add other settings.
///
/// If the environment variable `ONELOOP_SEED` is set, the test runs with that seed only.
///
/// # Examples
/// ```
/// use oneloop::{Clock, explore, gather, net};
///
/// explore(0..20, |builder| {
///     let lp = builder.clock(Clock::Virtual).build().expect("a loop");
///     let received = lp.run_until_complete(async {
///         let pipes = [net::pipe(), net::pipe()].map(|pipe| pipe.expect("descriptors are left"));
///         let received = pipes.map(|(reader, writer)| async move {
///             writer.write_all(b"x").await.expect("it is read");
///             reader.read(&mut [0]).await.expect("it is open")
///         });
///         gather(received).await
///     });
///     assert_eq!(received.expect("it ends"), [1, 1]); // whichever pipe is ready first
/// });
/// ```
///
/// # Panics
/// If the test panics. The text begins with the seed.
#[track_caller]
pub fn explore(seeds: impl IntoIterator<Item = u64>, test: impl Fn(EventLoopBuilder)) {
    if let Ok(text) = env::var(SEED) {
        let seed = text.parse();
        return run_seed(seed.unwrap_or_else(|_| panic!("{SEED} is {text:?}; set it to a number")), &test);
    }
    for seed in seeds {
        run_seed(seed, &test);
    }
}

#[track_caller]
fn run_seed(seed: u64, test: &impl Fn(EventLoopBuilder)) {
    let run = || test(EventLoop::builder().explore(seed));
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        let panic = Panic::new(payload);
        // anew, so that the hook, which has reported the first one already, reports the seed too
        panic!("seed {seed} ({SEED}={seed} runs it alone): {}", panic.message());
    }
}
