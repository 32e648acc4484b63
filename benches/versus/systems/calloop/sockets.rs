//! calloop's sockets: a source for each, with a callback. Owns how they answer; must not know what calloop does beside
//! that.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Instant;

use calloop::generic::Generic;
use calloop::timer::TimeoutFuture;
use calloop::{Interest, LoopHandle, Mode, PostAction, Readiness};
use oneloop_versus::rows::Name;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, accept_with, connect, socket_with};

use super::Counted;
use crate::measure::{Cost, Stopwatch, Work};
use crate::sizes::{CONNECTS, LINE, PINGS, SECOND};
use crate::work::sockets::{each, listener, message, pairs, place, sockets};

type Handle = LoopHandle<'static, u64>;

pub(super) fn find(row: Name) -> Option<Work> {
    Some(match row {
        Name::echo_1k_1 => echo::<1_024, 1>,
        Name::echo_1k_64 => echo::<1_024, 64>,
        Name::echo_1k_1024 => echo::<1_024, 1_024>,
        Name::echo_10k_1 => echo::<10_240, 1>,
        Name::echo_10k_64 => echo::<10_240, 64>,
        Name::echo_10k_1024 => echo::<10_240, 1_024>,
        Name::echo_100k_1 => echo::<102_400, 1>,
        Name::echo_100k_64 => echo::<102_400, 64>,
        Name::echo_100k_1024 => echo::<102_400, 1_024>,
        Name::cold => cold,
        Name::connect_churn => connect_churn,
        Name::udp_ping => udp_ping,
        _ => return None,
    })
}

/// Calls back for each time that there is something to read.
fn on_readable<F: AsFd + 'static>(
    handle: &Handle,
    socket: F,
    mut callback: impl FnMut(&F, &mut u64) -> io::Result<PostAction> + 'static,
) {
    let source = Generic::new(socket, Interest::READ, Mode::Level);
    handle.insert_source(source, move |_, socket, ended| callback(socket, ended)).expect("room for one more");
}

/// Sends back what comes, until the end. There is always room for it: the other end waits for it.
fn serve(handle: &Handle, stream: TcpStream, size: usize) {
    let mut place = place(size);
    on_readable(handle, stream, move |mut stream, _| {
        let n = stream.read(&mut place)?;
        stream.write_all(&place[..n])?;
        Ok(if n == 0 { PostAction::Remove } else { PostAction::Continue })
    });
}

/// Each time that all of a message has come back, sends the next; but not the second, nor more than so many.
fn ask(handle: &Handle, stream: Rc<TcpStream>, message: Rc<[u8]>, times: u64) {
    let (mut place, mut asked, mut back) = (place(message.len()), 0, 0);
    on_readable(handle, stream, move |stream, ended| {
        let mut stream = stream.as_ref();
        back += stream.read(&mut place)?;
        if back == message.len() {
            (asked, back) = (asked + 1, 0);
            if asked == 1 || asked == times {
                *ended += 1;
            } else {
                stream.write_all(&message)?;
            }
        }
        Ok(PostAction::Continue)
    });
}

fn echo<const SIZE: usize, const CONNECTIONS: usize>(times: u64) -> Cost {
    let each = each(times, SIZE, CONNECTIONS);
    let pairs = match pairs(CONNECTIONS) {
        Ok(pairs) => pairs,
        Err(reason) => return Cost::Impossible(reason),
    };
    let (mut counted, message) = (Counted::new(), Rc::<[u8]>::from(message(SIZE)));
    let (handle, mut clients) = (counted.handle(), Vec::new());
    for [client, server] in pairs {
        let client = Rc::new(client);
        serve(&handle, server, SIZE);
        ask(&handle, client.clone(), message.clone(), 1 + each);
        clients.push(client);
    }
    let mut ask_all = || {
        for client in &clients {
            client.as_ref().write_all(&message).expect("a connection");
        }
        counted.run(CONNECTIONS as u64);
    };
    ask_all();
    let watch = Stopwatch::wall();
    ask_all();
    watch.cost(each * CONNECTIONS as u64)
}

/// The second message, after a second in which the loop slept.
fn cold(_: u64) -> Cost {
    let [client, server] = match pairs(1) {
        Ok(mut pairs) => pairs.remove(0),
        Err(reason) => return Cost::Impossible(reason),
    };
    let (mut counted, message) = (Counted::new(), Rc::<[u8]>::from(message(LINE)));
    let (handle, client) = (counted.handle(), Rc::new(client));
    serve(&handle, server, LINE);
    ask(&handle, client.clone(), message.clone(), 2);
    let exchange = |counted: &mut Counted| {
        client.as_ref().write_all(&message).expect("a connection");
        counted.run(1);
    };
    exchange(&mut counted);
    counted.spawn(TimeoutFuture::from_duration(&handle, SECOND));
    counted.run(1);
    let start = Instant::now();
    exchange(&mut counted);
    Cost::Value(start.elapsed().as_secs_f64() * 1e6)
}

/// A source for each connection at the server, one connection after the other at the client.
fn connect_churn(times: u64) -> Cost {
    let mut counted = Counted::new();
    let handle = counted.handle();
    let listener = listener();
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a socket that can");
    let server = handle.clone();
    on_readable(&handle, listener, move |listener, _| {
        let stream = accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
        serve(&server, stream.into(), LINE);
        Ok(PostAction::Continue)
    });
    let (connects, message) = (times * CONNECTS, Rc::<[u8]>::from(message(LINE)));
    let watch = Stopwatch::wall();
    for _ in 0..connects {
        ask_once(&handle, address, message.clone());
        counted.run(1);
    }
    watch.cost(connects)
}

/// Sends the message as soon as there is a connection, and ends when all of it has come back. The source is for both,
/// and is told only what is new, so that it is never changed.
fn ask_once(handle: &Handle, address: SocketAddr, message: Rc<[u8]>) {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let client = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).expect("a socket");
    match connect(&client, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => panic!("no connection: {error}"),
    }
    let (mut place, mut sent, mut back) = (place(LINE), false, 0);
    let mut callback = move |ready: Readiness, mut stream: &TcpStream, ended: &mut u64| {
        if ready.writable && !sent {
            stream.write_all(&message)?;
            sent = true;
        }
        if ready.readable {
            match stream.read(&mut place) {
                Ok(count) => back += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if back < LINE {
            return Ok(PostAction::Continue);
        }
        *ended += 1;
        Ok(PostAction::Remove)
    };
    let source = Generic::new(TcpStream::from(client), Interest::BOTH, Mode::Edge);
    handle
        .insert_source(source, move |ready, stream, ended| callback(ready, stream, ended))
        .expect("room for one more");
}

/// Two sockets, each of which knows the other, and sends when it has received.
fn udp_ping(times: u64) -> Cost {
    let mut counted = Counted::new();
    let (handle, [client, server]) = (counted.handle(), sockets());
    let mut room = place(LINE);
    on_readable(&handle, server, move |socket, _| {
        let count = socket.recv(&mut room)?;
        socket.send(&room[..count])?;
        Ok(PostAction::Continue)
    });
    let (pings, client, message) = (times * PINGS, Rc::new(client), Rc::<[u8]>::from(message(LINE)));
    ping(&handle, client.clone(), message.clone(), 1 + pings);
    let mut first = || {
        client.send(&message).expect("a peer");
        counted.run(1);
    };
    first();
    let watch = Stopwatch::wall();
    first();
    watch.cost(pings)
}

/// Each time that the message has come back, sends it again; but not a second time, nor more often than so.
fn ping(handle: &Handle, socket: Rc<UdpSocket>, message: Rc<[u8]>, times: u64) {
    let (mut place, mut back) = (place(LINE), 0);
    on_readable(handle, socket, move |socket, ended| {
        assert_eq!(socket.recv(&mut place)?, LINE);
        back += 1;
        if back == 1 || back == times {
            *ended += 1;
        } else {
            socket.send(&message)?;
        }
        Ok(PostAction::Continue)
    });
}
