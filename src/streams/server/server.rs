//! The handle on a server: asyncio's `Server`. Owns the public methods; must not know how a server is set up.

use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;

use super::accept::accept_clients;
use super::socket::ServerSocket;
use super::state::ServerState;
use crate::awaitables::spawn;
use crate::cancel::{assert_wakes, catch_cancelled};
use crate::event_loop::EventLoop;
use crate::kernel::{Leaf, What};

/// Listening sockets, and the clients that have connected to them: asyncio's `Server`. Clones are the same server.
///
/// The loop owns a serving server, as it owns tasks: the server goes on after its handles are dropped.
/// [`close`](Self::close) ends it.
///
/// # Examples
/// ```
/// use oneloop::{StreamReader, create_task, open_connection, run, start_server};
///
/// run(async {
///     let client = async |reader: StreamReader, _writer| reader.read_to_end().await.map(drop);
///     let server = start_server(client, ("127.0.0.1", 0)).await?;
///     let (reader, _writer) = open_connection(server.local_addrs()[0]).await?;
///     let serving = server.clone();
///     let serving = create_task(async move { serving.serve_forever().await });
///     oneloop::yield_now().await;
///     server.close(); // accepts no more clients
///     server.close_clients(); // and closes the connected ones
///     serving.await;
///     assert_eq!(reader.read(1).await?, b"");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Server {
    state: Rc<ServerState>,
}

impl Server {
    pub(super) fn from_state(state: ServerState) -> Self {
        Self { state: Rc::new(state) }
    }

    /// Starts to accept clients. Does nothing if the server serves already.
    ///
    /// # Panics
    /// If the server is closed.
    pub fn start_serving(&self) {
        assert!(!self.state.is_closed.get(), "the server is closed; start another one");
        if !self.state.is_serving.replace(true) {
            for index in 0..self.state.listeners.borrow().len() {
                // in a box, for a task of the type that every run has
                let accepting: Pin<Box<dyn Future<Output = ()>>> =
                    Box::pin(accept_clients(Rc::clone(&self.state), index));
                spawn(Rc::clone(&self.state.kernel), accepting, Location::caller()).hide("a server");
            }
        }
    }

    /// Whether the server accepts clients.
    pub fn is_serving(&self) -> bool {
        self.state.is_serving.get()
    }

    /// Serves until the server is closed and its clients are gone. If this is cancelled, it closes the server, waits
    /// for its clients, and is cancelled then.
    ///
    /// If another task closes the server, this returns; asyncio's raises `CancelledError` then.
    ///
    /// A cancellation, by Ctrl-C say, waits for as long as the clients stay. A server that gives them only so long is
    /// awaited by [`wait_closed`](Self::wait_closed) instead:
    ///
    /// ```
    /// use oneloop::{
    ///     Server, StreamReader, catch_cancelled, create_task, open_connection, run, start_server, timeout, yield_now,
    /// };
    /// use std::time::Duration;
    ///
    /// async fn serve(server: Server) {
    ///     let Err(cancelled) = catch_cancelled(server.wait_closed()).await else { return };
    ///     server.close();
    ///     server.close_clients(); // what was written to them is still sent
    ///     if timeout(Duration::from_secs(2), server.wait_closed()).await.is_err() {
    ///         server.abort_clients();
    ///     }
    ///     cancelled.reraise().await;
    /// }
    ///
    /// run(async {
    ///     let client = async |reader: StreamReader, _writer| reader.readline().await.map(drop);
    ///     let server = start_server(client, ("127.0.0.1", 0)).await?;
    ///     let (reader, _writer) = open_connection(server.local_addrs()[0]).await?;
    ///     let serving = create_task(serve(server));
    ///     yield_now().await;
    ///     serving.cancel();
    ///     assert_eq!(reader.read_to_end().await?, b"");
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If another task is in this method already.
    ///
    /// # Cancel safety
    /// A cancellation closes the server. If the future is dropped, the server goes on.
    pub async fn serve_forever(&self) {
        const CLOSED: Leaf = Leaf::of(What::ServerClosed);
        let state = &self.state;
        if !state.is_closed.get() {
            assert!(state.close_waiters.waiting() == 0, "another task is in serve_forever(); await wait_closed()");
            assert_wakes(&state.kernel, CLOSED);
            self.start_serving();
            let closed = state.close_waiters.wait_until(CLOSED, || state.is_closed.get());
            if let Err(cancelled) = catch_cancelled(closed).await {
                self.close();
                self.wait_closed().await;
                cancelled.reraise().await;
            }
        }
        self.wait_closed().await;
    }

    /// Stops listening. The connected clients stay; connections in the backlog are closed.
    pub fn close(&self) {
        if self.state.is_closed.replace(true) {
            return;
        }
        self.state.is_serving.set(false);
        // taken out first: closing a socket wakes tasks, which may look at the list
        let listeners = self.state.listeners.take();
        drop(listeners);
        self.state.close_waiters.notify_all();
        self.state.notify_if_finished();
    }

    /// Closes the connection of every client, after the bytes that were written to it have been sent.
    pub fn close_clients(&self) {
        for transport in self.state.clients() {
            transport.close();
        }
    }

    /// Closes the connection of every client at once.
    pub fn abort_clients(&self) {
        for transport in self.state.clients() {
            transport.abort();
        }
    }

    /// Waits until the server is closed and no client is left.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn wait_closed(&self) {
        self.state.wait_finished().await;
    }

    /// The listening sockets; none once the server is closed: asyncio's `sockets`.
    pub fn sockets(&self) -> Vec<ServerSocket> {
        self.state.listeners.borrow().iter().map(ServerSocket::of).collect()
    }

    /// The addresses of those [`sockets`](Self::sockets) that listen by TCP.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.state.listeners.borrow().iter().filter_map(|listener| listener.local_addr()).collect()
    }

    /// The loop that the server belongs to.
    pub fn get_loop(&self) -> EventLoop {
        EventLoop::of(Rc::clone(&self.state.kernel))
    }

    /// How many clients are connected.
    pub fn client_count(&self) -> usize {
        self.state.client_count()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listeners", &*self.state.listeners.borrow())
            .field("serving", &self.is_serving())
            .field("clients", &self.client_count())
            .finish()
    }
}
