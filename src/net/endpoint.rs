//! Addresses to connect to or to listen on. Owns the forms that a program may give; must not know how a name is looked
//! up.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where to connect to, or where to listen: one address, several addresses, or a name and a port.
///
/// An endpoint is made from a `SocketAddr`, an IP address and a port, a name and a port, the text `"name:port"`, or a
/// list of addresses.
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
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub(super) target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Addresses(Vec<SocketAddr>),
    Name(String, u16),
    /// A text without a port. Looking it up is an error, which names the remedy.
    NoPort(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Addresses(addresses) => {
                let all: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                f.write_str(&all.join(", "))
            }
            Target::Name(name, port) if name.contains(':') => write!(f, "[{name}]:{port}"),
            Target::Name(name, port) => write!(f, "{name}:{port}"),
            Target::NoPort(text) => f.write_str(text),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self { target: Target::Addresses(vec![address]) }
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
        Self { target: Target::Name(name, port) }
    }
}

impl From<(&str, u16)> for Endpoint {
    fn from((name, port): (&str, u16)) -> Self {
        (name.to_owned(), port).into()
    }
}

impl From<&str> for Endpoint {
    fn from(text: &str) -> Self {
        let parts = text.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse::<u16>().ok()?)));
        match parts {
            Some((name, port)) => (name.trim_start_matches('[').trim_end_matches(']'), port).into(),
            None => Self { target: Target::NoPort(text.to_owned()) },
        }
    }
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

from_pair!(IpAddr, Ipv4Addr, Ipv6Addr, [u8; 4]);
