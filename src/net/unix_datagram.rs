//! Datagrams between processes. Owns the socket; must not know what the datagrams say.

use std::os::unix::net::{SocketAddr, UnixDatagram as StdSocket};
use std::path::Path;
use std::{fmt, io};

use super::descriptor::Descriptor;
use super::io::has_descriptor;
use super::unix_path::{Patience, refused, remove_stale};

/// A Unix datagram socket of the loop. Several tasks may send and receive; a datagram goes to one of them. None is lost
/// on the way, and they come in order.
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
    io: Descriptor<StdSocket>,
}

impl UnixDatagram {
    /// A socket at a path. What an earlier one has left there is removed first, if it is a socket, as asyncio does. The
    /// path stays when this is dropped.
    ///
    /// # Errors
    /// `AddrInUse`, naming the path, if something that is no socket is there; what else the system says.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        remove_stale(path);
        Self::from_std(StdSocket::bind(path).map_err(|e| refused(path, &e))?)
    }

    /// A socket without an address, which can send, and receive when it is connected.
    ///
    /// # Errors
    /// If the system is out of descriptors or memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
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
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = StdSocket::pair()?;
        Ok((Self::from_std(left)?, Self::from_std(right)?))
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

    /// The standard library's view of it, for settings that have no method here.
    pub fn get_ref(&self) -> &StdSocket {
        self.io.get_ref()
    }

    /// From now on it sends to the socket at this path and receives from it alone.
    ///
    /// # Errors
    /// What the system says.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.get_ref().connect(path)
    }

    /// Sends a datagram to where it is connected to; waits while the other side has too many to read.
    ///
    /// # Errors
    /// `ConnectionRefused` if the other side is gone; what else the system says.
    ///
    /// # Cancel safety
    /// Cancelled, it has sent nothing.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.io.write_with(|socket| socket.send(datagram)).await
    }

    /// Waits for a datagram from where it is connected to. What does not fit into the buffer is lost.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|socket| socket.recv(buffer)).await
    }

    /// Sends a datagram to the socket at a path. While that one has too many to read, it waits: the system does not say
    /// when there is room, so it asks again after 1, 2, 4 and at most 64 milliseconds.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused`, and what else the system says.
    ///
    /// # Cancel safety
    /// Cancelled, it has sent nothing.
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let (path, mut patience) = (path.as_ref(), Patience::new());
        loop {
            self.io.writable().await;
            match self.get_ref().send_to(datagram, path) {
                // its own room is not what is missing, so no event would come
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => patience.wait().await,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Waits for a datagram. What does not fit into the buffer is lost.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io.read_with(|socket| socket.recv_from(buffer)).await
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

has_descriptor!(UnixDatagram);

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnixDatagram").field(self.get_ref()).finish()
    }
}
