//! smol's sockets: async-io's, with the traits of futures-lite. Owns how it reads and writes; must not know what is
//! said.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use async_io::Async;
use futures_lite::io::BufReader;
use futures_lite::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use smol_hyper::rt::FuturesIo;

use super::{Executor, Smol};
use crate::system::{Buffered, Datagrams, Http, Listeners, Sockets};

impl<E: Executor> Sockets for Smol<E, true> {
    type Stream = Async<TcpStream>;

    fn stream(stream: TcpStream) -> Async<TcpStream> {
        Async::new_nonblocking(stream).expect("room for one more")
    }

    async fn read(from: &mut Async<TcpStream>, mut place: Vec<u8>) -> (usize, Vec<u8>) {
        let count = from.read(&mut place).await.expect("a connection");
        (count, place)
    }

    async fn write(to: &mut Async<TcpStream>, bytes: Vec<u8>, count: usize) -> Vec<u8> {
        to.write_all(&bytes[..count]).await.expect("a connection");
        bytes
    }
}

impl<E: Executor> Buffered for Smol<E, true> {
    type Buffered = BufReader<Async<TcpStream>>;

    fn buffered(stream: TcpStream) -> Self::Buffered {
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

impl<E: Executor> Listeners for Smol<E, true> {
    type Listener = Async<TcpListener>;

    fn listener(listener: TcpListener) -> Async<TcpListener> {
        Async::new_nonblocking(listener).expect("room for one more")
    }

    async fn accept(from: &mut Async<TcpListener>) -> Async<TcpStream> {
        from.accept().await.expect("a connection").0
    }

    async fn connect(to: SocketAddr) -> Async<TcpStream> {
        Async::<TcpStream>::connect(to).await.expect("a connection")
    }
}

impl<E: Executor> Http for Smol<E, true> {
    type Io = FuturesIo<Async<TcpStream>>;

    fn io(stream: Async<TcpStream>) -> Self::Io {
        FuturesIo::new(stream)
    }
}

impl<E: Executor> Datagrams for Smol<E, true> {
    type Socket = Async<UdpSocket>;

    fn socket(socket: UdpSocket) -> Async<UdpSocket> {
        Async::new_nonblocking(socket).expect("room for one more")
    }

    async fn receive(from: &mut Async<UdpSocket>, mut place: Vec<u8>) -> (usize, Vec<u8>) {
        let count = from.recv(&mut place).await.expect("a datagram");
        (count, place)
    }

    async fn send(to: &mut Async<UdpSocket>, bytes: Vec<u8>, count: usize) -> Vec<u8> {
        to.send(&bytes[..count]).await.expect("a peer");
        bytes
    }
}
