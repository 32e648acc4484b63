//! As many clients at once as a server is ever likely to have, from another process: all answered, all gone, and their
//! memory back. Fewer where the build is slow, or the machine allows no more descriptors.
#![expect(clippy::print_stdout, reason = "says how many there are")]

use std::env;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};

use oneloop::{Server, StreamReader, StreamWriter, start_server, yield_now};

use crate::again::this_test_again;
use crate::limits::raise_descriptor_limit;
use crate::live;
use crate::real::run_real;
use crate::turns::one_at_a_time;

const CLIENTS: usize = if cfg!(debug_assertions) { 2_000 } else { 10_000 };
/// What a client may leave: blocks of tasks, which the next tasks will have. Its buffers alone are larger.
const KEPT_OF_EACH: usize = 2_000;
const MESSAGE: &[u8; 1_024] = &[7; 1_024];
const ROLE: &str = "ONELOOP_CLIENTS_OF";

/// The other process: connects them all, then asks with each, and has two more questions in the other order.
fn clients(address: SocketAddr, count: usize) {
    let mut all: Vec<TcpStream> = (0..count).map(|_| TcpStream::connect(address).unwrap()).collect();
    for round in 0..3 {
        for socket in &mut all {
            socket.write_all(MESSAGE).unwrap();
        }
        for socket in &mut all {
            let mut answer = [0; MESSAGE.len()];
            socket.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, MESSAGE, "round {round}");
        }
        all.reverse();
    }
    // the last answer has come to all; now they go at once
}

fn start_clients(address: SocketAddr) -> Child {
    this_test_again().env(ROLE, address.to_string()).stdout(Stdio::null()).spawn().unwrap()
}

async fn echo(reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    loop {
        let message = reader.read(4_096).await?;
        if message.is_empty() {
            return Ok(());
        }
        writer.write(message);
        writer.drain().await?;
    }
}

/// Serves as many clients, until they are gone, and answers how many there were at once.
async fn serve(server: &Server) -> usize {
    let mut child = start_clients(server.local_addrs()[0]);
    let mut most = 0;
    loop {
        most = most.max(server.client_count());
        yield_now().await;
        if most > 0 && server.client_count() == 0 && child.try_wait().unwrap().is_some_and(|status| status.success()) {
            return most;
        }
    }
}

#[test]
fn all_are_answered_and_leave_nothing() {
    let count = CLIENTS.min(raise_descriptor_limit().saturating_sub(100));
    if let Ok(address) = env::var(ROLE) {
        return clients(address.parse().unwrap(), count);
    }
    let _turn = one_at_a_time();
    let main = async {
        let server = start_server(echo, ("127.0.0.1", 0)).await.unwrap();
        let before = live();
        assert_eq!(serve(&server).await, count);
        let first = live();
        assert_eq!(serve(&server).await, count);
        let second = live();
        println!("{count} clients at once left {} bytes, and as many more {}", first - before, second - first);
        assert!(first - before <= (count * KEPT_OF_EACH).cast_signed(), "{} bytes were kept", first - before);
        assert!(second - first <= 65_536, "{} more bytes", second - first);
    };
    run_real(main);
}
