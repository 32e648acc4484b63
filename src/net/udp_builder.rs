//! UDP sockets with settings. Owns the way from settings to a socket; must not know the contents of the datagrams.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket};

use super::descriptor::Descriptor;
use super::endpoint::Endpoint;
use super::resolve::{addresses_to_connect_to, bind_first, connect_first_of};
use super::socket_settings::{SocketSettings, settings};
use super::udp::UdpSocket;
use crate::reactor::ShortTransfer;
use crate::sys::socket::{self, Kind};

/// Settings of a [`UdpSocket`]: the keyword arguments of asyncio's `create_datagram_endpoint`. They hold before the
/// socket has an address.
///
/// # Examples
/// ```
/// use oneloop::net::UdpSocket;
/// use oneloop::run;
///
/// run(async {
///     // two sockets at one port; the system shares the datagrams out
///     let first = UdpSocket::builder().reuse_port(true).bind(("127.0.0.1", 0))?;
///     let address = first.local_addr()?;
///     let second = UdpSocket::builder().reuse_port(true).recv_buffer_size(1 << 20).bind(address)?;
///     assert_eq!(second.local_addr()?, address);
///
///     // a client, by name; the system chooses its address
///     let client = UdpSocket::builder().ttl(10).connect(address).await?;
///     client.send(b"hello").await?;
///     assert_eq!(client.peer_addr()?, address);
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder makes nothing until bind() or connect() is called"]
pub struct UdpSocketBuilder {
    settings: SocketSettings,
}

settings!(UdpSocketBuilder);

impl UdpSocketBuilder {
    /// Whether several sockets may have the address (`SO_REUSEADDR`), each of which must set this; false by default.
    ///
    /// It is for sockets that join the same group: each of them receives every datagram to the group. A datagram to one
    /// host goes to one of the sockets, on Linux to the last, so any program of the same user can take them away.
    /// Hence asyncio refuses the option.
    pub fn reuse_address(mut self, reuse: bool) -> Self {
        self.settings.reuse_address = Some(reuse);
        self
    }

    /// Whether an IPv6 socket refuses IPv4 (`IPV6_V6ONLY`). By default the system decides. If it does not refuse it, an
    /// IPv4 address is an IPv6 address there: `::ffff:127.0.0.1`.
    pub fn only_v6(mut self, only: bool) -> Self {
        self.settings.only_v6 = Some(only);
        self
    }

    /// Whether broadcasts may be sent, which reach every host of a network; false by default: asyncio's
    /// `allow_broadcast`.
    pub fn broadcast(mut self, allowed: bool) -> Self {
        self.settings.broadcast = Some(allowed);
        self
    }

    /// Makes a socket with this local address. As [`UdpSocket::bind`].
    ///
    /// # Errors
    /// `AddrInUse`, naming the address, and other errors of the system calls.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn bind(self, address: impl Into<Endpoint>) -> io::Result<UdpSocket> {
        registered(bind_first(&address.into(), |address| self.bound_to(address))?)
    }

    /// Makes a socket that sends to this peer and receives from it alone: asyncio's `remote_addr`. A name is looked up
    /// on a thread; of several addresses it is the first that the system has a way to. The local address is the
    /// system's choice; for one of your own, [`bind`](Self::bind) the socket and then
    /// [`connect`](UdpSocket::connect) it.
    ///
    /// Nothing is sent, so this is no sign that the peer is there.
    ///
    /// # Errors
    /// An unknown host, naming it; errors of the system calls, naming the address.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// No socket is made.
    pub async fn connect(self, to: impl Into<Endpoint>) -> io::Result<UdpSocket> {
        let addresses = addresses_to_connect_to(&to.into()).await?;
        registered(connect_first_of(addresses, |peer| self.connected_to(peer))?)
    }

    fn bound_to(self, address: SocketAddr) -> io::Result<StdSocket> {
        let socket = self.settings.open(Kind::Udp, &address)?;
        socket::bind(&socket, &address)?;
        Ok(socket.into())
    }

    fn connected_to(self, peer: SocketAddr) -> io::Result<StdSocket> {
        let any: IpAddr = if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = self.bound_to((any, 0).into())?;
        socket.connect(peer)?;
        Ok(socket)
    }
}

impl UdpSocket {
    /// A builder, for settings that must be made before the socket has an address.
    pub fn builder() -> UdpSocketBuilder {
        UdpSocketBuilder { settings: SocketSettings::default() }
    }
}

#[track_caller]
fn registered(socket: StdSocket) -> io::Result<UdpSocket> {
    Descriptor::of_stream(socket, ShortTransfer::Unknown).map(UdpSocket::from_descriptor)
}
