//! oneloop with precise timers, which cost a second system call in a sleep. Owns what differs; has the rows on sleeps
//! alone.

use std::future::Future;
use std::time::Duration;

use oneloop::{EventLoop, Task, TimerPrecision};

use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use super::Oneloop;
use crate::measure::Work;
use crate::system::{ANYWHERE, Spawn, System, Timers};

pub(in crate::systems) const SYSTEM: System =
    System { name: names::ONELOOP_PRECISE, crates: &["oneloop"], find, refused: ANYWHERE };

#[derive(Clone)]
struct Precise(Oneloop);

impl Spawn for Precise {
    type Task<T: 'static> = Task<T>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        let lp = EventLoop::builder().timer_precision(TimerPrecision::Precise).build();
        let lp = lp.expect("descriptors for a loop");
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

impl Timers for Precise {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static {
        Oneloop::timer(after)
    }
}

fn find(row: Name) -> Option<Work> {
    match row {
        Name::sleepers
        | Name::sleep_overshoot
        | Name::sleep_overshoot_p99
        | Name::sleep_overshoot_cpu
        | Name::timer_order => crate::systems::timers::<Precise>(row),
        _ => None,
    }
}
