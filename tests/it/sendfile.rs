//! Files sent through connections.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::TcpListener as StdListener;
use std::thread;

use oneloop::net::{TcpStream, UnixStream};
use oneloop::{StreamReader, StreamWriter, create_task, gather, yield_now};

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

// By a stream.

/// A writer, and the reader of the other end.
fn streams() -> (StreamWriter, StreamReader) {
    let (left, right) = UnixStream::pair().unwrap();
    (left.into_streams().1, right.into_streams().0)
}

#[test]
fn a_stream_sends_files_and_bytes_in_the_order_of_their_calls() {
    run_real(async {
        let ((writer, reader), bytes) = (streams(), bytes_of(1_000_000));
        let receiving = create_task(async move { reader.read_to_end().await.unwrap() });
        writer.write(&bytes); // more than the system takes
        assert!(writer.write_buffer_size() > 0);
        let two = [&bytes, &bytes[..10].to_vec()].map(|bytes| {
            let (writer, file) = (writer.clone(), file_of(bytes));
            create_task(async move { writer.sendfile_native(&file, 0, None).await.unwrap() })
        });
        yield_now().await;
        yield_now().await;
        assert_eq!(gather(two).await, [1_000_000, 10]);
        writer.write("end");
        drop(writer);
        assert!(receiving.await == [&bytes[..], &bytes, &bytes[..10], b"end"].concat());
    });
}

#[test]
fn what_is_written_and_closed_while_a_file_is_sent_comes_behind_it() {
    run_real(async {
        let ((writer, reader), bytes) = (streams(), bytes_of(1_000_000));
        let (sender, file) = (writer.clone(), file_of(&bytes));
        let sending = create_task(async move { sender.sendfile_native(&file, 0, None).await });
        assert!(reader.read(10).await.unwrap() == bytes[..10]);
        assert!(!sending.done(), "the file is larger than any buffer");
        writer.write("behind");
        writer.writelines(["it", "."]);
        assert_eq!(writer.write_buffer_size(), 9);
        writer.close();
        let received = reader.read_to_end().await.unwrap();
        assert_eq!(sending.await.unwrap(), 1_000_000);
        assert!(received == [&bytes[10..], b"behindit."].concat());
        writer.wait_closed().await.unwrap();
    });
}

#[test]
fn a_write_comes_behind_a_file_that_lets_others_have_their_turn() {
    const OPERATIONS_OF_A_STEP: usize = 64;
    run_real(async {
        let ((writer, reader), (busy, _peer)) = (streams(), UnixStream::pair().unwrap());
        let (sender, file) = (writer.clone(), file_of(b"file"));
        let sending = create_task(async move {
            for _ in 0..OPERATIONS_OF_A_STEP {
                busy.try_read(&mut [0]).unwrap_err();
            }
            sender.sendfile_native(&file, 0, None).await
        });
        yield_now().await;
        assert!(!sending.done(), "it has the stream, and waits for its turn");
        writer.write("behind");
        drop(writer);
        assert_eq!(reader.read_to_end().await.unwrap(), b"filebehind");
        sending.await.unwrap();
    });
}

#[test]
fn a_file_that_is_given_up_leaves_its_position_and_a_stream_that_goes_on() {
    run_real(async {
        let ((writer, reader), bytes) = (streams(), bytes_of(1_000_000));
        let file = file_of(&bytes);
        let mut position = file.try_clone().unwrap();
        let sender = writer.clone();
        let sending = create_task(async move { sender.sendfile(&file, 1000, None).await });
        yield_now().await;
        yield_now().await;
        writer.write("end");
        sending.cancel();
        sending.into_outcome().await.unwrap_err();
        let at = usize::try_from(position.stream_position().unwrap()).unwrap();
        assert!((1001..1_000_000).contains(&at), "{at}");
        drop(writer);
        assert!(reader.read_to_end().await.unwrap() == [&bytes[1000..at], b"end"].concat());
    });
}

#[test]
fn a_stream_that_ends_in_the_middle_of_a_file_is_an_error() {
    run_real(async {
        for abort in [true, false] {
            let (writer, reader) = streams();
            let (sender, file) = (writer.clone(), file_of(&bytes_of(1_000_000)));
            let sending = create_task(async move { sender.sendfile(&file, 0, None).await });
            yield_now().await;
            yield_now().await;
            if abort {
                writer.abort();
            } else {
                drop(reader);
            }
            assert_eq!(sending.await.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
            assert!(writer.is_closing());
        }
    });
}

#[test]
fn a_stream_that_was_ended_sends_no_file() {
    run_real(async {
        let (writer, reader) = streams();
        writer.write_eof();
        let mut file = file_of(b"file");
        let error = writer.sendfile(&file, 0, None).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        assert_eq!(file.stream_position().unwrap(), 4, "it stays");
        assert_eq!(reader.read(1).await.unwrap(), b"");
    });
}

#[test]
fn a_pipe_sends_files_too() {
    run_real(async {
        let (reader, writer) = oneloop::net::pipe().unwrap();
        let (reader, writer) = (reader.into_stream(), writer.into_stream());
        assert_eq!(writer.sendfile(&file_of(b"file"), 1, None).await.unwrap(), 3);
        drop(writer);
        assert_eq!(reader.read_to_end().await.unwrap(), b"ile");
    });
}
