//! Settings of a server: the keyword arguments of asyncio's `start_server`. Owns how the listening sockets are made;
//! must not know how clients are accepted.

use std::io;
use std::path::Path;
use std::rc::Rc;

use super::client::{ClientResult, on_client};
use super::listener::Listener;
use super::opening::Opening;
use super::server::Server;
use super::state::ServerState;
use crate::current;
use crate::net::{Endpoint, TcpListener, TcpListenerBuilder, UnixListener, addresses_to_listen_on};
use crate::streams::reader::StreamReader;
use crate::streams::transport::{DEFAULT_LIMIT, assert_limit};
use crate::streams::writer::StreamWriter;
#[cfg(feature = "tls")]
use crate::tls::TlsAcceptor;

/// Settings of a [`Server`]: the keyword arguments of asyncio's `start_server`.
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
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until it is told where to listen"]
pub struct ServerBuilder {
    limit: usize,
    tcp: TcpListenerBuilder,
    unix_backlog: Option<u32>,
    start_serving: bool,
    cleanup_socket: bool,
    opening: Opening,
}

impl Server {
    /// A builder, for other settings.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            limit: DEFAULT_LIMIT,
            tcp: TcpListener::builder().only_v6(true),
            unix_backlog: None,
            start_serving: true,
            cleanup_socket: true,
            opening: Opening::default(),
        }
    }
}

impl ServerBuilder {
    /// The [limit](StreamReader::with_limit) of the clients' readers; 64 KiB by default.
    ///
    /// # Panics
    /// If the limit is 0.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        assert_limit(limit);
        self.limit = limit;
        self
    }

    /// How many clients may wait to be accepted. By default, 4096 by TCP, and the system's limit on a path. The system
    /// may have a lower limit. A client that finds the backlog full tries again a second later, which is why the
    /// default is not asyncio's 100.
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.tcp = self.tcp.backlog(backlog);
        self.unix_backlog = Some(backlog);
        self
    }

    /// Whether the server may bind an address that closed connections of an earlier server still hold (`SO_REUSEADDR`);
    /// true by default.
    pub fn reuse_address(mut self, reuse: bool) -> Self {
        self.tcp = self.tcp.reuse_address(reuse);
        self
    }

    /// Whether several servers may listen on the port and share its clients (`SO_REUSEPORT`); false by default. Each of
    /// the servers must set this.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.tcp = self.tcp.reuse_port(reuse);
        self
    }

    /// Whether the server accepts clients at once; true by default. If not, clients wait in the backlog until
    /// [`Server::start_serving`] is called. (asyncio refuses them until then.)
    pub fn start_serving(mut self, start: bool) -> Self {
        self.start_serving = start;
        self
    }

    /// Whether closing the server removes the file of its Unix socket; true by default.
    pub fn cleanup_socket(mut self, cleanup: bool) -> Self {
        self.cleanup_socket = cleanup;
        self
    }

    /// Agrees with each client on TLS before the handler is called: asyncio's `ssl=context`. Takes an
    /// `Arc<ServerConfig>` of rustls, or a [`TlsAcceptor`](crate::tls::TlsAcceptor) for other time limits.
    ///
    /// The handshake is a part of the client's task, so a slow one holds up no other client. A client that fails it is
    /// closed, and that is not reported: anything may connect to an open port.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, acceptor: impl Into<TlsAcceptor>) -> Self {
        self.opening.tls = Some(acceptor.into());
        self
    }

    /// Listens by TCP: [`start_server`](fn@crate::start_server).
    ///
    /// # Errors
    /// `AddrInUse`, naming the address, and other errors of the system calls. An address that this machine does not
    /// have is skipped if the endpoint has others.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// The sockets that were bound are closed.
    pub async fn listen<H, R>(self, handler: H, to: impl Into<Endpoint>) -> io::Result<Server>
    where
        H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
        R: ClientResult + 'static,
    {
        let mut bound = Vec::new();
        let (mut listeners, mut first_error) = (Vec::new(), None);
        let to = to.into();
        let addresses = addresses_to_listen_on(&to).await;
        for address in addresses.map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {to}: {e}")))? {
            if bound.contains(&address) {
                continue;
            }
            bound.push(address);
            match self.tcp.bind(address) {
                Ok(listener) => listeners.push(Listener::Tcp(listener)),
                Err(e) if is_unavailable(&e) => first_error = first_error.or(Some(e)),
                Err(e) => return Err(e),
            }
        }
        if listeners.is_empty() {
            let no_address = || {
                let text = format!("cannot listen on {to}: there is no address to listen on");
                io::Error::new(io::ErrorKind::InvalidInput, text)
            };
            return Err(first_error.unwrap_or_else(no_address));
        }
        Ok(self.over(handler, listeners))
    }

    /// Listens on a path: [`start_unix_server`](fn@crate::start_unix_server).
    ///
    /// # Errors
    /// `AddrInUse`, naming the path, if a file other than a socket is there; other errors of the system calls.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn listen_unix<H, R>(self, handler: H, path: impl AsRef<Path>) -> io::Result<Server>
    where
        H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
        R: ClientResult + 'static,
    {
        let listener = UnixListener::bind(path)?;
        if let Some(backlog) = self.unix_backlog {
            listener.set_backlog(backlog)?;
        }
        Ok(self.over(handler, [listener]))
    }

    /// Serves on sockets that listen already: asyncio's `sock=`.
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
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn over<H, R, L>(self, handler: H, listeners: impl IntoIterator<Item = L>) -> Server
    where
        H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
        R: ClientResult + 'static,
        L: Into<Listener>,
    {
        let kernel = current::expect();
        let listeners =
            listeners.into_iter().map(|listener| set_cleanup(listener.into(), self.cleanup_socket)).collect();
        let on_client = on_client(Rc::clone(&kernel), handler, self.opening);
        let server = Server::from_state(ServerState::new(kernel, listeners, self.limit, on_client));
        if self.start_serving {
            server.start_serving();
        }
        server
    }
}

fn set_cleanup(listener: Listener, cleanup: bool) -> Listener {
    match listener {
        Listener::Unix(listener) if !cleanup => Listener::Unix(listener.keep_path()),
        other => other,
    }
}

/// Whether this machine lacks the address or its family. asyncio skips such an address too if there are others.
fn is_unavailable(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}
