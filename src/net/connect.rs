//! Connecting to one of several addresses, by RFC 8305. Owns the order of the addresses and their race; must not know
//! what is sent over a connection.

use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::descriptor::Descriptor;
use super::endpoint::Endpoint;
use super::resolve;
use super::socket_settings::{SocketSettings, settings};
use super::tcp_stream::TcpStream;
use crate::error::ConnectError;
use crate::primitives::{Attempt, staggered_race};
use crate::reactor::Direction;
use crate::sys::socket::{self, Kind};

/// The pause before the next address is tried too, as RFC 8305 recommends.
const HAPPY_EYEBALLS_DELAY: Duration = Duration::from_millis(250);

/// Connects by TCP, with settings: the keyword arguments of asyncio's `create_connection`.
///
/// Several addresses are tried by RFC 8305 ("happy eyeballs"). The addresses alternate between IPv6 and IPv4. Each
/// attempt has a quarter of a second for itself before the next one starts beside it. The first connection is taken,
/// and the other attempts end.
///
/// # Examples
/// ```
/// use oneloop::net::{TcpConnector, TcpListener};
/// use oneloop::run;
/// use std::net::SocketAddr;
///
/// run(async {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
///     let closed = SocketAddr::from(([127, 0, 0, 1], 1));
///     let open = listener.local_addr()?;
///     let connector = TcpConnector::new().local_addr(([127, 0, 0, 1], 0));
///     let stream = connector.connect(vec![closed, open]).await?;
///     assert_eq!(stream.peer_addr()?, open);
///
///     let error = connector.connect(vec![closed, closed]).await.unwrap_err();
///     assert_eq!(error.attempts().len(), 2);
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "TcpSocket")]
#[derive(Clone, Debug)]
#[must_use = "it does nothing until connect() is awaited"]
pub struct TcpConnector {
    happy_eyeballs_delay: Option<Duration>,
    interleave: usize,
    local_addrs: Vec<SocketAddr>,
    settings: SocketSettings,
}

settings!(TcpConnector);

impl Default for TcpConnector {
    fn default() -> Self {
        Self {
            happy_eyeballs_delay: Some(HAPPY_EYEBALLS_DELAY),
            interleave: 1,
            local_addrs: Vec::new(),
            settings: SocketSettings::default(),
        }
    }
}

impl TcpConnector {
    /// The default settings: a delay of a quarter of a second, alternating families, any local address.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long an attempt may take before the next address is tried too; a quarter of a second by default. With `None`
    /// the next address is tried only once the attempt has failed, which is asyncio's default.
    pub fn happy_eyeballs_delay(mut self, delay: impl Into<Option<Duration>>) -> Self {
        self.happy_eyeballs_delay = delay.into();
        self
    }

    /// How many addresses of the first family come before the first address of the other family; then the families
    /// alternate. 1 by default. 0 leaves the addresses in their order.
    pub fn interleave(mut self, first: usize) -> Self {
        self.interleave = first;
        self
    }

    /// Adds a local address to connect from. For both families, call this twice. Once a local address is given, the
    /// addresses of a family without one are not tried.
    pub fn local_addr(mut self, address: impl Into<SocketAddr>) -> Self {
        self.local_addrs.push(address.into());
        self
    }

    /// Whether the socket may bind a local address that closed connections still hold (`SO_REUSEADDR`), which must have
    /// set this too; false by default.
    pub fn reuse_address(mut self, reuse: bool) -> Self {
        self.settings.reuse_address = Some(reuse);
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// [`ConnectError`], with the error of every attempt.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// The attempts end.
    pub async fn connect(&self, to: impl Into<Endpoint>) -> Result<TcpStream, ConnectError> {
        let to = to.into();
        let addresses = match resolve::addresses_to_connect_to(&to).await {
            Ok(addresses) if addresses.is_empty() => {
                let error = io::Error::new(io::ErrorKind::InvalidInput, "there is no address to connect to");
                return Err(ConnectError::without_address(to.to_string(), error));
            }
            Ok(addresses) => interleave(addresses, self.interleave),
            Err(error) => return Err(ConnectError::without_address(to.to_string(), error)),
        };
        // one address needs no race, and no task
        if let [address] = addresses[..] {
            let connected = connect_to(address, self.local_addrs.clone(), self.settings).await;
            return connected.map_err(|error| ConnectError::new(to.to_string(), vec![(address, error)]));
        }
        let starts = addresses.iter().map(|address| {
            let (address, local_addrs, settings) = (*address, self.local_addrs.clone(), self.settings);
            move || connect_to(address, local_addrs, settings)
        });
        let race = staggered_race(starts, self.happy_eyeballs_delay).await;
        if let Some((_, stream)) = race.winner {
            return Ok(stream);
        }
        let attempts = addresses.into_iter().zip(race.attempts).map(|(address, attempt)| match attempt {
            Attempt::Failed(error) => (address, error),
            // the program has cancelled the attempt's task, which it found in `all_tasks()`
            Attempt::Won | Attempt::Cancelled => (address, io::Error::new(io::ErrorKind::Interrupted, "cancelled")),
        });
        Err(ConnectError::new(to.to_string(), attempts.collect()))
    }
}

impl TcpStream {
    /// Connects to an address, or to the first of several addresses that accepts. [`TcpConnector`] tells how, and has
    /// settings.
    ///
    /// # Errors
    /// [`ConnectError`], with the error of every attempt; `?` converts it into an `io::Error`.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// The attempts end.
    pub async fn connect(to: impl Into<Endpoint>) -> Result<Self, ConnectError> {
        TcpConnector::new().connect(to).await
    }
}

/// The addresses in the order in which they are tried. The family of the first address leads: its first `lead`
/// addresses come first, then the families alternate. 0 leaves the order as it is.
fn interleave(addresses: Vec<SocketAddr>, lead: usize) -> Vec<SocketAddr> {
    let ([first, _, ..], 1..) = (&addresses[..], lead) else { return addresses };
    let leads_v6 = first.is_ipv6();
    let (mut ordered, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == leads_v6);
    // the last of the `lead` addresses opens the first pair
    let alternating = ordered.split_off((lead - 1).min(ordered.len()));
    for pair in 0..alternating.len().max(others.len()) {
        ordered.extend(alternating.get(pair));
        ordered.extend(others.get(pair));
    }
    ordered
}

/// One attempt.
async fn connect_to(
    address: SocketAddr,
    local_addrs: Vec<SocketAddr>,
    settings: SocketSettings,
) -> io::Result<TcpStream> {
    let socket = settings.open(Kind::Tcp, &address)?;
    bind_local(&socket, &address, &local_addrs)?;
    socket::connect(&socket, &address)?;
    let descriptor = Descriptor::connecting(StdStream::from(socket))?;
    loop {
        descriptor.wait(Direction::Write).await;
        // an event that tells of room, and of no error or hang-up, is the connection: the system need not be asked
        if !descriptor.has_ended(Direction::Write) {
            return Ok(TcpStream::from_descriptor(descriptor));
        }
        if let Some(error) = descriptor.get_ref().take_error()? {
            return Err(error);
        }
        match descriptor.get_ref().peer_addr() {
            Ok(_) => return Ok(TcpStream::from_descriptor(descriptor)),
            // a spurious wake-up: the connection is not made yet
            Err(e) if e.kind() == io::ErrorKind::NotConnected => descriptor.set_blocked(Direction::Write),
            Err(e) => return Err(e),
        }
    }
}

/// Binds the first local address of the peer's family that the system accepts.
fn bind_local(socket: &OwnedFd, peer: &SocketAddr, local_addrs: &[SocketAddr]) -> io::Result<()> {
    if local_addrs.is_empty() {
        return Ok(());
    }
    let mut last_error = None;
    for local in local_addrs.iter().filter(|local| local.is_ipv4() == peer.is_ipv4()) {
        match socket::bind(socket, local) {
            Ok(()) => return Ok(()),
            Err(e) => last_error = Some(io::Error::new(e.kind(), format!("while attempting to bind on {local}: {e}"))),
        }
    }
    let no_match = || io::Error::new(io::ErrorKind::AddrNotAvailable, "no local address of its family was given");
    Err(last_error.unwrap_or_else(no_match))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(addresses: &[&str], first: usize) -> Vec<String> {
        let all = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        interleave(all, first).iter().map(|address| address.ip().to_string()).collect()
    }

    #[test]
    fn families_take_turns_after_the_first_few() {
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"];
        assert_eq!(sorted(&given, 0), ["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"]);
        assert_eq!(sorted(&given, 1), ["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]);
        assert_eq!(sorted(&given, 2), ["::1", "::2", "1.1.1.1", "::3", "2.2.2.2"]);
        assert_eq!(sorted(&given, 9), ["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"]);
        assert_eq!(sorted(&["1.1.1.1:1", "[::1]:1"], 1), ["1.1.1.1", "::1"]);
        assert_eq!(sorted(&[], 1), [""; 0]);
    }
}
