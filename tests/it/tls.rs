//! Streams and servers over TLS: the handshake and all that can go wrong in it, bytes, and the end. Certificates are
//! made by each test.
#![cfg(all(unix, feature = "tls"))]

use std::cell::{Cell, RefCell};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use oneloop::error::{ReadError, TlsError};
use oneloop::net::UnixStream;
use oneloop::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use oneloop::tls::rustls::{
    self, CertificateError, ClientConfig, ProtocolVersion, RootCertStore, ServerConfig, server::WebPkiClientVerifier,
    version,
};
use oneloop::tls::{TlsAcceptor, TlsConnector, platform_config};
use oneloop::{Server, StreamReader, StreamWriter, create_task, open_connection, sleep, timeout, to_thread, yield_now};
use rcgen::{CertificateParams, DnType, KeyPair};

use crate::support::{panic_of, real_loop, run, run_real, skip, this_test_again};

type Streams = (StreamReader, StreamWriter);

const NAME: &str = "localhost";
const LIMIT: Duration = Duration::from_secs(5);

/// A certificate that signs itself, and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new([NAME.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate: certificate.into(), key: PrivateKeyDer::try_from(key.serialize_der()).unwrap() }
    }

    fn new() -> Self {
        Self::with(|_| ())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }

    fn client(&self) -> ClientConfig {
        ClientConfig::builder().with_root_certificates(self.roots()).with_no_client_auth()
    }

    fn server(&self) -> ServerConfig {
        let chain = vec![self.certificate.clone()];
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, self.key.clone_key()).unwrap()
    }
}

/// Both sides, which know each other.
fn sides() -> (TlsConnector, TlsAcceptor) {
    let identity = Identity::new();
    let connector = TlsConnector::new(Arc::new(identity.client())).server_name(NAME);
    (connector, TlsAcceptor::new(Arc::new(identity.server())))
}

/// Both ends of a connection on this loop, without TLS.
fn plain_pair() -> (Streams, Streams) {
    let (left, right) = UnixStream::pair().unwrap();
    (left.into_streams(), right.into_streams())
}

async fn pair_of((connector, acceptor): (TlsConnector, TlsAcceptor)) -> (Streams, Streams) {
    let (client, server) = plain_pair();
    let (shaken, answered) = futures::join!(client.1.start_tls(connector), server.1.start_tls(acceptor));
    shaken.unwrap();
    answered.unwrap();
    (client, server)
}

/// A client and a server whose handshake is over.
async fn pair() -> (Streams, Streams) {
    pair_of(sides()).await
}

/// How the handshake of two sides ends, for each.
async fn handshake(connector: TlsConnector, acceptor: TlsAcceptor) -> (Result<(), TlsError>, Result<(), TlsError>) {
    let (client, server) = plain_pair();
    futures::join!(client.1.start_tls(connector), server.1.start_tls(acceptor))
}

async fn close_both(ends: (Streams, Streams)) {
    let ((_, client), (_, server)) = ends;
    client.close();
    server.close();
    client.wait_closed().await.unwrap();
    server.wait_closed().await.unwrap();
}

// A server and its clients.

#[test]
fn a_client_talks_to_a_server_by_its_name() {
    run_real(async {
        let identity = Identity::new();
        let echo = async |reader: StreamReader, writer: StreamWriter| {
            writer.write(reader.readline().await?);
            writer.close();
            writer.wait_closed().await?;
            Ok::<(), std::io::Error>(())
        };
        let builder = Server::builder().tls(Arc::new(identity.server()));
        let server = builder.listen(echo, ("127.0.0.1", 0)).await.unwrap();
        let port = server.local_addrs()[0].port();
        let connector = TlsConnector::new(Arc::new(identity.client()));
        for host in ["localhost", "127.0.0.1"] {
            let (reader, writer) = connector.open_connection((host, port)).await.unwrap();
            writer.write("echo\n");
            assert_eq!(reader.read_to_end().await.unwrap(), b"echo\n");
            writer.close();
            writer.wait_closed().await.unwrap();
        }
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn a_client_that_speaks_no_tls_reaches_no_handler_and_stops_no_other() {
    run_real(async {
        let (connector, acceptor) = sides();
        let calls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&calls);
        let handler = async move |_reader: StreamReader, writer: StreamWriter| {
            counted.set(counted.get() + 1);
            writer.write("welcome\n");
        };
        let server = Server::builder().tls(acceptor).listen(handler, ("127.0.0.1", 0)).await.unwrap();
        let (silent, _silent_writer) = open_connection(server.local_addrs()[0]).await.unwrap();
        let (plain, plain_writer) = open_connection(server.local_addrs()[0]).await.unwrap();
        plain_writer.write("GET / HTTP/1.1\r\n\r\n");
        plain.read_to_end().await.ok();
        assert_eq!(calls.get(), 0);
        let (reader, _writer) = connector.open_connection(server.local_addrs()[0]).await.unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"welcome\n");
        assert_eq!((calls.get(), silent.at_eof()), (1, false));
    });
}

#[test]
fn a_client_that_never_answers_is_closed_when_its_time_is_up() {
    run_real(async {
        let acceptor = sides().1.handshake_timeout(Duration::from_millis(20));
        let handler = async |_reader: StreamReader, _writer: StreamWriter| panic!("no handshake, no client");
        let server = Server::builder().tls(acceptor).listen(handler, ("127.0.0.1", 0)).await.unwrap();
        let (reader, _writer) = open_connection(server.local_addrs()[0]).await.unwrap();
        assert_eq!(reader.read(1).await.unwrap(), b"");
        server.close();
        server.wait_closed().await;
    });
}

// The handshake.

#[test]
fn both_sides_know_what_they_have_agreed_on() {
    run(async {
        let (identity, own) = (Identity::new(), Identity::new());
        let chain = vec![own.certificate.clone()];
        let builder = ClientConfig::builder().with_root_certificates(identity.roots());
        let mut client = builder.with_client_auth_cert(chain, own.key.clone_key()).unwrap();
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let verifier = WebPkiClientVerifier::builder(Arc::new(own.roots())).build().unwrap();
        let builder = ServerConfig::builder().with_client_cert_verifier(verifier);
        let mut server = builder.with_single_cert(vec![identity.certificate.clone()], identity.key).unwrap();
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        let connector = TlsConnector::new(Arc::new(client)).server_name(NAME);
        let (client, server) = pair_of((connector, TlsAcceptor::new(Arc::new(server)))).await;
        let (there, here) = (client.1.tls_info().unwrap(), server.1.tls_info().unwrap());
        assert_eq!(there.peer_certificates(), [identity.certificate]);
        assert_eq!(here.peer_certificates(), [own.certificate]);
        assert_eq!(here.server_name(), Some(NAME));
        for info in [there, here] {
            assert_eq!(info.alpn_protocol(), Some(&b"http/1.1"[..]));
            assert_eq!(info.protocol_version(), Some(ProtocolVersion::TLSv1_3));
            assert!(info.cipher_suite().is_some());
        }
    });
}

#[test]
fn a_connection_without_tls_has_agreed_on_nothing() {
    run(async { assert!(plain_pair().0.1.tls_info().is_none()) });
}

/// The reason why the client refuses the server, which is told.
fn refusal(name: &str, server: &Identity, trusted: &Identity) -> CertificateError {
    let connector = TlsConnector::new(Arc::new(trusted.client())).server_name(name);
    let (there, here) = run(handshake(connector, TlsAcceptor::new(Arc::new(server.server()))));
    assert!(matches!(here, Err(TlsError::Protocol(rustls::Error::AlertReceived(_)))), "{here:?}");
    match there {
        Err(TlsError::Protocol(rustls::Error::InvalidCertificate(reason))) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_with_another_name_is_refused() {
    let identity = Identity::new();
    let reason = refusal("example.org", &identity, &identity);
    assert!(matches!(reason, CertificateError::NotValidForNameContext { .. }), "{reason:?}");
}

#[test]
fn a_server_that_is_not_trusted_is_refused() {
    let other = Identity::with(|params| params.distinguished_name.push(DnType::CommonName, "another"));
    assert_eq!(refusal(NAME, &Identity::new(), &other), CertificateError::UnknownIssuer);
}

#[test]
fn a_certificate_that_has_expired_is_refused() {
    let identity = Identity::with(|params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    let reason = refusal(NAME, &identity, &identity);
    assert!(matches!(reason, CertificateError::ExpiredContext { .. }), "{reason:?}");
}

#[test]
fn a_client_without_the_certificate_that_is_asked_for_learns_it_by_its_first_read() {
    run(async {
        let identity = Identity::new();
        let verifier = WebPkiClientVerifier::builder(Arc::new(identity.roots())).build().unwrap();
        let builder = ServerConfig::builder().with_client_cert_verifier(verifier);
        let server = builder.with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key()).unwrap();
        let connector = TlsConnector::new(Arc::new(identity.client())).server_name(NAME);
        let ((reader, writer), server_end) = plain_pair();
        let acceptor = TlsAcceptor::new(Arc::new(server));
        let (there, here) = futures::join!(writer.start_tls(connector), server_end.1.start_tls(acceptor));
        there.unwrap();
        assert!(matches!(here, Err(TlsError::Protocol(rustls::Error::NoCertificatesPresented))), "{here:?}");
        assert_eq!(reader.read(1).await.unwrap_err().kind(), ErrorKind::InvalidData);
        assert!(writer.is_closing());
    });
}

#[test]
fn a_server_that_speaks_no_tls_is_refused() {
    run(async {
        let ((_reader, writer), (_peer_reader, peer)) = plain_pair();
        peer.write("220 smtp.example.org ready\r\n");
        let error = writer.start_tls(sides().0).await.unwrap_err();
        assert!(matches!(error, TlsError::Protocol(rustls::Error::InvalidMessage(_))), "{error:?}");
        writer.wait_closed().await.unwrap();
    });
}

#[test]
fn a_peer_that_closes_in_the_handshake_is_an_end_too_early() {
    run(async {
        let ((_reader, writer), peer) = plain_pair();
        drop(peer);
        let error = writer.start_tls(sides().0).await.unwrap_err();
        assert!(matches!(error, TlsError::Truncated | TlsError::Io(_)), "{error:?}");
    });
}

#[test]
fn a_handshake_that_hangs_ends_with_its_time() {
    run(async {
        let ((_reader, writer), (peer, _peer_writer)) = plain_pair();
        let error = writer.start_tls(sides().0).await.unwrap_err();
        let asyncio_has = Duration::from_secs(60);
        assert!(matches!(error, TlsError::HandshakeTimeout(limit) if limit == asyncio_has), "{error:?}");
        assert!(!peer.read_to_end().await.unwrap().is_empty()); // the greeting, and the end
    });
}

#[test]
fn a_handshake_that_is_cancelled_closes_the_connection() {
    run(async {
        let ((_reader, writer), (peer, _peer_writer)) = plain_pair();
        let handle = writer.clone();
        let mut shaking = create_task(async move { writer.start_tls(sides().0).await.is_ok() });
        yield_now().await;
        shaking.cancel();
        assert!(shaking.outcome().await.is_err());
        assert!(handle.is_closing());
        assert!(!peer.read_to_end().await.unwrap().is_empty());
    });
}

// In the middle of a connection.

#[test]
fn tls_starts_in_the_middle_of_a_connection() {
    run(async {
        let (connector, acceptor) = sides();
        let ((reader, writer), (peer_reader, peer)) = plain_pair();
        let server = create_task(async move {
            assert_eq!(peer_reader.readline().await.unwrap(), b"STARTTLS\n");
            peer.write("go ahead\n");
            peer.start_tls(acceptor).await.unwrap();
            peer.write(peer_reader.readline().await.unwrap());
            peer.close();
            peer.wait_closed().await.unwrap();
        });
        writer.write("STARTTLS\n");
        assert_eq!(reader.readline().await.unwrap(), b"go ahead\n");
        writer.start_tls(connector).await.unwrap();
        writer.write("secret\n");
        assert_eq!(reader.read_to_end().await.unwrap(), b"secret\n");
        writer.close();
        server.await;
    });
}

#[test]
fn bytes_that_came_before_tls_are_refused_and_stay() {
    run(async {
        let ((_reader, writer), (peer_reader, peer)) = plain_pair();
        writer.write("STARTTLS\nRCPT TO: attacker\n");
        peer_reader.readline().await.unwrap();
        let error = peer.start_tls(sides().1).await.unwrap_err();
        assert!(matches!(error, TlsError::UnreadBytes(18)), "{error:?}");
        assert_eq!(peer_reader.readline().await.unwrap(), b"RCPT TO: attacker\n");
    });
}

#[test]
fn tls_starts_once() {
    run(async {
        let (client, _server) = pair().await;
        assert!(matches!(client.1.start_tls(sides().0).await, Err(TlsError::AlreadySecure)));
        assert!(!client.1.is_closing());
    });
}

#[test]
fn a_connector_without_a_name_says_so() {
    run(async {
        let connector = TlsConnector::new(Arc::new(Identity::new().client()));
        let (client, _server) = plain_pair();
        let error = client.1.start_tls(connector).await.unwrap_err();
        assert!(error.to_string().contains("server_name()"), "{error}");
    });
}

#[test]
fn a_write_in_the_handshake_panics() {
    run(async {
        let (client, _server) = plain_pair();
        let writer = client.1.clone();
        let shaking = create_task(async move { client.1.start_tls(sides().0).await });
        yield_now().await;
        assert!(panic_of(|| writer.write("too early")).contains("await it first"));
        shaking.cancel();
    });
}

// Bytes.

#[test]
fn a_long_message_passes_a_slow_reader_within_the_watermarks() {
    run(async {
        const PIECE: usize = 100_000;
        const PIECES: usize = 200;
        /// What a record adds to the bytes, and more.
        const OVERHEAD: usize = 2 * 64 * 1024;
        let ((reader, client_writer), (_peer_reader, writer)) = pair().await;
        let writing = create_task(async move {
            let mut most = 0;
            for number in 0..PIECES {
                writer.write(vec![u8::try_from(number).unwrap(); PIECE]);
                most = most.max(writer.write_buffer_size());
                writer.drain().await.unwrap();
            }
            writer.close();
            writer.wait_closed().await.unwrap();
            most
        });
        for number in 0..PIECES {
            let piece = reader.readexactly(PIECE).await.unwrap();
            assert!(piece.iter().all(|byte| usize::from(*byte) == number));
            yield_now().await;
        }
        assert_eq!(reader.read(1).await.unwrap(), b"");
        client_writer.close();
        let most = writing.await;
        assert!((1..PIECE + OVERHEAD).contains(&most), "{most} bytes in the buffer");
    });
}

#[test]
fn one_write_of_many_bytes_arrives_whole() {
    run_real(async {
        const LENGTH: usize = 20_000_000;
        let ((reader, client_writer), (_peer_reader, writer)) = pair().await;
        writer.write(vec![7; LENGTH]);
        assert!(writer.write_buffer_size() > LENGTH / 2);
        writer.close();
        assert_eq!(reader.read_to_end().await.unwrap().len(), LENGTH);
        client_writer.close();
        writer.wait_closed().await.unwrap();
    });
}

#[test]
fn reads_that_are_cancelled_lose_nothing() {
    run(async {
        let ((reader, _client_writer), (_peer_reader, writer)) = pair().await;
        let sending = create_task(async move {
            for _ in 0..100 {
                writer.write([1; 333]);
                sleep(Duration::from_millis(3)).await;
            }
            writer
        });
        let mut count = 0;
        while count < 33_300 {
            if let Ok(bytes) = timeout(Duration::from_millis(2), reader.read(1000)).await {
                count += bytes.unwrap().len();
            }
        }
        assert_eq!(count, 33_300);
        drop(sending.await);
    });
}

#[test]
fn both_directions_at_once_with_bytes_in_both_buffers() {
    run(async {
        const LENGTH: usize = 3_000_000;
        let (client, server) = pair().await;
        let side = async |(reader, writer): Streams| {
            let writes = async {
                writer.write(vec![3; LENGTH]);
                writer.drain().await.unwrap();
            };
            let (bytes, ()) = futures::join!(reader.readexactly(LENGTH), writes);
            writer.close();
            writer.wait_closed().await.unwrap();
            bytes.unwrap().len()
        };
        assert_eq!(futures::join!(side(client), side(server)), (LENGTH, LENGTH));
    });
}

#[test]
fn a_line_longer_than_the_limit_is_told_as_without_tls() {
    run(async {
        let (connector, acceptor) = sides();
        let (left, right) = UnixStream::pair().unwrap();
        let (client, (reader, server)) = (left.into_streams(), right.into_streams_with_limit(10));
        let (there, here) = futures::join!(client.1.start_tls(connector), server.start_tls(acceptor));
        there.and(here).unwrap();
        client.1.write("a line that is too long\nshort\n");
        assert!(matches!(reader.readline().await, Err(ReadError::Limit(_))));
        assert_eq!(reader.readline().await.unwrap(), b"short\n");
    });
}

#[test]
fn polls_read_and_write_as_awaits_do() {
    run(async {
        let ((reader, _client_writer), (_peer_reader, writer)) = pair().await;
        let reading = create_task(async move {
            let mut target = vec![0; 100_000];
            std::future::poll_fn(|cx| reader.poll_read(cx, &mut target)).await.map(|count| target[..count].to_vec())
        });
        yield_now().await;
        assert_eq!(std::future::poll_fn(|cx| writer.poll_write(cx, b"by polls")).await.unwrap(), 8);
        std::future::poll_fn(|cx| writer.poll_flush(cx)).await.unwrap();
        assert_eq!(reading.await.unwrap(), b"by polls");
    });
}

#[test]
fn a_flood_of_records_lets_other_tasks_have_their_turn() {
    run_real(async {
        const LENGTH: usize = 16_000_000;
        /// How many bytes a step may read: 64 operations of one receive each.
        const STEP: usize = 64 * 16 * 1024;
        let ((reader, _client_writer), (_peer_reader, writer)) = pair().await;
        let turns = Rc::new(Cell::new(0));
        let counted = Rc::clone(&turns);
        let _others = create_task(async move {
            loop {
                counted.set(counted.get() + 1);
                yield_now().await;
            }
        })
        .cancel_on_drop();
        writer.write(vec![1; LENGTH]);
        let mut left = LENGTH;
        while left > 0 {
            left -= reader.read(LENGTH).await.unwrap().len();
        }
        assert!(turns.get() >= LENGTH / STEP, "{} turns", turns.get());
    });
}

#[test]
fn a_drain_that_is_cancelled_loses_nothing() {
    run(async {
        const LENGTH: usize = 3_000_000;
        let ((reader, _client_writer), (_peer_reader, writer)) = pair().await;
        writer.write(vec![1; LENGTH]);
        assert!(timeout(LIMIT, writer.drain()).await.is_err());
        writer.write("end");
        let bytes = reader.readexactly(LENGTH + 3).await.unwrap();
        assert!(bytes.ends_with(b"\x01end"));
    });
}

/// A pair over a middle that changes what the server sends, once it is told to.
async fn pair_over_a_middle(change: impl Fn(&mut Vec<u8>) + 'static) -> (Streams, Streams, Rc<Cell<bool>>) {
    let (client, (client_side, to_client)) = plain_pair();
    let (server, (server_side, to_server)) = plain_pair();
    let is_on = Rc::new(Cell::new(false));
    let changes = Rc::clone(&is_on);
    create_task(async move {
        while let Ok(bytes) = client_side.read(100_000).await
            && !bytes.is_empty()
        {
            to_server.write(bytes);
        }
    });
    create_task(async move {
        while let Ok(mut bytes) = server_side.read(100_000).await
            && !bytes.is_empty()
        {
            if changes.get() {
                change(&mut bytes);
            }
            to_client.write(bytes);
        }
    });
    let (connector, acceptor) = sides();
    let (there, here) = futures::join!(client.1.start_tls(connector), server.1.start_tls(acceptor));
    there.and(here).unwrap();
    server.1.write("before ");
    assert_eq!(client.0.read(100).await.unwrap(), b"before ");
    (client, server, is_on)
}

#[test]
fn a_record_that_was_changed_on_its_way_ends_the_connection() {
    run(async {
        let flip = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
        let (client, server, is_on) = pair_over_a_middle(flip).await;
        is_on.set(true);
        server.1.write("not what is read");
        let error = client.0.read(100).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(client.1.is_closing());
        assert_eq!(server.0.read(100).await.unwrap_err().kind(), ErrorKind::InvalidData); // the alert
        let again = client.0.read(100).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::InvalidData);
    });
}

#[test]
fn bytes_before_a_record_that_was_changed_are_read_first() {
    run(async {
        // the second of two records, which come together
        let flip = |bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(&[23, 3, 3, 0, 20]);
            bytes.extend_from_slice(&[0; 20]);
        };
        let (client, server, is_on) = pair_over_a_middle(flip).await;
        is_on.set(true);
        server.1.write("true");
        assert_eq!(client.0.read(100).await.unwrap(), b"true");
        assert_eq!(client.0.read(100).await.unwrap_err().kind(), ErrorKind::InvalidData);
    });
}

// The end.

#[test]
fn write_eof_ends_one_direction_and_the_other_goes_on() {
    run(async {
        let ((reader, writer), (peer_reader, peer)) = pair().await;
        writer.write("question");
        writer.write_eof();
        assert_eq!(peer_reader.read_to_end().await.unwrap(), b"question");
        peer.write("answer");
        assert_eq!(reader.read(100).await.unwrap(), b"answer");
        assert!(panic_of(|| writer.write("more")).contains("write_eof"));
        peer.close();
        peer.wait_closed().await.unwrap(); // the client has ended its direction before
        assert_eq!(reader.read(100).await.unwrap(), b"");
        writer.close();
        writer.wait_closed().await.unwrap();
    });
}

#[test]
fn both_sides_close_at_once() {
    run(async {
        close_both(pair().await).await;
    });
}

#[test]
fn a_close_waits_for_the_end_of_the_peer() {
    run(async {
        let ((_reader, writer), (peer_reader, peer)) = pair().await;
        writer.write("last");
        writer.close();
        assert!(timeout(LIMIT, writer.wait_closed()).await.is_err());
        assert_eq!(peer_reader.read_to_end().await.unwrap(), b"last");
        peer.write("is not read any more");
        peer.close();
        writer.wait_closed().await.unwrap();
        peer.wait_closed().await.unwrap();
    });
}

#[test]
fn a_peer_that_never_ends_is_left_when_its_time_is_up() {
    run(async {
        let (connector, acceptor) = sides();
        let ((_reader, writer), (peer_reader, _peer)) = pair_of((connector.shutdown_timeout(LIMIT), acceptor)).await;
        writer.close();
        let error = writer.wait_closed().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(peer_reader.read(1).await.unwrap(), b"");
    });
}

#[test]
fn an_end_without_close_notify_is_an_error_behind_the_bytes() {
    run(async {
        let ((reader, writer), (_peer_reader, peer)) = pair().await;
        peer.write("not all of ");
        peer.abort();
        assert_eq!(reader.read(100).await.unwrap(), b"not all of ");
        let error = reader.read(100).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!(error.to_string().contains("close_notify"), "{error}");
        assert!(writer.is_closing());
    });
}

#[test]
fn dropping_both_handles_ends_the_session() {
    run(async {
        let (client, (peer_reader, _peer)) = pair().await;
        client.1.write("last words");
        drop(client);
        assert_eq!(peer_reader.read_to_end().await.unwrap(), b"last words");
    });
}

#[test]
fn a_loop_that_closes_in_the_middle_drops_the_connections() {
    let event_loop = real_loop();
    let (client, server) = event_loop.run_until_complete(pair()).unwrap();
    server.1.write(vec![1; 5_000_000]);
    server.1.close();
    drop(event_loop);
    client.1.close();
    drop((client, server));
}

// Code of the user that rustls calls.

/// Calls the program when a key is made, which is in the middle of a handshake.
#[derive(Debug)]
struct Logs;

thread_local! {
    static WRITER: RefCell<Option<StreamWriter>> = const { RefCell::new(None) };
    static LOGGED: Cell<usize> = const { Cell::new(0) };
}

impl rustls::KeyLog for Logs {
    fn log(&self, _label: &str, _client_random: &[u8], _secret: &[u8]) {
        LOGGED.set(LOGGED.get() + 1);
        // not in the middle of anything that it could break
        WRITER.with_borrow(|writer| assert!(writer.as_ref().is_none_or(|writer| writer.tls_info().is_none())));
    }
}

#[test]
fn code_of_the_configuration_may_look_at_the_stream() {
    run(async {
        let identity = Identity::new();
        let mut config = identity.client();
        config.key_log = Arc::new(Logs);
        let connector = TlsConnector::new(Arc::new(config)).server_name(NAME);
        let (client, server) = plain_pair();
        WRITER.set(Some(client.1.clone()));
        let acceptor = TlsAcceptor::new(Arc::new(identity.server()));
        let (there, here) = futures::join!(client.1.start_tls(connector), server.1.start_tls(acceptor));
        there.and(here).unwrap();
        WRITER.take();
        assert!(LOGGED.get() > 0);
    });
}

#[test]
fn the_older_version_works_too() {
    run(async {
        let identity = Identity::new();
        let builder = ClientConfig::builder_with_protocol_versions(&[&version::TLS12]);
        let client = builder.with_root_certificates(identity.roots()).with_no_client_auth();
        let connector = TlsConnector::new(Arc::new(client)).server_name(NAME);
        let (client, server) = pair_of((connector, TlsAcceptor::new(Arc::new(identity.server())))).await;
        assert_eq!(client.1.tls_info().unwrap().protocol_version(), Some(ProtocolVersion::TLSv1_2));
        client.1.write("by 1.2\n");
        assert_eq!(server.0.readline().await.unwrap(), b"by 1.2\n");
        close_both((client, server)).await;
    });
}

/// In the environment: the folder of the files of the server that is trusted.
const TRUSTED: &str = "ONELOOP_TRUSTED";

#[test]
fn the_platform_names_whom_it_trusts() {
    let Some(folder) = std::env::var_os(TRUSTED) else {
        let files = Files::of(&Identity::new(), "platform");
        let mut again = this_test_again();
        again.env("SSL_CERT_FILE", files.certificate()).env(TRUSTED, &files.0);
        let ran = again.output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        return;
    };
    let files = Files(folder.into());
    let certificate = CertificateDer::from_pem_file(files.certificate()).unwrap();
    let key = PrivateKeyDer::from_pem_file(files.key()).unwrap();
    let acceptor = TlsAcceptor::new(Arc::new(Identity { certificate, key }.server()));
    let connector = TlsConnector::new(platform_config().unwrap()).server_name(NAME);
    run(async {
        close_both(pair_of((connector, acceptor)).await).await;
        let (there, _) = handshake(TlsConnector::new(platform_config().unwrap()).server_name(NAME), sides().1).await;
        assert!(there.is_err());
    });
}

// Other implementations, where this machine has them.

/// The certificate and the key as files, which go with this.
struct Files(std::path::PathBuf);

impl Files {
    fn of(identity: &Identity, test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("oneloop-tls-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let pem = |label: &str, der: &[u8]| {
            let name = folder.join(format!("{label}.pem"));
            let mut lines = format!("-----BEGIN {label}-----\n").into_bytes();
            lines.extend(in_base64(der));
            lines.extend(format!("-----END {label}-----\n").into_bytes());
            std::fs::write(name, lines).unwrap();
        };
        pem("CERTIFICATE", &identity.certificate);
        pem("PRIVATE KEY", identity.key.secret_der());
        Self(folder)
    }

    fn certificate(&self) -> String {
        self.0.join("CERTIFICATE.pem").to_str().unwrap().to_owned()
    }

    fn key(&self) -> String {
        self.0.join("PRIVATE KEY.pem").to_str().unwrap().to_owned()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Bytes in base64, with line ends.
fn in_base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for line in bytes.chunks(48) {
        for group in line.chunks(3) {
            let [a, b, c] = [0, 1, 2].map(|place| u32::from(group.get(place).copied().unwrap_or(0)));
            let number = a << 16 | b << 8 | c;
            let digits = [18, 12, 6, 0].map(|shift| DIGITS[(number >> shift & 63) as usize]);
            text.extend_from_slice(&digits[..=group.len()]);
            text.resize(text.len() + 3 - group.len(), b'=');
        }
        text.push(b'\n');
    }
    text
}

/// Whether the machine has a program that answers to `arguments`.
fn has(program: &str, arguments: &[&str]) -> bool {
    let answer = Command::new(program).args(arguments).output();
    answer.is_ok_and(|answer| answer.status.success())
}

/// A server that answers each line in capitals, and its port.
async fn capitals(identity: &Identity) -> (Server, u16) {
    let handler = async |reader: StreamReader, writer: StreamWriter| {
        while let Some(line) = reader.next_line().await? {
            writer.write(line.to_uppercase() + "\n");
        }
        writer.close();
        writer.wait_closed().await?;
        Ok::<(), std::io::Error>(())
    };
    let builder = Server::builder().tls(Arc::new(identity.server()));
    let server = builder.listen(handler, ("127.0.0.1", 0)).await.unwrap();
    let port = server.local_addrs()[0].port();
    (server, port)
}

#[test]
fn a_client_of_openssl_is_served() {
    if !has("openssl", &["version"]) {
        return skip("no openssl");
    }
    run_real(async {
        let identity = Identity::new();
        let files = Files::of(&identity, "client");
        let (_server, port) = capitals(&identity).await;
        let mut client = Command::new("openssl");
        client.args(["s_client", "-quiet", "-verify_return_error", "-servername", NAME, "-CAfile"]);
        client.arg(files.certificate()).args(["-connect", &format!("127.0.0.1:{port}")]);
        let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let answer = to_thread(move || {
            let mut answer = [0; 6];
            client.stdin.take().unwrap().write_all(b"hello\n").unwrap();
            client.stdout.take().unwrap().read_exact(&mut answer).unwrap();
            client.kill().unwrap();
            client.wait().unwrap();
            answer
        });
        assert_eq!(&answer.await, b"HELLO\n");
    });
}

#[test]
fn a_server_of_openssl_is_understood() {
    if !has("openssl", &["version"]) {
        return skip("no openssl");
    }
    run_real(async {
        let identity = Identity::new();
        let files = Files::of(&identity, "server");
        let mut server = Command::new("openssl");
        server.args(["s_server", "-rev", "-accept", "127.0.0.1:0", "-cert", &files.certificate()]);
        server.args(["-key", &files.key()]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = server.spawn().unwrap();
        let output = BufReader::new(server.stdout.take().unwrap());
        let mut told = output.lines().map_while(Result::ok);
        let accepts = told.find(|line| line.starts_with("ACCEPT")).expect("it tells where it listens");
        let port = accepts.rsplit_once(':').unwrap().1.trim().parse::<u16>().unwrap();
        let connector = TlsConnector::new(Arc::new(identity.client()));
        let (reader, writer) = connector.open_connection(("127.0.0.1", port)).await.unwrap();
        writer.write("hello\n");
        assert_eq!(reader.readline().await.unwrap(), b"olleh\n");
        server.kill().unwrap();
        server.wait().unwrap();
    });
}

const ASYNCIO: &str = "
import asyncio, ssl, sys

async def main(port, certificate):
    context = ssl.create_default_context(cafile=certificate)
    reader, writer = await asyncio.open_connection('127.0.0.1', port, ssl=context, server_hostname='localhost')
    writer.write(b'hello\\n')
    assert await reader.readline() == b'HELLO\\n'
    writer.close()
    await writer.wait_closed()
    print(writer.get_extra_info('ssl_object') is not None)

asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
";

#[test]
fn asyncio_is_served_and_both_end() {
    if !has("python3", &["-c", "import asyncio, ssl"]) {
        return skip("no python3 with ssl");
    }
    run_real(async {
        let identity = Identity::new();
        let files = Files::of(&identity, "asyncio");
        let (server, port) = capitals(&identity).await;
        let certificate = files.certificate();
        let ran = to_thread(move || {
            Command::new("python3").args(["-c", ASYNCIO, &port.to_string(), &certificate]).output().unwrap()
        });
        let ran = ran.await;
        assert_eq!(ran.stdout, b"True\n", "{}", String::from_utf8_lossy(&ran.stderr));
        server.close();
        server.wait_closed().await; // the client is gone, by close_notify on both sides
    });
}
