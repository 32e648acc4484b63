//! What the two sides of a session have agreed on. Owns the copy that a program is given; must not know the session.

use rustls::pki_types::CertificateDer;
use rustls::{Connection, ProtocolVersion, SupportedCipherSuite};

/// What the two sides of TLS have agreed on: the parts of asyncio's `get_extra_info("ssl_object")`.
/// [`StreamWriter::tls_info`](crate::StreamWriter::tls_info) returns it.
///
/// # Examples
/// ```no_run
/// use oneloop::run;
/// use oneloop::tls::{TlsConnector, platform_config};
///
/// run(async {
///     let connector = TlsConnector::new(platform_config()?);
///     let (_reader, writer) = connector.open_connection(("example.org", 443)).await?;
///     let info = writer.tls_info().expect("it is over TLS");
///     println!("{:?}, {} certificates", info.protocol_version(), info.peer_certificates().len());
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TlsInfo {
    peer_certificates: Vec<CertificateDer<'static>>,
    alpn_protocol: Option<Vec<u8>>,
    protocol_version: Option<ProtocolVersion>,
    cipher_suite: Option<SupportedCipherSuite>,
    server_name: Option<String>,
}

impl TlsInfo {
    pub(super) fn of(connection: &Connection) -> Self {
        let server_name = match connection {
            Connection::Client(_) => None,
            Connection::Server(server) => server.server_name().map(str::to_owned),
        };
        Self {
            peer_certificates: connection.peer_certificates().map(<[_]>::to_vec).unwrap_or_default(),
            alpn_protocol: connection.alpn_protocol().map(<[_]>::to_vec),
            protocol_version: connection.protocol_version(),
            cipher_suite: connection.negotiated_cipher_suite(),
            server_name,
        }
    }

    /// The certificates that the peer has shown, its own first: `getpeercert(binary_form=True)`. Empty if it has shown
    /// none, as most clients do.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        &self.peer_certificates
    }

    /// The protocol that both sides chose by ALPN, such as `h2`: `selected_alpn_protocol()`.
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        self.alpn_protocol.as_deref()
    }

    /// The version of TLS: `version()`.
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.protocol_version
    }

    /// The cipher suite: `cipher()`.
    pub fn cipher_suite(&self) -> Option<SupportedCipherSuite> {
        self.cipher_suite
    }

    /// On a server: the name that the client asked for (SNI).
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }
}
