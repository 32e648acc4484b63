//! The work that all systems write alike. Owns what its parts share; must not know any system: what is fastest in a way
//! of its own is with the system.

pub(crate) mod callbacks;
pub(crate) mod http;
pub(crate) mod limits;
pub(crate) mod many_loops;
pub(crate) mod memory;
pub(crate) mod queues;
pub(crate) mod sockets;
pub(crate) mod start;
pub(crate) mod tasks;
pub(crate) mod threads;
pub(crate) mod timers;

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::measure::{Cost, Stopwatch};
use crate::sizes::{RIVALS, TRIES};
use crate::system::Spawn;

/// Does `batch`, which is so many operations, so many times.
pub(crate) fn repeat<S: Spawn>(times: u64, operations: u64, batch: impl AsyncFn(S)) -> Cost {
    S::run(async |system| {
        let watch = Stopwatch::wall();
        for _ in 0..times {
            batch(system.clone()).await;
        }
        watch.cost(times * operations)
    })
}

pub(crate) async fn join<T>(tasks: impl IntoIterator<Item: Future<Output = T>>) {
    for task in tasks {
        task.await;
    }
}

/// Joins, and has no error: no task is aborted here, and none fails.
pub(crate) struct Joined<J>(pub(crate) J);

impl<T, E: Debug, J: Future<Output = Result<T, E>> + Unpin> Future for Joined<J> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(cx).map(|ended| ended.expect("no task fails"))
    }
}

/// Wakes itself so many times, and is polled once more for each.
pub(crate) fn wake_itself(mut times: u64) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// What is gathered, or in a group.
pub(crate) async fn child(value: u64) -> u64 {
    wake_itself(1).await;
    value
}

/// Ten tasks that do the same thing a hundred times.
pub(crate) fn rivals<S: Spawn, T: Clone + 'static, F: Future<Output = ()> + 'static>(
    times: u64,
    new: impl Fn() -> T,
    turn: impl Fn(T) -> F + Copy + 'static,
) -> Cost {
    repeat(times, RIVALS * TRIES, async |system: S| {
        let shared = new();
        let tries = |shared: T| async move {
            for _ in 0..TRIES {
                turn(shared.clone()).await;
            }
        };
        let tasks: Vec<_> = (0..RIVALS).map(|_| system.spawn(tries(shared.clone()))).collect();
        join(tasks).await;
    })
}
