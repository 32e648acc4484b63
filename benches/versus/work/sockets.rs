//! The work on sockets. Owns who says what to whom, and the connections, made so that they leave no ports behind; must
//! not know any system.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::net::sockopt::set_socket_linger;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, getsockname, socket_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::measure::{Cost, Stopwatch};
use crate::sizes::{CONNECTS, IDLE, LEAST_EACH, LINE, PINGS, SECOND, SETTLED, VOLUME};
use crate::system::{Buffered, Datagrams, Listeners, Sockets, Spawn, Timers};
use crate::work::join;

/// What two ends of a connection say to each other: one asks, the other sends back what comes.
pub(crate) trait Talk<S> {
    type End: 'static;
    const SIZE: usize;

    fn end(stream: TcpStream) -> Self::End;

    /// Sends back what comes, until the end.
    fn serve(end: Self::End) -> impl Future<Output = ()> + 'static;

    /// Sends a message so many times, and each time waits for all of it to come back.
    fn ask(end: Self::End, times: u64) -> impl Future<Output = Self::End> + 'static;
}

/// Bytes as they come.
pub(crate) struct Raw<const SIZE: usize>;
/// Lines, from a buffer.
pub(crate) struct Lines;
/// Messages of a known length, from a buffer.
pub(crate) struct Exact;

/// A line of this length.
pub(crate) fn message(size: usize) -> Vec<u8> {
    let mut message = vec![7; size];
    message[size - 1] = b'\n';
    message
}

/// Where a message is read to: with more room than it needs, so that a read can be seen to be the last, but never more
/// than what one copies with.
pub(crate) fn place(size: usize) -> Vec<u8> {
    vec![0; (4 * size).min(65_536)]
}

impl<S: Sockets, const SIZE: usize> Talk<S> for Raw<SIZE> {
    type End = S::Stream;
    const SIZE: usize = SIZE;

    fn end(stream: TcpStream) -> S::Stream {
        S::stream(stream)
    }

    async fn serve(mut stream: S::Stream) {
        let mut place = place(SIZE);
        loop {
            let (count, full) = S::read(&mut stream, place).await;
            if count == 0 {
                return;
            }
            place = S::write(&mut stream, full, count).await;
        }
    }

    async fn ask(mut stream: S::Stream, times: u64) -> S::Stream {
        let (mut message, mut place) = (message(SIZE), place(SIZE));
        for _ in 0..times {
            message = S::write(&mut stream, message, SIZE).await;
            let mut left = SIZE;
            while left > 0 {
                let (count, full) = S::read(&mut stream, place).await;
                assert!((1..=left).contains(&count), "{count} bytes came, of {left}");
                left -= count;
                place = full;
            }
        }
        stream
    }
}

impl<S: Buffered> Talk<S> for Lines {
    type End = S::Buffered;
    const SIZE: usize = LINE;

    fn end(stream: TcpStream) -> S::Buffered {
        S::buffered(stream)
    }

    async fn serve(mut stream: S::Buffered) {
        let mut line = Vec::with_capacity(LINE);
        while S::line(&mut stream, &mut line).await > 0 {
            line = S::put(&mut stream, line).await;
            line.clear();
        }
    }

    async fn ask(mut stream: S::Buffered, times: u64) -> S::Buffered {
        let (mut message, mut line) = (message(LINE), Vec::with_capacity(LINE));
        for _ in 0..times {
            message = S::put(&mut stream, message).await;
            line.clear();
            assert_eq!(S::line(&mut stream, &mut line).await, LINE);
        }
        stream
    }
}

impl<S: Buffered> Talk<S> for Exact {
    type End = S::Buffered;
    const SIZE: usize = LINE;

    fn end(stream: TcpStream) -> S::Buffered {
        S::buffered(stream)
    }

    async fn serve(mut stream: S::Buffered) {
        let mut place = vec![0; LINE];
        while let Some(full) = S::exactly(&mut stream, place).await {
            place = S::put(&mut stream, full).await;
        }
    }

    async fn ask(mut stream: S::Buffered, times: u64) -> S::Buffered {
        let (mut message, mut place) = (message(LINE), vec![0; LINE]);
        for _ in 0..times {
            message = S::put(&mut stream, message).await;
            place = S::exactly(&mut stream, place).await.expect("an answer");
        }
        stream
    }
}

/// A port of this machine. Who takes a connection from it ends it at once when he is the second to close: then no
/// port waits a minute before it can be had again.
pub(crate) fn listener() -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    set_socket_linger(&listener, Some(Duration::ZERO)).expect("a socket that can");
    listener
}

/// Two ends of a connection that do not block.
fn pair(listener: &TcpListener) -> [TcpStream; 2] {
    let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    let (server, _) = listener.accept().expect("a connection");
    [client, server].map(|stream| {
        stream.set_nonblocking(true).expect("a socket that can");
        stream
    })
}

/// So many connections, as client and server; or why there cannot be as many.
pub(crate) fn pairs(count: usize) -> Result<Vec<[TcpStream; 2]>, String> {
    want(2 * count as u64)?;
    let listener = listener();
    Ok((0..count).map(|_| pair(&listener)).collect())
}

/// How many messages go over each of so many connections.
pub(crate) fn each(times: u64, size: usize, connections: usize) -> u64 {
    times * ((VOLUME / size / connections) as u64).max(LEAST_EACH)
}

/// Lets the process have so many descriptors beside its own, if it may.
pub(super) fn want(descriptors: u64) -> Result<(), String> {
    let (limit, wanted) = (getrlimit(Resource::Nofile), descriptors + 64);
    if limit.current.is_none_or(|now| now >= wanted) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    let most = limit.maximum.unwrap_or(wanted);
    setrlimit(Resource::Nofile, raised).map_err(|error| format!("it takes {wanted} descriptors, of {most}: {error}"))
}

/// Both ends are tasks of the loop. Each connection is used once before the clock starts.
pub(crate) fn echo<S: Spawn, T: Talk<S>, const CONNECTIONS: usize>(times: u64) -> Cost {
    let each = each(times, T::SIZE, CONNECTIONS);
    let pairs = match pairs(CONNECTIONS) {
        Ok(pairs) => pairs,
        Err(reason) => return Cost::Impossible(reason),
    };
    S::run(async |system: S| {
        let (mut clients, mut servers) = (Vec::new(), Vec::new());
        for pair in pairs {
            let [client, server] = pair.map(T::end);
            servers.push(system.spawn(T::serve(server)));
            clients.push(client);
        }
        clients = ask_all::<S, T>(&system, clients, 1).await;
        let watch = Stopwatch::wall();
        clients = ask_all::<S, T>(&system, clients, each).await;
        let cost = watch.cost(each * CONNECTIONS as u64);
        drop(clients);
        join(servers).await;
        cost
    })
}

async fn ask_all<S: Spawn, T: Talk<S>>(system: &S, clients: Vec<T::End>, times: u64) -> Vec<T::End> {
    let tasks: Vec<_> = clients.into_iter().map(|client| system.spawn(T::ask(client, times))).collect();
    let mut clients = Vec::with_capacity(tasks.len());
    for task in tasks {
        clients.push(task.await);
    }
    clients
}

/// What the first message takes after a second in which nothing happened: once, since a second cannot be shorter.
pub(crate) fn cold<S: Timers + Sockets>(_: u64) -> Cost {
    S::run(async |system: S| {
        let [client, server] = pair(&listener()).map(S::stream);
        let server = system.spawn(<Raw<LINE> as Talk<S>>::serve(server));
        let client = system.spawn(<Raw<LINE> as Talk<S>>::ask(client, 1)).await;
        S::timer(SECOND).await;
        let start = Instant::now();
        let client = system.spawn(<Raw<LINE> as Talk<S>>::ask(client, 1)).await;
        let cost = Cost::Value(start.elapsed().as_secs_f64() * 1e6);
        drop(client);
        server.await;
        cost
    })
}

/// A task for each connection at the server, one connection after the other at the client.
pub(crate) fn connect_churn<S: Listeners>(times: u64) -> Cost {
    let connects = times * CONNECTS;
    S::run(async |system: S| {
        let listener = listener();
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket that can");
        let server = system.spawn(accept(system.clone(), S::listener(listener), connects));
        S::yield_now().await; // the server waits
        let watch = Stopwatch::wall();
        for _ in 0..connects {
            drop(<Raw<LINE> as Talk<S>>::ask(S::connect(address).await, 1).await);
        }
        let cost = watch.cost(connects);
        server.await;
        cost
    })
}

async fn accept<S: Listeners>(system: S, mut listener: S::Listener, connects: u64) {
    let mut servers = Vec::new();
    for _ in 0..connects {
        let stream = S::accept(&mut listener).await;
        servers.push(system.spawn(<Raw<LINE> as Talk<S>>::serve(stream)));
    }
    join(servers).await;
}

/// Two sockets, each of which knows the other.
pub(crate) fn udp_ping<S: Datagrams>(times: u64) -> Cost {
    let pings = times * PINGS;
    S::run(async |system: S| {
        let [client, server] = sockets().map(S::socket);
        let server = system.spawn(answer::<S>(server, pings + 1));
        let client = system.spawn(ping::<S>(client, 1)).await;
        let watch = Stopwatch::wall();
        system.spawn(ping::<S>(client, pings)).await;
        let cost = watch.cost(pings);
        server.await;
        cost
    })
}

pub(crate) fn sockets() -> [UdpSocket; 2] {
    let sockets = [(); 2].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"));
    for (this, other) in [(0, 1), (1, 0)] {
        sockets[this].connect(sockets[other].local_addr().expect("an address")).expect("a peer");
        sockets[this].set_nonblocking(true).expect("a socket that can");
    }
    sockets
}

async fn answer<S: Datagrams>(mut socket: S::Socket, times: u64) {
    let mut place = place(LINE);
    for _ in 0..times {
        let (count, full) = S::receive(&mut socket, place).await;
        place = S::send(&mut socket, full, count).await;
    }
}

async fn ping<S: Datagrams>(mut socket: S::Socket, times: u64) -> S::Socket {
    let (mut message, mut place) = (message(LINE), place(LINE));
    for _ in 0..times {
        message = S::send(&mut socket, message, LINE).await;
        let (count, full) = S::receive(&mut socket, place).await;
        assert_eq!(count, LINE);
        place = full;
    }
    socket
}

/// A task reads from each connection, and nothing comes. A thread beside the loop looks at what time all others have.
pub(crate) fn idle<S: Sockets>(_: u64) -> Cost {
    if let Err(reason) = want(IDLE) {
        return Cost::Impossible(reason);
    }
    S::run(async |system: S| {
        let [wake, end] = pair(&listener());
        let mut end = S::stream(end);
        let tasks: Vec<_> = (0..IDLE).map(|_| system.spawn(end_of::<S>(S::stream(alone())))).collect();
        let watch = thread::spawn(move || {
            thread::sleep(SETTLED);
            let before = time_of_others()?;
            thread::sleep(SECOND);
            let spent = time_of_others()? - before;
            drop(wake); // and the loop ends
            Some(spent)
        });
        S::read(&mut end, place(1)).await;
        drop(tasks);
        match watch.join().expect("it does not panic") {
            Some(nanos) => Cost::Value(nanos / 1_000.0),
            None => Cost::Impossible("there is no /proc/self/task/*/schedstat".to_owned()),
        }
    })
}

pub(super) async fn end_of<S: Sockets>(mut stream: S::Stream) {
    S::read(&mut stream, place(1)).await;
}

/// A connection of a socket with itself, which is one descriptor instead of two.
pub(super) fn alone() -> TcpStream {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).expect("a socket");
    set_socket_linger(&socket, Some(Duration::ZERO)).expect("a socket that can");
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a port");
    connect(&socket, &getsockname(&socket).expect("an address")).expect("a connection");
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true).expect("a socket that can");
    stream
}

/// Nanoseconds that all threads of the process but this one have run, if the system says so.
fn time_of_others() -> Option<f64> {
    let this = fs::read_link("/proc/thread-self").ok()?;
    let mut sum = 0.0;
    for task in fs::read_dir("/proc/self/task").ok()? {
        let task = task.ok()?;
        if Some(task.file_name().as_os_str()) != this.file_name() {
            let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
            sum += stat.split(' ').next()?.parse::<f64>().ok()?;
        }
    }
    Some(sum)
}
