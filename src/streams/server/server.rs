//! A task for each client: asyncio's `start_server` and `Server`. Owns the listening sockets and the list of clients; must
//! not know what a stream does with its bytes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::panic::Location;
use std::path::Path;
use std::rc::{Rc, Weak};
use std::{fmt, io};

use super::accept::{self, Listener};
use super::builder::ServerBuilder;
use super::client::Served;
use crate::awaitables::spawn;
use crate::cancel::catch_cancelled;
use crate::kernel::Leaf;
use crate::net::{Descriptor, Endpoint};
use crate::node::Loop;
use crate::streams::channel::Wire;
use crate::streams::reader::StreamReader;
use crate::streams::transport::Stream;
use crate::streams::writer::StreamWriter;
use crate::sync::Waiters;

/// Listens by TCP and starts a task for each client: asyncio's `start_server(client_connected_cb, host, port)`. It serves
/// at once; [`Server::builder`] has the settings.
///
/// `handler` is called with the reader and the writer of each client; what it returns runs as a task. If that panics, or
/// returns an error, the exception handler is told (`Unhandled exception in client_connected_cb`) and the connection is
/// closed; if it is cancelled, the connection is closed. If it just returns, the connection closes with its handles, as
/// [`StreamWriter`] says.
///
/// An endpoint of several addresses gets a listening socket for each; one of IPv6 takes IPv6 alone.
///
/// # Errors
/// `AddrInUse`, naming the address, and what else the system says.
///
/// # Panics
/// If this thread is in no loop.
///
/// # Examples
/// ```
/// use oneloop::{open_connection, run, start_server};
///
/// run(async {
///     let server = start_server(
///         async |reader, writer| {
///             writer.write(reader.readline().await?);
///             writer.drain().await
///         },
///         ("127.0.0.1", 0),
///     )
///     .await?;
///     let (reader, writer) = open_connection(server.local_addrs()[0]).await?;
///     writer.write("echo\n");
///     assert_eq!(reader.read_to_end().await?, b"echo\n");
///     server.close();
///     drop((reader, writer));
///     server.wait_closed().await;
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Cancel safety
/// What was bound is let go.
pub async fn start_server<H, R>(handler: H, to: impl Into<Endpoint>) -> io::Result<Server>
where
    H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
    R: Served + 'static,
{
    Server::builder().listen(handler, to).await
}

/// Listens on a path and starts a task for each client: asyncio's `start_unix_server`. As
/// [`start_server`](fn@start_server) in everything else.
///
/// What an earlier server has left at the path is removed first, if it is a socket. The path goes when the server is
/// closed, unless another has taken it over.
///
/// # Errors
/// `AddrInUse`, naming the path, if something that is no socket is there; what else the system says.
///
/// # Panics
/// If this thread is in no loop.
///
/// # Examples
/// ```
/// use oneloop::{open_unix_connection, run, start_unix_server};
///
/// let path = std::env::temp_dir().join(format!("oneloop-start-{}.socket", std::process::id()));
/// run(async {
///     let server = start_unix_server(async |reader, writer| writer.write(reader.readline().await.unwrap()), &path).await?;
///     let (reader, writer) = open_unix_connection(&path).await?;
///     writer.write("echo\n");
///     assert_eq!(reader.read_to_end().await?, b"echo\n");
///     server.close();
///     assert!(!path.exists());
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Cancel safety
/// It does not wait.
pub async fn start_unix_server<H, R>(handler: H, path: impl AsRef<Path>) -> io::Result<Server>
where
    H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
    R: Served + 'static,
{
    Server::builder().listen_unix(handler, path)
}

/// Sockets that listen, and the clients that have come: asyncio's `Server`. Clones are the same server.
///
/// The loop owns it, as it owns tasks: dropping the handles of a server that serves lets it serve on.
/// [`close`](Self::close) ends it.
///
/// # Examples
/// ```
/// use oneloop::{create_task, open_connection, run, start_server};
///
/// run(async {
///     let server = start_server(async |reader, _writer| reader.read_to_end().await.map(drop), ("127.0.0.1", 0)).await?;
///     let (reader, _writer) = open_connection(server.local_addrs()[0]).await?;
///     let serving = server.clone();
///     let serving = create_task(async move { serving.serve_forever().await });
///     oneloop::yield_now().await;
///     server.close(); // takes no more clients
///     server.close_clients(); // and closes those there are
///     serving.await;
///     assert_eq!(reader.read(1).await?, b"");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Server {
    pub(super) shared: Rc<Shared>,
}

pub(super) type OnClient = Box<dyn Fn(Rc<Stream>)>;

pub(super) struct Shared {
    pub(super) kernel: Rc<Loop>,
    /// Empty once it is closed.
    pub(super) listeners: RefCell<Vec<Listener>>,
    pub(super) closed: Cell<bool>,
    pub(super) serving: Cell<bool>,
    /// In the order in which they came.
    pub(super) clients: RefCell<BTreeMap<u64, Weak<Stream>>>,
    pub(super) last_client: Cell<u64>,
    pub(super) limit: usize,
    pub(super) on_client: OnClient,
    /// `serve_forever`, until it is closed.
    pub(super) forever: Waiters,
    /// Those who wait until it is closed and the clients are gone.
    pub(super) over: Waiters,
}

impl Server {
    /// Other settings.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::new()
    }

    /// Begins to take clients. Does nothing if it does so already.
    ///
    /// # Panics
    /// If it is closed.
    pub fn start_serving(&self) {
        assert!(!self.shared.closed.get(), "the server is closed; start another one");
        if !self.shared.serving.replace(true) {
            for index in 0..self.shared.listeners.borrow().len() {
                let accepting = accept::accept_clients(Rc::clone(&self.shared), index);
                spawn(Rc::clone(&self.shared.kernel), accepting, true, Location::caller()).hide("a server");
            }
        }
    }

    /// Whether it takes clients.
    pub fn is_serving(&self) -> bool {
        self.shared.serving.get()
    }

    /// Serves until it is closed and its clients are gone. Cancelled, it closes the server first, and waits for its clients.
    ///
    /// Where the server is closed by somebody else this returns; asyncio's raises `CancelledError` then.
    ///
    /// # Panics
    /// If another task is in it already.
    ///
    /// # Cancel safety
    /// The server is closed. Dropped, it goes on.
    pub async fn serve_forever(&self) {
        const CLOSED: Leaf = &"a server to be closed";
        if !self.shared.closed.get() {
            assert!(self.shared.forever.waiting() == 0, "another task is in serve_forever(); await wait_closed()");
            self.start_serving();
            let closed = self.shared.forever.wait_until(CLOSED, || self.shared.closed.get());
            if let Err(cancelled) = catch_cancelled(closed).await {
                self.close();
                self.wait_closed().await;
                cancelled.reraise().await;
            }
        }
        self.wait_closed().await;
    }

    /// Takes no more clients; those that wait in line are turned away. The clients that have come stay.
    pub fn close(&self) {
        if self.shared.closed.replace(true) {
            return;
        }
        self.shared.serving.set(false);
        let listeners = self.shared.listeners.take();
        drop(listeners);
        self.shared.forever.notify_all();
        self.shared.see_whether_it_is_over();
    }

    /// Closes the connection of every client, after what was written to it has been sent.
    pub fn close_clients(&self) {
        for stream in self.shared.clients() {
            stream.close();
        }
    }

    /// Closes the connection of every client at once.
    pub fn abort_clients(&self) {
        for stream in self.shared.clients() {
            stream.abort();
        }
    }

    /// Waits until it is closed and no client is left, whichever comes last.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn wait_closed(&self) {
        const OVER: Leaf = &"a server to be closed and its clients to be gone";
        self.shared.over.wait_until(OVER, || self.shared.is_over()).await;
    }

    /// The addresses that it listens on by TCP, as long as it is not closed: of asyncio's `sockets`.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.shared.listeners.borrow().iter().filter_map(Listener::local_addr).collect()
    }

    /// How many clients are connected.
    pub fn client_count(&self) -> usize {
        self.shared.clients.borrow().len()
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.closed.get() && self.clients.borrow().is_empty()
    }

    fn see_whether_it_is_over(&self) {
        if self.is_over() {
            self.over.notify_all();
        }
    }

    fn clients(&self) -> Vec<Rc<Stream>> {
        self.clients.borrow().values().filter_map(Weak::upgrade).collect()
    }

    /// A client has come.
    pub(super) fn welcome(self: &Rc<Self>, wire: Descriptor<Wire>) {
        let stream = Stream::over(wire, self.limit);
        let number = self.last_client.get() + 1;
        self.last_client.set(number);
        self.clients.borrow_mut().insert(number, Rc::downgrade(&stream));
        let server = Rc::downgrade(self);
        stream.set_on_closed(move || {
            if let Some(server) = server.upgrade() {
                server.clients.borrow_mut().remove(&number);
                server.see_whether_it_is_over();
            }
        });
        (self.on_client)(stream);
    }

    /// Looks at a listening socket, if the server is not closed.
    pub(super) fn with_listener<R>(&self, index: usize, look: impl FnOnce(&Listener) -> R) -> Option<R> {
        self.listeners.borrow().get(index).map(look)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listeners", &*self.shared.listeners.borrow())
            .field("serving", &self.is_serving())
            .field("clients", &self.client_count())
            .finish()
    }
}
