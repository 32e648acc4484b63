//! Host names to addresses: asyncio's `getaddrinfo`. Owns the queries to the system's resolver; must not know what the
//! addresses are for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs as _};

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
/// If the host is unknown, or the resolver fails; the error names the host.
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
    let name = host.to_owned();
    to_thread(move || look_up(&name, port)).await
}

/// Asks the system's resolver, which blocks.
fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found = (host, port).to_socket_addrs().map(Iterator::collect);
    found.map_err(|error| io::Error::new(error.kind(), format!("cannot find the host {host:?}: {error}")))
}

/// The address, if `host` is an IP address and not a name. An IPv6 address may have a scope, as `fe80::1%2`.
fn numeric_address(host: &str, port: u16) -> Option<SocketAddr> {
    let plain = || host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port));
    let scoped = || format!("[{host}]:{port}").parse::<SocketAddrV6>().ok().map(SocketAddr::V6);
    plain().or_else(scoped)
}

/// What an endpoint without a host stands for when it is connected to.
const THIS_HOST: [IpAddr; 2] = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
/// What an endpoint without a host stands for when it is listened on.
const EVERY_INTERFACE: [IpAddr; 2] = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];

/// The addresses of an endpoint to connect to, in the order in which they are to be tried.
pub(super) async fn addresses_to_connect_to(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    match name_of(endpoint) {
        Some((host, port)) => getaddrinfo(host, port).await,
        None => addresses(endpoint, THIS_HOST),
    }
}

/// The addresses of an endpoint to listen on.
pub(crate) async fn addresses_to_listen_on(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    match name_of(endpoint) {
        Some((host, port)) => getaddrinfo(host, port).await,
        None => addresses(endpoint, EVERY_INTERFACE),
    }
}

/// Calls `bind` for one address of an endpoint after another until it succeeds. A name is looked up here and now.
pub(super) fn bind_first<R>(endpoint: &Endpoint, bind: impl FnMut(SocketAddr) -> io::Result<R>) -> io::Result<R> {
    first_of(addresses_here(endpoint, EVERY_INTERFACE)?, "while attempting to bind on", bind)
}

/// As [`bind_first`], to connect.
pub(super) fn connect_first<R>(endpoint: &Endpoint, connect: impl FnMut(SocketAddr) -> io::Result<R>) -> io::Result<R> {
    connect_first_of(addresses_here(endpoint, THIS_HOST)?, connect)
}

/// As [`connect_first`], for addresses that have been looked up.
pub(super) fn connect_first_of<R>(
    addresses: Vec<SocketAddr>,
    connect: impl FnMut(SocketAddr) -> io::Result<R>,
) -> io::Result<R> {
    first_of(addresses, "cannot connect to", connect)
}

/// The addresses of an endpoint. A name is looked up here and now.
fn addresses_here(endpoint: &Endpoint, any_host: [IpAddr; 2]) -> io::Result<Vec<SocketAddr>> {
    match name_of(endpoint) {
        Some((host, port)) => {
            numeric_address(host, port).map_or_else(|| look_up(host, port), |address| Ok(vec![address]))
        }
        None => addresses(endpoint, any_host),
    }
}

fn first_of<R>(
    addresses: Vec<SocketAddr>,
    what: &str,
    mut use_it: impl FnMut(SocketAddr) -> io::Result<R>,
) -> io::Result<R> {
    let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "there is no address");
    for address in addresses {
        match use_it(address) {
            Ok(used) => return Ok(used),
            Err(error) => failed = io::Error::new(error.kind(), format!("{what} {address}: {error}")),
        }
    }
    Err(failed)
}

fn name_of(endpoint: &Endpoint) -> Option<(&str, u16)> {
    if let Target::Name(host, port) = &endpoint.target { Some((host, *port)) } else { None }
}

/// The addresses of an endpoint that has no name. Those of one without a host are `any_host`.
fn addresses(endpoint: &Endpoint, any_host: [IpAddr; 2]) -> io::Result<Vec<SocketAddr>> {
    match &endpoint.target {
        Target::Address(address) => Ok(vec![*address]),
        Target::Addresses(addresses) => Ok(addresses.clone()),
        Target::AnyHost(port) => Ok(any_host.map(|ip| SocketAddr::new(ip, *port)).to_vec()),
        Target::Invalid(_, wrong) => Err(io::Error::new(io::ErrorKind::InvalidInput, wrong.as_str())),
        Target::Name(..) => unreachable!("a name is looked up"),
    }
}
