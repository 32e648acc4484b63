//! Addresses to connect to or to listen on. Owns the forms that a program may give; must not know how a name is looked
//! up.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Where to connect to, or where to listen: one address, several addresses, or a name and a port.
///
/// An endpoint is made from a `SocketAddr`, an IP address and a port, a name and a port, the text `"name:port"`, or a
/// list of addresses: what the standard library takes as `ToSocketAddrs`. Without a name (`""` or `None`, as in
/// asyncio) it is every interface of this machine, by IPv6 and IPv4, if a socket listens there, and this machine itself
/// if one connects to it.
///
/// A text that is no endpoint is an error when it is used, which says what is wrong with it.
///
/// # Examples
/// ```
/// use oneloop::net::Endpoint;
/// use std::net::Ipv6Addr;
///
/// assert_eq!(Endpoint::from(("localhost", 80)).to_string(), "localhost:80");
/// assert_eq!(Endpoint::from("[::1]:80").to_string(), "[::1]:80");
/// assert_eq!(Endpoint::from((Ipv6Addr::LOCALHOST, 80)).to_string(), "[::1]:80");
/// assert_eq!(Endpoint::from(([127, 0, 0, 1], 80)).to_string(), "127.0.0.1:80");
/// assert_eq!(Endpoint::from(("", 80)), Endpoint::from((None, 80)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub(super) target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Address(SocketAddr),
    Addresses(Vec<SocketAddr>),
    Name(String, u16),
    /// Only a port.
    AnyHost(u16),
    /// A text that is no endpoint, and what is wrong with it.
    Invalid(String, String),
}

#[cfg(feature = "tls")]
impl Endpoint {
    /// The name or the IP address, if there is one.
    pub(crate) fn host(&self) -> Option<String> {
        match &self.target {
            Target::Address(address) => Some(address.ip().to_string()),
            Target::Name(name, _) => Some(name.clone()),
            Target::Addresses(_) | Target::AnyHost(_) | Target::Invalid(..) => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Address(address) => address.fmt(f),
            Target::Addresses(addresses) => {
                let all: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                f.write_str(&all.join(", "))
            }
            Target::Name(name, port) if name.contains(':') => write!(f, "[{name}]:{port}"),
            Target::Name(name, port) => write!(f, "{name}:{port}"),
            Target::AnyHost(port) => write!(f, ":{port}"),
            Target::Invalid(text, _) => f.write_str(text),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self { target: Target::Address(address) }
    }
}

impl From<SocketAddrV4> for Endpoint {
    fn from(address: SocketAddrV4) -> Self {
        SocketAddr::V4(address).into()
    }
}

impl From<SocketAddrV6> for Endpoint {
    fn from(address: SocketAddrV6) -> Self {
        SocketAddr::V6(address).into()
    }
}

impl From<Vec<SocketAddr>> for Endpoint {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        Self { target: Target::Addresses(addresses) }
    }
}

impl From<&[SocketAddr]> for Endpoint {
    fn from(addresses: &[SocketAddr]) -> Self {
        addresses.to_vec().into()
    }
}

impl From<(String, u16)> for Endpoint {
    fn from((name, port): (String, u16)) -> Self {
        Self { target: if name.is_empty() { Target::AnyHost(port) } else { Target::Name(name, port) } }
    }
}

impl From<(Option<&str>, u16)> for Endpoint {
    fn from((name, port): (Option<&str>, u16)) -> Self {
        name.map_or(Self { target: Target::AnyHost(port) }, |name| (name, port).into())
    }
}

impl From<(&str, u16)> for Endpoint {
    fn from((name, port): (&str, u16)) -> Self {
        (name.to_owned(), port).into()
    }
}

impl From<&str> for Endpoint {
    fn from(text: &str) -> Self {
        match parse(text) {
            Ok((name, port)) => (name, port).into(),
            Err(wrong) => Self { target: Target::Invalid(text.to_owned(), wrong) },
        }
    }
}

impl From<String> for Endpoint {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for Endpoint {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

/// The name and the port of `"name:port"` or `"[address]:port"`, or what is wrong with the text.
fn parse(text: &str) -> Result<(&str, u16), String> {
    let no_port = || "no port was given: say \"name:port\"".to_owned();
    if text.as_bytes().windows(3).any(|three| three == b"://") {
        return Err("a URL is no address: say \"name:port\"".to_owned());
    }
    let in_brackets = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (name, port) = match in_brackets {
        Some((name, rest)) => (name, rest.strip_prefix(':').ok_or_else(no_port)?),
        None => text.rsplit_once(':').ok_or_else(no_port)?,
    };
    if in_brackets.is_none() && name.contains(':') {
        return Err("an IPv6 address stands in brackets before its port: say \"[::1]:80\"".to_owned());
    }
    let port = port.parse().map_err(|_| format!("the port is {port:?}, which is no number from 0 to 65535"))?;
    Ok((name, port))
}

macro_rules! from_pair {
    ($($Ip:ty),+) => {
        $(impl From<($Ip, u16)> for Endpoint {
            fn from(pair: ($Ip, u16)) -> Self {
                SocketAddr::from(pair).into()
            }
        })+
    };
}

from_pair!(IpAddr, Ipv4Addr, Ipv6Addr, [u8; 4], [u8; 16], [u16; 8]);
