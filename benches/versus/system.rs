//! What a system is to the suite: a name, where its version is read, the work it has for a row; and, for the work that
//! all write alike, how it runs, spawns, sleeps and reads. Must not know any system.

use std::future::Future;
use std::net::TcpStream;
use std::time::Duration;

use crate::measure::Work;

/// A column of the table, whose children are this program.
pub(crate) struct System {
    pub(crate) name: &'static str,
    /// The crates it is made of here, as Cargo.lock has them.
    pub(crate) crates: &'static [&'static str],
    pub(crate) find: fn(&str) -> Option<Work>,
    /// Why this machine cannot run it, where it cannot.
    pub(crate) refused: fn() -> Option<String>,
}

/// What needs nothing that a machine may refuse.
pub(crate) const ANYWHERE: fn() -> Option<String> = || None;

/// Where a system's tasks are spawned, from within it.
pub(crate) trait Spawn: Clone + 'static {
    /// Joins by being awaited.
    type Task<T: 'static>: Future<Output = T> + 'static;

    /// Runs it to its end on a loop of its own.
    fn run<T>(main: impl AsyncFnOnce(Self) -> T) -> T;

    fn spawn<F: Future<Output: 'static> + 'static>(&self, future: F) -> Self::Task<F::Output>;

    /// Lets the others go first.
    fn yield_now() -> impl Future<Output = ()>;
}

pub(crate) trait Timers: Spawn {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static;
}

pub(crate) trait Sockets: Spawn {
    type Stream: 'static;

    /// Takes over one that does not block.
    fn stream(stream: TcpStream) -> Self::Stream;

    /// Sends back what comes, until the end.
    fn serve(stream: Self::Stream) -> impl Future<Output = ()> + 'static;

    /// Sends [`MESSAGE`] so many times, and each time waits for all of it to come back.
    fn ask(stream: Self::Stream, times: u64) -> impl Future<Output = ()> + 'static;
}

pub(crate) const MESSAGE: [u8; 1_024] = [7; 1_024];
/// More room than a message needs, so that a read can be seen to be the last.
pub(crate) const PLACE: usize = 4_096;
