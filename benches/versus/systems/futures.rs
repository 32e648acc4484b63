//! The futures crate: tasks of its `LocalPool`. Owns its idioms; must not know the other systems. It has no timers, no
//! sockets and no semaphore.

use std::fmt::Debug;
use std::future::Future;
use std::rc::Rc;

use futures::channel::mpsc;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::RemoteHandle;
use futures::lock::Mutex;
use futures::task::LocalSpawnExt as _;
use futures::{SinkExt as _, StreamExt as _};
use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use crate::measure::{Cost, Work};
use crate::sizes::TURNS;
use crate::system::{ANYWHERE, Queues, Spawn, System};
use crate::work::{join, repeat, rivals, wake_itself};

pub(super) const SYSTEM: System = System { name: names::FUTURES, crates: &["futures"], find, refused: ANYWHERE };

#[derive(Clone)]
pub(super) struct Pool(LocalSpawner);

impl Spawn for Pool {
    type Task<T: 'static> = RemoteHandle<T>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        let mut pool = LocalPool::new();
        let spawner = pool.spawner();
        pool.run_until(main(Self(spawner)))
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> RemoteHandle<F::Output> {
        self.0.spawn_local_with_handle(future).expect("the pool is there")
    }

    fn call_soon(&self, f: impl FnOnce() + 'static) {
        self.0.spawn_local(async { f() }).expect("the pool is there");
    }

    fn yield_now() -> impl Future<Output = ()> {
        wake_itself(1)
    }
}

/// Its `mpsc`.
struct Channels;

impl Queues for Channels {
    type Sender<T: 'static> = mpsc::Sender<T>;
    type Receiver<T: 'static> = mpsc::Receiver<T>;

    fn queue<T: 'static>(room: usize) -> (mpsc::Sender<T>, mpsc::Receiver<T>) {
        mpsc::channel(room - 1) // and one for each sender
    }

    fn put<T: Debug + 'static>(to: &mut mpsc::Sender<T>, item: T) -> impl Future<Output = Result<(), impl Debug>> {
        to.send(item)
    }

    fn get<T: 'static>(from: &mut mpsc::Receiver<T>) -> impl Future<Output = impl IntoIterator<Item = T>> {
        from.next()
    }
}

fn find(row: Name) -> Option<Work> {
    Some(match row {
        Name::ping_pong => ping_pong,
        Name::lock => lock,
        _ => return super::tasks::<Pool>(row).or_else(|| super::queues::<Pool, Channels>(row)),
    })
}

/// A channel each way.
fn ping_pong(times: u64) -> Cost {
    repeat(times, 2 * TURNS, async |system: Pool| {
        let (to_left, left) = mpsc::unbounded();
        let (to_right, right) = mpsc::unbounded();
        let play = async |mut mine: mpsc::UnboundedReceiver<()>, other: mpsc::UnboundedSender<()>| {
            for _ in 0..TURNS {
                mine.next().await.expect("the other one is there");
                other.unbounded_send(()).ok(); // the last token is not awaited
            }
        };
        to_left.unbounded_send(()).expect("a player");
        let players = [system.spawn(play(left, to_right)), system.spawn(play(right, to_left))];
        join(players).await;
    })
}

fn lock(times: u64) -> Cost {
    rivals::<Pool, _, _>(
        times,
        || Rc::new(Mutex::new(0_u64)),
        async |lock: Rc<Mutex<u64>>| {
            let mut held = lock.lock().await;
            wake_itself(1).await;
            *held += 1;
        },
    )
}
