//! Host names to addresses with asyncio's arguments, and addresses to names. Owns the settings of a query; must not
//! know what the addresses are for.

use std::io;
use std::net::SocketAddr;

use crate::sys::resolver::{self, FoundAddress, Hints};
use crate::threads::to_thread;

/// One answer of the resolver: a tuple of asyncio's `getaddrinfo`.
///
/// # Examples
/// ```
/// use oneloop::net::HostQuery;
/// use oneloop::run;
///
/// run(async {
///     for found in HostQuery::new("127.0.0.1").service("80").stream().look_up().await? {
///         println!("{} by protocol {}", found.address, found.protocol);
///     }
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddrInfo {
    /// The address, whose port is that of the service. Its family is that of the address.
    pub address: SocketAddr,
    /// The type of socket, a number of the system's such as `libc::SOCK_STREAM`.
    pub kind: i32,
    /// The protocol, a number of the system's such as `libc::IPPROTO_TCP`.
    pub protocol: i32,
    /// The full name of the host, in the first answer, if [`canonical_name`](HostQuery::canonical_name) has asked for
    /// it.
    pub canonical_name: Option<String>,
}

impl From<FoundAddress> for AddrInfo {
    fn from(found: FoundAddress) -> Self {
        let FoundAddress { address, kind, protocol, canonical_name } = found;
        Self { address, kind, protocol, canonical_name }
    }
}

/// A query for the addresses of a host and a service, with all arguments of asyncio's `getaddrinfo`. Without settings,
/// [`getaddrinfo`](fn@crate::getaddrinfo) is shorter.
///
/// The system's resolver blocks, so it runs on a thread of the loop's default executor.
///
/// # Examples
/// ```
/// use oneloop::net::HostQuery;
/// use oneloop::run;
///
/// run(async {
///     let found = HostQuery::new("localhost").service("80").only_v4().stream().look_up().await?;
///     assert_eq!(found[0].address, "127.0.0.1:80".parse().unwrap());
///
///     // an address to listen on, at every interface
///     let any = HostQuery::of_this_host().service("7").only_v6().datagram().passive().look_up().await?;
///     assert_eq!(any[0].address, "[::]:7".parse().unwrap());
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a query asks nothing until look_up() is awaited"]
pub struct HostQuery {
    host: Option<String>,
    service: Option<String>,
    hints: Hints,
}

impl HostQuery {
    /// A query for the addresses of this host: of any family, for any type of socket, with port 0.
    pub fn new(host: impl Into<String>) -> Self {
        Self { host: Some(host.into()), service: None, hints: Hints::default() }
    }

    /// A query without a host: this machine, or with [`passive`](Self::passive) every interface. It needs a
    /// [`service`](Self::service).
    pub fn of_this_host() -> Self {
        Self { host: None, service: None, hints: Hints::default() }
    }

    /// The service, by name as in `/etc/services`, or the digits of a port.
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.service = Some(service.into());
        self
    }

    /// IPv4 alone: `family=AF_INET`.
    pub fn only_v4(mut self) -> Self {
        self.hints.family = libc::AF_INET;
        self
    }

    /// IPv6 alone: `family=AF_INET6`.
    pub fn only_v6(mut self) -> Self {
        self.hints.family = libc::AF_INET6;
        self
    }

    /// For stream sockets alone: `type=SOCK_STREAM`.
    pub fn stream(mut self) -> Self {
        self.hints.kind = libc::SOCK_STREAM;
        self
    }

    /// For datagram sockets alone: `type=SOCK_DGRAM`.
    pub fn datagram(mut self) -> Self {
        self.hints.kind = libc::SOCK_DGRAM;
        self
    }

    /// For this protocol alone, a number of the system's such as `libc::IPPROTO_TCP`: `proto=`.
    pub fn protocol(mut self, protocol: i32) -> Self {
        self.hints.protocol = protocol;
        self
    }

    /// Without a host, the addresses are those to listen on at every interface: `AI_PASSIVE`.
    pub fn passive(self) -> Self {
        self.flags(libc::AI_PASSIVE)
    }

    /// Asks for the full name of the host too: `AI_CANONNAME`.
    pub fn canonical_name(self) -> Self {
        self.flags(libc::AI_CANONNAME)
    }

    /// The host must be an address in digits; no name is looked up: `AI_NUMERICHOST`.
    pub fn numeric_host(self) -> Self {
        self.flags(libc::AI_NUMERICHOST)
    }

    /// Further flags of the system's, beside those that are set already: `flags=`.
    pub fn flags(mut self, flags: i32) -> Self {
        self.hints.flags |= flags;
        self
    }

    /// Asks the resolver. The answers come in its order: without a type of socket, one for each type at each address.
    ///
    /// # Errors
    /// If there is no such host or service, or the resolver fails; the error names both. `InvalidInput` if one of them
    /// holds a NUL.
    ///
    /// # Panics
    /// As [`to_thread`](fn@crate::to_thread).
    ///
    /// # Cancel safety
    /// Nothing is lost. The resolver runs on in its thread, and its result is dropped.
    pub async fn look_up(self) -> io::Result<Vec<AddrInfo>> {
        to_thread(move || self.ask()).await
    }

    fn ask(&self) -> io::Result<Vec<AddrInfo>> {
        let (host, service) = (self.host.as_deref(), self.service.as_deref());
        let found = resolver::addresses(host, service, self.hints).map_err(|error| {
            let (host, service) = (host.unwrap_or(""), service.unwrap_or(""));
            io::Error::new(error.kind(), format!("cannot find the host {host:?} with the service {service:?}: {error}"))
        })?;
        Ok(found.into_iter().map(AddrInfo::from).collect())
    }
}

/// The names of the host and of the service of an address: asyncio's `getnameinfo`. What has no name is in digits.
///
/// `flags` are the system's: 0, or some of `libc::NI_NAMEREQD` (an address without a name is an error), `NI_DGRAM` (the
/// service is one of UDP), `NI_NUMERICHOST`, `NI_NUMERICSERV` and `NI_NOFQDN`.
///
/// The system's resolver blocks, so it runs on a thread of the loop's default executor.
///
/// # Examples
/// ```
/// use oneloop::net::getnameinfo;
/// use oneloop::run;
///
/// run(async {
///     let (host, service) = getnameinfo(([127, 0, 0, 1], 22), 0).await?;
///     println!("{host} {service}"); // on most machines: localhost ssh
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the resolver fails; the error names the address.
///
/// # Panics
/// As [`to_thread`](fn@crate::to_thread).
///
/// # Cancel safety
/// Nothing is lost. The resolver runs on in its thread, and its result is dropped.
pub async fn getnameinfo(address: impl Into<SocketAddr>, flags: i32) -> io::Result<(String, String)> {
    let address = address.into();
    let found = to_thread(move || resolver::names(&address, flags)).await;
    found.map_err(|error| io::Error::new(error.kind(), format!("cannot find the name of {address}: {error}")))
}
