//! What all handles on a server share. Owns the listening sockets and the list of clients; must not know how clients
//! are accepted.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use super::client::OnClient;
use super::listener::Listener;
use crate::base::IdMap;
use crate::cancel::assert_wakes;
use crate::kernel::{Leaf, What};
use crate::net::Descriptor;
use crate::node::Loop;
use crate::streams::channel::ByteChannel;
use crate::streams::transport::Transport;
use crate::sync::Waiters;

pub(super) struct ServerState {
    pub(super) kernel: Rc<Loop>,
    /// Empty once the server is closed.
    pub(super) listeners: RefCell<Vec<Rc<Listener>>>,
    pub(super) is_closed: Cell<bool>,
    pub(super) is_serving: Cell<bool>,
    /// The connected clients, in the order in which they came.
    clients: RefCell<IdMap<Weak<Transport>>>,
    /// The limit of the clients' readers.
    limit: usize,
    on_client: OnClient,
    /// The task in `serve_forever`, until the server is closed.
    pub(super) close_waiters: Waiters,
    /// Tasks that wait until the server is closed and its clients are gone.
    finish_waiters: Waiters,
}

impl ServerState {
    pub(super) fn new(kernel: Rc<Loop>, listeners: Vec<Listener>, limit: usize, on_client: OnClient) -> Self {
        Self {
            kernel,
            listeners: RefCell::new(listeners.into_iter().map(Rc::new).collect()),
            is_closed: Cell::new(false),
            is_serving: Cell::new(false),
            clients: RefCell::default(),
            limit,
            on_client,
            close_waiters: Waiters::default(),
            finish_waiters: Waiters::default(),
        }
    }

    /// Calls `look` with a listening socket, unless the server is closed.
    pub(super) fn with_listener<R>(&self, index: usize, look: impl FnOnce(&Listener) -> R) -> Option<R> {
        self.listeners.borrow().get(index).map(|listener| look(listener))
    }

    /// Adds a client that has connected, and starts its task.
    pub(super) fn add_client(self: &Rc<Self>, channel: Descriptor<ByteChannel>) {
        let transport = Transport::over(channel, self.limit);
        let id = self.clients.borrow_mut().insert(Rc::downgrade(&transport));
        let state = Rc::downgrade(self);
        transport.set_on_closed(move || {
            if let Some(state) = state.upgrade() {
                state.clients.borrow_mut().remove(id);
                state.notify_if_finished();
            }
        });
        (self.on_client)(transport);
    }

    pub(super) fn clients(&self) -> Vec<Rc<Transport>> {
        self.clients.borrow().values().filter_map(Weak::upgrade).collect()
    }

    pub(super) fn client_count(&self) -> usize {
        self.clients.borrow().len()
    }

    fn is_finished(&self) -> bool {
        self.is_closed.get() && self.clients.borrow().is_empty()
    }

    pub(super) fn notify_if_finished(&self) {
        if self.is_finished() {
            self.finish_waiters.notify_all();
        }
    }

    /// Waits until the server is closed and its clients are gone.
    pub(super) async fn wait_finished(&self) {
        const FINISHED: Leaf = Leaf::of(What::ServerFinished);
        if !self.is_finished() {
            assert_wakes(&self.kernel, FINISHED);
        }
        self.finish_waiters.wait_until(FINISHED, || self.is_finished()).await;
    }
}
