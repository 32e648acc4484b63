//! CPython's `test_sendfile.py`: files sent through connections, whose buffers are small. Must not know how the system
//! sends a file.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::net::{Shutdown, TcpListener as StdListener};
use std::thread::{self, JoinHandle};

use oneloop::net::TcpStream;

use crate::support::run_real;

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
            assert!(closed(sock, peer) == [prefix, data(), suffix].concat());
        });
    }

    #[test]
    fn test_sendfile_partial() {
        run_real(async {
            let (sock, peer) = prepare(None).await;
            assert_eq!(sock.sendfile(&file_of(&data()), 1000, 100).await.unwrap(), 100);
            assert_eq!(closed(sock, peer), data()[1000..1100]);
        });
    }

    #[test]
    fn test_sendfile_close_peer_after_receiving() {
        run_real(async {
            let (sock, peer) = prepare(Some(data().len() as u64)).await;
            assert_eq!(sock.sendfile(&file_of(&data()), 0, None).await.unwrap(), data().len() as u64);
            assert!(closed(sock, peer) == data());
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

    #[test]
    fn test_sendfile_close_peer_in_the_middle_of_receiving() {
        goes_in_the_middle(&file_of(&data()));
    }

    #[test]
    fn test_sendfile_fallback_close_peer_in_the_middle_of_receiving() {
        let path = if cfg!(target_os = "linux") { NOT_SENT } else { "Cargo.toml" };
        goes_in_the_middle(&File::open(path).unwrap());
    }
}
