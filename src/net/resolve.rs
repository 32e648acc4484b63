//! Host names to addresses: asyncio's `getaddrinfo`. Owns the queries to the system's resolver; must not know what the
//! addresses are for.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, ToSocketAddrs as _};

use super::endpoint::{Endpoint, Target};
use crate::threads::to_thread;

/// The addresses of a host, for stream sockets, in the system's order: asyncio's `getaddrinfo`.
///
/// The system's resolver blocks, so a name is looked up on a thread of the loop's default executor. A numeric address
/// is returned at once, without a thread.
///
/// # Examples
/// ```
/// use oneloop::{getaddrinfo, run};
///
/// run(async {
///     assert_eq!(getaddrinfo("127.0.0.1", 80).await?, ["127.0.0.1:80".parse().unwrap()]);
///     assert!(getaddrinfo("localhost", 80).await?.iter().all(|address| address.ip().is_loopback()));
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the host is unknown, or the resolver fails.
///
/// # Panics
/// As [`to_thread`](fn@crate::to_thread).
///
/// # Cancel safety
/// Nothing is lost. The resolver runs on in its thread, and its result is dropped.
pub async fn getaddrinfo(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Some(address) = numeric_address(host, port) {
        return Ok(vec![address]);
    }
    let host = host.to_owned();
    to_thread(move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect)).await
}

/// The address, if `host` is an IP address and not a name. An IPv6 address may have a scope, as `fe80::1%2`.
fn numeric_address(host: &str, port: u16) -> Option<SocketAddr> {
    let plain = || host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port));
    let scoped = || format!("[{host}]:{port}").parse::<SocketAddrV6>().ok().map(SocketAddr::V6);
    plain().or_else(scoped)
}

/// The addresses of an endpoint, in the order in which they are to be tried.
pub(crate) async fn addresses(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    match &endpoint.target {
        Target::Addresses(addresses) => Ok(addresses.clone()),
        Target::Name(host, port) => getaddrinfo(host, *port).await,
        Target::NoPort(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "no port was given: say \"name:port\"")),
    }
}
