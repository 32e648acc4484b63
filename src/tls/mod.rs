//! TLS for streams and servers, by [rustls](https://docs.rs/rustls/0.23): what asyncio's `ssl=` and `start_tls` give.
//! Needs the feature `tls`.
//!
//! The configurations are those of rustls, which is reachable as `tls::rustls`: certificates, versions, ALPN and
//! client certificates are set there. [`TlsConnector`] and [`TlsAcceptor`] add the name of the server and the time
//! limits, and make the connections. A reader and a writer over TLS are the [`StreamReader`](crate::StreamReader) and
//! the [`StreamWriter`](crate::StreamWriter) that they are without it.
//!
//! # Examples
//! ```no_run
//! use oneloop::run;
//! use oneloop::tls::{TlsConnector, platform_config};
//!
//! run(async {
//!     let connector = TlsConnector::new(platform_config()?);
//!     let (reader, writer) = connector.open_connection(("example.org", 443)).await?;
//!     writer.write("GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n");
//!     println!("{}", String::from_utf8_lossy(&reader.read_to_end().await?));
//!     Ok::<(), std::io::Error>(())
//! })??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Must not know sockets, nor streams: a session takes bytes and gives bytes.

mod settings; // who the peer is to be, and how long it may take
mod platform; // the certificates that the platform trusts
mod info; // what the two sides have agreed on
mod session; // one session of rustls: bytes in, bytes out

pub use info::TlsInfo;
pub use platform::platform_config;
pub use rustls;
pub(crate) use session::Session;
pub use settings::{TlsAcceptor, TlsConnector, TlsSide};
