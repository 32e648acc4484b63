//! TLS of futures-rustls, by the feature `futures-io`, and of tokio-rustls, by the feature `tokio-io`.

use std::sync::Arc;

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector};
use oneloop::create_task;
use oneloop::net::{TcpListener, TcpStream};

use crate::real::run_real;

/// A certificate that signs itself, for both sides.
fn configurations() -> (ClientConfig, ServerConfig) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert);
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    (client, server)
}

#[test]
fn an_echo_over_tls_ends_with_close_notify() {
    run_real(async {
        let (client, server) = configurations();
        let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = create_task(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = TlsAcceptor::from(Arc::new(server)).accept(stream).await.unwrap();
            let mut bytes = Vec::new();
            // an end without close_notify would be an error
            stream.read_to_end(&mut bytes).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            stream.close().await.unwrap();
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
        let (mut reads, mut writes) = stream.split();
        let message = vec![7; 300_000];
        let sent = async {
            writes.write_all(&message).await.unwrap();
            writes.close().await.unwrap();
        };
        let mut answer = Vec::new();
        let (read, ()) = futures::join!(reads.read_to_end(&mut answer), sent);
        read.unwrap();
        assert_eq!(answer.len(), message.len());
        serving.await;
    });
}

#[test]
fn tokio_rustls_echoes_over_the_traits_of_tokio() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    run_real(async {
        let (client, server) = configurations();
        let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = create_task(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = TlsAcceptor::from(Arc::new(server)).accept(stream).await.unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"hello");
        serving.await;
    });
}

#[test]
fn a_server_that_is_not_known_is_refused() {
    run_real(async {
        let ((client, _), (_, server)) = (configurations(), configurations());
        let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = create_task(async move {
            let (stream, _) = listener.accept().await.unwrap();
            TlsAcceptor::from(Arc::new(server)).accept(stream).await.is_err()
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        assert!(TlsConnector::from(Arc::new(client)).connect(name, stream).await.is_err());
        assert!(serving.await);
    });
}
