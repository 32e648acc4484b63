//! The addresses behind an endpoint. Owns the one place where a name is looked up; must not know what the addresses are
//! for.

use std::io;
use std::net::SocketAddr;

use super::endpoint::{Endpoint, Place};
use crate::resolver::getaddrinfo;

/// The addresses of an endpoint, in the order in which they are to be tried.
pub(crate) async fn addresses(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    match &endpoint.place {
        Place::Addresses(addresses) => Ok(addresses.clone()),
        Place::Name(host, port) => getaddrinfo(host, *port).await,
        Place::NoPort(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "no port was given: say \"name:port\"")),
    }
}
