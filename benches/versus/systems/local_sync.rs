//! The channels and the semaphore of local-sync, which are for one thread and any runtime: what is taken on a runtime
//! that has none. Owns its idioms; must not know the systems.

use std::fmt::Debug;
use std::future::Future;
use std::rc::Rc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use local_sync::semaphore::Semaphore;
use local_sync::{mpsc, oneshot};
use oneloop_versus::rows::Name;

use crate::measure::{Cost, Work};
use crate::sizes::{PERMITS, TURNS};
use crate::system::{Queues, Spawn};
use crate::work::{join, repeat, rivals, wake_itself};

/// The rows that are written with them.
pub(super) fn rows<S: Spawn>(row: Name) -> Option<Work> {
    Some(match row {
        Name::ping_pong => ping_pong::<S>,
        Name::wait_drain_10 => wait_drain::<S, 10>,
        Name::wait_drain_1000 => wait_drain::<S, 1_000>,
        Name::wait_drain_10000 => wait_drain::<S, 10_000>,
        Name::semaphore => semaphore::<S>,
        _ => return super::queues::<S, Channels>(row),
    })
}

/// Its `mpsc`.
struct Channels;

impl Queues for Channels {
    type Sender<T: 'static> = mpsc::bounded::Tx<T>;
    type Receiver<T: 'static> = mpsc::bounded::Rx<T>;

    fn queue<T: 'static>(room: usize) -> (mpsc::bounded::Tx<T>, mpsc::bounded::Rx<T>) {
        mpsc::bounded::channel(room)
    }

    fn put<T: Debug + 'static>(to: &mut mpsc::bounded::Tx<T>, item: T) -> impl Future<Output = Result<(), impl Debug>> {
        to.send(item)
    }

    fn get<T: 'static>(from: &mut mpsc::bounded::Rx<T>) -> impl Future<Output = impl IntoIterator<Item = T>> {
        from.recv()
    }
}

/// A channel each way.
fn ping_pong<S: Spawn>(times: u64) -> Cost {
    repeat(times, 2 * TURNS, async |system: S| {
        let (to_left, left) = mpsc::unbounded::channel();
        let (to_right, right) = mpsc::unbounded::channel();
        let play = async |mut mine: mpsc::unbounded::Rx<()>, other: mpsc::unbounded::Tx<()>| {
            for _ in 0..TURNS {
                mine.recv().await.expect("the other one is there");
                other.send(()).ok(); // the last token is not awaited
            }
        };
        to_left.send(()).expect("a player");
        let players = [system.spawn(play(left, to_right)), system.spawn(play(right, to_left))];
        join(players).await;
    })
}

fn wait_drain<S: Spawn, const TASKS: u64>(times: u64) -> Cost {
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

fn semaphore<S: Spawn>(times: u64) -> Cost {
    rivals::<S, _, _>(
        times,
        || Rc::new(Semaphore::new(PERMITS)),
        async |semaphore: Rc<Semaphore>| {
            let _permit = semaphore.acquire().await.expect("it is not closed");
            wake_itself(1).await;
        },
    )
}
