//! Unix datagram sockets. Owns the descriptor of one socket; must not know the contents of the datagrams.

use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdSocket};
use std::path::Path;

use super::backoff::Backoff;
use super::descriptor::Descriptor;
use super::own_calls::{reads_with, writes_with};
use super::socket_settings::buffer_sizes;
use super::std_socket::{as_fd, std_socket};
use super::unix_path::{address_at, bind_error, connect_error, remove_stale};
use crate::reactor::{Direction, ShortTransfer};
use crate::sys::socket;

/// A Unix datagram socket of the loop. Several tasks may send and receive; each datagram goes to one of them. No
/// datagram is lost on the way, and they arrive in order.
///
/// # Examples
/// ```
/// use oneloop::net::UnixDatagram;
/// use oneloop::run;
///
/// run(async {
///     let (left, right) = UnixDatagram::pair()?;
///     left.send(b"one").await?;
///     left.send(b"two").await?;
///     let mut bytes = [0; 100];
///     assert_eq!(right.recv(&mut bytes).await?, 3);
///     assert_eq!(&bytes[..3], b"one");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UnixDatagram {
    descriptor: Descriptor<StdSocket>,
}

impl UnixDatagram {
    /// A socket at a path. If an earlier socket has left a file there, the file is removed first, as in asyncio. When
    /// this socket is dropped, its own file stays. On Linux, a path that begins with a NUL is a name without a file, as
    /// in asyncio; and so it is in the other methods.
    ///
    /// # Errors
    /// `AddrInUse`, naming the path, if a file other than a socket is there; other errors of the system calls.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::bind_addr(&address_at(path.as_ref())?)
    }

    /// As [`bind`](Self::bind), to an address of the standard library's, which may be an abstract name.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        remove_stale(address);
        Self::from_std(StdSocket::bind_addr(address).map_err(|e| bind_error(address, &e))?)
    }

    /// A socket without an address. It can send, and it can receive once it is connected.
    ///
    /// # Errors
    /// If the system is out of descriptors or memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn unbound() -> io::Result<Self> {
        Self::from_std(StdSocket::unbound()?)
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    /// If the system is out of descriptors or memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = StdSocket::pair()?;
        Ok((Self::from_std(left)?, Self::from_std(right)?))
    }

    /// Sets the peer: [`send`](Self::send) sends to the socket at this path, and this socket receives from it alone.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.connect_addr(&address_at(path.as_ref())?)
    }

    /// As [`connect`](Self::connect), to an address of the standard library's, which may be an abstract name.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        self.get_ref().connect_addr(address).map_err(|e| connect_error(address, &e))
    }

    /// Sends a datagram to the connected peer. While the peer's queue is full, this waits.
    ///
    /// # Errors
    /// `ConnectionRefused` if the peer is gone; other errors of the system call.
    ///
    /// # Cancel safety
    /// If this is cancelled, it has sent nothing.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.descriptor.write_with(|socket| socket.send(datagram)).await
    }

    /// Waits for a datagram of the connected peer. Bytes that do not fit into the buffer are lost.
    ///
    /// # Errors
    /// Errors of the system call.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.descriptor.read_with(|socket| socket.recv(buffer)).await
    }

    /// Sends a datagram to the socket at a path. While the queue of that socket is full, this waits: it tries again
    /// after 1, 2, 4 and at most 64 milliseconds, since the system has no event for room in another socket's queue.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused`, and other errors of the system call.
    ///
    /// # Cancel safety
    /// If this is cancelled, it has sent nothing.
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.send_to_addr(datagram, &address_at(path.as_ref())?).await
    }

    /// As [`send_to`](Self::send_to), to an address of the standard library's: an abstract name, or the sender of
    /// another datagram.
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to).
    ///
    /// # Cancel safety
    /// If this is cancelled, it has sent nothing.
    pub async fn send_to_addr(&self, datagram: &[u8], address: &SocketAddr) -> io::Result<usize> {
        let mut backoff = Backoff::new();
        loop {
            self.descriptor.wait(Direction::Write).await;
            match self.get_ref().send_to_addr(datagram, address) {
                // the receiver's queue is full, not the own send buffer: no event would follow
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => backoff.wait().await,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Waits for a datagram. Returns its length and its sender. Bytes that do not fit into the buffer are lost.
    ///
    /// # Errors
    /// Errors of the system call.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.descriptor.read_with(|socket| socket.recv_from(buffer)).await
    }

    /// As [`recv`](Self::recv), but leaves the datagram for the next call that receives.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.descriptor.read_with(|socket| socket::peek(socket, buffer)).await
    }

    /// Sends a datagram to the connected peer, without waiting.
    ///
    /// It counts as one of the 64 operations that a step of a task may do, so what is made of this and
    /// [`writable`](Self::writable) starves no other task. A callback may do as many as it likes.
    ///
    /// There is no such call for a socket that is not connected, since the system has no event for room in the queue of
    /// another socket: there `writable` would say nothing about the next try.
    ///
    /// # Examples
    /// ```
    /// use oneloop::net::UnixDatagram;
    /// use oneloop::run;
    ///
    /// run(async {
    ///     let (left, right) = UnixDatagram::pair()?;
    ///     assert_eq!(left.try_send(b"now or never")?, 12);
    ///     right.readable().await;
    ///     let mut bytes = [0; 100];
    ///     assert_eq!(right.try_recv(&mut bytes)?, 12);
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `WouldBlock` if the loop has not yet learned of room, or the step has done enough; and as [`send`](Self::send).
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.descriptor.try_write_with(|socket| socket.send(datagram))
    }

    /// Receives a datagram of the connected peer, without waiting. Bytes that do not fit into the buffer are lost. It
    /// counts as an operation, as [`try_send`](Self::try_send).
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
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.descriptor.try_read_with(|socket| socket.recv_from(buffer))
    }
}

std_socket!(UnixDatagram, StdSocket, SocketAddr, |_| ShortTransfer::Unknown);
reads_with!(UnixDatagram, StdSocket);
writes_with!(UnixDatagram, StdSocket);
buffer_sizes!(UnixDatagram);
