//! Tasks: spawned, polled, joined, gathered. Owns the batches; must not know any system.

use futures::StreamExt as _;
use futures::channel::oneshot;
use futures::stream::FuturesUnordered;

use super::{child, join, repeat, wake_itself};
use crate::measure::Cost;
use crate::sizes::{AWAITED, GROUP, REPOLLED, REPOLLS, RING, WAKES};
use crate::system::Spawn;

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
