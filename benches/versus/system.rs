//! What a system is to the suite: a name, where its version is read, the work it has for a row; and, for the work that
//! all write alike, how it runs, spawns, sleeps, reads and writes. Must not know any system.

use std::fmt::Debug;
use std::future::Future;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use oneloop_versus::rows::Name;

use crate::measure::Work;

/// A column of the table, whose children are this program.
pub(crate) struct System {
    pub(crate) name: &'static str,
    /// The crates it is made of here, as Cargo.lock has them.
    pub(crate) crates: &'static [&'static str],
    pub(crate) find: fn(Name) -> Option<Work>,
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

    /// Calls it later, in turn: a callback or, where there are none, a task that is not joined.
    fn call_soon(&self, f: impl FnOnce() + 'static);

    /// Lets the others go first.
    fn yield_now() -> impl Future<Output = ()>;
}

pub(crate) trait Timers: Spawn {
    fn timer(after: Duration) -> impl Future<Output: 'static> + 'static;
}

/// Limits on the time of a future.
pub(crate) trait Limits: Timers {
    /// What it gives; nothing if the time is up before. The system's own future, as it is.
    fn limit<F: Future>(after: Duration, future: F) -> impl Future<Output = impl IntoIterator<Item = F::Output>>;
}

/// Tasks that can be ended from outside.
pub(crate) trait Cancels: Timers {
    /// Cancels all and, where that is how it is done, waits until they have ended.
    fn cancel_all(tasks: Vec<Self::Task<()>>) -> impl Future<Output = ()>;
}

/// Queues with room for some, from one task to one other. A system has its own, or another crate's, and gives its
/// futures as they are: to wrap them would cost some more than others.
pub(crate) trait Queues: 'static {
    type Sender<T: 'static>: 'static;
    type Receiver<T: 'static>: 'static;

    fn queue<T: 'static>(room: usize) -> (Self::Sender<T>, Self::Receiver<T>);

    /// Waits for room. It fails if the receiver is gone.
    fn put<T: Debug + 'static>(to: &mut Self::Sender<T>, item: T) -> impl Future<Output = Result<(), impl Debug>>;

    /// Waits for an item. There is none if the sender is gone.
    fn get<T: 'static>(from: &mut Self::Receiver<T>) -> impl Future<Output = impl IntoIterator<Item = T>>;
}

/// Connections. A buffer is handed over for the time of a call, as some systems must have it, and comes back; for those
/// that would borrow it, that is no work.
pub(crate) trait Sockets: Spawn {
    type Stream: 'static;

    /// Takes over one that does not block.
    fn stream(stream: TcpStream) -> Self::Stream;

    /// Reads once into `place`, from its start, and says how much: nothing at the end.
    fn read(from: &mut Self::Stream, place: Vec<u8>) -> impl Future<Output = (usize, Vec<u8>)>;

    /// Writes all of the first `count` bytes.
    fn write(to: &mut Self::Stream, bytes: Vec<u8>, count: usize) -> impl Future<Output = Vec<u8>>;
}

/// Connections with a buffer on the side that reads, of the size that the system gives it.
pub(crate) trait Buffered: Spawn {
    type Buffered: 'static;

    /// Takes over one that does not block.
    fn buffered(stream: TcpStream) -> Self::Buffered;

    /// Puts the next line behind what is in `line`, and says how long it is: nothing at the end.
    fn line(from: &mut Self::Buffered, line: &mut Vec<u8>) -> impl Future<Output = usize>;

    /// Fills `place`, unless the stream ends.
    fn exactly(from: &mut Self::Buffered, place: Vec<u8>) -> impl Future<Output = Option<Vec<u8>>>;

    /// Writes all, and keeps nothing back.
    fn put(to: &mut Self::Buffered, bytes: Vec<u8>) -> impl Future<Output = Vec<u8>>;
}

/// Connections that are made on the loop.
pub(crate) trait Listeners: Sockets {
    type Listener: 'static;

    /// Takes over one that does not block.
    fn listener(listener: TcpListener) -> Self::Listener;

    fn accept(from: &mut Self::Listener) -> impl Future<Output = Self::Stream>;

    fn connect(to: SocketAddr) -> impl Future<Output = Self::Stream>;
}

/// Connections as hyper has them.
pub(crate) trait Http: Listeners {
    type Io: hyper::rt::Read + hyper::rt::Write + Unpin + 'static;

    fn io(stream: Self::Stream) -> Self::Io;
}

/// Sockets for UDP that know their peer.
pub(crate) trait Datagrams: Spawn {
    type Socket: 'static;

    /// Takes over one that does not block.
    fn socket(socket: UdpSocket) -> Self::Socket;

    /// Receives one into `place`, from its start, and says how long it is.
    fn receive(from: &mut Self::Socket, place: Vec<u8>) -> impl Future<Output = (usize, Vec<u8>)>;

    /// Sends the first `count` bytes as one.
    fn send(to: &mut Self::Socket, bytes: Vec<u8>, count: usize) -> impl Future<Output = Vec<u8>>;
}
