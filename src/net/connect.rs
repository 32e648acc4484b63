//! Connections to several addresses by RFC 8305. Owns their order and their race; must not know what is sent over them.

use std::net::{SocketAddr, TcpStream as StdStream};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use std::{io, iter};

use super::descriptor::Descriptor;
use super::endpoint::Endpoint;
use super::resolve;
use super::tcp_stream::TcpStream;
use crate::error::ConnectError;
use crate::primitives::{Attempt, staggered_race};
use crate::reactor::Direction;
use crate::sys::socket;

/// How long one address has for itself, as RFC 8305 recommends.
const HAPPY_EYEBALLS_DELAY: Duration = Duration::from_millis(250);

/// Connects with settings: the keyword arguments of asyncio's `create_connection`.
///
/// Several addresses are tried by RFC 8305 ("happy eyeballs"): in turns from the two families, each with a quarter of a
/// second for itself before the next is tried as well; the first connection is taken, the other attempts end.
///
/// # Examples
/// ```
/// use oneloop::net::{TcpConnector, TcpListener};
/// use oneloop::run;
/// use std::net::SocketAddr;
///
/// run(async {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
///     let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
///     let somebody = listener.local_addr()?;
///     let connector = TcpConnector::new().local_addr(([127, 0, 0, 1], 0));
///     let stream = connector.connect(vec![nobody, somebody]).await?;
///     assert_eq!(stream.peer_addr()?, somebody);
///
///     let error = connector.connect(vec![nobody, nobody]).await.unwrap_err();
///     assert_eq!(error.attempts().len(), 2);
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until connect() is awaited"]
pub struct TcpConnector {
    happy_eyeballs_delay: Option<Duration>,
    interleave: usize,
    local_addrs: Rc<[SocketAddr]>,
}

impl Default for TcpConnector {
    fn default() -> Self {
        Self { happy_eyeballs_delay: Some(HAPPY_EYEBALLS_DELAY), interleave: 1, local_addrs: Rc::new([]) }
    }
}

impl TcpConnector {
    /// A quarter of a second for each address, the families in turns, any local address.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long one address has for itself before the next is tried as well. `None`: until it has failed, as asyncio
    /// does if nothing is said.
    pub fn happy_eyeballs_delay(mut self, delay: impl Into<Option<Duration>>) -> Self {
        self.happy_eyeballs_delay = delay.into();
        self
    }

    /// How many addresses of the first family come before the first of the other; then they take turns. 0 leaves the
    /// addresses in their order.
    pub fn interleave(mut self, first: usize) -> Self {
        self.interleave = first;
        self
    }

    /// The local address to connect from; called twice, one for each family. An address of a family without one is not
    /// tried.
    pub fn local_addr(mut self, address: impl Into<SocketAddr>) -> Self {
        self.local_addrs = self.local_addrs.iter().copied().chain(iter::once(address.into())).collect();
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// [`ConnectError`] with what every attempt came to.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// The attempts are given up.
    pub async fn connect(&self, to: impl Into<Endpoint>) -> Result<TcpStream, ConnectError> {
        let to = to.into();
        let addresses = match resolve::addresses(&to).await {
            Ok(addresses) if addresses.is_empty() => {
                let nothing = io::Error::new(io::ErrorKind::InvalidInput, "there is no address to connect to");
                return Err(ConnectError::without_address(to.to_string(), nothing));
            }
            Ok(addresses) => interleave(addresses, self.interleave),
            Err(error) => return Err(ConnectError::without_address(to.to_string(), error)),
        };
        if let [address] = addresses[..] {
            let connected = connect_to(address, Rc::clone(&self.local_addrs)).await;
            return connected.map_err(|error| ConnectError::new(to.to_string(), vec![(address, error)]));
        }
        let starts = addresses.iter().map(|address| {
            let (address, local_addrs) = (*address, Rc::clone(&self.local_addrs));
            move || connect_to(address, local_addrs)
        });
        let race = staggered_race(starts, self.happy_eyeballs_delay).await;
        if let Some((_, stream)) = race.winner {
            return Ok(stream);
        }
        let attempts = addresses.into_iter().zip(race.attempts).map(|(address, attempt)| match attempt {
            Attempt::Failed(error) => (address, error),
            // somebody has cancelled its task, which only all_tasks() can find
            Attempt::Won | Attempt::Cancelled => (address, io::Error::new(io::ErrorKind::Interrupted, "cancelled")),
        });
        Err(ConnectError::new(to.to_string(), attempts.collect()))
    }
}

/// Addresses in turns from the families, beginning with that of the first address and `first` of it.
fn interleave(addresses: Vec<SocketAddr>, first: usize) -> Vec<SocketAddr> {
    let Some(leads_v6) = addresses.first().map(SocketAddr::is_ipv6).filter(|_| first > 0) else { return addresses };
    let (mut lead, follow): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == leads_v6);
    let turns = lead.split_off((first - 1).min(lead.len()));
    let (mut turns, mut follow) = (turns.into_iter(), follow.into_iter());
    let rest = iter::from_fn(|| match (turns.next(), follow.next()) {
        (None, None) => None,
        pair => Some([pair.0, pair.1]),
    });
    lead.extend(rest.flatten().flatten());
    lead
}

/// One attempt.
async fn connect_to(address: SocketAddr, local_addrs: Rc<[SocketAddr]>) -> io::Result<TcpStream> {
    let socket = socket::tcp_socket(&address)?;
    bind_local(&socket, &address, &local_addrs)?;
    socket::connect(&socket, &address)?;
    let io = Descriptor::connecting(StdStream::from(socket))?;
    loop {
        io.writable().await;
        if let Some(error) = io.get_ref().take_error()? {
            return Err(error);
        }
        match io.get_ref().peer_addr() {
            Ok(_) => return Ok(TcpStream::adopt(io)),
            // woken for nothing: it is still under way
            Err(e) if e.kind() == io::ErrorKind::NotConnected => io.set_blocked(Direction::Write),
            Err(e) => return Err(e),
        }
    }
}

fn bind_local(socket: &OwnedFd, to: &SocketAddr, local_addrs: &[SocketAddr]) -> io::Result<()> {
    if local_addrs.is_empty() {
        return Ok(());
    }
    let mut refused = None;
    for local in local_addrs.iter().filter(|local| local.is_ipv4() == to.is_ipv4()) {
        match socket::bind(socket, local) {
            Ok(()) => return Ok(()),
            Err(e) => refused = Some(io::Error::new(e.kind(), format!("while attempting to bind on {local}: {e}"))),
        }
    }
    let no_match = || io::Error::new(io::ErrorKind::AddrNotAvailable, "no local address of its family was given");
    Err(refused.unwrap_or_else(no_match))
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
