//! tokio: a runtime of the current thread with a `LocalSet`, and its `LocalRuntime`, which needs none. Owns its idioms;
//! must not know the other systems.

mod sockets;

use std::fmt::Debug;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Mutex, Notify, Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet, LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use crate::measure::{Cost, Work};
use crate::sizes::{GROUP, PERMITS, TURNS};
use crate::system::{ANYWHERE, Cancels, Limits, Queues, Spawn, System, Timers};
use crate::work::tasks::spawn_await_in_task;
use crate::work::{Joined, child, join, repeat, rivals, wake_itself};

pub(super) const SYSTEM: System =
    System { name: names::TOKIO, crates: &["tokio"], find: find::<false>, refused: ANYWHERE };
pub(super) const LOCAL: System =
    System { name: names::TOKIO_LOCAL, crates: &["tokio"], find: find::<true>, refused: ANYWHERE };

/// As a `LocalRuntime` or with a `LocalSet`; with its drivers of time and I/O or, which is faster, without.
#[derive(Clone)]
struct Tokio<const LOCAL: bool, const DRIVERS: bool>;

impl<const LOCAL: bool, const DRIVERS: bool> Spawn for Tokio<LOCAL, DRIVERS> {
    type Task<T: 'static> = Joined<JoinHandle<T>>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        let mut builder = Builder::new_current_thread();
        if DRIVERS {
            builder.enable_all();
        }
        if LOCAL {
            builder.build_local(LocalOptions::default()).expect("descriptors for a runtime").block_on(main(Self))
        } else {
            LocalSet::new().block_on(&builder.build().expect("descriptors for a runtime"), main(Self))
        }
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> Joined<JoinHandle<F::Output>> {
        Joined(spawn_local(future))
    }

    fn call_soon(&self, f: impl FnOnce() + 'static) {
        spawn_local(async { f() });
    }

    fn yield_now() -> impl Future<Output = ()> {
        tokio::task::yield_now()
    }
}

impl<const LOCAL: bool> Timers for Tokio<LOCAL, true> {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static {
        sleep(after)
    }
}

impl<const LOCAL: bool> Limits for Tokio<LOCAL, true> {
    fn limit<F: Future>(after: Duration, future: F) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        timeout(after, future)
    }
}

impl<const LOCAL: bool> Cancels for Tokio<LOCAL, true> {
    async fn cancel_all(tasks: Vec<Joined<JoinHandle<()>>>) {
        for task in &tasks {
            task.0.abort();
        }
        for task in tasks {
            assert!(task.0.await.is_err_and(|error| error.is_cancelled()));
        }
    }
}

/// Its `mpsc`, on any of its runtimes.
struct Channels;

impl Queues for Channels {
    type Sender<T: 'static> = mpsc::Sender<T>;
    type Receiver<T: 'static> = mpsc::Receiver<T>;

    fn queue<T: 'static>(room: usize) -> (mpsc::Sender<T>, mpsc::Receiver<T>) {
        mpsc::channel(room)
    }

    fn put<T: Debug + 'static>(to: &mut mpsc::Sender<T>, item: T) -> impl Future<Output = Result<(), impl Debug>> {
        to.send(item)
    }

    fn get<T: 'static>(from: &mut mpsc::Receiver<T>) -> impl Future<Output = impl IntoIterator<Item = T>> {
        from.recv()
    }
}

fn find<const LOCAL: bool>(row: Name) -> Option<Work> {
    Some(match row {
        Name::spawn_await | Name::spawn_eager => spawn_await_in_task::<Tokio<LOCAL, false>>,
        Name::ping_pong => ping_pong::<LOCAL>,
        Name::wait_drain_10 => wait_drain::<LOCAL, 10>,
        Name::wait_drain_1000 => wait_drain::<LOCAL, 1_000>,
        Name::wait_drain_10000 => wait_drain::<LOCAL, 10_000>,
        Name::task_group_100 => group::<LOCAL>,
        Name::lock => lock::<LOCAL>,
        Name::semaphore => semaphore::<LOCAL>,
        _ => {
            return super::tasks::<Tokio<LOCAL, false>>(row)
                .or_else(|| super::inputs::<Tokio<LOCAL, true>>(row))
                .or_else(|| super::cancels::<Tokio<LOCAL, true>>(row))
                .or_else(|| super::queues::<Tokio<LOCAL, false>, Channels>(row))
                .or_else(|| super::http::<Tokio<LOCAL, true>>(row));
        }
    })
}

/// A `Notify` each way: the token is that it is one's turn.
fn ping_pong<const LOCAL: bool>(times: u64) -> Cost {
    repeat(times, 2 * TURNS, async |system: Tokio<LOCAL, false>| {
        let (left, right) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
        let play = async |mine: Rc<Notify>, other: Rc<Notify>| {
            for _ in 0..TURNS {
                mine.notified().await;
                other.notify_one();
            }
        };
        left.notify_one();
        let players = [system.spawn(play(left.clone(), right.clone())), system.spawn(play(right, left))];
        join(players).await;
    })
}

fn wait_drain<const LOCAL: bool, const TASKS: u64>(times: u64) -> Cost {
    repeat(times, TASKS, async |_: Tokio<LOCAL, false>| {
        let (gates, waits): (Vec<_>, Vec<_>) = (0..TASKS).map(|_| oneshot::channel()).unzip();
        let mut tasks = JoinSet::new();
        for gate in waits {
            tasks.spawn_local(async { gate.await.expect("it is opened") });
        }
        for gate in gates {
            gate.send(()).expect("a task waits");
            tasks.join_next().await.expect("one is left").expect("no task fails");
        }
        assert!(tasks.is_empty());
    })
}

fn group<const LOCAL: bool>(times: u64) -> Cost {
    repeat(times, GROUP, async |_: Tokio<LOCAL, false>| {
        let mut tasks = JoinSet::new();
        for i in 0..GROUP {
            tasks.spawn_local(child(i));
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no child fails");
        }
    })
}

fn lock<const LOCAL: bool>(times: u64) -> Cost {
    rivals::<Tokio<LOCAL, false>, _, _>(
        times,
        || Rc::new(Mutex::new(0_u64)),
        async |lock: Rc<Mutex<u64>>| {
            let mut held = lock.lock().await;
            wake_itself(1).await;
            *held += 1;
        },
    )
}

fn semaphore<const LOCAL: bool>(times: u64) -> Cost {
    rivals::<Tokio<LOCAL, false>, _, _>(
        times,
        || Rc::new(Semaphore::new(PERMITS)),
        async |semaphore: Rc<Semaphore>| {
            let _permit = semaphore.acquire().await.expect("it is not closed");
            wake_itself(1).await;
        },
    )
}
