//! monoio on its driver for epoll, and on the one for `io_uring`, with local-sync for its channels. Owns its idioms;
//! must not know the other systems. Neither crate has a lock, nor tasks that end with their owner.

mod sockets;

use std::future::Future;
use std::time::Duration;

use monoio::task::JoinHandle;
use monoio::time::{sleep, timeout};
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};
use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use super::{local_sync, ring};
use crate::measure::Work;
use crate::system::{ANYWHERE, Limits, Spawn, System, Timers};
use crate::work::wake_itself;

const CRATES: &[&str] = &["monoio", "local-sync"];

pub(super) const SYSTEM: System =
    System { name: names::MONOIO, crates: CRATES, find: find::<false>, refused: ANYWHERE };
pub(super) const URING: System = System {
    name: names::MONOIO_URING,
    crates: CRATES,
    find: find::<true>,
    refused: || ring::refused(&ring::of_one_thread()),
};

/// On `io_uring` or on epoll; with a driver of time or, which is faster, without.
#[derive(Clone)]
struct Monoio<const URING: bool, const TIMER: bool>;

impl<const URING: bool, const TIMER: bool> Spawn for Monoio<URING, TIMER> {
    type Task<T: 'static> = JoinHandle<T>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        let uring = RuntimeBuilder::<IoUringDriver>::new().uring_builder(ring::of_one_thread());
        let epoll = RuntimeBuilder::<LegacyDriver>::new();
        match (URING, TIMER) {
            (true, true) => uring.enable_timer().build().expect("a ring").block_on(main(Self)),
            (true, false) => uring.build().expect("a ring").block_on(main(Self)),
            (false, true) => epoll.enable_timer().build().expect("descriptors for a runtime").block_on(main(Self)),
            (false, false) => epoll.build().expect("descriptors for a runtime").block_on(main(Self)),
        }
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        monoio::spawn(future)
    }

    fn call_soon(&self, f: impl FnOnce() + 'static) {
        monoio::spawn(async { f() });
    }

    fn yield_now() -> impl Future<Output = ()> {
        wake_itself(1)
    }
}

impl<const URING: bool> Timers for Monoio<URING, true> {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static {
        sleep(after)
    }
}

impl<const URING: bool> Limits for Monoio<URING, true> {
    fn limit<F: Future>(after: Duration, future: F) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        timeout(after, future)
    }
}

fn find<const URING: bool>(row: Name) -> Option<Work> {
    // and its wakers panic in other threads without the feature `sync`, with which it would not be the best there
    if matches!(row, Name::task_group_100 | Name::foreign_wake | Name::foreign_wake_latency) {
        return None;
    }
    let tasks = local_sync::rows::<Monoio<URING, false>>(row).or_else(|| super::tasks::<Monoio<URING, false>>(row));
    tasks.or_else(|| super::inputs::<Monoio<URING, true>>(row))
}
