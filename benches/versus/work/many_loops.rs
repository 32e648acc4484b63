//! A loop for each core. Owns the threads, their common port and their common time; must not know any system.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{set_socket_linger, set_socket_reuseport};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};

use super::sockets::{Raw, Talk, want};
use crate::measure::{Cost, float};
use crate::sizes::{CLIENTS, LINE, MANY_LOOPS};
use crate::system::{Listeners, Timers};

/// What the threads have in common. Each waits by short sleeps, since it has to serve the clients of the others.
struct Threads {
    count: usize,
    /// Only for moments in which no client waits for an answer.
    all_are_here: Barrier,
    /// How many have connected their clients, and used each connection once.
    connected: AtomicUsize,
    /// How many have no client left that waits for an answer.
    ended: AtomicUsize,
    messages: AtomicU64,
}

/// So many threads with a loop, a listener and some clients each, all on one port, among which the system spreads the
/// connections. The value is the time by the messages that were answered in it, on all threads.
pub(crate) fn many_loops<S: Listeners + Timers, const LOOPS: usize>(_: u64) -> Cost {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores < LOOPS {
        return Cost::Impossible(format!("it takes {LOOPS} processors, of {cores}"));
    }
    if let Err(reason) = want(2 * (LOOPS * CLIENTS) as u64) {
        return Cost::Impossible(reason);
    }
    let threads = Arc::new(Threads {
        count: LOOPS,
        all_are_here: Barrier::new(LOOPS),
        connected: AtomicUsize::new(0),
        ended: AtomicUsize::new(0),
        messages: AtomicU64::new(0),
    });
    let running: Vec<_> = on_one_port(LOOPS)
        .into_iter()
        .map(|listener| {
            let threads = Arc::clone(&threads);
            thread::spawn(move || S::run(async |system| one_loop(system, listener, &threads).await))
        })
        .collect();
    for thread in running {
        thread.join().expect("no loop fails");
    }
    Cost::Value(MANY_LOOPS.as_secs_f64() * 1e9 / float(threads.messages.load(Ordering::Relaxed)))
}

fn on_one_port(count: usize) -> Vec<TcpListener> {
    let mut port = 0;
    let listener = |_| {
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let socket = socket.expect("a socket");
        set_socket_reuseport(&socket, true).expect("a system that spreads");
        set_socket_linger(&socket, Some(Duration::ZERO)).expect("a socket that can");
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).expect("a port");
        listen(&socket, 1_024).expect("a socket that can");
        let listener = TcpListener::from(socket);
        listener.set_nonblocking(true).expect("a socket that can");
        port = listener.local_addr().expect("an address").port();
        listener
    };
    (0..count).map(listener).collect()
}

async fn one_loop<S: Listeners + Timers>(system: S, listener: TcpListener, threads: &Arc<Threads>) {
    let address = listener.local_addr().expect("an address");
    let listener = S::listener(listener);
    threads.all_are_here.wait(); // a system may make a listener of its own from this, which loses what has come
    let _serving = system.spawn(serve(system.clone(), listener));
    let mut clients = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        clients.push(connected::<S>(address).await);
    }
    threads.all::<S>(&threads.connected).await;
    threads.all_are_here.wait(); // and the clock starts
    let ends = Instant::now() + MANY_LOOPS;
    let asking: Vec<_> = clients.into_iter().map(|client| system.spawn(ask_until::<S>(client, ends))).collect();
    for asked in asking {
        threads.messages.fetch_add(asked.await, Ordering::Relaxed);
    }
    threads.all::<S>(&threads.ended).await;
}

impl Threads {
    /// Waits until all are as far as this one.
    async fn all<S: Timers>(&self, arrived: &AtomicUsize) {
        arrived.fetch_add(1, Ordering::Relaxed);
        while arrived.load(Ordering::Relaxed) < self.count {
            S::timer(Duration::from_millis(1)).await;
        }
    }
}

async fn serve<S: Listeners>(system: S, mut listener: S::Listener) {
    let mut servers = Vec::new();
    loop {
        let stream = S::accept(&mut listener).await;
        servers.push(system.spawn(<Raw<LINE> as Talk<S>>::serve(stream)));
    }
}

async fn connected<S: Listeners>(address: SocketAddr) -> S::Stream {
    <Raw<LINE> as Talk<S>>::ask(S::connect(address).await, 1).await
}

/// Sends messages until the time is up, and says how many were answered in it.
async fn ask_until<S: Listeners>(mut client: S::Stream, ends: Instant) -> u64 {
    const PORTION: u64 = 10;
    let mut answered = 0;
    loop {
        client = <Raw<LINE> as Talk<S>>::ask(client, PORTION).await;
        if Instant::now() >= ends {
            return answered;
        }
        answered += PORTION;
    }
}
