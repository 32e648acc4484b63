//! monoio's sockets. Owns how it reads and writes; must not know what is said.

use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream, UdpSocket as StdSocket};

use monoio::buf::{IoBuf as _, IoBufMut as _};
use monoio::io::{AsyncBufReadExt as _, AsyncReadRent as _, AsyncReadRentExt as _, AsyncWriteRentExt as _, BufReader};
use monoio::net::udp::UdpSocket;
use monoio::net::{TcpListener, TcpStream};

use super::Monoio;
use crate::system::{Buffered, Datagrams, Listeners, Sockets};

impl<const URING: bool> Sockets for Monoio<URING, true> {
    type Stream = TcpStream;

    fn stream(stream: StdStream) -> TcpStream {
        // the ring waits for one that blocks; of one that does not it only says that it would
        stream.set_nonblocking(!URING).expect("a socket that can");
        TcpStream::from_std(stream).expect("room for one more")
    }

    async fn read(from: &mut TcpStream, place: Vec<u8>) -> (usize, Vec<u8>) {
        let (read, place) = from.read(place).await;
        (read.expect("a connection"), place)
    }

    async fn write(to: &mut TcpStream, bytes: Vec<u8>, count: usize) -> Vec<u8> {
        let (written, bytes) = to.write_all(bytes.slice(..count)).await;
        written.expect("a connection");
        bytes.into_inner()
    }
}

impl<const URING: bool> Buffered for Monoio<URING, true> {
    type Buffered = BufReader<TcpStream>;

    fn buffered(stream: StdStream) -> Self::Buffered {
        BufReader::new(Self::stream(stream))
    }

    async fn line(from: &mut Self::Buffered, line: &mut Vec<u8>) -> usize {
        from.read_until(b'\n', line).await.expect("a line")
    }

    async fn exactly(from: &mut Self::Buffered, place: Vec<u8>) -> Option<Vec<u8>> {
        let wanted = place.len();
        let (read, full) = from.read_exact(place.slice_mut(..wanted)).await;
        read.ok()?;
        Some(full.into_inner())
    }

    async fn put(to: &mut Self::Buffered, bytes: Vec<u8>) -> Vec<u8> {
        let (written, bytes) = to.write_all(bytes).await;
        written.expect("a connection");
        bytes
    }
}

impl<const URING: bool> Listeners for Monoio<URING, true> {
    type Listener = TcpListener;

    fn listener(listener: StdListener) -> TcpListener {
        listener.set_nonblocking(!URING).expect("a socket that can");
        TcpListener::from_std(listener).expect("room for one more")
    }

    async fn accept(from: &mut TcpListener) -> TcpStream {
        from.accept().await.expect("a connection").0
    }

    async fn connect(to: SocketAddr) -> TcpStream {
        TcpStream::connect_addr(to).await.expect("a connection")
    }
}

impl<const URING: bool> Datagrams for Monoio<URING, true> {
    type Socket = UdpSocket;

    fn socket(socket: StdSocket) -> UdpSocket {
        socket.set_nonblocking(!URING).expect("a socket that can");
        UdpSocket::from_std(socket).expect("room for one more")
    }

    async fn receive(from: &mut UdpSocket, place: Vec<u8>) -> (usize, Vec<u8>) {
        let (received, place) = from.recv(place).await;
        (received.expect("a datagram"), place)
    }

    async fn send(to: &mut UdpSocket, bytes: Vec<u8>, count: usize) -> Vec<u8> {
        let (sent, bytes) = to.send(bytes.slice(..count)).await;
        sent.expect("a peer");
        bytes.into_inner()
    }
}
