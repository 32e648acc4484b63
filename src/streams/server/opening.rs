//! What comes before a client is served: the handshake of TLS. Owns the setting; must not know the handler.

use std::rc::Rc;

use crate::streams::transport::Transport;
#[cfg(feature = "tls")]
use crate::tls::TlsAcceptor;

#[derive(Clone, Debug, Default)]
pub(super) struct Opening {
    #[cfg(feature = "tls")]
    pub(super) tls: Option<TlsAcceptor>,
}

impl Opening {
    /// Whether the client can be served. One that fails is closed, and that is not reported, as in asyncio: anything
    /// may connect to an open port.
    #[cfg(feature = "tls")]
    pub(super) async fn open(&self, transport: &Rc<Transport>) -> bool {
        match &self.tls {
            Some(acceptor) => transport.handshake(acceptor.clone().into()).await.is_ok(),
            None => true,
        }
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "it has something to do only with TLS")]
    pub(super) async fn open(&self, _transport: &Rc<Transport>) -> bool {
        true
    }
}
