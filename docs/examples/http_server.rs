//! A server of hyper: HTTP/1 and HTTP/2 on one port, TLS if it is asked for, a loop for each thread, and an end by
//! Ctrl-C that lets each request under way be answered.
//!
//! ```text
//! http_server 127.0.0.1:8080 --threads 2          curl http://127.0.0.1:8080/hello/you
//! http_server 127.0.0.1:8443 --tls                curl --insecure https://localhost:8443/hello/you
//! ```
//!
//! Without an address it asks itself, and ends.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::convert::Infallible;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{env, io};

use async_channel::Sender;
use futures::future::{Either, select};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::server::conn::auto;
use oneloop::adapters::{Duplex, HyperExecutor, HyperTimer};
use oneloop::net::TcpStream;
use oneloop::tls::TlsAcceptor;
use oneloop::tls::rustls::ServerConfig;
use oneloop::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use oneloop::{Event, EventLoop, Server, create_task, run, signal, sleep, timeout, to_thread};

/// What a client may take to say who it is, and for the head of a request.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What requests under way may take when the server ends.
const GRACE: Duration = Duration::from_secs(10);
/// What the slow answer takes.
const SLOW: Duration = Duration::from_millis(50);

type Body = Full<Bytes>;

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let (head, body) = request.into_parts();
    let text = match (&head.method, head.uri.path()) {
        (&Method::GET, "/") => Bytes::from_static(b"Hello, World!"),
        (&Method::GET, "/slow") => {
            sleep(SLOW).await;
            Bytes::from_static(b"at last")
        }
        (&Method::POST, "/echo") => body.collect().await?.to_bytes(),
        (&Method::GET, path) if path.starts_with("/hello/") => Bytes::from(path[1..].replace('/', " ")),
        _ => {
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
    };
    Ok(Response::new(Full::new(text)))
}

/// Answers what comes over a connection. When the server ends, the requests under way are the last.
async fn converse(stream: Duplex, ending: &Event) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut http = auto::Builder::new(HyperExecutor);
    http.http1().timer(HyperTimer).header_read_timeout(HANDSHAKE);
    http.http2().timer(HyperTimer);
    let mut connection = pin!(http.serve_connection(stream, service_fn(answer)));
    if let Either::Left((served, _)) = select(connection.as_mut(), pin!(ending.wait())).await {
        return served;
    }
    connection.as_mut().graceful_shutdown();
    timeout(GRACE, connection).await?
}

/// A server whose clients hear of its end by `ending`. What goes wrong with one of them is its own affair.
async fn listen(address: SocketAddr, tls: Option<TlsAcceptor>, ending: Event) -> io::Result<Server> {
    let mut server = Server::builder().reuse_port(true);
    if let Some(tls) = tls {
        server = server.tls(tls);
    }
    let client = async move |reader, writer| {
        let _ = converse(Duplex::from((reader, writer)), &ending).await;
    };
    server.listen(client, address).await
}

/// Threads with a loop each, among which the system spreads the clients of one port.
struct Servers {
    address: SocketAddr,
    threads: Vec<JoinHandle<Result<(), oneloop::Error>>>,
    /// Closing it ends them.
    end: Sender<Infallible>,
}

impl Servers {
    fn start(mut address: SocketAddr, threads: usize, tls: Option<&TlsAcceptor>) -> io::Result<Self> {
        let (end, ends) = async_channel::bounded(1);
        let mut started = Vec::new();
        for _ in 0..threads {
            let (tell, told) = mpsc::channel();
            let (tls, ends) = (tls.cloned(), ends.clone());
            started.push(thread::spawn(move || {
                EventLoop::new()?.run_until_complete(async {
                    let ending = Event::new();
                    match listen(address, tls, ending.clone()).await {
                        Ok(server) => {
                            tell.send(Ok(server.local_addrs()[0])).expect("the starter waits");
                            let _ = ends.recv().await; // returns when it is closed
                            server.close(); // who comes now goes to another server
                            ending.set();
                            server.wait_closed().await;
                        }
                        Err(error) => tell.send(Err(error)).expect("the starter waits"),
                    }
                })
            }));
            address = told.recv().map_err(io::Error::other)??; // a port that the system chose is that of the others too
        }
        Ok(Self { address, threads: started, end })
    }

    /// Returns how many loops have ended in order.
    async fn end(self) -> usize {
        self.end.close();
        to_thread(|| self.threads.into_iter().filter_map(|thread| thread.join().ok()?.ok()).count()).await
    }
}

/// For a server that says of itself that it is `localhost`.
fn tls() -> Result<TlsAcceptor, Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (certificate, key) =
        (CertificateDer::from(made.cert), PrivateKeyDer::try_from(made.signing_key.serialize_der())?);
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::new(Arc::new(config)).handshake_timeout(HANDSHAKE))
}

/// Serves until Ctrl-C.
async fn serve_until_ctrl_c(address: SocketAddr, threads: usize, over_tls: bool) -> Result<(), Box<dyn Error>> {
    let tls = if over_tls { Some(tls()?) } else { None };
    let servers = Servers::start(address, threads, tls.as_ref())?;
    println!("{threads} loops on {}", servers.address);
    signal::ctrl_c().await?;
    println!("{} loops have ended", servers.end().await);
    Ok(())
}

fn get(uri: &str) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
    Request::get(uri).header("host", "localhost").body(Empty::new())
}

async fn text(response: Response<Incoming>) -> Result<String, hyper::Error> {
    Ok(String::from_utf8_lossy(&response.into_body().collect().await?.to_bytes()).into_owned())
}

/// Two loops, a client of each version, and an end while a request is under way.
async fn ask_itself() -> Result<(), Box<dyn Error>> {
    let servers = Servers::start((Ipv4Addr::LOCALHOST, 0).into(), 2, None)?;

    let stream = TcpStream::connect(servers.address).await?;
    let (mut http1, connection) = hyper::client::conn::http1::handshake(stream).await?;
    create_task(connection);
    println!("HTTP/1: {}", text(http1.send_request(get("/hello/one")?).await?).await?);

    let stream = TcpStream::connect(servers.address).await?;
    let (mut http2, connection) = hyper::client::conn::http2::handshake(HyperExecutor, stream).await?;
    create_task(connection);
    println!("HTTP/2: {}", text(http2.send_request(get("http://localhost/hello/two")?).await?).await?);

    let slow = create_task(http2.send_request(get("http://localhost/slow")?));
    sleep(SLOW / 5).await; // it is under way
    let ended = servers.end().await;
    println!("under way at the end: {}", text(slow.await?).await?);
    println!("{ended} loops have ended");
    Ok(())
}

pub(crate) fn program(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (mut address, mut threads, mut over_tls) = (None, thread::available_parallelism()?.get(), false);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--threads" => threads = arguments.next().ok_or("--threads wants a number")?.parse()?,
            "--tls" => over_tls = true,
            other => address = Some(other.parse()?),
        }
    }
    match address {
        Some(address) => run(serve_until_ctrl_c(address, threads, over_tls))?,
        None => run(ask_itself())?,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    program(&env::args().skip(1).collect::<Vec<_>>())
}
