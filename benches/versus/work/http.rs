//! The work on HTTP: hyper's server on a system, and in a thread beside it the clients that ask, the same for all. Owns
//! what is asked, how often and when; must not know any system.

use std::convert::Infallible;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::sockets::listener;
use crate::measure::{Cost, float, percentile};
use crate::sizes::{ASKERS, HALF_LOAD, REQUESTS};
use crate::system::Http;
use crate::work::join;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nuser-agent: oneloop\r\naccept: */*\r\n\r\n";
const ANSWER: &[u8] = b"Hello, World!";
/// More than an answer with its head has.
const PLACE: usize = 4_096;

/// As many requests at once as there are clients: each asks again when it is answered.
pub(crate) fn requests<S: Http>(times: u64) -> Cost {
    beside_a_server::<S>(move |mut clients| {
        let count = times * REQUESTS;
        Cost::Time { operations: count, time: clients.ask_in_a_row(count) }
    })
}

/// What 99 of 100 requests take at most, when half as many come as the system has just been seen to answer: at their
/// times, whether those before are answered or not.
pub(crate) fn latency<S: Http>(_: u64) -> Cost {
    beside_a_server::<S>(|mut clients| {
        clients.ask_in_a_row(REQUESTS);
        let count = 5 * REQUESTS;
        let every = 2.0 * clients.ask_in_a_row(count).as_secs_f64() / float(count);
        Cost::Value(percentile(clients.ask_on_time(every), 99))
    })
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(ANSWER))))
}

/// The server ends when the clients do.
fn beside_a_server<S: Http>(ask: impl FnOnce(Clients) -> Cost + Send + 'static) -> Cost {
    S::run(async |system: S| {
        let listener = listener();
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket that can");
        let mut listener = S::listener(listener);
        let clients = thread::spawn(move || ask(Clients::new(address)));
        let mut servers = Vec::new();
        for _ in 0..ASKERS {
            let stream = S::io(S::accept(&mut listener).await);
            let server = http1::Builder::new().serve_connection(stream, service_fn(answer));
            servers.push(system.spawn(async { server.await.unwrap_or_default() })); // a client that goes is no error
        }
        join(servers).await;
        clients.join().expect("it does not panic")
    })
}

struct Client {
    stream: TcpStream,
    /// How much of the answer is still to come: nothing if it may ask.
    left: usize,
    /// When its request was due.
    since: Instant,
}

struct Clients {
    poll: Poll,
    all: Vec<Client>,
    /// How long an answer is, with its head: all are alike.
    length: usize,
}

impl Clients {
    /// Each asks once.
    fn new(server: SocketAddr) -> Self {
        let poll = Poll::new().expect("a descriptor");
        let mut length = 0;
        let clients = (0..ASKERS).map(|at| {
            let mut stream = StdStream::connect(server).expect("a server");
            stream.set_nodelay(true).expect("a socket that can");
            length = ask_once(&mut stream);
            stream.set_nonblocking(true).expect("a socket that can");
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(at), Interest::READABLE).expect("room for one more");
            Client { stream, left: 0, since: Instant::now() }
        });
        let all = clients.collect();
        Self { poll, all, length }
    }

    fn ask(&mut self, at: usize, since: Instant) {
        let client = &mut self.all[at];
        client.stream.write_all(REQUEST).expect("a connection that takes what is waited for");
        (client.left, client.since) = (self.length, since);
    }

    /// Waits for answers, and calls `answered` with the client and the time at which its request was due.
    fn turn(
        &mut self,
        events: &mut Events,
        patience: Option<Duration>,
        mut answered: impl FnMut(&mut Self, usize, Instant),
    ) {
        let mut place = [0; PLACE];
        self.poll.poll(events, patience).expect("it is not interrupted");
        for event in events.iter() {
            let at = event.token().0;
            let client = &mut self.all[at];
            match client.stream.read(&mut place) {
                Ok(count) if (1..=client.left).contains(&count) => client.left -= count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                other => panic!("{other:?} came, of {}", client.left),
            }
            if client.left == 0 {
                let since = client.since;
                answered(self, at, since);
            }
        }
    }

    /// How long so many take.
    fn ask_in_a_row(&mut self, count: u64) -> Duration {
        let (mut events, start) = (Events::with_capacity(ASKERS), Instant::now());
        let (mut asked, mut came) = (count.min(ASKERS as u64), 0);
        (0..ASKERS).take(usize::try_from(asked).expect("it is small")).for_each(|at| self.ask(at, start));
        while came < count {
            self.turn(&mut events, None, |clients, at, _| {
                came += 1;
                if asked < count {
                    asked += 1;
                    clients.ask(at, start);
                }
            });
        }
        start.elapsed()
    }

    /// Asks every so many seconds, and returns what each request took, in µs from the time at which it was due. It
    /// looks all the time: a system's own timers are coarser than what is measured.
    fn ask_on_time(&mut self, every: f64) -> Vec<f64> {
        let (mut events, start) = (Events::with_capacity(ASKERS), Instant::now());
        let (mut asked, mut took) = (0, Vec::new());
        let mut free: Vec<usize> = (0..ASKERS).collect();
        loop {
            let due = start + Duration::from_secs_f64(every * float(asked));
            let over = due >= start + HALF_LOAD;
            if over && free.len() == ASKERS {
                return took;
            }
            if !over
                && Instant::now() >= due
                && let Some(at) = free.pop()
            {
                asked += 1;
                self.ask(at, due);
            }
            self.turn(&mut events, Some(Duration::ZERO), |_, at, since| {
                took.push(since.elapsed().as_secs_f64() * 1e6);
                free.push(at);
            });
        }
    }
}

/// Returns how long the answer is, with its head.
fn ask_once(stream: &mut StdStream) -> usize {
    stream.write_all(REQUEST).expect("a connection");
    let mut came = Vec::new();
    while !came.ends_with(ANSWER) {
        let mut place = [0; PLACE];
        let count = stream.read(&mut place).expect("an answer");
        assert!(count > 0, "the server closes");
        came.extend_from_slice(&place[..count]);
    }
    came.len()
}
