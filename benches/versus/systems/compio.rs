//! compio on its driver for io_uring, with local-sync for its channels. Owns its idioms; must not know the other systems.
//! Neither crate has a lock, and a task that yields wakes itself.

use std::future::Future;
use std::io;
use std::net::TcpStream as StdStream;
use std::time::Duration;

use compio::BufResult;
use compio::buf::{IntoInner as _, IoBuf as _};
use compio::driver::ProactorBuilder;
use compio::io::{AsyncRead as _, AsyncWriteExt as _};
use compio::net::TcpStream;
use compio::runtime::{JoinHandle, Runtime, RuntimeBuilder, spawn};
use compio::time::sleep;

use super::local_sync;
use crate::measure::Work;
use crate::system::{Sockets, Spawn, System, Timers};
use crate::work::{Joined, wake_itself};

pub(super) const SYSTEM: System = System { name: "compio", crates: &["compio", "local-sync"], find, refused };

#[derive(Clone)]
struct Compio;

/// On a ring for a single thread, which is faster than one for all, and came with Linux 6.1.
fn runtime() -> io::Result<Runtime> {
    let mut ring = ProactorBuilder::new();
    ring.single_issuer(true).defer_taskrun(true);
    RuntimeBuilder::new().with_proactor(ring).build()
}

/// That it polls instead is a feature that is not asked for.
fn refused() -> Option<String> {
    let refused = runtime().err()?;
    Some(format!("no io_uring as Linux 6.1 has it: {refused}"))
}

impl Spawn for Compio {
    type Task<T: 'static> = Joined<JoinHandle<T>>;

    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T {
        runtime().expect("a ring").block_on(main(Self))
    }

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> Joined<JoinHandle<F::Output>> {
        Joined(spawn(future))
    }

    fn call_soon(&self, f: impl FnOnce() + 'static) {
        spawn(async { f() }).detach();
    }

    fn yield_now() -> impl Future<Output = ()> {
        wake_itself(1)
    }
}

impl Timers for Compio {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static {
        sleep(after)
    }
}

impl Sockets for Compio {
    type Stream = TcpStream;

    fn stream(stream: StdStream) -> TcpStream {
        // the ring waits for one that blocks; of one that does not it only says that it would
        stream.set_nonblocking(false).expect("a socket that can");
        TcpStream::from_std(stream).expect("room for one more")
    }

    async fn read(from: &mut TcpStream, place: Vec<u8>) -> (usize, Vec<u8>) {
        let BufResult(read, place) = from.read(place).await;
        (read.expect("a connection"), place)
    }

    async fn write(to: &mut TcpStream, bytes: Vec<u8>, count: usize) -> Vec<u8> {
        let BufResult(written, bytes) = to.write_all(bytes.slice(..count)).await;
        written.expect("a connection");
        bytes.into_inner()
    }
}

fn find(row: &str) -> Option<Work> {
    let tasks = local_sync::rows::<Compio>(row).or_else(|| super::tasks::<Compio>(row));
    tasks.or_else(|| super::timers::<Compio>(row)).or_else(|| super::streams::<Compio>(row))
}
