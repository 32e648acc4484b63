//! The addresses behind an endpoint. Owns the one place where a name is looked up; must not know what the addresses are
//! for.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use super::endpoint::{Endpoint, Place};

/// The addresses of an endpoint, in the order in which they are to be tried.
pub(super) async fn addresses(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    match &endpoint.place {
        Place::Addresses(addresses) => Ok(addresses.clone()),
        Place::Name(host, port) => resolve(host, *port).await,
        Place::NoPort(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "no port was given: say \"name:port\"")),
    }
}

/// The addresses of a host. Numbers only so far: asking the system blocks, so it belongs into a thread.
#[expect(clippy::unused_async, reason = "a look-up takes its time")]
async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let v6 = || format!("[{host}]:{port}").parse::<SocketAddrV6>().ok().map(SocketAddr::V6); // it may have a scope
    let v4 = || host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port));
    let address = v4().or_else(v6);
    address.map(|address| vec![address]).ok_or_else(|| {
        let problem = "names cannot be looked up yet: give an address in numbers";
        io::Error::new(io::ErrorKind::Unsupported, problem)
    })
}
