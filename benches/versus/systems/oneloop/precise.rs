//! oneloop with precise timers, which cost a second system call in a sleep. Owns what differs; has the rows on sleeps
//! alone.

use std::future::Future;
use std::time::Duration;

use oneloop::{EventLoop, Task, TimerPrecision};

use super::Oneloop;
use crate::measure::Work;
use crate::system::{ANYWHERE, Spawn, System, Timers};

pub(in crate::systems) const SYSTEM: System =
    System { name: "oneloop-precise", crates: &["oneloop"], find, refused: ANYWHERE };

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

fn find(row: &str) -> Option<Work> {
    let is_of_sleeps = row.starts_with("sleep") || row == "timer_order";
    is_of_sleeps.then(|| crate::systems::timers::<Precise>(row)).flatten()
}
