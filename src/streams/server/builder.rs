//! Settings of a server: the keyword arguments of asyncio's `start_server`. Owns how its sockets are made; must not know
//! how clients are taken in.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::rc::Rc;

use super::accept::Listener;
use super::client;
use super::client::Served;
use super::server::{Server, Shared};
use crate::current;
use crate::net::{Endpoint, TcpListener, TcpListenerBuilder, UnixListener, addresses};
use crate::streams::reader::StreamReader;
use crate::streams::transport::DEFAULT_LIMIT;
use crate::streams::writer::StreamWriter;
use crate::sync::Waiters;

/// Settings of a server to be started: the keyword arguments of asyncio's `start_server`.
///
/// # Examples
/// ```
/// use oneloop::{Server, run};
///
/// run(async {
///     let server = Server::builder()
///         .limit(1024)
///         .start_serving(false)
///         .listen(async |reader, _writer| reader.readline().await.map(drop), ("127.0.0.1", 0))
///         .await?;
///     assert!(!server.is_serving());
///     server.start_serving();
///     assert!(server.is_serving());
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder makes nothing until it is told where to listen"]
pub struct ServerBuilder {
    limit: usize,
    tcp: TcpListenerBuilder,
    unix_backlog: Option<u32>,
    start_serving: bool,
    cleanup_socket: bool,
}

impl ServerBuilder {
    pub(super) fn new() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
            tcp: TcpListener::builder().only_v6(true),
            unix_backlog: None,
            start_serving: true,
            cleanup_socket: true,
        }
    }

    /// The [limit](StreamReader::with_limit) of the clients' readers; 64 KiB if nothing is said.
    ///
    /// # Panics
    /// If the limit is 0.
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "the limit of a StreamReader cannot be 0; give it the length of the longest line");
        self.limit = limit;
        self
    }

    /// How many clients may wait to be taken in; the system's own limit stands. Much more than asyncio's 100 if nothing is
    /// said: a client that finds no room tries again a second later.
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.tcp = self.tcp.backlog(backlog);
        self.unix_backlog = Some(backlog);
        self
    }

    /// Whether the address may be used while connections of an earlier server linger; it may if nothing is said.
    pub fn reuse_address(mut self, reuse: bool) -> Self {
        self.tcp = self.tcp.reuse_address(reuse);
        self
    }

    /// Whether other servers may listen on the same port, all of which say so, and share the clients.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.tcp = self.tcp.reuse_port(reuse);
        self
    }

    /// Whether it serves at once, as it does if nothing is said. If not, clients wait in line until
    /// [`Server::start_serving`] is called. (asyncio's are refused until then.)
    pub fn start_serving(mut self, start: bool) -> Self {
        self.start_serving = start;
        self
    }

    /// Whether the path of a Unix socket goes with the server, as it does if nothing is said.
    pub fn cleanup_socket(mut self, cleanup: bool) -> Self {
        self.cleanup_socket = cleanup;
        self
    }

    /// Listens by TCP: [`start_server`](fn@crate::start_server).
    ///
    /// # Errors
    /// `AddrInUse`, naming the address, and what else the system says. An address that this machine does not have is passed
    /// over if the endpoint has others.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// What was bound is let go.
    pub async fn listen<H, R>(self, handler: H, to: impl Into<Endpoint>) -> io::Result<Server>
    where
        H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
        R: Served + 'static,
    {
        let mut bound = Vec::new();
        let (mut listeners, mut refused) = (Vec::new(), None);
        for address in addresses(&to.into()).await? {
            if bound.contains(&address) {
                continue;
            }
            bound.push(address);
            match self.tcp.bind(address) {
                Ok(listener) => listeners.push(Listener::Tcp(listener)),
                Err(e) if is_foreign(&e) => refused = refused.or(Some(e)),
                Err(e) => return Err(e),
            }
        }
        if listeners.is_empty() {
            let nowhere = || io::Error::new(io::ErrorKind::InvalidInput, "there is no address to listen on");
            return Err(refused.unwrap_or_else(nowhere));
        }
        Ok(self.over(handler, listeners))
    }

    /// Listens on a path: [`start_unix_server`](fn@crate::start_unix_server).
    ///
    /// # Errors
    /// `AddrInUse`, naming the path, if something that is no socket is there; what else the system says.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn listen_unix<H, R>(self, handler: H, path: impl AsRef<Path>) -> io::Result<Server>
    where
        H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
        R: Served + 'static,
    {
        let listener = UnixListener::bind(path)?;
        if let Some(backlog) = self.unix_backlog {
            listener.set_backlog(backlog)?;
        }
        Ok(self.over(handler, [listener]))
    }

    /// On sockets that listen already: asyncio's `sock=`.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::TcpListener;
    /// use oneloop::{Server, run};
    ///
    /// run(async {
    ///     let socket = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    ///     let address = socket.local_addr()?;
    ///     let server = Server::builder().over(async |_reader, _writer| (), [TcpListener::from_std(socket)?]);
    ///     assert_eq!(server.local_addrs(), [address]);
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn over<H, R, L>(self, handler: H, listeners: impl IntoIterator<Item = L>) -> Server
    where
        H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
        R: Served + 'static,
        L: Into<Listener>,
    {
        let kernel = current::expect();
        let listeners = listeners.into_iter().map(|listener| self.with_its_path(listener.into())).collect();
        let shared = Shared {
            on_client: client::on_client(Rc::clone(&kernel), handler),
            kernel,
            listeners: RefCell::new(listeners),
            closed: Cell::new(false),
            serving: Cell::new(false),
            clients: RefCell::default(),
            last_client: Cell::new(0),
            limit: self.limit,
            forever: Waiters::default(),
            over: Waiters::default(),
        };
        let server = Server { shared: Rc::new(shared) };
        if self.start_serving {
            server.start_serving();
        }
        server
    }

    fn with_its_path(self, listener: Listener) -> Listener {
        match listener {
            Listener::Unix(listener) if !self.cleanup_socket => Listener::Unix(listener.keep_path()),
            other => other,
        }
    }
}

/// The machine has no such address, or no such family: asyncio passes over one of several as well.
fn is_foreign(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}
