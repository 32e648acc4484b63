//! Waiting for connections on a path. Owns the listening socket and its path; must not know what becomes of a connection.

use std::os::unix::net::{SocketAddr, UnixListener as StdListener};
use std::path::Path;
use std::{fmt, io};

use super::descriptor::{Descriptor, Waiting};
use super::io::has_descriptor;
use super::unix_path::{OwnPath, refused, remove_stale};
use super::unix_stream::UnixStream;
use crate::reactor::Direction;
use crate::sys::socket;

/// A listening Unix socket of the loop: what asyncio's `create_unix_server` listens on.
///
/// What an earlier server has left at the path is removed first, if it is a socket. When this is dropped, its path goes
/// too, unless another server has taken it over meanwhile.
///
/// # Examples
/// ```
/// use oneloop::net::{UnixListener, UnixStream};
/// use oneloop::{create_task, run};
///
/// let path = std::env::temp_dir().join(format!("oneloop-{}.socket", std::process::id()));
/// run(async {
///     let listener = UnixListener::bind(&path)?;
///     let to = path.clone();
///     let client = create_task(async move { UnixStream::connect(to).await?.write_all(b"hello").await });
///     let (stream, _address) = listener.accept().await?;
///     let mut word = [0; 5];
///     stream.read_exact(&mut word).await?;
///     assert_eq!(&word, b"hello");
///     client.await
/// })??;
/// assert!(!path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UnixListener {
    io: Descriptor<mio::net::UnixListener>,
    path: Option<OwnPath>,
}

impl UnixListener {
    /// Listens on a path.
    ///
    /// # Errors
    /// `AddrInUse`, naming the path, if something that is no socket is there; what else the system says.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        remove_stale(path);
        let listener = mio::net::UnixListener::bind(path).map_err(|e| refused(path, &e))?;
        Self::adopt(listener)
    }

    fn adopt(listener: mio::net::UnixListener) -> io::Result<Self> {
        let path = listener.local_addr()?.as_pathname().and_then(OwnPath::of);
        Ok(Self { io: Descriptor::new(listener)?, path })
    }

    /// A listening socket of the standard library, made non-blocking and registered with this thread's loop: one with an
    /// abstract address, say. Its path goes when this is dropped, as with `bind`.
    ///
    /// # Errors
    /// If it is registered already, or the system is out of memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn from_std(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::adopt(mio::net::UnixListener::from_std(listener))
    }

    /// The socket as the standard library's, registered no more. It is still non-blocking, and its path stays.
    pub fn into_std(self) -> StdListener {
        self.keep_path().io.into_inner().into()
    }

    /// The path stays when this is dropped: asyncio's `cleanup_socket=False`.
    #[must_use = "it is the listener"]
    pub fn keep_path(mut self) -> Self {
        if let Some(path) = self.path.take() {
            path.keep();
        }
        self
    }

    /// How many connections may wait to be accepted; the system's own limit stands, which it begins with.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_backlog(&self, backlog: u32) -> io::Result<()> {
        socket::listen(self.io.get_ref(), backlog)
    }

    /// Waits for the next connection. Several tasks may wait.
    ///
    /// # Errors
    /// What the system says: being out of descriptors is an error here too (`raw_os_error()` is `EMFILE` or `ENFILE`), and
    /// the connection stays in line.
    ///
    /// # Cancel safety
    /// Nothing is lost: a connection is accepted and given, or stays in line.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, address) = loop {
            match self.io.read_with(mio::net::UnixListener::accept).await {
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                other => break other?,
            }
        };
        Ok((UnixStream::from_accepted(stream)?, address))
    }

    /// Waits until there may be a connection, without borrowing the listener.
    pub(crate) fn wait(&self) -> Waiting {
        self.io.wait(Direction::Read)
    }

    /// A connection that waits in line, or `WouldBlock`.
    pub(crate) fn try_accept(&self) -> io::Result<UnixStream> {
        loop {
            match self.io.attempt(Direction::Read, mio::net::UnixListener::accept) {
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                other => return UnixStream::from_accepted(other?.0),
            }
        }
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }
}

has_descriptor!(UnixListener);

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixListener").field("address", &self.local_addr()).finish_non_exhaustive()
    }
}
