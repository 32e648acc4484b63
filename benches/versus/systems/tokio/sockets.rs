//! tokio's sockets. Owns how it reads and writes; must not know what is said.

use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream, UdpSocket as StdSocket};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::Tokio;
use crate::system::{Buffered, Datagrams, Http, Listeners, Sockets};

impl<const LOCAL: bool> Sockets for Tokio<LOCAL, true> {
    type Stream = TcpStream;

    fn stream(stream: StdStream) -> TcpStream {
        TcpStream::from_std(stream).expect("room for one more")
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

impl<const LOCAL: bool> Buffered for Tokio<LOCAL, true> {
    type Buffered = BufReader<TcpStream>;

    fn buffered(stream: StdStream) -> Self::Buffered {
        BufReader::new(Self::stream(stream))
    }

    async fn line(from: &mut Self::Buffered, line: &mut Vec<u8>) -> usize {
        from.read_until(b'\n', line).await.expect("a line")
    }

    async fn exactly(from: &mut Self::Buffered, mut place: Vec<u8>) -> Option<Vec<u8>> {
        from.read_exact(&mut place).await.ok()?;
        Some(place)
    }

    async fn put(to: &mut Self::Buffered, bytes: Vec<u8>) -> Vec<u8> {
        to.get_mut().write_all(&bytes).await.expect("a connection");
        bytes
    }
}

impl<const LOCAL: bool> Listeners for Tokio<LOCAL, true> {
    type Listener = TcpListener;

    fn listener(listener: StdListener) -> TcpListener {
        TcpListener::from_std(listener).expect("room for one more")
    }

    async fn accept(from: &mut TcpListener) -> TcpStream {
        from.accept().await.expect("a connection").0
    }

    async fn connect(to: SocketAddr) -> TcpStream {
        TcpStream::connect(to).await.expect("a connection")
    }
}

impl<const LOCAL: bool> Http for Tokio<LOCAL, true> {
    type Io = TokioIo<TcpStream>;

    fn io(stream: TcpStream) -> TokioIo<TcpStream> {
        TokioIo::new(stream)
    }
}

impl<const LOCAL: bool> Datagrams for Tokio<LOCAL, true> {
    type Socket = UdpSocket;

    fn socket(socket: StdSocket) -> UdpSocket {
        UdpSocket::from_std(socket).expect("room for one more")
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
