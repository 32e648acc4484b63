//! UDP sockets. Owns the descriptor of one socket; must not know the contents of the datagrams.

use std::io;
use std::net::{SocketAddr, UdpSocket as StdSocket};

use super::descriptor::Descriptor;
use super::endpoint::{Endpoint, Target};
use super::own_calls::{reads_with, writes_with};
use super::resolve::{addresses_to_connect_to, bind_first, connect_first};
use super::socket_settings::{buffer_sizes, hops};
use super::std_socket::{as_fd, std_socket};
use crate::reactor::ShortTransfer;

/// A UDP socket of the loop. Several tasks may send and receive; each datagram goes to one of them.
///
/// Settings that must be made before the socket has an address are those of its [`builder`](Self::builder); settings
/// that have no method here are those of [`get_ref`](Self::get_ref).
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
    pub(super) fn from_descriptor(descriptor: Descriptor<StdSocket>) -> Self {
        Self { descriptor }
    }

    /// A socket with this local address: the first of the endpoint's that can be bound. With port 0 the system picks a
    /// port. A name is looked up here and now, as by [`TcpListener::bind`](super::TcpListener::bind).
    ///
    /// # Errors
    /// `AddrInUse`, naming the address, and other errors of the system calls.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn bind(address: impl Into<Endpoint>) -> io::Result<Self> {
        Self::from_std(bind_first(&address.into(), StdSocket::bind)?)
    }

    /// Sets the peer: [`send`](Self::send) sends to this address, and the socket receives from it alone. Of several
    /// addresses it is the first that the socket can send to. A name is looked up here and now, as by
    /// [`bind`](Self::bind); [`UdpSocketBuilder::connect`](super::UdpSocketBuilder::connect) looks it up on a thread.
    ///
    /// # Errors
    /// Errors of the system call, naming the address.
    pub fn connect(&self, address: impl Into<Endpoint>) -> io::Result<()> {
        connect_first(&address.into(), |address| self.get_ref().connect(address))
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

    /// Sends a datagram: asyncio's `sock_sendto`. A name is looked up first, on a thread, for each datagram; to send
    /// many, look it up once.
    ///
    /// # Errors
    /// Errors of the system call; if a name has no address of the socket's family.
    ///
    /// # Cancel safety
    /// If this is cancelled, it has sent nothing.
    pub async fn send_to(&self, datagram: &[u8], to: impl Into<Endpoint>) -> io::Result<usize> {
        let to = to.into();
        let to = match to.target {
            Target::Address(address) => address,
            _ => self.first_of_its_family(&to).await?,
        };
        self.descriptor.write_with(|socket| socket.send_to(datagram, to)).await
    }

    async fn first_of_its_family(&self, to: &Endpoint) -> io::Result<SocketAddr> {
        let is_ipv4 = self.local_addr()?.is_ipv4();
        let addresses = addresses_to_connect_to(to).await?;
        let same = addresses.into_iter().find(|address| address.is_ipv4() == is_ipv4);
        let none = || format!("{to} has no {} address", if is_ipv4 { "IPv4" } else { "IPv6" });
        same.ok_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, none()))
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

    /// As [`recv`](Self::recv), but leaves the datagram for the next call that receives. With a buffer of 65,535 bytes,
    /// which no datagram exceeds, this tells how long the next one is.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.descriptor.read_with(|socket| socket.peek(buffer)).await
    }

    /// As [`recv_from`](Self::recv_from), but leaves the datagram for the next call that receives.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::UdpSocket;
    /// use oneloop::run;
    ///
    /// run(async {
    ///     let (left, right) = (UdpSocket::bind(("127.0.0.1", 0))?, UdpSocket::bind(("127.0.0.1", 0))?);
    ///     left.send_to(b"hello", right.local_addr()?).await?;
    ///     let (_, sender) = right.peek_from(&mut []).await?; // who it is, before it is read
    ///     right.connect(sender)?;
    ///     let mut bytes = [0; 100];
    ///     assert_eq!(right.recv(&mut bytes).await?, 5);
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.descriptor.read_with(|socket| socket.peek_from(buffer)).await
    }

    /// Sends a datagram to the peer that [`connect`](Self::connect) has set, without waiting.
    ///
    /// It counts as one of the 64 operations that a step of a task may do, so what is made of this and
    /// [`writable`](Self::writable) starves no other task. A callback may do as many as it likes.
    ///
    /// # Errors
    /// `WouldBlock` if the loop has not yet learned of room, or the step has done enough; and as [`send`](Self::send).
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.descriptor.try_write_with(|socket| socket.send(datagram))
    }

    /// Sends a datagram without waiting; otherwise as [`try_send`](Self::try_send). It takes no name, since looking one
    /// up waits.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.descriptor.try_write_with(|socket| socket.send_to(datagram, to))
    }

    /// Receives a datagram of the peer that [`connect`](Self::connect) has set, without waiting. Bytes that do not fit
    /// into the buffer are lost.
    ///
    /// It counts as one of the 64 operations that a step of a task may do, so what is made of this and
    /// [`readable`](Self::readable) starves no other task. A callback may do as many as it likes.
    ///
    /// # Errors
    /// `WouldBlock` if there is none, the loop has not yet learned of it, or the step has done enough; and as
    /// [`recv`](Self::recv).
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.descriptor.try_read_with(|socket| socket.recv(buffer))
    }

    /// Receives a datagram without waiting, and returns its length and its sender; otherwise as
    /// [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::UdpSocket;
    /// use oneloop::run;
    /// use std::io::ErrorKind;
    ///
    /// run(async {
    ///     let (left, right) = (UdpSocket::bind(("127.0.0.1", 0))?, UdpSocket::bind(("127.0.0.1", 0))?);
    ///     left.try_send_to(b"one", right.local_addr()?)?;
    ///     left.try_send_to(b"two", right.local_addr()?)?;
    ///     right.readable().await;
    ///     let mut bytes = [0; 100];
    ///     let mut received = Vec::new();
    ///     loop {
    ///         match right.try_recv_from(&mut bytes) {
    ///             Ok((n, _sender)) => received.push(bytes[..n].to_vec()),
    ///             Err(error) if error.kind() == ErrorKind::WouldBlock => break, // all that there is
    ///             Err(error) => return Err(error),
    ///         }
    ///     }
    ///     assert_eq!(received, [b"one", b"two"]);
    ///     Ok(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.descriptor.try_read_with(|socket| socket.recv_from(buffer))
    }

    /// Whether broadcasts may be sent.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.get_ref().broadcast()
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
buffer_sizes!(UdpSocket);
hops!(UdpSocket);
