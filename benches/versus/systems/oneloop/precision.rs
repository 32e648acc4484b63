//! oneloop with timers of another precision: precise ones, which cost a second system call in a sleep, and coarse ones,
//! of which many share a wait. Owns what differs; has the rows on sleeps alone.

use std::future::Future;
use std::time::Duration;

use oneloop::{EventLoop, Task, TimerPrecision};
use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use super::Oneloop;
use crate::measure::Work;
use crate::system::{ANYWHERE, Spawn, System, Timers};

pub(in crate::systems) const PRECISE: System = system::<false>(names::ONELOOP_PRECISE);
pub(in crate::systems) const COARSE: System = system::<true>(names::ONELOOP_COARSE);

const fn system<const COARSE: bool>(name: &'static str) -> System {
    System { name, crates: &["oneloop"], find: find::<COARSE>, refused: ANYWHERE }
}

/// A loop with coarse timers, or else with precise ones.
#[derive(Clone)]
struct Timed<const COARSE: bool>(Oneloop);

impl<const COARSE: bool> Spawn for Timed<COARSE> {
    type Task<T: 'static> = Task<T>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        let precision = if COARSE { TimerPrecision::Coarse } else { TimerPrecision::Precise };
        let lp = EventLoop::builder().timer_precision(precision).build().expect("descriptors for a loop");
        lp.run_until_complete(main(Self(Oneloop(lp.clone())))).expect("the loop is not stopped")
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> Task<F::Output> {
        self.0.spawn(future)
    }

    fn call_soon(&self, f: impl FnOnce() + 'static) {
        self.0.call_soon(f);
    }

    fn yield_now() -> impl Future<Output = ()> {
        Oneloop::yield_now()
    }
}

impl<const COARSE: bool> Timers for Timed<COARSE> {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static {
        Oneloop::timer(after)
    }
}

fn find<const COARSE: bool>(row: Name) -> Option<Work> {
    match row {
        Name::sleepers
        | Name::sleep_overshoot
        | Name::sleep_overshoot_p99
        | Name::sleep_overshoot_cpu
        | Name::timer_order => crate::systems::timers::<Timed<COARSE>>(row),
        _ => None,
    }
}
