//! The certificates that the platform trusts. Owns how they become a configuration; must not know connections.

use std::io;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// A client's configuration that trusts what the platform trusts, without a client certificate: asyncio's `ssl=True`.
/// The environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name other certificates.
///
/// This reads files. Make it once, and clone the `Arc`.
///
/// # Examples
/// ```no_run
/// use oneloop::tls::{TlsConnector, platform_config};
///
/// let config = platform_config()?;
/// let _connectors = ["example.org", "example.com"].map(|name| TlsConnector::new(config.clone()).server_name(name));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// `NotFound` if the platform has no certificate that can be read.
pub fn platform_config() -> io::Result<Arc<ClientConfig>> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // a store may hold certificates that rustls does not take; the others serve
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added == 0 {
        let reasons: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
        let text = format!(
            "this system has no certificates to trust ({}); install its package ca-certificates, or name a file in \
             SSL_CERT_FILE",
            reasons.join(", ")
        );
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
