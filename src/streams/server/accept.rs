//! Accepting clients from one listening socket. Owns the loop around the wait, and the pause after an error; must not
//! know what becomes of a client.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::listener::Listener;
use super::state::ServerState;
use crate::error::Exception;
use crate::node::report;
use crate::primitives::sleep;

/// How long no client is accepted after an error: asyncio's `ACCEPT_RETRY_DELAY`.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Accepts clients, one after another, until the server is closed. One step accepts no more clients than a step may do
/// operations: `ReadinessFuture` counts each as one.
pub(super) async fn accept_clients(server: Rc<ServerState>, index: usize) {
    let mut is_reported = false;
    while let Some(readiness) = server.with_listener(index, Listener::wait) {
        readiness.await;
        match server.with_listener(index, Listener::try_accept) {
            None => break,
            Some(Ok(channel)) => {
                is_reported = false;
                server.add_client(channel);
            }
            Some(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => {}
            // The client stays in the backlog, so the socket stays ready: without a pause this loop would never wait.
            Some(Err(error)) => {
                if !std::mem::replace(&mut is_reported, true) {
                    report(&server.kernel, message_for(&error), Exception::Error(error.to_string()));
                }
                sleep(RETRY_DELAY).await;
            }
        }
    }
}

fn message_for(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => "socket.accept() out of system resource",
        _ => "socket.accept() failed",
    }
}
