//! hyper, by the feature `hyper`: client and server, HTTP/1 and HTTP/2, and the limits of time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use oneloop::adapters::{HyperExecutor, HyperTimer};
use oneloop::net::{TcpListener, TcpStream, UnixStream};
use oneloop::{Clock, EventLoop, Task, catch_cancelled, create_task, timeout};

use crate::real::run_real;

const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(Full::new(Bytes::from([path.as_bytes(), b": ", &body].concat()))))
}

#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

/// A server, and where it is.
fn serve(version: Version) -> (Task<()>, SocketAddr) {
    let listener = TcpListener::bind(ANY).unwrap();
    let address = listener.local_addr().unwrap();
    let server = create_task(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            create_task(async move {
                match version {
                    Version::One => {
                        let mut http = hyper::server::conn::http1::Builder::new();
                        http.timer(HyperTimer).header_read_timeout(Duration::from_secs(5));
                        http.serve_connection(stream, service_fn(echo)).await
                    }
                    Version::Two => {
                        let http = hyper::server::conn::http2::Builder::new(HyperExecutor);
                        http.serve_connection(stream, service_fn(echo)).await
                    }
                }
            });
        }
    });
    (server, address)
}

fn request(path: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::post(path).header("host", "here").body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn http_1_keeps_a_connection_for_several_requests() {
    run_real(async {
        let (server, address) = serve(Version::One);
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut client, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        let connection = create_task(connection);
        for (path, body) in [("/one", "1"), ("/two", "22")] {
            let response = client.send_request(request(path, body)).await.unwrap();
            assert_eq!(text(response).await, format!("{path}: {body}"));
        }
        drop(client);
        connection.await.unwrap();
        server.cancel();
    });
}

#[test]
fn http_2_carries_many_requests_at_once_over_one_connection() {
    run_real(async {
        let (server, address) = serve(Version::Two);
        let stream = TcpStream::connect(address).await.unwrap();
        let (client, connection) = hyper::client::conn::http2::handshake(HyperExecutor, stream).await.unwrap();
        let connection = create_task(connection);
        let answers = stream::iter(0..50).map(|n| {
            let mut client = client.clone();
            async move {
                let path = format!("http://here/{n}");
                text(client.send_request(request(&path, "x")).await.unwrap()).await
            }
        });
        let answers: Vec<_> = answers.buffered(20).collect().await;
        assert_eq!((answers.len(), answers[49].as_str()), (50, "/49: x"));
        drop(client);
        connection.await.unwrap();
        server.cancel();
    });
}

#[test]
fn a_body_of_a_mebibyte_comes_through() {
    run_real(async {
        const LENGTH: usize = 1 << 20;
        let (left, right) = UnixStream::pair().unwrap();
        let service = service_fn(async |request: Request<Incoming>| {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Ok::<_, Infallible>(Response::new(Full::new(body)))
        });
        let server = create_task(hyper::server::conn::http1::Builder::new().serve_connection(right, service));
        let (mut client, connection) = hyper::client::conn::http1::handshake(left).await.unwrap();
        let connection = create_task(connection);
        let body = Full::new(Bytes::from(vec![7; LENGTH]));
        let response =
            client.send_request(Request::post("/").header("host", "here").body(body).unwrap()).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), LENGTH);
        drop(client);
        connection.await.unwrap();
        server.await.unwrap();
    });
}

#[test]
fn a_server_gives_up_a_client_that_sends_no_header() {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().unwrap();
    let before = lp.time();
    lp.run_until_complete(async {
        let (left, right) = UnixStream::pair().unwrap();
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(HyperTimer).header_read_timeout(Duration::from_secs(30));
        let served = http.serve_connection(right, service_fn(echo)).await;
        assert!(served.unwrap_err().is_timeout());
        drop(left);
    })
    .unwrap();
    assert_eq!((lp.time() - before).as_secs(), 30);
}

#[test]
fn a_request_can_be_limited_and_cancelled() {
    run_real(async {
        let (left, _right) = UnixStream::pair().unwrap();
        let (mut client, connection) = hyper::client::conn::http1::handshake(left).await.unwrap();
        let connection = create_task(connection);
        let limited = timeout(Duration::from_millis(5), client.send_request(request("/", ""))).await;
        assert!(limited.is_err(), "the peer never answers");
        connection.cancel();
        assert!(catch_cancelled(connection).await.is_err());
    });
}

#[test]
fn a_sleep_that_is_polled_in_another_loop_says_so() {
    use hyper::rt::Timer as _;
    let lp = EventLoop::new().unwrap();
    let sleep = {
        let _in = lp.enter();
        HyperTimer.sleep(Duration::from_secs(600))
    };
    let other = std::thread::spawn(move || {
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            EventLoop::new().unwrap().run_until_complete(sleep).unwrap();
        }));
        *polled.unwrap_err().downcast::<&str>().unwrap()
    });
    let text = other.join().unwrap();
    assert!(text.contains("outside of the event loop that it belongs to"), "{text}");
    lp.run_until_complete(async { HyperTimer.sleep(Duration::from_millis(1)).await }).unwrap();
}

#[test]
fn a_sleep_that_is_dropped_on_another_thread_is_forgotten() {
    use hyper::rt::Timer as _;
    let lp = EventLoop::builder().clock(Clock::Virtual).build().unwrap();
    let before = lp.time();
    lp.run_until_complete(async {
        let mut sleep = HyperTimer.sleep(Duration::from_secs(600));
        assert!(futures::poll!(&mut sleep).is_pending());
        std::thread::spawn(move || drop(sleep)).join().unwrap();
    })
    .unwrap();
    let waited = lp.run_until_complete(std::future::pending::<()>());
    assert!(matches!(waited, Err(oneloop::Error::Deadlock(_))), "{waited:?}");
    assert_eq!(lp.time(), before, "no timer is left for which the clock could jump");
}
