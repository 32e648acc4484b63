//! What a stream moves its bytes over: a TCP or Unix connection, or one end of a pipe. Owns the differences between them;
//! must not know buffers.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

#[derive(Debug)]
pub(crate) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// And whether fewer bytes than asked for have used up what there was, which a terminal would deny.
    Pipe(File, bool),
}

impl Wire {
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&*socket).read(buffer),
            Self::Unix(socket) => (&*socket).read(buffer),
            Self::Pipe(pipe, _) => (&*pipe).read(buffer),
        }
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&*socket).write(bytes),
            Self::Unix(socket) => (&*socket).write(bytes),
            Self::Pipe(pipe, _) => (&*pipe).write(bytes),
        }
    }

    /// A transfer of fewer bytes than this has used up what there was.
    pub(crate) fn most(&self, asked: usize) -> usize {
        if matches!(self, Self::Pipe(_, false)) { 0 } else { asked }
    }

    /// Ends the direction to the peer, where that can be done without closing all.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
            Self::Pipe(..) => Ok(()),
        }
    }

    /// Whether it has two directions.
    pub(crate) fn is_duplex(&self) -> bool {
        !matches!(self, Self::Pipe(..))
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp()?.peer_addr()
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp()?.local_addr()
    }

    fn tcp(&self) -> io::Result<&TcpStream> {
        match self {
            Self::Tcp(socket) => Ok(socket),
            Self::Unix(_) | Self::Pipe(..) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "only a TCP connection has IP addresses"))
            }
        }
    }
}

impl AsRawFd for Wire {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(socket) => socket.as_raw_fd(),
            Self::Unix(socket) => socket.as_raw_fd(),
            Self::Pipe(pipe, _) => pipe.as_raw_fd(),
        }
    }
}
