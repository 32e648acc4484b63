//! oneloop's sockets. Owns how it reads and writes; must not know what is said.

use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream, UdpSocket as StdSocket};

use oneloop::net::{TcpListener, TcpStream, UdpSocket};
use oneloop::{StreamReader, StreamWriter};

use super::Oneloop;
use crate::system::{Buffered, Datagrams, Http, Listeners, Sockets};

impl Sockets for Oneloop {
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

impl Buffered for Oneloop {
    type Buffered = (StreamReader, StreamWriter);

    fn buffered(stream: StdStream) -> Self::Buffered {
        Self::stream(stream).into_streams()
    }

    async fn line((reader, _): &mut Self::Buffered, line: &mut Vec<u8>) -> usize {
        reader.readline_into(line).await.expect("a line")
    }

    async fn exactly((reader, _): &mut Self::Buffered, mut place: Vec<u8>) -> Option<Vec<u8>> {
        reader.readexactly_into(&mut place).await.ok()?;
        Some(place)
    }

    async fn put((_, writer): &mut Self::Buffered, bytes: Vec<u8>) -> Vec<u8> {
        writer.write(&bytes);
        writer.drain().await.expect("a connection");
        bytes
    }
}

impl Listeners for Oneloop {
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

impl Http for Oneloop {
    type Io = TcpStream;

    fn io(stream: TcpStream) -> TcpStream {
        stream
    }
}

impl Datagrams for Oneloop {
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
