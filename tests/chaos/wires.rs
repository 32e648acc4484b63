//! Bytes that go through sockets, pipes and streams, and must arrive as they were. Must not know when it is given up.

use std::io;

use oneloop::net::{TcpListener, TcpStream, UnixStream, pipe};
use oneloop::{catch_cancelled, create_task, open_connection, start_server};

use crate::echo::echo;
use crate::ledger::fault;
use crate::program::Wire;

const HOST: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| u8::try_from(at % 251).expect("a byte")).collect()
}

fn check(got: &[u8], count: usize) {
    if got != bytes(count) {
        fault(format!("of {count} bytes {} arrived, or other ones", got.len()));
    }
}

/// Sends so many bytes, and checks what arrives at the other end.
pub(crate) async fn carry(wire: Wire, count: usize) {
    let carried = match wire {
        Wire::Tcp => through_tcp(count).await,
        Wire::Unix => through_unix(count).await,
        Wire::Pipe => through_a_pipe(count).await,
        Wire::Streams => through_streams(count).await,
        Wire::Server => through_a_server(count).await,
    };
    if let Err(error) = carried {
        fault(format!("{wire:?} of {count} bytes: {error}"));
    }
}

async fn through_tcp(count: usize) -> io::Result<()> {
    let listener = TcpListener::bind(HOST)?;
    let address = listener.local_addr()?;
    let sends = create_task(async move {
        let stream = TcpStream::connect(address).await?;
        stream.write_all(&bytes(count)).await
    });
    let (stream, _) = listener.accept().await?;
    let mut got = Vec::new();
    let mut room = [0; 4_096];
    loop {
        match stream.read(&mut room).await? {
            0 => break,
            n => got.extend_from_slice(&room[..n]),
        }
    }
    check(&got, count);
    sends.await
}

async fn through_unix(count: usize) -> io::Result<()> {
    let (one, other) = UnixStream::pair()?;
    // a task that the scripts cannot reach: it ends by itself, or when its other end is gone
    let sends = create_task(async move { one.write_all(&bytes(count)).await });
    let mut got = vec![0; count];
    let mut at = 0;
    while at < count {
        match other.read(&mut got[at..]).await? {
            0 => break,
            n => at += n,
        }
    }
    check(&got[..at], count);
    sends.await
}

async fn through_a_pipe(count: usize) -> io::Result<()> {
    let (reader, writer) = pipe()?;
    let sends = create_task(async move { writer.write_all(&bytes(count)).await });
    let mut got = Vec::new();
    let mut room = [0; 1_000];
    loop {
        match reader.read(&mut room).await? {
            0 => break,
            n => got.extend_from_slice(&room[..n]),
        }
    }
    check(&got, count);
    sends.await
}

async fn through_streams(count: usize) -> io::Result<()> {
    let (one, other) = UnixStream::pair()?;
    let (reader, _writer) = one.into_streams();
    let (_reader, writer) = other.into_streams();
    for piece in bytes(count).chunks(3_000) {
        writer.write(piece);
    }
    writer.write_eof();
    check(&reader.read_to_end().await?, count);
    writer.drain().await?;
    writer.close();
    writer.wait_closed().await
}

async fn through_a_server(count: usize) -> io::Result<()> {
    let server = start_server(async |reader, writer| echo(reader, writer).await, ("127.0.0.1", 0)).await?;
    let ran = catch_cancelled(async {
        let (reader, writer) = open_connection(server.local_addrs()[0]).await.map_err(io::Error::other)?;
        writer.write(bytes(count));
        writer.write_eof();
        check(&reader.read_to_end().await?, count);
        Ok::<_, io::Error>(())
    });
    let ran = ran.await;
    server.close();
    match ran {
        Ok(ran) => ran,
        Err(cancelled) => cancelled.reraise().await,
    }
}
