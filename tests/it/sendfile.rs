//! Files sent through connections.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::TcpListener as StdListener;
use std::thread;

use oneloop::net::{TcpStream, UnixStream};
use oneloop::{create_task, gather, yield_now};

use crate::support::run_real;

/// A file without a name, with these bytes.
fn file_of(bytes: &[u8]) -> File {
    let path = std::env::temp_dir().join(format!("oneloop-file-{}-{:?}", std::process::id(), thread::current().id()));
    let mut file = File::options().create_new(true).read(true).write(true).open(&path).expect("a file");
    fs::remove_file(path).expect("it is there");
    file.write_all(bytes).expect("room on the disk");
    file
}

/// Bytes of which no two stretches are alike.
fn bytes_of(length: usize) -> Vec<u8> {
    (0_u32..).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).take(length).collect()
}

/// What the other end of a connection receives up to its end, beside what `send` does with this end.
async fn received(send: impl AsyncFnOnce(&UnixStream) + 'static) -> Vec<u8> {
    let (left, right) = UnixStream::pair().unwrap();
    let sending = create_task(async move { send(&left).await });
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match right.read(&mut buffer).await.unwrap() {
            0 => break,
            n => all.extend_from_slice(&buffer[..n]),
        }
    }
    sending.await;
    all
}

#[test]
fn a_file_larger_than_any_buffer_arrives_whole() {
    run_real(async {
        let bytes = bytes_of(5_000_000);
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let reading = thread::spawn(move || {
            let mut all = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut all).unwrap();
            all
        });
        let stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(stream.sendfile(&file_of(&bytes), 0, None).await.unwrap(), 5_000_000);
        drop(stream);
        assert!(reading.join().unwrap() == bytes);
    });
}

#[test]
fn a_part_of_a_file_is_sent_and_its_position_stays() {
    run_real(async {
        let got = received(async |stream: &UnixStream| {
            let mut file = file_of(b"0123456789");
            file.seek(SeekFrom::Start(7)).unwrap();
            assert_eq!(stream.sendfile(&file, 2, 3).await.unwrap(), 3);
            assert_eq!(stream.sendfile(&file, 8, 100).await.unwrap(), 2, "up to the end");
            assert_eq!(stream.sendfile(&file, 100, None).await.unwrap(), 0, "behind the end");
            assert_eq!(stream.sendfile(&file, 0, 0).await.unwrap(), 0);
            assert_eq!(file.stream_position().unwrap(), 7);
        });
        assert_eq!(got.await, b"23489");
    });
}

#[test]
fn bytes_before_and_after_a_file_stay_in_order() {
    run_real(async {
        let got = received(async |stream: &UnixStream| {
            stream.write_all(b"<").await.unwrap();
            stream.sendfile(&file_of(b"file"), 0, None).await.unwrap();
            stream.write_all(b">").await.unwrap();
        });
        assert_eq!(got.await, b"<file>");
    });
}

/// Files of `/proc` are read, and not sent.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_the_system_does_not_send_is_read() {
    run_real(async {
        let path = "/proc/self/auxv";
        let whole = fs::read(path).unwrap();
        let got = received(async |stream: &UnixStream| {
            let file = File::open("/proc/self/auxv").unwrap();
            let mut sent = stream.sendfile(&file, 0, 100).await.unwrap();
            assert_eq!(sent, 100);
            sent += stream.sendfile(&file, 100, None).await.unwrap();
            assert_eq!(stream.sendfile(&file, sent, None).await.unwrap(), 0, "at the end");
        });
        assert_eq!(got.await, whole);
    });
}

#[test]
fn a_peer_that_is_gone_is_an_error() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        drop(right);
        let error = left.sendfile(&file_of(b"file"), 0, None).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_peer_that_does_not_read_holds_up_the_sender_alone() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        let sending = create_task(async move { left.sendfile(&file_of(&bytes_of(2_000_000)), 0, None).await });
        gather((0..10).map(|_| yield_now())).await;
        assert!(!sending.done());
        sending.cancel();
        sending.into_outcome().await.unwrap_err();
        drop(right);
    });
}
