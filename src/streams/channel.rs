//! What a stream moves its bytes over: a TCP or Unix connection, or one end of a pipe. Owns the differences between the
//! three; must not know buffers.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

use crate::net::PeerCred;

#[derive(Debug)]
pub(crate) enum ByteChannel {
    Tcp(TcpStream),
    Unix(UnixStream),
    Pipe(File),
}

/// Why nothing more can be sent.
#[derive(Debug)]
pub(crate) enum EndOfWriting {
    /// The connection has failed, with an error that the system tells only once.
    Failed(io::Error),
    /// The other end of the pipe is gone.
    NoReader,
}

impl ByteChannel {
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&*socket).read(buffer),
            Self::Unix(socket) => (&*socket).read(buffer),
            Self::Pipe(file) => (&*file).read(buffer),
        }
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&*socket).write(bytes),
            Self::Unix(socket) => (&*socket).write(bytes),
            Self::Pipe(file) => (&*file).write(bytes),
        }
    }

    /// Ends the writing direction. A pipe has no other direction, so there is nothing to do short of closing it.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
            Self::Pipe(_) => Ok(()),
        }
    }

    /// Why nothing more can be sent, once an event has told that the writing direction is hung up or in error. `None`
    /// if that is not so: the peer of a connection may have done no more than end its own direction.
    pub(crate) fn end_of_writing(&self) -> Option<EndOfWriting> {
        let error = match self {
            Self::Tcp(socket) => socket.take_error(),
            Self::Unix(socket) => socket.take_error(),
            Self::Pipe(_) => return Some(EndOfWriting::NoReader),
        };
        error.ok().flatten().map(EndOfWriting::Failed)
    }

    /// Whether it has two directions.
    pub(crate) fn is_duplex(&self) -> bool {
        !matches!(self, Self::Pipe(_))
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp()?.peer_addr()
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp()?.local_addr()
    }

    pub(crate) fn peer_cred(&self) -> io::Result<PeerCred> {
        match self {
            Self::Unix(socket) => PeerCred::of(socket),
            Self::Tcp(_) | Self::Pipe(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "only a Unix connection tells of its peer's process"))
            }
        }
    }

    fn tcp(&self) -> io::Result<&TcpStream> {
        match self {
            Self::Tcp(socket) => Ok(socket),
            Self::Unix(_) | Self::Pipe(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "only a TCP connection has IP addresses"))
            }
        }
    }
}

impl AsRawFd for ByteChannel {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(socket) => socket.as_raw_fd(),
            Self::Unix(socket) => socket.as_raw_fd(),
            Self::Pipe(file) => file.as_raw_fd(),
        }
    }
}
