//! compio on its driver for `io_uring`, with local-sync for its channels. Owns its idioms; must not know the other
//! systems. Neither crate has a lock. What is awaited in `block_on` itself is faster here than in a task of its own.

mod sockets;

use std::future::Future;
use std::time::Duration;

use compio::driver::ProactorBuilder;
use compio::runtime::{JoinHandle, RuntimeBuilder, spawn};
use compio::time::{sleep, timeout};
use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use super::{local_sync, ring};
use crate::measure::Work;
use crate::system::{Cancels, Limits, Spawn, System, Timers};
use crate::work::{Joined, wake_itself};

pub(super) const SYSTEM: System = System {
    name: names::COMPIO,
    crates: &["compio", "local-sync"],
    find,
    refused: || ring::refused(&ring::of_one_thread()),
};

#[derive(Clone)]
struct Compio;

impl Spawn for Compio {
    type Task<T: 'static> = Joined<JoinHandle<T>>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        let mut driver = ProactorBuilder::new();
        driver.single_issuer(true).defer_taskrun(true); // as ring.rs has it
        RuntimeBuilder::new().with_proactor(driver).build().expect("a ring").block_on(main(Self))
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> Joined<JoinHandle<F::Output>> {
        Joined(spawn(future))
    }

    fn call_soon(&self, f: impl FnOnce() + 'static) {
        spawn(async { f() }).detach();
    }

    fn yield_now() -> impl Future<Output = ()> {
        wake_itself(1)
    }
}

impl Timers for Compio {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static {
        sleep(after)
    }
}

impl Limits for Compio {
    fn limit<F: Future>(after: Duration, future: F) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        timeout(after, future)
    }
}

impl Cancels for Compio {
    async fn cancel_all(tasks: Vec<Joined<JoinHandle<()>>>) {
        for task in tasks {
            assert_eq!(task.0.cancel().await, None);
        }
    }
}

fn find(row: Name) -> Option<Work> {
    let tasks = local_sync::rows::<Compio>(row).or_else(|| super::tasks::<Compio>(row));
    tasks.or_else(|| super::inputs::<Compio>(row)).or_else(|| super::cancels::<Compio>(row))
}
