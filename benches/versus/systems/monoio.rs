//! monoio on its driver for epoll, with local-sync for its channels. Owns its idioms; must not know the other systems.
//! Neither crate has a lock, nor tasks that end with their owner.

mod sockets;

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use local_sync::{mpsc, oneshot, semaphore::Semaphore};
use monoio::task::JoinHandle;
use monoio::time::{Sleep, sleep};
use monoio::{LegacyDriver, RuntimeBuilder};

use crate::measure::{Cost, Work};
use crate::rows::{ITEMS, PERMITS, ROOM, TURNS};
use crate::system::{Spawn, System, Timers};
use crate::work::{join, repeat, rivals, wake_itself};

pub(super) const SYSTEM: System = System { name: "monoio", crates: &["monoio", "local-sync"], find };

/// With a driver of time or, which is faster, without.
#[derive(Clone)]
struct Monoio<const TIMER: bool>;

impl<const TIMER: bool> Spawn for Monoio<TIMER> {
    type Task<T: 'static> = JoinHandle<T>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        let builder = RuntimeBuilder::<LegacyDriver>::new();
        if TIMER {
            builder.enable_timer().build().expect("descriptors for a runtime").block_on(main(Self))
        } else {
            builder.build().expect("descriptors for a runtime").block_on(main(Self))
        }
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        monoio::spawn(future)
    }

    fn yield_now() -> impl Future<Output = ()> {
        wake_itself(1)
    }
}

impl Timers for Monoio<true> {
    type Timer = Sleep;

    fn timer(after: Duration) -> Sleep {
        sleep(after)
    }
}

fn find(row: &str) -> Option<Work> {
    Some(match row {
        "ping_pong" => ping_pong,
        "wait_drain_10" => wait_drain::<10>,
        "wait_drain_1000" => wait_drain::<1_000>,
        "wait_drain_10000" => wait_drain::<10_000>,
        "task_group_100" => return None,
        "queue" => queue,
        "semaphore" => semaphore,
        _ => return super::tasks::<Monoio<false>>(row).or_else(|| super::inputs::<Monoio<true>>(row)),
    })
}

/// A channel each way.
fn ping_pong(times: u64) -> Cost {
    repeat(times, 2 * TURNS, async |system: Monoio<false>| {
        let (to_left, left) = mpsc::unbounded::channel();
        let (to_right, right) = mpsc::unbounded::channel();
        let play = async |mut mine: mpsc::unbounded::Rx<()>, other: mpsc::unbounded::Tx<()>| {
            for _ in 0..TURNS {
                mine.recv().await.expect("the other one is there");
                other.send(()).ok(); // the last token finds nobody
            }
        };
        to_left.send(()).expect("a player");
        let players = [system.spawn(play(left, to_right)), system.spawn(play(right, to_left))];
        join(players).await;
    })
}

fn wait_drain<const TASKS: u64>(times: u64) -> Cost {
    repeat(times, TASKS, async |system: Monoio<false>| {
        let (gates, waits): (Vec<_>, Vec<_>) = (0..TASKS).map(|_| oneshot::channel::<()>()).unzip();
        let tasks = waits.into_iter().map(|gate| system.spawn(gate));
        let mut tasks: FuturesUnordered<_> = tasks.collect();
        for gate in gates {
            gate.send(()).expect("a task waits");
            tasks.next().await.expect("one is left").expect("it was opened");
        }
        assert!(tasks.is_empty());
    })
}

fn queue(times: u64) -> Cost {
    repeat(times, ITEMS, async |system: Monoio<false>| {
        let (sender, mut receiver) = mpsc::bounded::channel(ROOM);
        let producer = system.spawn(async move {
            for item in 0..ITEMS {
                sender.send(item).await.expect("the consumer is there");
            }
        });
        for _ in 0..ITEMS {
            receiver.recv().await.expect("the producer is there");
        }
        producer.await;
    })
}

fn semaphore(times: u64) -> Cost {
    rivals::<Monoio<false>, _, _>(
        times,
        || Rc::new(Semaphore::new(PERMITS)),
        async |semaphore: Rc<Semaphore>| {
            let _permit = semaphore.acquire().await.expect("nobody closes it");
            wake_itself(1).await;
        },
    )
}
