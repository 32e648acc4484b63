//! Errors of TLS. Owns their texts; must not know sessions, nor streams.

use std::io;
use std::time::Duration;

use thiserror::Error;

use super::net::ConnectError;

/// Why a connection is not secure, or is not any more: what asyncio raises as `ssl.SSLError`, `ConnectionError` or
/// `TimeoutError`. It becomes an `io::Error` by `?`; inside one that a read returns it is found by
/// [`source`](std::error::Error::source).
///
/// # Examples
/// ```
/// use oneloop::error::TlsError;
/// use std::io::{Error, ErrorKind};
///
/// assert_eq!(Error::from(TlsError::Truncated).kind(), ErrorKind::UnexpectedEof);
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The TCP connection was not made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The two sides do not agree, a certificate is refused, or the peer does not speak TLS.
    #[error("TLS: {0}")]
    Protocol(#[from] rustls::Error),
    /// The handshake was not finished in time.
    #[error("the TLS handshake took longer than {0:?}; a longer limit is set by handshake_timeout()")]
    HandshakeTimeout(Duration),
    /// The peer has not ended its direction in time, after this side was closed.
    #[error("the peer did not end TLS within {0:?} after the close; a longer limit is set by shutdown_timeout()")]
    ShutdownTimeout(Duration),
    /// The connection ended without `close_notify`: what came may have been cut off.
    #[error("the connection ended without close_notify, so bytes may be missing at its end")]
    Truncated,
    /// Bytes that came without TLS were not read before `start_tls`. An attacker may have put them there, to be taken
    /// for bytes that came by TLS. The connection is as it was.
    #[error("{0} bytes without TLS lie in the reader; read all that the peer may send before start_tls()")]
    UnreadBytes(usize),
    /// The connection has TLS already.
    #[error("start_tls() was called before on this connection")]
    AlreadySecure,
    /// There is no name to check the server's certificate with.
    #[error("no server name to check the certificate with: {0:?}; set one by server_name()")]
    ServerName(String),
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        let kind = match error {
            TlsError::Io(error) => return error,
            TlsError::Connect(error) => return error.into(),
            TlsError::Protocol(_) => io::ErrorKind::InvalidData,
            TlsError::HandshakeTimeout(_) | TlsError::ShutdownTimeout(_) => io::ErrorKind::TimedOut,
            TlsError::Truncated => io::ErrorKind::UnexpectedEof,
            TlsError::UnreadBytes(_) | TlsError::AlreadySecure | TlsError::ServerName(_) => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}
