//! hyper over the feature `tls`: HTTPS for client and server, HTTP/1 and the HTTP/2 that ALPN has chosen.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use oneloop::adapters::{Duplex, HyperExecutor};
use oneloop::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use oneloop::tls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use oneloop::tls::{TlsConnector, TlsSide};
use oneloop::{Server, StreamReader, StreamWriter, create_task};

use crate::real::run_real;

/// A certificate that signs itself, for both sides, which speak `protocol`.
fn configurations(protocol: &str) -> (ClientConfig, ServerConfig) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert);
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    client.alpn_protocols = vec![protocol.into()];
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (client, server)
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(request.into_body().collect().await.unwrap().to_bytes())))
}

async fn serve(reader: StreamReader, writer: StreamWriter) {
    let is_new = writer.tls_info().unwrap().alpn_protocol() == Some(b"h2");
    let stream = Duplex::from((reader, writer));
    // a client that leaves without a goodbye is no failure here
    if is_new {
        let http = hyper::server::conn::http2::Builder::new(HyperExecutor);
        http.serve_connection(stream, service_fn(echo)).await.ok();
    } else {
        hyper::server::conn::http1::Builder::new().serve_connection(stream, service_fn(echo)).await.ok();
    }
}

/// The body of a request, once there and back by `protocol`.
async fn there_and_back(protocol: &str, body: Bytes) -> Bytes {
    let (client, server) = configurations(protocol);
    let server = Server::builder().tls(Arc::new(server)).listen(serve, ("127.0.0.1", 0)).await.unwrap();
    let connector = TlsConnector::new(Arc::new(client)).server_name("localhost");
    let stream = Duplex::from(connector.open_connection(server.local_addrs()[0]).await.unwrap());
    assert_eq!(stream.writer().tls_info().unwrap().alpn_protocol(), Some(protocol.as_bytes()));
    let request = Request::post("https://localhost/").header("host", "localhost").body(Full::new(body)).unwrap();
    let response = if protocol == "h2" {
        let (mut sender, connection) = hyper::client::conn::http2::handshake(HyperExecutor, stream).await.unwrap();
        create_task(async { connection.await.ok() });
        sender.send_request(request).await.unwrap()
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        create_task(async { connection.await.ok() });
        sender.send_request(request).await.unwrap()
    };
    response.into_body().collect().await.unwrap().to_bytes()
}

#[test]
fn hyper_speaks_https() {
    run_real(async {
        let body = Bytes::from(vec![7; 1_000_000]);
        for protocol in ["http/1.1", "h2"] {
            assert!(there_and_back(protocol, body.clone()).await == body, "{protocol}");
        }
    });
}

/// Both ends of a connection over TLS, each as one stream.
async fn pair() -> (Duplex, Duplex) {
    let (client, server) = configurations("http/1.1");
    let (left, right) = oneloop::net::UnixStream::pair().unwrap();
    let (left, right) = (left.into_streams(), right.into_streams());
    let connector = TlsConnector::new(Arc::new(client)).server_name("localhost");
    let shaking =
        futures::future::join(left.1.start_tls(connector), right.1.start_tls(TlsSide::from(Arc::new(server))));
    let (there, here) = shaking.await;
    there.and(here).unwrap();
    (left.into(), right.into())
}

#[test]
fn the_traits_of_futures_io_work_over_tls() {
    use futures::{AsyncReadExt as _, AsyncWriteExt as _};
    run_real(async {
        let (mut client, mut server) = pair().await;
        let writing = async {
            client.write_all(&vec![3; 500_000]).await.unwrap();
            client.close().await.unwrap();
        };
        let mut bytes = Vec::new();
        let (read, ()) = futures::join!(server.read_to_end(&mut bytes), writing);
        assert_eq!((read.unwrap(), bytes.len()), (500_000, 500_000));
    });
}

#[test]
fn the_traits_of_tokio_work_over_tls() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    run_real(async {
        let (mut client, mut server) = pair().await;
        let writing = async {
            client.write_all(&vec![3; 500_000]).await.unwrap();
            client.shutdown().await.unwrap();
        };
        let mut bytes = Vec::new();
        let (read, ()) = futures::join!(server.read_to_end(&mut bytes), writing);
        assert_eq!((read.unwrap(), bytes.len()), (500_000, 500_000));
    });
}
