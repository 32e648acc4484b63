//! One Unix connection. Owns its descriptor; must not know paths.

use std::net::Shutdown;
use std::os::unix::net::{SocketAddr, UnixStream as StdStream};
use std::path::Path;
use std::{fmt, io};

use super::descriptor::Descriptor;
use super::io::{Stream, has_descriptor, reads, writes};
use super::split::{ReadHalf, WriteHalf, halves};
use super::unix_path::Patience;

/// A Unix stream connection of the loop.
///
/// Its methods take `&self`, so one task may read while another writes: in an `Rc`, or with [`into_split`](Self::into_split).
/// It carries bytes only. If a peer sends descriptors along, a read may wait although bytes are left, until the peer sends
/// more or closes: receive those through a [`Descriptor`] and its [`read_with`](Descriptor::read_with).
///
/// # Examples
/// ```
/// use oneloop::net::UnixStream;
/// use oneloop::run;
///
/// run(async {
///     let (left, right) = UnixStream::pair()?;
///     left.write_all(b"hello").await?;
///     drop(left);
///     let mut bytes = [0; 10];
///     assert_eq!(right.read(&mut bytes).await?, 5);
///     assert_eq!(right.read(&mut bytes).await?, 0); // the end
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UnixStream {
    io: Descriptor<StdStream>,
}

impl UnixStream {
    /// Connects to the socket at a path. If more clients wait there than the server allows, it waits too: the system does
    /// not say when there is room, so it asks again after 1, 2, 4 and at most 64 milliseconds.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused` if nobody listens there any more, and what else the system says.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// The attempt is given up.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let (path, mut patience) = (path.as_ref(), Patience::new());
        loop {
            match mio::net::UnixStream::connect(path) {
                Ok(stream) => return Descriptor::new(stream.into()).map(Self::adopt),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => patience.wait().await,
                Err(e) => return Err(e),
            }
        }
    }

    /// Two ends of one connection.
    ///
    /// # Errors
    /// If the system is out of descriptors or memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = StdStream::pair()?;
        Ok((Self::from_std(left)?, Self::from_std(right)?))
    }

    pub(super) fn adopt(io: Descriptor<StdStream>) -> Self {
        Self { io }
    }

    /// One that was accepted, non-blocking.
    pub(super) fn from_accepted(stream: mio::net::UnixStream) -> io::Result<Self> {
        Descriptor::new(stream.into()).map(Self::adopt)
    }

    /// A connection of the standard library, made non-blocking and registered with this thread's loop.
    ///
    /// # Errors
    /// If it is registered already, or the system is out of memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn from_std(stream: StdStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Descriptor::new(stream).map(Self::adopt)
    }

    /// The connection as the standard library's, registered no more. It is still non-blocking.
    pub fn into_std(self) -> StdStream {
        self.io.into_inner()
    }

    /// The standard library's view of it, for settings that have no method here.
    pub fn get_ref(&self) -> &StdStream {
        self.io.get_ref()
    }

    /// Its descriptor, still registered.
    pub(crate) fn into_descriptor(self) -> Descriptor<StdStream> {
        self.io
    }

    pub(super) fn stream(&self) -> Stream<'_, StdStream> {
        Stream { io: &self.io, short_is_empty: true }
    }

    /// The address of this end.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().peer_addr()
    }

    /// Ends one direction or both: the other side meets the end of the stream when it has read what was written.
    ///
    /// # Errors
    /// What the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.get_ref().shutdown(how)
    }

    /// The reading and the writing half, for two tasks. See [`ReadHalf::reunite`] for the way back.
    pub fn into_split(self) -> (ReadHalf<Self>, WriteHalf<Self>) {
        halves(self, |stream| stream.shutdown(Shutdown::Write))
    }
}

reads!(UnixStream);
writes!(UnixStream);
has_descriptor!(UnixStream);

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnixStream").field(self.get_ref()).finish()
    }
}
