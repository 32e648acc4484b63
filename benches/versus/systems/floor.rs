//! What no loop can be faster than: the same sockets, and no more around them than the calls on them. Owns that; must
//! not know the systems. These are no peers: nobody writes a program like that.

use std::io::{Read as _, Write as _};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::measure::{Cost, Stopwatch, Work};
use crate::rows::EXCHANGES;
use crate::system::{ANYWHERE, MESSAGE, PLACE, System};
use crate::work::pairs;

/// Both ends in turn, which never wait: nobody has to be told that there is something to read.
pub(super) const CALLS: System = System { name: "floor", crates: &[], find: calls, refused: ANYWHERE };
/// The ends that epoll says can read, and no tasks.
pub(super) const EPOLL: System = System { name: "epoll", crates: &["mio"], find: epoll, refused: ANYWHERE };

fn calls(row: &str) -> Option<Work> {
    Some(match row {
        "echo_1k_1" => in_turn::<1>,
        "echo_1k_64" => in_turn::<64>,
        _ => return None,
    })
}

fn epoll(row: &str) -> Option<Work> {
    Some(match row {
        "echo_1k_1" => when_readable::<1>,
        "echo_1k_64" => when_readable::<64>,
        _ => return None,
    })
}

fn in_turn<const CONNECTIONS: u64>(times: u64) -> Cost {
    let exchanges = times * EXCHANGES / CONNECTIONS;
    let mut pairs = pairs(CONNECTIONS);
    for end in pairs.as_flattened() {
        end.set_nonblocking(false).expect("a socket that can"); // if it should come to that
    }
    let mut place = vec![0; MESSAGE.len()];
    let watch = Stopwatch::wall();
    for _ in 0..exchanges {
        for [client, _] in &mut pairs {
            client.write_all(&MESSAGE).expect("a connection");
        }
        for [_, server] in &mut pairs {
            server.read_exact(&mut place).expect("a connection");
            server.write_all(&place).expect("a connection");
        }
        for [client, _] in &mut pairs {
            client.read_exact(&mut place).expect("a connection");
        }
    }
    watch.cost(exchanges * CONNECTIONS)
}

/// An end of a connection: how often it has to ask, if it is a client.
struct End {
    stream: TcpStream,
    asks: Option<u64>,
}

impl End {
    /// Whether it was the last answer that came.
    fn turn(&mut self, place: &mut [u8]) -> bool {
        let n = self.stream.read(place).expect("a connection");
        assert_eq!(n, MESSAGE.len(), "loopback keeps it together");
        let message = match &mut self.asks {
            None => &place[..n],
            Some(1) => return true,
            Some(left) => {
                *left -= 1;
                &MESSAGE
            }
        };
        self.stream.write_all(message).expect("a connection");
        false
    }
}

fn when_readable<const CONNECTIONS: u64>(times: u64) -> Cost {
    let exchanges = times * EXCHANGES / CONNECTIONS;
    let mut poll = Poll::new().expect("a descriptor");
    let ends = pairs(CONNECTIONS).into_iter().flat_map(|pair| pair.into_iter().zip([Some(exchanges), None]));
    let mut ends: Vec<_> = ends.map(|(stream, asks)| End { stream: TcpStream::from_std(stream), asks }).collect();
    for (at, end) in ends.iter_mut().enumerate() {
        poll.registry().register(&mut end.stream, Token(at), Interest::READABLE).expect("room for one more");
    }
    let (mut events, mut place, mut asking) = (Events::with_capacity(1_024), vec![0; PLACE], CONNECTIONS);
    let watch = Stopwatch::wall();
    for client in ends.iter_mut().step_by(2) {
        client.stream.write_all(&MESSAGE).expect("a connection");
    }
    while asking > 0 {
        poll.poll(&mut events, None).expect("nobody interrupts it");
        for event in &events {
            asking -= u64::from(ends[event.token().0].turn(&mut place));
        }
    }
    watch.cost(exchanges * CONNECTIONS)
}
