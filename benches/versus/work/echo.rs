//! Bytes to and fro over TCP. Owns the batches; must not know any system.

use std::net::{TcpListener, TcpStream};

use super::join;
use crate::measure::{Cost, Stopwatch};
use crate::rows::EXCHANGES;
use crate::system::Sockets;

/// Two ends of a connection that do not block.
pub(super) fn pair(listener: &TcpListener) -> [TcpStream; 2] {
    let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    let (server, _) = listener.accept().expect("a connection");
    [client, server].map(|stream| {
        stream.set_nonblocking(true).expect("a socket that can");
        stream
    })
}

pub(crate) fn echo<S: Sockets, const CONNECTIONS: u64>(times: u64) -> Cost {
    let exchanges = times * EXCHANGES / CONNECTIONS;
    S::run(async |system: S| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let (mut clients, mut servers) = (Vec::new(), Vec::new());
        for _ in 0..CONNECTIONS {
            let [client, server] = pair(&listener).map(S::stream);
            servers.push(system.spawn(S::serve(server)));
            clients.push(client);
        }
        S::yield_now().await; // the servers wait
        let watch = Stopwatch::wall();
        let clients: Vec<_> = clients.into_iter().map(|client| system.spawn(S::ask(client, exchanges))).collect();
        join(clients).await;
        let cost = watch.cost(exchanges * CONNECTIONS);
        join(servers).await;
        cost
    })
}
