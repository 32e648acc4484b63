//! glommio's sockets, with the traits of futures-lite. Owns how it reads and writes; must not know what is said.

use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream, UdpSocket as StdSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;

use futures_lite::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use glommio::net::{Preallocated, TcpListener, TcpStream, UdpSocket};
use rustix::net::getsockname;
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2_of_glommio::Socket;

use super::Glommio;
use crate::system::{Buffered, Datagrams, Listeners, Sockets};

impl Sockets for Glommio {
    type Stream = TcpStream;

    fn stream(stream: StdStream) -> TcpStream {
        Socket::from(stream).into()
    }

    async fn read(from: &mut TcpStream, mut place: Vec<u8>) -> (usize, Vec<u8>) {
        let count = from.read(&mut place).await.expect("a connection");
        (count, place)
    }

    async fn write(to: &mut TcpStream, bytes: Vec<u8>, count: usize) -> Vec<u8> {
        to.write_all(&bytes[..count]).await.expect("a connection");
        bytes
    }
}

impl Buffered for Glommio {
    type Buffered = TcpStream<Preallocated>;

    fn buffered(stream: StdStream) -> Self::Buffered {
        Self::stream(stream).buffered()
    }

    async fn line(from: &mut Self::Buffered, line: &mut Vec<u8>) -> usize {
        from.read_until(b'\n', line).await.expect("a line")
    }

    async fn exactly(from: &mut Self::Buffered, mut place: Vec<u8>) -> Option<Vec<u8>> {
        from.read_exact(&mut place).await.ok()?;
        Some(place)
    }

    async fn put(to: &mut Self::Buffered, bytes: Vec<u8>) -> Vec<u8> {
        to.write_all(&bytes).await.expect("a connection");
        bytes
    }
}

impl Listeners for Glommio {
    type Listener = TcpListener;

    /// It takes over none without `unsafe`: it makes another one in its place.
    fn listener(listener: StdListener) -> TcpListener {
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let listener = TcpListener::bind(address).expect("the port is free again");
        set_socket_linger(descriptor(address), Some(Duration::ZERO)).expect("a socket that can");
        listener
    }

    async fn accept(from: &mut TcpListener) -> TcpStream {
        from.accept().await.expect("a connection")
    }

    async fn connect(to: SocketAddr) -> TcpStream {
        TcpStream::connect(to).await.expect("a connection")
    }
}

/// A second one for the listener at this address, which does not show its own.
fn descriptor(address: SocketAddr) -> OwnedFd {
    let this = pidfd_open(getpid(), PidfdFlags::empty()).expect("a descriptor");
    let at = |number| pidfd_getfd(&this, number, PidfdGetfdFlags::empty()).ok();
    let is_it = |fd: &OwnedFd| getsockname(fd).is_ok_and(|name| name == address.into());
    (0..1_024).filter_map(at).find(is_it).expect("the listener is there")
}

impl Datagrams for Glommio {
    type Socket = UdpSocket;

    fn socket(socket: StdSocket) -> UdpSocket {
        Socket::from(socket).into()
    }

    async fn receive(from: &mut UdpSocket, mut place: Vec<u8>) -> (usize, Vec<u8>) {
        let count = from.recv(&mut place).await.expect("a datagram");
        (count, place)
    }

    async fn send(to: &mut UdpSocket, bytes: Vec<u8>, count: usize) -> Vec<u8> {
        to.send(&bytes[..count]).await.expect("a peer");
        bytes
    }
}
