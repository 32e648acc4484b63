//! Datagrams over IP. Owns the socket; must not know what the datagrams say.

use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::{fmt, io};

use super::descriptor::Descriptor;
use super::io::has_descriptor;

/// A UDP socket of the loop. Several tasks may send and receive; a datagram goes to one of them.
///
/// # Examples
/// ```
/// use oneloop::net::UdpSocket;
/// use oneloop::run;
///
/// run(async {
///     let server = UdpSocket::bind(([127, 0, 0, 1], 0))?;
///     let client = UdpSocket::bind(([127, 0, 0, 1], 0))?;
///     client.connect(server.local_addr()?)?;
///     client.send(b"ping").await?;
///     let mut bytes = [0; 100];
///     let (n, from) = server.recv_from(&mut bytes).await?;
///     server.send_to(&bytes[..n], from).await?;
///     assert_eq!(client.recv(&mut bytes).await?, 4);
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UdpSocket {
    io: Descriptor<StdSocket>,
}

impl UdpSocket {
    /// A socket with this address; with port 0 the system picks one.
    ///
    /// # Errors
    /// `AddrInUse`, and what else the system says.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn bind(address: impl Into<SocketAddr>) -> io::Result<Self> {
        Self::from_std(StdSocket::bind(address.into())?)
    }

    /// A socket of the standard library, made non-blocking and registered with this thread's loop.
    ///
    /// # Errors
    /// If it is registered already, or the system is out of memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn from_std(socket: StdSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { io: Descriptor::new(socket)? })
    }

    /// The socket as the standard library's, registered no more. It is still non-blocking.
    pub fn into_std(self) -> StdSocket {
        self.io.into_inner()
    }

    /// The standard library's view of it, for settings that have no method here: multicast, say.
    pub fn get_ref(&self) -> &StdSocket {
        self.io.get_ref()
    }

    /// From now on it sends to this address and receives from it alone.
    ///
    /// # Errors
    /// What the system says.
    pub fn connect(&self, address: impl Into<SocketAddr>) -> io::Result<()> {
        self.get_ref().connect(address.into())
    }

    /// Sends a datagram to where it is connected to.
    ///
    /// # Errors
    /// `ConnectionRefused` if an earlier one found nobody; what else the system says.
    ///
    /// # Cancel safety
    /// Cancelled, it has sent nothing.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.io.write_with(|socket| socket.send(datagram)).await
    }

    /// Waits for a datagram from where it is connected to. What does not fit into the buffer is lost.
    ///
    /// # Errors
    /// `ConnectionRefused` if one that was sent found nobody; what else the system says.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|socket| socket.recv(buffer)).await
    }

    /// Sends a datagram: asyncio's `sock_sendto`.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Cancelled, it has sent nothing.
    pub async fn send_to(&self, datagram: &[u8], to: impl Into<SocketAddr>) -> io::Result<usize> {
        let to = to.into();
        self.io.write_with(|socket| socket.send_to(datagram, to)).await
    }

    /// Waits for a datagram: asyncio's `sock_recvfrom_into`. What does not fit into the buffer is lost.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io.read_with(|socket| socket.recv_from(buffer)).await
    }

    /// Whether it may send to all of a network: asyncio's `allow_broadcast`.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_broadcast(&self, allowed: bool) -> io::Result<()> {
        self.get_ref().set_broadcast(allowed)
    }

    /// Its own address.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().local_addr()
    }

    /// Where it is connected to.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().peer_addr()
    }
}

has_descriptor!(UdpSocket);

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UdpSocket").field(self.get_ref()).finish()
    }
}
