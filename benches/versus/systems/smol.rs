//! smol: async-executor's `StaticLocalExecutor`, which is leaked, and the `LocalExecutor` that is not, with async-io,
//! async-channel and async-lock. Owns its idioms; must not know the other systems.

mod sockets;

use std::fmt::Debug;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use async_executor::{LocalExecutor, StaticLocalExecutor, Task};
use async_io::Timer;
use async_lock::{Mutex, Semaphore};
use futures_lite::future;
use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use crate::measure::{Cost, Work};
use crate::sizes::{PERMITS, TURNS};
use crate::system::{ANYWHERE, Cancels, Limits, Queues, Spawn, System, Timers};
use crate::work::tasks::spawn_await_in_task;
use crate::work::{join, repeat, rivals, wake_itself};

const CRATES: &[&str] = &["async-executor", "async-io", "async-channel", "async-lock"];

pub(super) const SYSTEM: System =
    System { name: names::SMOL, crates: CRATES, find: find::<&'static StaticLocalExecutor>, refused: ANYWHERE };
pub(super) const LOCAL: System =
    System { name: names::SMOL_LOCAL, crates: CRATES, find: find::<Rc<LocalExecutor<'static>>>, refused: ANYWHERE };

/// What the two executors have in common, but not as a trait.
trait Executor: Clone + 'static {
    fn new() -> Self;
    async fn run<T>(&self, future: impl Future<Output = T>) -> T;
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T>;
}

impl Executor for &'static StaticLocalExecutor {
    fn new() -> Self {
        LocalExecutor::new().leak()
    }

    async fn run<T>(&self, future: impl Future<Output = T>) -> T {
        StaticLocalExecutor::run(self, future).await
    }

    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        StaticLocalExecutor::spawn(self, future)
    }
}

impl Executor for Rc<LocalExecutor<'static>> {
    fn new() -> Self {
        Self::new(LocalExecutor::new())
    }

    async fn run<T>(&self, future: impl Future<Output = T>) -> T {
        LocalExecutor::run(self, future).await
    }

    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        LocalExecutor::spawn(self, future)
    }
}

/// With the reactor on this thread or, which is faster, without any.
#[derive(Clone)]
struct Smol<E, const REACTOR: bool>(E);

impl<E: Executor, const REACTOR: bool> Spawn for Smol<E, REACTOR> {
    type Task<T: 'static> = Task<T>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        let executor = E::new();
        let main = executor.run(main(Self(executor.clone())));
        if REACTOR { async_io::block_on(main) } else { future::block_on(main) }
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> Task<F::Output> {
        self.0.spawn(future)
    }

    fn call_soon(&self, f: impl FnOnce() + 'static) {
        self.0.spawn(async { f() }).detach();
    }

    fn yield_now() -> impl Future<Output = ()> {
        future::yield_now()
    }
}

impl<E: Executor> Timers for Smol<E, true> {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static {
        Timer::after(after)
    }
}

/// There is nothing ready-made: its users race with a timer.
impl<E: Executor> Limits for Smol<E, true> {
    fn limit<F: Future>(after: Duration, future: F) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        let late = async move {
            Timer::after(after).await;
            None
        };
        future::or(async { Some(future.await) }, late)
    }
}

impl<E: Executor> Cancels for Smol<E, true> {
    /// To await each cancellation takes many times as long.
    async fn cancel_all(tasks: Vec<Task<()>>) {
        drop(tasks);
    }
}

/// Those of async-channel, on any executor.
struct Channels;

impl Queues for Channels {
    type Sender<T: 'static> = async_channel::Sender<T>;
    type Receiver<T: 'static> = async_channel::Receiver<T>;

    fn queue<T: 'static>(room: usize) -> (async_channel::Sender<T>, async_channel::Receiver<T>) {
        async_channel::bounded(room)
    }

    fn put<T: Debug + 'static>(
        to: &mut async_channel::Sender<T>,
        item: T,
    ) -> impl Future<Output = Result<(), impl Debug>> {
        to.send(item)
    }

    fn get<T: 'static>(from: &mut async_channel::Receiver<T>) -> impl Future<Output = impl IntoIterator<Item = T>> {
        from.recv()
    }
}

fn find<E: Executor>(row: Name) -> Option<Work> {
    Some(match row {
        Name::spawn_await | Name::spawn_eager => spawn_await_in_task::<Smol<E, false>>,
        Name::ping_pong => ping_pong::<E>,
        Name::lock => lock::<E>,
        Name::semaphore => semaphore::<E>,
        _ => {
            return super::tasks::<Smol<E, false>>(row)
                .or_else(|| super::inputs::<Smol<E, true>>(row))
                .or_else(|| super::cancels::<Smol<E, true>>(row))
                .or_else(|| super::queues::<Smol<E, false>, Channels>(row))
                .or_else(|| super::http::<Smol<E, true>>(row));
        }
    })
}

/// A channel each way.
fn ping_pong<E: Executor>(times: u64) -> Cost {
    repeat(times, 2 * TURNS, async |system: Smol<E, false>| {
        let (to_left, left) = async_channel::bounded(1);
        let (to_right, right) = async_channel::bounded(1);
        let play = async |mine: async_channel::Receiver<()>, other: async_channel::Sender<()>| {
            for _ in 0..TURNS {
                mine.recv().await.expect("the other one is there");
                other.try_send(()).ok(); // the last token is not awaited
            }
        };
        to_left.try_send(()).expect("room");
        let players = [system.spawn(play(left, to_right)), system.spawn(play(right, to_left))];
        join(players).await;
    })
}

fn lock<E: Executor>(times: u64) -> Cost {
    rivals::<Smol<E, false>, _, _>(
        times,
        || Rc::new(Mutex::new(0_u64)),
        async |lock: Rc<Mutex<u64>>| {
            let mut held = lock.lock().await;
            wake_itself(1).await;
            *held += 1;
        },
    )
}

fn semaphore<E: Executor>(times: u64) -> Cost {
    rivals::<Smol<E, false>, _, _>(
        times,
        || Rc::new(Semaphore::new(PERMITS)),
        async |semaphore: Rc<Semaphore>| {
            let _permit = semaphore.acquire().await;
            wake_itself(1).await;
        },
    )
}
