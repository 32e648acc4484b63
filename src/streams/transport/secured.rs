//! The session of a connection with TLS, and how far it is. Owns the way out of its cell and back; must not know the
//! channel.

use std::cell::Cell;
use std::time::Duration;

use crate::base::lend_mut;
use crate::tls::Session;

pub(super) struct Secured {
    /// Taken out while rustls runs, which calls code of the user.
    pub(super) session: Cell<Option<Box<Session>>>,
    /// The handshake is over.
    pub(super) is_open: Cell<bool>,
    /// The peer has ended its direction.
    pub(super) has_ended: Cell<bool>,
    pub(super) shutdown_timeout: Duration,
}

impl Secured {
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut Session) -> R) -> Option<R> {
        lend_mut(&self.session, |session| f(session))
    }
}
