//! CPython's `test_sendfile.py`: files sent through connections, whose buffers are small. What its transports do is
//! done by sockets and by streams here. Must not know how the system sends a file.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::net::{Shutdown, TcpListener as StdListener};
use std::thread::{self, JoinHandle};

use oneloop::error::SendfileError;
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{StreamReader, StreamWriter, Task, create_task, sleep};

use crate::support::{ms, run_real};

const BUFFER: usize = 4 * 1024;

/// 160 KiB, of which no two stretches are alike.
fn data() -> Vec<u8> {
    (0..40 * 1024_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect()
}

fn file_of(bytes: &[u8]) -> File {
    let path = std::env::temp_dir().join(format!("oneloop-send-{}-{:?}", std::process::id(), thread::current().id()));
    let mut file = File::options().create_new(true).read(true).write(true).open(&path).expect("a file");
    std::fs::remove_file(path).expect("it is there");
    file.write_all(bytes).expect("room on the disk");
    file.rewind().expect("it can be read again");
    file
}

/// A connection to a thread that receives up to the end, or so many bytes.
async fn prepare(close_after: Option<u64>) -> (TcpStream, JoinHandle<Vec<u8>>) {
    let listener = StdListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let receiving = thread::spawn(move || {
        let (socket, _) = listener.accept().expect("a client");
        let mut received = Vec::new();
        socket.take(close_after.unwrap_or(u64::MAX)).read_to_end(&mut received).expect("bytes");
        received
    });
    let stream = TcpStream::connect(address).await.expect("it listens");
    stream.set_send_buffer_size(BUFFER).expect("a buffer");
    (stream, receiving)
}

/// A stream on this loop, and what its peer receives up to the end, or up to so many bytes.
struct Transport {
    writer: StreamWriter,
    reader: StreamReader,
    peer: Task<Vec<u8>>,
}

impl Transport {
    async fn prepare(close_after: Option<usize>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("it is bound")).await.expect("it listens");
        stream.set_send_buffer_size(BUFFER).expect("a buffer");
        let (theirs, _) = listener.accept().await.expect("a client");
        let ((reader, writer), theirs) = (stream.into_streams(), theirs.into_streams());
        Self { writer, reader, peer: create_task(receive(theirs, close_after)) }
    }

    /// With TLS.
    #[cfg(feature = "tls")]
    async fn prepare_ssl(close_after: Option<usize>) -> Self {
        use oneloop::gather;
        use oneloop::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
        use oneloop::tls::rustls::{ClientConfig, RootCertStore, ServerConfig};
        use oneloop::tls::{TlsAcceptor, TlsConnector};
        use std::sync::Arc;

        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let certificate = CertificateDer::from(made.cert);
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).expect("a root");
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let server =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).expect("fits");

        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("it is bound")).await.expect("it listens");
        let ((reader, writer), (theirs, _)) = (stream.into_streams(), listener.accept().await.expect("a client"));
        let theirs = theirs.into_streams();
        let accepting = create_task(async move {
            theirs.1.start_tls(TlsAcceptor::new(Arc::new(server))).await.expect("a handshake");
            theirs
        });
        let connector = TlsConnector::new(Arc::new(client)).server_name("localhost");
        writer.start_tls(connector).await.expect("a handshake");
        let [theirs] = gather([accepting]).await.try_into().unwrap_or_else(|_| unreachable!());
        Self { writer, reader, peer: create_task(receive(theirs, close_after)) }
    }

    /// Closes it. What the peer has received.
    async fn closed(self) -> Vec<u8> {
        self.writer.close();
        let received = self.peer.await;
        drop((self.writer, self.reader));
        received
    }
}

async fn receive((reader, writer): (StreamReader, StreamWriter), close_after: Option<usize>) -> Vec<u8> {
    let received = match close_after {
        Some(count) => reader.readexactly(count).await.expect("as many bytes"),
        None => reader.read_to_end().await.expect("bytes"),
    };
    writer.abort();
    received
}

/// What the peer has received.
fn closed(stream: TcpStream, receiving: JoinHandle<Vec<u8>>) -> Vec<u8> {
    drop(stream);
    receiving.join().expect("it does not panic")
}

mod sock_sendfile_mixin {
    use super::*;

    #[test]
    fn test_sock_sendfile_success() {
        run_real(async {
            let (sock, peer) = prepare(None).await;
            let mut file = file_of(&data());
            assert_eq!(sock.sendfile(&file, 0, None).await.unwrap(), data().len() as u64);
            assert!(closed(sock, peer) == data());
            assert_eq!(file.stream_position().unwrap(), 0, "asyncio moves it");
        });
    }

    #[test]
    fn test_sock_sendfile_with_offset_and_count() {
        run_real(async {
            let (sock, peer) = prepare(None).await;
            assert_eq!(sock.sendfile(&file_of(&data()), 1000, 2000).await.unwrap(), 2000);
            assert!(closed(sock, peer) == data()[1000..3000]);
        });
    }

    #[test]
    fn test_sock_sendfile_zero_size() {
        run_real(async {
            let (sock, peer) = prepare(None).await;
            assert_eq!(sock.sendfile(&file_of(b""), 0, None).await.unwrap(), 0);
            assert_eq!(closed(sock, peer), b"");
        });
    }

    #[test]
    fn test_sock_sendfile_mix_with_regular_send() {
        run_real(async {
            let buf = b"mix_regular_send".repeat(4 * 1024);
            let (sock, peer) = prepare(None).await;
            sock.write_all(&buf).await.unwrap();
            assert_eq!(sock.sendfile(&file_of(&data()), 0, None).await.unwrap(), data().len() as u64);
            sock.write_all(&buf).await.unwrap();
            assert!(closed(sock, peer) == [buf.clone(), data(), buf].concat());
        });
    }
}

mod sendfile_mixin {
    use super::*;

    /// A file that Linux reads and does not send.
    const NOT_SENT: &str = "/proc/self/auxv";

    #[test]
    fn test_sendfile() {
        run_real(async {
            let (sock, peer) = prepare(None).await;
            assert_eq!(sock.sendfile(&file_of(&data()), 0, None).await.unwrap(), data().len() as u64);
            sock.shutdown(Shutdown::Write).unwrap();
            assert!(closed(sock, peer) == data());

            let (tr, mut file) = (Transport::prepare(None).await, file_of(&data()));
            assert_eq!(tr.writer.sendfile(&file, 0, None).await.unwrap(), data().len() as u64);
            assert!(tr.closed().await == data());
            assert_eq!(file.stream_position().unwrap(), data().len() as u64);
        });
    }

    #[test]
    fn test_sendfile_force_fallback() {
        run_real(async {
            let (path, whole) = if cfg!(target_os = "linux") {
                (NOT_SENT, std::fs::read(NOT_SENT).unwrap())
            } else {
                ("Cargo.toml", std::fs::read("Cargo.toml").unwrap())
            };
            let (sock, peer) = prepare(None).await;
            assert_eq!(sock.sendfile(&File::open(path).unwrap(), 0, None).await.unwrap(), whole.len() as u64);
            assert_eq!(closed(sock, peer), whole);

            let (tr, mut file) = (Transport::prepare(None).await, File::open(path).unwrap());
            assert_eq!(tr.writer.sendfile(&file, 0, None).await.unwrap(), whole.len() as u64);
            assert_eq!(file.stream_position().unwrap(), whole.len() as u64);
            assert_eq!(tr.closed().await, whole);
        });
    }

    #[test]
    fn test_sendfile_pre_and_post_data() {
        run_real(async {
            let (prefix, suffix) = (b"PREFIX__".repeat(1024), b"--SUFFIX".repeat(1024));
            let (sock, peer) = prepare(None).await;
            sock.write_all(&prefix).await.unwrap();
            assert_eq!(sock.sendfile(&file_of(&data()), 0, None).await.unwrap(), data().len() as u64);
            sock.write_all(&suffix).await.unwrap();
            assert!(closed(sock, peer) == [&prefix[..], &data(), &suffix].concat());

            let (tr, mut file) = (Transport::prepare(None).await, file_of(&data()));
            tr.writer.write(&prefix);
            assert_eq!(tr.writer.sendfile(&file, 0, None).await.unwrap(), data().len() as u64);
            tr.writer.write(&suffix);
            assert!(tr.closed().await == [prefix, data(), suffix].concat());
            assert_eq!(file.stream_position().unwrap(), data().len() as u64);
        });
    }

    #[test]
    fn test_sendfile_partial() {
        run_real(async {
            let (sock, peer) = prepare(None).await;
            assert_eq!(sock.sendfile(&file_of(&data()), 1000, 100).await.unwrap(), 100);
            assert_eq!(closed(sock, peer), data()[1000..1100]);

            let (tr, mut file) = (Transport::prepare(None).await, file_of(&data()));
            assert_eq!(tr.writer.sendfile(&file, 1000, 100).await.unwrap(), 100);
            assert_eq!(tr.closed().await, data()[1000..1100]);
            assert_eq!(file.stream_position().unwrap(), 1100);
        });
    }

    #[test]
    fn test_sendfile_close_peer_after_receiving() {
        run_real(async {
            let (sock, peer) = prepare(Some(data().len() as u64)).await;
            assert_eq!(sock.sendfile(&file_of(&data()), 0, None).await.unwrap(), data().len() as u64);
            assert!(closed(sock, peer) == data());

            let (tr, mut file) = (Transport::prepare(Some(data().len())).await, file_of(&data()));
            assert_eq!(tr.writer.sendfile(&file, 0, None).await.unwrap(), data().len() as u64);
            assert!(tr.closed().await == data());
            assert_eq!(file.stream_position().unwrap(), data().len() as u64);
        });
    }

    /// Sends more than the buffers of both ends hold, until the peer goes.
    fn goes_in_the_middle(file: &File) {
        run_real(async {
            let (sock, peer) = prepare(Some(1024)).await;
            let error = loop {
                match sock.sendfile(file, 0, None).await {
                    Ok(sent) => assert!(sent > 0),
                    Err(error) => break error,
                }
            };
            assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
            assert_eq!(closed(sock, peer).len(), 1024);
        });
    }

    /// As CPython, with a stream whose file is larger than the buffers of both ends.
    async fn a_stream_ends_in_the_middle(tr: Transport) {
        let bytes = data().repeat(40);
        let mut file = file_of(&bytes);
        let kind = tr.writer.sendfile(&file, 0, None).await.unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{kind}");
        let position = file.stream_position().unwrap();
        assert!((1024..bytes.len() as u64).contains(&position), "{position}");
        assert!(tr.writer.is_closing());
        assert_eq!(tr.closed().await.len(), 1024);
    }

    #[test]
    fn test_sendfile_close_peer_in_the_middle_of_receiving() {
        goes_in_the_middle(&file_of(&data()));
        run_real(async { a_stream_ends_in_the_middle(Transport::prepare(Some(1024)).await).await });
    }

    #[test]
    fn test_sendfile_fallback_close_peer_in_the_middle_of_receiving() {
        let path = if cfg!(target_os = "linux") { NOT_SENT } else { "Cargo.toml" };
        goes_in_the_middle(&File::open(path).unwrap());
        #[cfg(feature = "tls")]
        run_real(async { a_stream_ends_in_the_middle(Transport::prepare_ssl(Some(1024)).await).await });
    }

    #[test]
    fn test_sendfile_force_unsupported_native() {
        run_real(async {
            let path = if cfg!(target_os = "linux") { NOT_SENT } else { "Cargo.toml" };
            let (tr, mut file) = (Transport::prepare(None).await, File::open(path).unwrap());
            if cfg!(any(target_os = "linux", target_os = "macos")) {
                let refused = tr.writer.sendfile_native(&file, 0, None).await;
                assert!(matches!(refused, Err(SendfileError::NotAvailable)), "{refused:?}");
            }
            assert_eq!(file.stream_position().unwrap(), 0);
            assert_eq!(tr.closed().await, b"");
        });
    }

    #[test]
    fn test_sendfile_for_closing_transp() {
        run_real(async {
            let (tr, mut file) = (Transport::prepare(None).await, file_of(&data()));
            tr.writer.close();
            let error = tr.writer.sendfile(&file, 0, None).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
            assert_eq!(tr.closed().await, b"");
            assert_eq!(file.stream_position().unwrap(), 0);
        });
    }

    /// asyncio refuses the write; here it comes behind the file.
    #[test]
    fn test_sendfile_prevents_bare_write() {
        run_real(async {
            let (tr, file) = (Transport::prepare(None).await, file_of(&data().repeat(10)));
            let writer = tr.writer.clone();
            let t = create_task(async move { writer.sendfile(&file, 0, None).await });
            sleep(ms(1)).await;
            assert!(!t.done(), "the buffers are small");
            tr.writer.write(b"data");
            assert_eq!(t.await.unwrap(), data().len() as u64 * 10);
            assert!(tr.closed().await == [data().repeat(10), b"data".to_vec()].concat());
        });
    }

    #[cfg(feature = "tls")]
    #[test]
    fn test_sendfile_ssl() {
        run_real(async {
            let (tr, mut file) = (Transport::prepare_ssl(None).await, file_of(&data()));
            assert_eq!(tr.writer.sendfile(&file, 0, None).await.unwrap(), data().len() as u64);
            assert!(tr.closed().await == data());
            assert_eq!(file.stream_position().unwrap(), data().len() as u64);
        });
    }

    #[cfg(feature = "tls")]
    #[test]
    fn test_sendfile_ssl_pre_and_post_data() {
        run_real(async {
            let (prefix, suffix) = (b"zxcvbnm".repeat(1024), b"0987654321".repeat(1024));
            let (tr, mut file) = (Transport::prepare_ssl(None).await, file_of(&data()));
            tr.writer.write(&prefix);
            assert_eq!(tr.writer.sendfile(&file, 0, None).await.unwrap(), data().len() as u64);
            tr.writer.write(&suffix);
            assert!(tr.closed().await == [prefix, data(), suffix].concat());
            assert_eq!(file.stream_position().unwrap(), data().len() as u64);
        });
    }

    #[cfg(feature = "tls")]
    #[test]
    fn test_sendfile_ssl_partial() {
        run_real(async {
            let (tr, mut file) = (Transport::prepare_ssl(None).await, file_of(&data()));
            assert_eq!(tr.writer.sendfile(&file, 1000, 100).await.unwrap(), 100);
            assert_eq!(tr.closed().await, data()[1000..1100]);
            assert_eq!(file.stream_position().unwrap(), 1100);
        });
    }

    #[cfg(feature = "tls")]
    #[test]
    fn test_sendfile_ssl_close_peer_after_receiving() {
        run_real(async {
            let (tr, mut file) = (Transport::prepare_ssl(Some(data().len())).await, file_of(&data()));
            assert_eq!(tr.writer.sendfile(&file, 0, None).await.unwrap(), data().len() as u64);
            assert!(tr.closed().await == data());
            assert_eq!(file.stream_position().unwrap(), data().len() as u64);
        });
    }

    /// asyncio asks a transport that never sends natively; here that is one with TLS.
    #[cfg(feature = "tls")]
    #[test]
    fn test_sendfile_no_fallback_for_fallback_transport() {
        run_real(async {
            let (tr, file) = (Transport::prepare_ssl(None).await, file_of(&data()));
            let refused = tr.writer.sendfile_native(&file, 0, None).await;
            assert!(matches!(refused, Err(SendfileError::NotAvailable)), "{refused:?}");
            assert_eq!(tr.closed().await, b"");
        });
    }
}
