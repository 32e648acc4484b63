//! Taking clients in. Owns the wait for them, and what is done when the system has no room for one; must not know what
//! becomes of them.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::server::Shared;
use crate::error::Exception;
use crate::net::{Descriptor, ReadinessFuture, TcpListener, UnixListener};
use crate::node::report;
use crate::primitives::sleep;
use crate::streams::channel::Wire;

/// How long nobody is taken in after the system had no room.
const PAUSE: Duration = Duration::from_secs(1);

/// A socket that a server can listen on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listener {
    /// For TCP.
    Tcp(TcpListener),
    /// On a path.
    Unix(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

impl Listener {
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    fn wait(&self) -> ReadinessFuture {
        match self {
            Self::Tcp(listener) => listener.wait(),
            Self::Unix(listener) => listener.wait(),
        }
    }

    fn try_accept(&self) -> io::Result<Descriptor<Wire>> {
        Ok(match self {
            Self::Tcp(listener) => listener.try_accept()?.into_wire(),
            Self::Unix(listener) => listener.try_accept()?.into_wire(),
        })
    }
}

/// Takes clients in, one after another, until the server is closed. A step ends after so many as any wait lets through.
pub(super) async fn accept_clients(server: Rc<Shared>, index: usize) {
    let mut told = false;
    while let Some(ready) = server.with_listener(index, Listener::wait) {
        ready.await;
        match server.with_listener(index, Listener::try_accept) {
            None => break,
            Some(Ok(wire)) => {
                told = false;
                server.welcome(wire);
            }
            Some(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => {}
            // The client stays in line. It would stay ready as well, and keep the loop busy.
            Some(Err(error)) => {
                if !std::mem::replace(&mut told, true) {
                    report(&server.kernel, message_for(&error), Exception::Error(error.to_string()));
                }
                sleep(PAUSE).await;
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
