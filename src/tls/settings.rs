//! Settings of the two sides of TLS: asyncio's arguments `ssl`, `server_hostname` and the two time limits. Owns their
//! defaults; must not know connections.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ServerConfig};

/// How long a handshake may take: asyncio's `SSL_HANDSHAKE_TIMEOUT`.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the peer may take to end its direction after the close: asyncio's `SSL_SHUTDOWN_TIMEOUT`.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) handshake: Duration,
    pub(crate) shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { handshake: HANDSHAKE_TIMEOUT, shutdown: SHUTDOWN_TIMEOUT }
    }
}

/// The time limits of a side of TLS, which both sides set alike.
macro_rules! limit_setters {
    ($side:ident) => {
        impl $side {
            /// How long the handshake may take: asyncio's `ssl_handshake_timeout`; 60 seconds by default.
            pub fn handshake_timeout(mut self, limit: Duration) -> Self {
                self.limits.handshake = limit;
                self
            }

            /// How long the peer may take to end its direction after the close: asyncio's `ssl_shutdown_timeout`;
            /// 30 seconds by default.
            pub fn shutdown_timeout(mut self, limit: Duration) -> Self {
                self.limits.shutdown = limit;
                self
            }
        }
    };
}

/// The client's side of TLS: a configuration, whom to expect, and time limits.
///
/// [`open_connection`](Self::open_connection) connects with it, and [`StreamWriter::start_tls`] takes it.
///
/// # Examples
/// ```no_run
/// use oneloop::run;
/// use oneloop::tls::{TlsConnector, platform_config};
/// use std::time::Duration;
///
/// run(async {
///     let connector = TlsConnector::new(platform_config()?).handshake_timeout(Duration::from_secs(5));
///     let (reader, writer) = connector.open_connection(("example.org", 443)).await?;
///     writer.write("HEAD / HTTP/1.1\r\nHost: example.org\r\n\r\n");
///     println!("{:?}", reader.next_line().await?);
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`StreamWriter::start_tls`]: crate::StreamWriter::start_tls
#[derive(Clone, Debug)]
#[must_use = "a connector makes nothing until it is told where to connect"]
pub struct TlsConnector {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) server_name: Option<String>,
    pub(crate) limits: Limits,
}

impl TlsConnector {
    /// A connector with asyncio's limits: 60 seconds for the handshake, and 30 for the end.
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self { config, server_name: None, limits: Limits::default() }
    }

    /// The name, or the IP address, that the server's certificate must be for, and that the server is told: asyncio's
    /// `server_hostname`. By default, the host of the endpoint.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }
}

limit_setters!(TlsConnector);

/// The server's side of TLS: a configuration and time limits.
///
/// [`ServerBuilder::tls`] and [`StreamWriter::start_tls`] take it. They take an `Arc<ServerConfig>` too.
///
/// # Examples
/// ```
/// use oneloop::Server;
/// use oneloop::tls::TlsAcceptor;
/// use oneloop::tls::rustls::ServerConfig;
/// use std::io;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// async fn serve(config: Arc<ServerConfig>) -> io::Result<Server> {
///     let acceptor = TlsAcceptor::new(config).handshake_timeout(Duration::from_secs(5));
///     let greet = async |_, writer: oneloop::StreamWriter| writer.write("hello\n");
///     Server::builder().tls(acceptor).listen(greet, ("127.0.0.1", 8443)).await
/// }
/// # let _ = serve;
/// ```
///
/// [`ServerBuilder::tls`]: crate::ServerBuilder::tls
/// [`StreamWriter::start_tls`]: crate::StreamWriter::start_tls
#[derive(Clone, Debug)]
#[must_use = "an acceptor accepts nothing until a server or a writer takes it"]
pub struct TlsAcceptor {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) limits: Limits,
}

impl TlsAcceptor {
    /// An acceptor with asyncio's limits: 60 seconds for the handshake, and 30 for the end.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self { config, limits: Limits::default() }
    }
}

limit_setters!(TlsAcceptor);

impl From<Arc<ServerConfig>> for TlsAcceptor {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self::new(config)
    }
}

/// Which side of TLS this end of a connection is, for [`StreamWriter::start_tls`](crate::StreamWriter::start_tls).
/// It is closed on purpose: TLS has two sides.
///
/// # Examples
/// ```
/// use oneloop::tls::TlsSide;
/// use oneloop::StreamWriter;
///
/// /// A protocol that begins without TLS and then asks for it, as SMTP does, from either side.
/// async fn secured(writer: &StreamWriter, side: TlsSide) -> std::io::Result<()> {
///     writer.drain().await?;
///     Ok(writer.start_tls(side).await?)
/// }
/// # let _ = secured;
/// ```
#[derive(Clone, Debug)]
pub enum TlsSide {
    /// This end asks.
    Client(TlsConnector),
    /// This end answers.
    Server(TlsAcceptor),
}

impl TlsSide {
    pub(crate) fn limits(&self) -> Limits {
        match self {
            Self::Client(connector) => connector.limits,
            Self::Server(acceptor) => acceptor.limits,
        }
    }
}

impl From<TlsConnector> for TlsSide {
    fn from(connector: TlsConnector) -> Self {
        Self::Client(connector)
    }
}

impl From<TlsAcceptor> for TlsSide {
    fn from(acceptor: TlsAcceptor) -> Self {
        Self::Server(acceptor)
    }
}

impl From<Arc<ServerConfig>> for TlsSide {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self::Server(config.into())
    }
}
