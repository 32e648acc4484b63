//! glommio, which is `io_uring` and nothing else, with its own channels, its semaphore and, as it has no other lock,
//! its `RwLock`. Owns its idioms; must not know the other systems.

mod sockets;

use std::fmt::Debug;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use glommio::channels::local_channel;
use glommio::sync::{RwLock, Semaphore};
use glommio::timer::{Timer, timeout};
use glommio::{LocalExecutorBuilder, Placement, Task, executor, spawn_local};
use io_uring::IoUring;
use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use super::ring;
use crate::measure::{Cost, Work};
use crate::sizes::{PERMITS, TURNS};
use crate::system::{Cancels, Limits, Queues, Spawn, System, Timers};
use crate::work::{join, repeat, rivals, wake_itself};

pub(super) const SYSTEM: System = System { name: names::GLOMMIO, crates: &["glommio"], find, refused };

#[derive(Clone)]
struct Glommio;

/// Without `io_uring` it panics; if too little memory may be locked, it says so.
fn refused() -> Option<String> {
    let executor = || LocalExecutorBuilder::new(Placement::Unbound).make().err();
    ring::refused(&IoUring::builder()).or_else(|| executor().map(|refused| format!("no executor: {refused}")))
}

impl Spawn for Glommio {
    type Task<T: 'static> = Task<T>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        LocalExecutorBuilder::new(Placement::Unbound).make().expect("rings").run(main(Self))
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> Task<F::Output> {
        spawn_local(future)
    }

    fn call_soon(&self, f: impl FnOnce() + 'static) {
        spawn_local(async { f() }).detach();
    }

    async fn yield_now() {
        executor().yield_now().await;
    }
}

impl Timers for Glommio {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static {
        Timer::new(after)
    }
}

impl Limits for Glommio {
    fn limit<F: Future>(after: Duration, future: F) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        timeout(after, async { Ok(future.await) })
    }
}

impl Cancels for Glommio {
    async fn cancel_all(tasks: Vec<Task<()>>) {
        for task in tasks {
            assert_eq!(task.cancel().await, None);
        }
    }
}

impl Queues for Glommio {
    type Sender<T: 'static> = local_channel::LocalSender<T>;
    type Receiver<T: 'static> = local_channel::LocalReceiver<T>;

    fn queue<T: 'static>(room: usize) -> (local_channel::LocalSender<T>, local_channel::LocalReceiver<T>) {
        local_channel::new_bounded(room)
    }

    fn put<T: Debug + 'static>(
        to: &mut local_channel::LocalSender<T>,
        item: T,
    ) -> impl Future<Output = Result<(), impl Debug>> {
        to.send(item)
    }

    fn get<T: 'static>(
        from: &mut local_channel::LocalReceiver<T>,
    ) -> impl Future<Output = impl IntoIterator<Item = T>> {
        from.recv()
    }
}

fn find(row: Name) -> Option<Work> {
    Some(match row {
        Name::ping_pong => ping_pong,
        Name::lock => lock,
        Name::semaphore => semaphore,
        // a task may not be known to more than 32,767 that would wake it
        Name::timer_arm_cancel_1000000 | Name::million_timers | Name::memory_timer | Name::foreign_wake => return None,
        _ => {
            return super::tasks::<Glommio>(row)
                .or_else(|| super::inputs::<Glommio>(row))
                .or_else(|| super::cancels::<Glommio>(row))
                .or_else(|| super::queues::<Glommio, Glommio>(row));
        }
    })
}

/// A channel each way.
fn ping_pong(times: u64) -> Cost {
    repeat(times, 2 * TURNS, async |system: Glommio| {
        let (to_left, left) = local_channel::new_unbounded();
        let (to_right, right) = local_channel::new_unbounded();
        let play = async |mine: local_channel::LocalReceiver<()>, other: local_channel::LocalSender<()>| {
            for _ in 0..TURNS {
                mine.recv().await.expect("the other one is there");
                other.try_send(()).ok(); // the last token is not awaited
            }
        };
        to_left.try_send(()).expect("a player");
        let players = [system.spawn(play(left, to_right)), system.spawn(play(right, to_left))];
        join(players).await;
    })
}

fn lock(times: u64) -> Cost {
    rivals::<Glommio, _, _>(
        times,
        || Rc::new(RwLock::new(0_u64)),
        async |lock: Rc<RwLock<u64>>| {
            let mut held = lock.write().await.expect("it is not closed");
            wake_itself(1).await;
            *held += 1;
        },
    )
}

fn semaphore(times: u64) -> Cost {
    rivals::<Glommio, _, _>(
        times,
        || Rc::new(Semaphore::new(PERMITS as u64)),
        async |semaphore: Rc<Semaphore>| {
            let _permit = semaphore.acquire_permit(1).await.expect("it is not closed");
            wake_itself(1).await;
        },
    )
}
