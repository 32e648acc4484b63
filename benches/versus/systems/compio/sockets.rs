//! compio's sockets. Owns how it reads and writes; must not know what is said.

use std::io::BufRead as _;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream, UdpSocket as StdSocket};

use compio::BufResult;
use compio::buf::{IntoInner as _, IoBuf as _};
use compio::io::{AsyncBufRead as _, AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use compio::net::{TcpListener, TcpStream, UdpSocket};

use super::Compio;
use crate::system::{Buffered, Datagrams, Listeners, Sockets};

impl Sockets for Compio {
    type Stream = TcpStream;

    fn stream(stream: StdStream) -> TcpStream {
        // the ring waits for one that blocks; of one that does not it only says that it would
        stream.set_nonblocking(false).expect("a socket that can");
        TcpStream::from_std(stream).expect("room for one more")
    }

    async fn read(from: &mut TcpStream, place: Vec<u8>) -> (usize, Vec<u8>) {
        let BufResult(read, place) = from.read(place).await;
        (read.expect("a connection"), place)
    }

    async fn write(to: &mut TcpStream, bytes: Vec<u8>, count: usize) -> Vec<u8> {
        let BufResult(written, bytes) = to.write_all(bytes.slice(..count)).await;
        written.expect("a connection");
        bytes.into_inner()
    }
}

impl Buffered for Compio {
    type Buffered = BufReader<TcpStream>;

    fn buffered(stream: StdStream) -> Self::Buffered {
        BufReader::new(Self::stream(stream))
    }

    /// Its reader has a buffer, but nothing that looks for the end of a line in it.
    async fn line(from: &mut Self::Buffered, line: &mut Vec<u8>) -> usize {
        let mut length = 0;
        loop {
            let mut buffer = from.fill_buf().await.expect("a connection");
            let count = buffer.read_until(b'\n', line).expect("bytes in memory");
            from.consume(count);
            length += count;
            if count == 0 || line.ends_with(b"\n") {
                return length;
            }
        }
    }

    async fn exactly(from: &mut Self::Buffered, place: Vec<u8>) -> Option<Vec<u8>> {
        let wanted = place.len();
        let BufResult(read, full) = from.read_exact(place.slice(..wanted)).await;
        read.ok()?;
        Some(full.into_inner())
    }

    async fn put(to: &mut Self::Buffered, bytes: Vec<u8>) -> Vec<u8> {
        let BufResult(written, bytes) = to.write_all(bytes).await;
        written.expect("a connection");
        bytes
    }
}

impl Listeners for Compio {
    type Listener = TcpListener;

    fn listener(listener: StdListener) -> TcpListener {
        listener.set_nonblocking(false).expect("a socket that can");
        TcpListener::from_std(listener).expect("room for one more")
    }

    async fn accept(from: &mut TcpListener) -> TcpStream {
        from.accept().await.expect("a connection").0
    }

    async fn connect(to: SocketAddr) -> TcpStream {
        TcpStream::connect(to).await.expect("a connection")
    }
}

impl Datagrams for Compio {
    type Socket = UdpSocket;

    fn socket(socket: StdSocket) -> UdpSocket {
        socket.set_nonblocking(false).expect("a socket that can");
        UdpSocket::from_std(socket).expect("room for one more")
    }

    async fn receive(from: &mut UdpSocket, place: Vec<u8>) -> (usize, Vec<u8>) {
        let BufResult(received, place) = from.recv(place).await;
        (received.expect("a datagram"), place)
    }

    async fn send(to: &mut UdpSocket, bytes: Vec<u8>, count: usize) -> Vec<u8> {
        let BufResult(sent, bytes) = to.send(bytes.slice(..count)).await;
        sent.expect("a peer");
        bytes.into_inner()
    }
}
