//! UDP sockets. Owns the descriptor of one socket; must not know the contents of the datagrams.

use std::io;
use std::net::{SocketAddr, UdpSocket as StdSocket};

use super::descriptor::{Descriptor, ShortTransfer};
use super::own_calls::{reads_with, writes_with};
use super::std_socket::{as_fd, std_socket};

/// A UDP socket of the loop. Several tasks may send and receive; each datagram goes to one of them.
///
/// Settings that have no method here, such as multicast, are those of [`get_ref`](Self::get_ref).
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
    descriptor: Descriptor<StdSocket>,
}

impl UdpSocket {
    /// A socket with this local address. With port 0 the system picks a port.
    ///
    /// # Errors
    /// `AddrInUse`, naming the address, and other errors of the system calls.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn bind(address: impl Into<SocketAddr>) -> io::Result<Self> {
        let address = address.into();
        let bound = StdSocket::bind(address);
        Self::from_std(
            bound.map_err(|e| io::Error::new(e.kind(), format!("while attempting to bind on {address}: {e}")))?,
        )
    }

    /// Sets the peer: [`send`](Self::send) sends to this address, and the socket receives from it alone.
    ///
    /// # Errors
    /// Errors of the system call, naming the address.
    pub fn connect(&self, address: impl Into<SocketAddr>) -> io::Result<()> {
        let address = address.into();
        let connected = self.get_ref().connect(address);
        connected.map_err(|e| io::Error::new(e.kind(), format!("cannot connect to {address}: {e}")))
    }

    /// Sends a datagram to the peer that [`connect`](Self::connect) has set.
    ///
    /// # Errors
    /// `ConnectionRefused` if no socket received an earlier datagram; other errors of the system call.
    ///
    /// # Cancel safety
    /// If this is cancelled, it has sent nothing.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.descriptor.write_with(|socket| socket.send(datagram)).await
    }

    /// Waits for a datagram of the peer that [`connect`](Self::connect) has set. Bytes that do not fit into the buffer
    /// are lost.
    ///
    /// # Errors
    /// `ConnectionRefused` if no socket received a datagram sent earlier; other errors of the system call.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.descriptor.read_with(|socket| socket.recv(buffer)).await
    }

    /// Sends a datagram: asyncio's `sock_sendto`.
    ///
    /// # Errors
    /// Errors of the system call.
    ///
    /// # Cancel safety
    /// If this is cancelled, it has sent nothing.
    pub async fn send_to(&self, datagram: &[u8], to: impl Into<SocketAddr>) -> io::Result<usize> {
        let to = to.into();
        self.descriptor.write_with(|socket| socket.send_to(datagram, to)).await
    }

    /// Waits for a datagram: asyncio's `sock_recvfrom_into`. Returns its length and its sender. Bytes that do not fit
    /// into the buffer are lost.
    ///
    /// # Errors
    /// Errors of the system call.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.descriptor.read_with(|socket| socket.recv_from(buffer)).await
    }

    /// Allows or forbids broadcasts, which reach every host of a network: asyncio's `allow_broadcast`.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn set_broadcast(&self, allowed: bool) -> io::Result<()> {
        self.get_ref().set_broadcast(allowed)
    }
}

std_socket!(UdpSocket, StdSocket, SocketAddr, |_| ShortTransfer::Unknown);
reads_with!(UdpSocket, StdSocket);
writes_with!(UdpSocket, StdSocket);
