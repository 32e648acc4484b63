//! The work that all systems write alike. Owns the batches; must not know any system: what is fastest in a way of its
//! own is with the system.

pub(crate) mod sockets;

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::oneshot;
use futures::stream::FuturesUnordered;

use crate::measure::{Cost, Stopwatch};
use crate::rows::{ARMED, AWAITED, GROUP, REPOLLED, REPOLLS, RING, RIVALS, SLEEPERS, TRIES, WAKES};
use crate::system::{Spawn, Timers};

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

/// Joins, and has no error: nobody aborts a task here, and none fails.
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

pub(crate) fn spawn_join<S: Spawn, const TASKS: u64>(times: u64) -> Cost {
    repeat(times, TASKS, async |system: S| {
        let tasks: Vec<_> = (0..TASKS).map(|_| system.spawn(async {})).collect();
        join(tasks).await;
    })
}

async fn spawn_and_await<S: Spawn>(system: S) {
    for _ in 0..AWAITED {
        system.spawn(async {}).await;
    }
}

pub(crate) fn spawn_await<S: Spawn>(times: u64) -> Cost {
    repeat(times, AWAITED, spawn_and_await::<S>)
}

/// For a system that is slower to come back to what it runs than to a task.
pub(crate) fn spawn_await_in_task<S: Spawn>(times: u64) -> Cost {
    repeat(times, AWAITED, async |system: S| system.clone().spawn(spawn_and_await(system)).await)
}

pub(crate) fn self_wake<S: Spawn>(times: u64) -> Cost {
    repeat(times, WAKES, async |system: S| system.spawn(wake_itself(WAKES)).await)
}

pub(crate) fn repoll<S: Spawn>(times: u64) -> Cost {
    repeat(times, REPOLLED * REPOLLS, async |system: S| {
        let tasks: Vec<_> = (0..REPOLLED).map(|_| system.spawn(wake_itself(REPOLLS - 1))).collect();
        join(tasks).await;
    })
}

pub(crate) fn yield_ring<S: Spawn>(times: u64) -> Cost {
    repeat(times, RING * RING, async |system: S| {
        let yields = || async {
            for _ in 0..RING {
                S::yield_now().await;
            }
        };
        let tasks: Vec<_> = (0..RING).map(|_| system.spawn(yields())).collect();
        join(tasks).await;
    })
}

/// Tasks that are awaited in the order of their results: what is written where there is no gather.
pub(crate) fn gather<S: Spawn, const CHILDREN: u64>(times: u64) -> Cost {
    repeat(times, CHILDREN, async |system: S| {
        let tasks: Vec<_> = (0..CHILDREN).map(|i| system.spawn(child(i))).collect();
        let mut values = Vec::with_capacity(tasks.len());
        for task in tasks {
            values.push(task.await);
        }
        assert_eq!(values.last(), Some(&(CHILDREN - 1)));
    })
}

/// A set of tasks, each with a gate in front, from which the next that has ended is taken.
pub(crate) fn wait_drain<S: Spawn, const TASKS: u64>(times: u64) -> Cost {
    repeat(times, TASKS, async |system: S| {
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

/// Where there is no group, and a task that is dropped is cancelled: a list of them is as structured.
pub(crate) fn group<S: Spawn>(times: u64) -> Cost {
    repeat(times, GROUP, async |system: S| {
        let tasks: Vec<_> = (0..GROUP).map(|i| system.spawn(child(i))).collect();
        join(tasks).await;
    })
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

/// The next of a row of numbers that seem random: `xorshift64`.
fn shuffle(number: &mut u64) -> u64 {
    *number ^= *number << 13;
    *number ^= *number >> 7;
    *number ^= *number << 17;
    *number
}

/// Some time in the next hour but one.
pub(crate) fn far_off(number: &mut u64) -> Duration {
    Duration::from_secs(3600) + Duration::from_nanos(shuffle(number) % 3_600_000_000_000)
}

/// Where [`far_off`] begins.
pub(crate) const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// How long each of the sleepers sleeps: each number up to so many once, in an order that is not theirs.
pub(crate) fn naps() -> impl Iterator<Item = Duration> {
    (0..SLEEPERS).map(|i| Duration::from_micros(20_000 + 2 * (i * 7919 % SLEEPERS)))
}

fn arm<T: Future>(timer: Pin<&mut T>, cx: &mut Context<'_>) {
    assert!(timer.poll(cx).is_pending(), "hours early");
}

pub(crate) fn timer_arm_cancel<S: Timers, const LIVE: u64>(times: u64) -> Cost {
    let replace = |cx: &mut Context<'_>| {
        let mut number = SEED;
        let mut live: Vec<_> = (0..LIVE).map(|_| Box::pin(S::timer(far_off(&mut number)))).collect();
        for timer in &mut live {
            arm(timer.as_mut(), cx);
        }
        let watch = Stopwatch::wall();
        for _ in 0..times * ARMED {
            let fresh = S::timer(far_off(&mut number));
            let any = usize::try_from(number % LIVE).expect("a place in memory");
            live[any].set(fresh); // and the one that was there is cancelled
            arm(live[any].as_mut(), cx);
        }
        watch.cost(times * ARMED)
    };
    S::run(async |_| {
        // as in a program that has run for a while, the loop has slept, and there is an earlier timer
        let mut early = pin!(S::timer(Duration::from_secs(600)));
        poll_fn(|cx| {
            arm(early.as_mut(), cx);
            Poll::Ready(())
        })
        .await;
        S::timer(Duration::from_millis(2)).await;
        poll_fn(|cx| Poll::Ready(replace(cx))).await
    })
}

pub(crate) fn sleepers<S: Timers>(times: u64) -> Cost {
    S::run(async |system: S| {
        let watch = Stopwatch::cpu();
        for _ in 0..times {
            let tasks: Vec<_> = naps().map(|nap| system.spawn(S::timer(nap))).collect();
            join(tasks).await;
        }
        watch.cost(times * SLEEPERS)
    })
}
