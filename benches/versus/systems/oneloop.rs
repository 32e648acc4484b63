//! oneloop. Owns its idioms; must not know the other systems.

mod precision;
mod sockets;

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use oneloop::{
    Event, EventLoop, Lock, Queue, ReturnWhen, Semaphore, Task, create_future, create_task, sleep, task_group, timeout,
    wait,
};
use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use crate::measure::{Cost, Work};
use crate::sizes::{AWAITED, GROUP, PERMITS, TURNS};
use crate::system::{ANYWHERE, Cancels, Limits, Queues, Spawn, System, Timers};
use crate::work::{child, join, repeat, rivals, wake_itself};

pub(super) const SYSTEM: System = System { name: names::ONELOOP, crates: &["oneloop"], find, refused: ANYWHERE };
pub(super) use precision::{COARSE, PRECISE};

#[derive(Clone)]
struct Oneloop(EventLoop);

impl Spawn for Oneloop {
    type Task<T: 'static> = Task<T>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        let lp = EventLoop::new().expect("descriptors for a loop");
        lp.run_until_complete(main(Self(lp.clone()))).expect("the loop is not stopped")
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> Task<F::Output> {
        create_task(future)
    }

    fn call_soon(&self, f: impl FnOnce() + 'static) {
        self.0.call_soon(f);
    }

    fn yield_now() -> impl Future<Output = ()> {
        oneloop::yield_now()
    }
}

impl Timers for Oneloop {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static {
        sleep(after)
    }
}

impl Limits for Oneloop {
    fn limit<F: Future>(after: Duration, future: F) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        timeout(after, future)
    }
}

impl Cancels for Oneloop {
    async fn cancel_all(tasks: Vec<Task<()>>) {
        for task in &tasks {
            task.cancel();
        }
        for mut task in tasks {
            assert!(task.outcome().await.is_err());
        }
    }
}

impl Queues for Oneloop {
    type Sender<T: 'static> = Queue<T>;
    type Receiver<T: 'static> = Queue<T>;

    fn queue<T: 'static>(room: usize) -> (Queue<T>, Queue<T>) {
        let queue = Queue::new(room);
        (queue.clone(), queue)
    }

    fn put<T: Debug + 'static>(to: &mut Queue<T>, item: T) -> impl Future<Output = Result<(), impl Debug>> {
        to.put(item)
    }

    fn get<T: 'static>(from: &mut Queue<T>) -> impl Future<Output = impl IntoIterator<Item = T>> {
        from.get()
    }
}

fn find(row: Name) -> Option<Work> {
    Some(match row {
        Name::spawn_eager => spawn_eager,
        Name::gather_10 => gather::<10>,
        Name::gather_1000 => gather::<1_000>,
        Name::gather_10000 => gather::<10_000>,
        Name::ping_pong => ping_pong,
        Name::wait_drain_10 => wait_drain::<10>,
        Name::wait_drain_1000 => wait_drain::<1_000>,
        Name::wait_drain_10000 => wait_drain::<10_000>,
        Name::task_group_100 => group,
        Name::lock => lock,
        Name::semaphore => semaphore,
        _ => {
            return super::tasks::<Oneloop>(row)
                .or_else(|| super::inputs::<Oneloop>(row))
                .or_else(|| super::cancels::<Oneloop>(row))
                .or_else(|| super::queues::<Oneloop, Oneloop>(row))
                .or_else(|| super::http::<Oneloop>(row));
        }
    })
}

fn spawn_eager(times: u64) -> Cost {
    repeat(times, AWAITED, async |_: Oneloop| {
        for _ in 0..AWAITED {
            create_task(async {}).eager().await;
        }
    })
}

fn gather<const CHILDREN: u64>(times: u64) -> Cost {
    repeat(times, CHILDREN, async |_: Oneloop| {
        assert_eq!(oneloop::gather((0..CHILDREN).map(child)).await.last(), Some(&(CHILDREN - 1)));
    })
}

/// An `Event` each way: the token is that it is one's turn.
fn ping_pong(times: u64) -> Cost {
    repeat(times, 2 * TURNS, async |system: Oneloop| {
        let (left, right) = (Event::new(), Event::new());
        let play = async |mine: Event, other: Event| {
            for _ in 0..TURNS {
                mine.wait().await;
                mine.clear();
                other.set();
            }
        };
        left.set();
        let players = [system.spawn(play(left.clone(), right.clone())), system.spawn(play(right, left))];
        join(players).await;
    })
}

fn wait_drain<const TASKS: u64>(times: u64) -> Cost {
    repeat(times, TASKS, async |_: Oneloop| {
        let gates: Vec<oneloop::Future<()>> = (0..TASKS).map(|_| create_future()).collect();
        let mut pending = wait(gates.iter().cloned().map(create_task)).into_pending();
        for gate in gates {
            gate.set_result(()).expect("it is opened once");
            let sets = wait(pending).return_when(ReturnWhen::FirstCompleted).await;
            assert_eq!(sets.done.len(), 1);
            pending = sets.pending;
        }
        assert!(pending.is_empty());
    })
}

fn group(times: u64) -> Cost {
    repeat(times, GROUP, async |_: Oneloop| {
        let ended = task_group(async |group| {
            for i in 0..GROUP {
                group.create_task(async move { Ok::<u64, ()>(child(i).await) });
            }
            Ok(())
        });
        ended.await.expect("no child fails");
    })
}

fn lock(times: u64) -> Cost {
    rivals::<Oneloop, _, _>(
        times,
        || Lock::new(0_u64),
        async |lock: Lock<u64>| {
            let mut held = lock.acquire().await;
            wake_itself(1).await;
            *held += 1;
        },
    )
}

fn semaphore(times: u64) -> Cost {
    rivals::<Oneloop, _, _>(
        times,
        || Semaphore::new(PERMITS),
        |semaphore| async move {
            let _permit = semaphore.acquire().await;
            wake_itself(1).await;
        },
    )
}
