//! Streams over TLS: asyncio's `open_connection(…, ssl=…)` and `start_tls`. Owns the public methods; must not know
//! sessions.

use std::path::Path;

use super::open::{open_connection, open_unix_connection};
use super::reader::StreamReader;
use super::writer::StreamWriter;
use crate::error::TlsError;
use crate::net::Endpoint;
use crate::tls::{TlsConnector, TlsInfo, TlsSide};

impl TlsConnector {
    /// Connects by TCP and agrees with the server on TLS: asyncio's `open_connection(host, port, ssl=context)`.
    ///
    /// # Examples
    /// ```no_run
    /// use oneloop::run;
    /// use oneloop::tls::{TlsConnector, platform_config};
    ///
    /// run(async {
    ///     let connector = TlsConnector::new(platform_config()?);
    ///     let (_reader, writer) = connector.open_connection(("example.org", 443)).await?;
    ///     println!("{:?}", writer.tls_info().and_then(|info| info.protocol_version()));
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TlsError::Connect`] if there is no connection, [`TlsError::Protocol`] if the server is not the one expected or
    /// does not speak TLS, [`TlsError::HandshakeTimeout`], and the errors of the connection. A server that refuses the
    /// client's certificate says so only when the client reads: TLS 1.3 has it so.
    ///
    /// # Panics
    /// If it is awaited outside a task.
    ///
    /// # Cancel safety
    /// The attempts end, and a connection that was made is closed.
    pub async fn open_connection(&self, to: impl Into<Endpoint>) -> Result<(StreamReader, StreamWriter), TlsError> {
        let to = to.into();
        let connector = self.clone().or_name(to.host());
        let (reader, writer) = open_connection(to).await?;
        writer.start_tls(connector).await?;
        Ok((reader, writer))
    }

    /// As [`open_connection`](Self::open_connection), to the Unix socket at a path; a
    /// [`server_name`](Self::server_name) must be set.
    ///
    /// # Errors
    /// As [`open_connection`](Self::open_connection).
    ///
    /// # Panics
    /// If it is awaited outside a task.
    ///
    /// # Cancel safety
    /// The attempt ends, and a connection that was made is closed.
    pub async fn open_unix_connection(&self, path: impl AsRef<Path>) -> Result<(StreamReader, StreamWriter), TlsError> {
        let (reader, writer) = open_unix_connection(path).await?;
        writer.start_tls(self.clone()).await?;
        Ok((reader, writer))
    }

    fn or_name(mut self, host: Option<String>) -> Self {
        self.server_name = self.server_name.or(host);
        self
    }
}

impl StreamWriter {
    /// Goes on by TLS on this connection, for its reader too: asyncio's `start_tls`. A [`TlsConnector`], with a
    /// [`server_name`](TlsConnector::server_name), makes this the client's side, a
    /// [`TlsAcceptor`](crate::tls::TlsAcceptor) the server's.
    ///
    /// Bytes that were written before are sent before, without TLS. Both sides must have agreed on the place in the
    /// stream, as by SMTP's `STARTTLS`. Bytes that came without TLS and were not read are refused.
    ///
    /// From then on [`write_eof`](Self::write_eof) sends `close_notify` and reading goes on, and
    /// [`close`](Self::close) waits for the `close_notify` of the peer before it closes, for as long as
    /// [`shutdown_timeout`](TlsConnector::shutdown_timeout) allows. A connection that ends without `close_notify` is an
    /// error of the read: [`TlsError::Truncated`], as an `io::Error` of the kind `UnexpectedEof`.
    ///
    /// # Errors
    /// As [`TlsConnector::open_connection`]; the connection is closed then. [`TlsError::UnreadBytes`],
    /// [`TlsError::AlreadySecure`] and [`TlsError::ServerName`] leave it as it was.
    ///
    /// # Panics
    /// If it is awaited outside a task, or another task is waiting for data of the reader. A `write` before it has
    /// returned panics.
    ///
    /// # Cancel safety
    /// The connection is closed.
    pub async fn start_tls(&self, side: impl Into<TlsSide>) -> Result<(), TlsError> {
        self.transport.handshake(side.into()).await
    }

    /// What the two sides of TLS have agreed on: asyncio's `get_extra_info("ssl_object")`. `None` on a connection
    /// without TLS.
    pub fn tls_info(&self) -> Option<TlsInfo> {
        self.transport.tls_info()
    }
}
