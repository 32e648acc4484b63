//! Listening for Unix connections. Owns the listening socket and its file; must not know what becomes of a connection.

use std::os::unix::net::{SocketAddr, UnixListener as StdListener};
use std::path::Path;
use std::task::{Context, Poll};
use std::{fmt, io};

use super::accept::skip_aborted;
use super::descriptor::Descriptor;
use super::readiness_future::ReadinessFuture;
use super::std_socket::as_fd;
use super::unix_path::{SocketFile, address_at, bind_error, remove_stale};
use super::unix_stream::UnixStream;
use crate::reactor::Direction;
use crate::sys::socket;

/// A listening Unix socket of the loop: the socket of asyncio's `create_unix_server`.
///
/// If an earlier server has left a socket's file at the path, the file is removed first. When this is dropped, its own
/// file is removed, unless another server has replaced it meanwhile.
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
    descriptor: Descriptor<mio::net::UnixListener>,
    /// Removes the file when the listener is dropped. `None` for an abstract address.
    file: Option<SocketFile>,
}

impl UnixListener {
    /// Binds a path and listens there. On Linux, a path that begins with a NUL is a name without a file, as in asyncio.
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
        let listener = mio::net::UnixListener::bind_addr(address).map_err(|e| bind_error(address, &e))?;
        Self::from_nonblocking(listener)
    }

    #[track_caller]
    fn from_nonblocking(listener: mio::net::UnixListener) -> io::Result<Self> {
        let file = listener.local_addr()?.as_pathname().and_then(SocketFile::at);
        Ok(Self { descriptor: Descriptor::new(listener)?, file })
    }

    /// Takes over a listening socket of the standard library: makes it non-blocking and registers it with this thread's
    /// loop. Its file is removed when this is dropped, as with [`bind`](Self::bind).
    ///
    /// # Errors
    /// If the socket is registered already, or the system is out of memory.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn from_std(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::from_nonblocking(mio::net::UnixListener::from_std(listener))
    }

    /// Removes the socket from the loop and returns it as the standard library's type. It is still non-blocking, and
    /// its file stays.
    pub fn into_std(self) -> StdListener {
        self.keep_path().descriptor.into_inner().into()
    }

    /// Leaves the file at the path when this is dropped: asyncio's `cleanup_socket=False`.
    #[must_use = "it is the listener"]
    pub fn keep_path(mut self) -> Self {
        if let Some(file) = self.file.take() {
            file.keep();
        }
        self
    }

    /// How many connections may wait to be accepted; the system's limit by default, and at most.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn set_backlog(&self, backlog: u32) -> io::Result<()> {
        socket::listen(self.descriptor.get_ref(), backlog)
    }

    /// Waits for the next connection. Several tasks may wait.
    ///
    /// # Errors
    /// Errors of the system call. If the process is out of descriptors (`raw_os_error()` is `EMFILE` or `ENFILE`), that
    /// is an error here, and the connection stays in the backlog.
    ///
    /// # Cancel safety
    /// Nothing is lost: a connection is accepted and returned, or stays in the backlog.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, address) = self.descriptor.read_with(|listener| skip_aborted(|| listener.accept())).await?;
        Ok((UnixStream::accepted(stream)?, address))
    }

    /// Waits until there is a connection to accept. Another task may accept it first.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readable(&self) {
        self.descriptor.readable().await;
    }

    /// Accepts a connection without waiting. As [`TcpListener::try_accept`](super::TcpListener::try_accept), which has
    /// an example.
    ///
    /// # Errors
    /// `WouldBlock` if there is none, the loop has not yet learned of it, or the step has done enough; and as
    /// [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let accepted = self.descriptor.try_read_with(|listener| skip_aborted(|| listener.accept()));
        let (stream, address) = accepted?;
        Ok((UnixStream::accepted(stream)?, address))
    }

    /// [`accept`](Self::accept) as a poll, for a future that is written by hand. One task at a time may poll: the waker
    /// of the last poll is kept, as [`Descriptor::poll_read_ready`](crate::Descriptor::poll_read_ready) tells.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// # Panics
    /// If it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accepted = self.descriptor.poll_read_with(cx, |listener| skip_aborted(|| listener.accept()));
        accepted.map(|accepted| {
            let (stream, address) = accepted?;
            Ok((UnixStream::accepted(stream)?, address))
        })
    }

    /// Waits until there may be a connection, without borrowing the listener.
    pub(crate) fn wait(&self) -> ReadinessFuture {
        self.descriptor.wait(Direction::Read)
    }

    /// As `try_accept`, for a caller that counts its operations itself.
    pub(crate) fn accept_now(&self) -> io::Result<UnixStream> {
        let accepted = self.descriptor.attempt(Direction::Read, |listener| skip_aborted(|| listener.accept()));
        UnixStream::from_nonblocking(accepted?.0)
    }

    /// The address that the socket listens on.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.descriptor.get_ref().local_addr()
    }
}

as_fd!(UnixListener);

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixListener").field("address", &self.local_addr()).finish_non_exhaustive()
    }
}
