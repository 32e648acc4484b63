//! Which ports are open? Many connects at once, but so many at a time and no more, each with a time-out of its own. The
//! ports are the program's own, on loopback: some listen, some do not, and one is so busy that it never answers.
//! In Python:
//!
//! ```python
//! async def probe(port):
//!     async with limit:
//!         try:
//!             async with asyncio.timeout(0.3):
//!                 _, writer = await asyncio.open_connection("127.0.0.1", port)
//!         except OSError:  # a TimeoutError is one, too
//!             ...
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use oneloop::net::{TcpConnector, TcpListener, TcpStream};
use oneloop::{Clock, Error, EventLoop, gather, timeout};

const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_millis(300);
const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

async fn probe(address: SocketAddr) -> &'static str {
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_stream)) => "open",
        Ok(Err(error)) => match io::Error::from(error).kind() {
            ErrorKind::ConnectionRefused => "closed",
            _ => "unreachable",
        },
        Err(_timed_out) => "silent",
    }
}

/// A port whose line of waiting connections is full, so that the system does not answer any more.
async fn busy() -> io::Result<(TcpListener, Vec<TcpStream>)> {
    let listener = TcpListener::builder().backlog(0).bind(LOOPBACK)?;
    let address = listener.local_addr()?;
    let mut waiting = Vec::new();
    while let Ok(connected) = timeout(PATIENCE, TcpStream::connect(address)).await {
        waiting.push(connected?);
    }
    Ok((listener, waiting))
}

async fn scan() -> io::Result<()> {
    let busy = busy().await?;
    let listeners: Vec<TcpListener> = (0..6).map(|_| TcpListener::bind(LOOPBACK)).collect::<io::Result<_>>()?;
    // the local port of a connection is taken, and no socket listens on it
    let connector = TcpConnector::new().local_addr(LOOPBACK);
    let (mut ports, mut connections) = (Vec::new(), Vec::new());
    for listener in &listeners {
        ports.push(listener.local_addr()?);
        for _ in 0..5 {
            let connection = connector.connect(listener.local_addr()?).await?;
            ports.push(connection.local_addr()?);
            connections.push(connection);
        }
    }
    ports.insert(10, busy.0.local_addr()?);

    let start = EventLoop::current().time();
    let found = gather(ports.iter().map(|address| probe(*address))).limit(AT_ONCE).await;
    let took = EventLoop::current().time() - start;

    for (at, state) in found.iter().enumerate().filter(|(_, state)| **state != "closed") {
        println!("port {:>2} of {}: {state}", at + 1, ports.len());
    }
    for state in ["open", "closed", "silent", "unreachable"] {
        println!("{:>2} {state}", found.iter().filter(|one| **one == state).count());
    }
    println!("{AT_ONCE} at once, in {} ms", took.as_millis());
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).run(scan())??;
    Ok(())
}
