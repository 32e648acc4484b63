//! What no loop can be faster than: the same sockets, and no more around them than the calls on them. Owns these calls;
//! must not know the systems. These are no peers: no program is written like that.

use std::io::{ErrorKind, Read as _, Write as _};
use std::thread;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use crate::measure::{Cost, Stopwatch, Work};
use crate::sizes::{LINE, SECOND};
use crate::system::{ANYWHERE, System};
use crate::work::sockets::{each, message, pairs, place};

/// Both ends in turn, which never wait: no end has to be told that there is something to read.
pub(super) const CALLS: System = System { name: names::FLOOR, crates: &[], find: calls, refused: ANYWHERE };
/// The ends that epoll says can read, and no tasks.
pub(super) const EPOLL: System = System { name: names::EPOLL, crates: &["mio"], find: epoll, refused: ANYWHERE };

fn calls(row: Name) -> Option<Work> {
    Some(match row {
        Name::echo_1k_1 => in_turn::<1_024, 1>,
        Name::echo_1k_64 => in_turn::<1_024, 64>,
        Name::echo_1k_1024 => in_turn::<1_024, 1_024>,
        Name::echo_10k_1 => in_turn::<10_240, 1>,
        Name::echo_10k_64 => in_turn::<10_240, 64>,
        Name::echo_10k_1024 => in_turn::<10_240, 1_024>,
        Name::echo_100k_1 => in_turn::<102_400, 1>,
        Name::echo_100k_64 => in_turn::<102_400, 64>,
        Name::echo_100k_1024 => in_turn::<102_400, 1_024>,
        Name::cold => cold,
        _ => return None,
    })
}

fn epoll(row: Name) -> Option<Work> {
    Some(match row {
        Name::echo_1k_1 => when_readable::<1_024, 1>,
        Name::echo_1k_64 => when_readable::<1_024, 64>,
        Name::echo_1k_1024 => when_readable::<1_024, 1_024>,
        Name::echo_10k_1 => when_readable::<10_240, 1>,
        Name::echo_10k_64 => when_readable::<10_240, 64>,
        Name::echo_10k_1024 => when_readable::<10_240, 1_024>,
        Name::echo_100k_1 => when_readable::<102_400, 1>,
        Name::echo_100k_64 => when_readable::<102_400, 64>,
        Name::echo_100k_1024 => when_readable::<102_400, 1_024>,
        _ => return None,
    })
}

fn in_turn<const SIZE: usize, const CONNECTIONS: usize>(times: u64) -> Cost {
    let each = each(times, SIZE, CONNECTIONS);
    let mut pairs = match pairs(CONNECTIONS) {
        Ok(pairs) => pairs,
        Err(reason) => return Cost::Impossible(reason),
    };
    for end in pairs.as_flattened() {
        end.set_nonblocking(false).expect("a socket that can"); // if it should come to that
    }
    let (message, mut place) = (message(SIZE), vec![0; SIZE]);
    let mut exchange = || {
        for [client, _] in &mut pairs {
            client.write_all(&message).expect("a connection");
        }
        for [_, server] in &mut pairs {
            server.read_exact(&mut place).expect("a connection");
            server.write_all(&place).expect("a connection");
        }
        for [client, _] in &mut pairs {
            client.read_exact(&mut place).expect("a connection");
        }
    };
    exchange();
    let watch = Stopwatch::wall();
    (0..each).for_each(|_| exchange());
    watch.cost(each * CONNECTIONS as u64)
}

/// The calls of an exchange, after a second in which the thread slept.
fn cold(_: u64) -> Cost {
    let [client, server] = match pairs(1) {
        Ok(mut pairs) => pairs.remove(0),
        Err(reason) => return Cost::Impossible(reason),
    };
    for end in [&client, &server] {
        end.set_nonblocking(false).expect("a socket that can");
    }
    let (message, mut place) = (message(LINE), vec![0; LINE]);
    let mut exchange = || {
        for (mut from, mut to) in [(&client, &server), (&server, &client)] {
            from.write_all(&message).expect("a connection");
            to.read_exact(&mut place).expect("a connection");
        }
    };
    exchange();
    thread::sleep(SECOND);
    let start = Instant::now();
    exchange();
    Cost::Value(start.elapsed().as_secs_f64() * 1e6)
}

/// An end of a connection.
struct End {
    stream: TcpStream,
    /// How much of the answer is still to come, if it is a client.
    left: Option<usize>,
}

impl End {
    /// Whether all of an answer has come.
    fn turn(&mut self, size: usize, place: &mut [u8]) -> bool {
        loop {
            let n = match self.stream.read(place) {
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) => panic!("a connection: {error}"),
            };
            match &mut self.left {
                None => self.stream.write_all(&place[..n]).expect("a connection that takes what is waited for"),
                Some(left) if *left > n => *left -= n,
                Some(left) => {
                    *left = size;
                    return true;
                }
            }
            if n < place.len() {
                return false; // it was the last
            }
        }
    }
}

/// So many answers for each of the clients, which are every other end.
fn exchange(poll: &mut Poll, ends: &mut [End], message: &[u8], each: u64) {
    let (mut events, mut place) = (Events::with_capacity(1_024), place(message.len()));
    let mut asked = vec![each; ends.len()];
    let mut asking = ends.len() / 2;
    for client in ends.iter_mut().step_by(2) {
        client.stream.write_all(message).expect("a connection");
    }
    while asking > 0 {
        poll.poll(&mut events, None).expect("it is not interrupted");
        for event in &events {
            let at = event.token().0;
            if ends[at].turn(message.len(), &mut place) {
                asked[at] -= 1;
                match asked[at] {
                    0 => asking -= 1,
                    _ => ends[at].stream.write_all(message).expect("a connection"),
                }
            }
        }
    }
}

fn when_readable<const SIZE: usize, const CONNECTIONS: usize>(times: u64) -> Cost {
    let each = each(times, SIZE, CONNECTIONS);
    let pairs = match pairs(CONNECTIONS) {
        Ok(pairs) => pairs,
        Err(reason) => return Cost::Impossible(reason),
    };
    let mut poll = Poll::new().expect("a descriptor");
    let ends = pairs.into_iter().flat_map(|pair| pair.into_iter().zip([Some(SIZE), None]));
    let mut ends: Vec<_> = ends.map(|(stream, left)| End { stream: TcpStream::from_std(stream), left }).collect();
    for (at, end) in ends.iter_mut().enumerate() {
        poll.registry().register(&mut end.stream, Token(at), Interest::READABLE).expect("room for one more");
    }
    let message = message(SIZE);
    exchange(&mut poll, &mut ends, &message, 1);
    let watch = Stopwatch::wall();
    exchange(&mut poll, &mut ends, &message, each);
    watch.cost(each * CONNECTIONS as u64)
}
