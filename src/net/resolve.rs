//! Names to addresses: asyncio's `getaddrinfo`. Owns the questions to the system's resolver; must not know what the
//! addresses are for.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, ToSocketAddrs as _};

use super::endpoint::{Endpoint, Place};
use crate::threads::to_thread;

/// The addresses of a host, for stream sockets, in the system's order: asyncio's `getaddrinfo`. A name is looked up on a
/// thread of the loop's default executor, since the system's resolver blocks; a numeric address is answered at once, without
/// a thread.
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
/// If the host is not known, or the resolver fails.
///
/// # Panics
/// As [`to_thread`](fn@crate::to_thread).
///
/// # Cancel safety
/// Nothing is lost; the resolver goes on for nobody.
pub async fn getaddrinfo(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Some(address) = in_numbers(host, port) {
        return Ok(vec![address]);
    }
    let host = host.to_owned();
    to_thread(move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect)).await
}

/// The address that `host` says by itself. One of IPv6 may have a scope.
fn in_numbers(host: &str, port: u16) -> Option<SocketAddr> {
    let plain = || host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port));
    let scoped = || format!("[{host}]:{port}").parse::<SocketAddrV6>().ok().map(SocketAddr::V6);
    plain().or_else(scoped)
}

/// The addresses of an endpoint, in the order in which they are to be tried.
pub(crate) async fn addresses(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    match &endpoint.place {
        Place::Addresses(addresses) => Ok(addresses.clone()),
        Place::Name(host, port) => getaddrinfo(host, *port).await,
        Place::NoPort(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "no port was given: say \"name:port\"")),
    }
}
