//! smol: async-executor's leaked `StaticLocalExecutor`, the faster of its local ones, with async-io, async-channel and
//! async-lock. Owns its idioms; must not know the other systems.

use std::future::Future;
use std::net::TcpStream as StdStream;
use std::rc::Rc;
use std::time::Duration;

use async_executor::{LocalExecutor, StaticLocalExecutor, Task};
use async_io::{Async, Timer};
use async_lock::{Mutex, Semaphore};
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _, future};

use crate::measure::{Cost, Work};
use crate::rows::{ITEMS, PERMITS, ROOM, TURNS};
use crate::system::{MESSAGE, PLACE, Sockets, Spawn, System, Timers};
use crate::work::{join, repeat, rivals, wake_itself};

pub(super) const SYSTEM: System =
    System { name: "smol", crates: &["async-executor", "async-io", "async-channel", "async-lock"], find };

/// With the reactor on this thread or, which is faster, without any.
#[derive(Clone)]
struct Smol<const REACTOR: bool>(&'static StaticLocalExecutor);

impl<const REACTOR: bool> Spawn for Smol<REACTOR> {
    type Task<T: 'static> = Task<T>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        let executor = LocalExecutor::new().leak();
        let main = executor.run(main(Self(executor)));
        if REACTOR { async_io::block_on(main) } else { future::block_on(main) }
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> Task<F::Output> {
        self.0.spawn(future)
    }

    fn yield_now() -> impl Future<Output = ()> {
        future::yield_now()
    }
}

impl Timers for Smol<true> {
    type Timer = Timer;

    fn timer(after: Duration) -> Timer {
        Timer::after(after)
    }
}

impl Sockets for Smol<true> {
    type Stream = Async<StdStream>;

    fn stream(stream: StdStream) -> Async<StdStream> {
        Async::new_nonblocking(stream).expect("room for one more")
    }

    async fn serve(mut stream: Async<StdStream>) {
        let mut place = vec![0; PLACE];
        loop {
            match stream.read(&mut place).await.expect("a connection") {
                0 => return,
                n => stream.write_all(&place[..n]).await.expect("a connection"),
            }
        }
    }

    async fn ask(mut stream: Async<StdStream>, times: u64) {
        let mut place = vec![0; PLACE];
        for _ in 0..times {
            stream.write_all(&MESSAGE).await.expect("a connection");
            let mut back = 0;
            while back < MESSAGE.len() {
                back += stream.read(&mut place).await.expect("a connection");
            }
        }
    }
}

fn find(row: &str) -> Option<Work> {
    Some(match row {
        "ping_pong" => ping_pong,
        "queue" => queue,
        "lock" => lock,
        "semaphore" => semaphore,
        _ => return super::tasks::<Smol<false>>(row).or_else(|| super::inputs::<Smol<true>>(row)),
    })
}

/// A channel each way.
fn ping_pong(times: u64) -> Cost {
    repeat(times, 2 * TURNS, async |system: Smol<false>| {
        let (to_left, left) = async_channel::bounded(1);
        let (to_right, right) = async_channel::bounded(1);
        let play = async |mine: async_channel::Receiver<()>, other: async_channel::Sender<()>| {
            for _ in 0..TURNS {
                mine.recv().await.expect("the other one is there");
                other.try_send(()).ok(); // the last token finds nobody
            }
        };
        to_left.try_send(()).expect("room");
        let players = [system.spawn(play(left, to_right)), system.spawn(play(right, to_left))];
        join(players).await;
    })
}

fn queue(times: u64) -> Cost {
    repeat(times, ITEMS, async |system: Smol<false>| {
        let (sender, receiver) = async_channel::bounded(ROOM);
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

fn lock(times: u64) -> Cost {
    rivals::<Smol<false>, _, _>(
        times,
        || Rc::new(Mutex::new(0_u64)),
        async |lock: Rc<Mutex<u64>>| {
            let mut held = lock.lock().await;
            wake_itself(1).await;
            *held += 1;
        },
    )
}

fn semaphore(times: u64) -> Cost {
    rivals::<Smol<false>, _, _>(
        times,
        || Rc::new(Semaphore::new(PERMITS)),
        async |semaphore: Rc<Semaphore>| {
            let _permit = semaphore.acquire().await;
            wake_itself(1).await;
        },
    )
}
