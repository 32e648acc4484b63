//! CPython's `test_streams.py` for this API. Readers are fed by hand; connections have a small HTTP server in a thread
//! at their other end.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::Path;
use std::rc::Rc;
use std::thread;

use oneloop::error::ReadError;
use oneloop::net::{TcpListener, UnixStream};
use oneloop::{
    EventLoop, Server, StreamReader, StreamWriter, create_task, current_task, gather, open_connection,
    open_unix_connection, sleep, start_server, wait, yield_now,
};

use crate::support::{ms, panic_of, reports, reports_as, run, run_briefly, socket_path, virtual_loop};

const DATA: &[u8] = b"line1\nline2\nline3\n";

/// A reader that holds these pieces.
fn fed(pieces: &[&str]) -> StreamReader {
    let reader = StreamReader::new();
    for piece in pieces {
        reader.feed_data(piece);
    }
    reader
}

fn fed_with_limit(limit: usize, pieces: &[&str]) -> StreamReader {
    let reader = StreamReader::with_limit(limit);
    for piece in pieces {
        reader.feed_data(piece);
    }
    reader
}

/// What the reader holds, taken out.
async fn left(reader: &StreamReader) -> String {
    let shown = format!("{reader:?}");
    if shown.contains("bytes: 0") {
        return String::new();
    }
    String::from_utf8(reader.read(usize::MAX).await.expect("bytes are there")).expect("text")
}

/// Feeds the reader in the next iteration.
fn feed_soon(reader: &StreamReader, pieces: &'static [&'static str], eof: bool) {
    let reader = reader.clone();
    EventLoop::current().call_soon(move || {
        for piece in pieces {
            reader.feed_data(piece);
        }
        if eof {
            reader.feed_eof();
        }
    });
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "made up")
}

/// The limit's error, or a failure of the test.
#[track_caller]
fn overrun<T: std::fmt::Debug>(outcome: Result<T, ReadError>) -> usize {
    match outcome {
        Err(ReadError::Limit(error)) => error.consumed,
        other => panic!("{other:?}"),
    }
}

/// Answers one request like the server of CPython's own tests, and says when that is done.
fn answer(stream: impl Read + Write) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|n| n > 2) {
        line.clear();
    }
    // a client that has not asked has gone
    let _ = stream.get_mut().write_all(b"HTTP/1.0 200 OK\r\nContent-type: text/plain\r\n\r\nTest message");
}

fn test_server() -> SocketAddr {
    let listener = StdTcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || answer(listener.accept().expect("a client").0));
    address
}

fn test_unix_server(path: &Path) {
    let listener = StdUnixListener::bind(path).expect("a path");
    thread::spawn(move || answer(listener.accept().expect("a client").0));
}

/// A loop that has reported nothing when this ends.
fn run_quietly<F: Future>(main: F) -> F::Output {
    let lp = virtual_loop();
    let told = reports(&lp);
    let value = lp.run_until_complete(main).expect("main comes to its end");
    assert!(told.borrow().is_empty(), "{told:?}");
    value
}

async fn ask_for_a_page((reader, writer): &(StreamReader, StreamWriter)) {
    writer.write("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(reader.readline().await.expect("a line"), b"HTTP/1.0 200 OK\r\n");
    let rest = reader.read_to_end().await.expect("a page");
    assert!(rest.ends_with(b"\r\n\r\nTest message"));
}

async fn fail_on_demand((reader, writer): &(StreamReader, StreamWriter)) {
    reader.set_exception(invalid());
    let failed = reader.read_to_end().await.expect_err("it was told to fail");
    assert_eq!((failed.kind(), failed.to_string().as_str()), (io::ErrorKind::InvalidData, "made up"));
    writer.close();
    run_briefly().await;
}

mod stream_tests {
    use super::*;

    #[test]
    fn test_open_connection() {
        run_quietly(async {
            let streams = open_connection(test_server()).await.expect("a connection");
            ask_for_a_page(&streams).await;
            streams.1.close();
        });
    }

    #[test]
    fn test_open_unix_connection() {
        let path = socket_path("open");
        test_unix_server(&path);
        run_quietly(async {
            let streams = open_unix_connection(&path).await.expect("a connection");
            ask_for_a_page(&streams).await;
            streams.1.close();
        });
    }

    #[test]
    fn test_open_connection_error() {
        run_quietly(async {
            let streams = open_connection(test_server()).await.expect("a connection");
            fail_on_demand(&streams).await;
        });
    }

    #[test]
    fn test_open_unix_connection_error() {
        let path = socket_path("open-error");
        test_unix_server(&path);
        run_quietly(async {
            let streams = open_unix_connection(&path).await.expect("a connection");
            fail_on_demand(&streams).await;
        });
    }

    #[test]
    fn test_feed_empty_data() {
        run(async {
            let reader = fed(&[""]);
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_feed_nonempty_data() {
        run(async {
            let reader = StreamReader::new();
            reader.feed_data(DATA);
            assert_eq!(left(&reader).await.as_bytes(), DATA);
        });
    }

    #[test]
    fn test_read_zero() {
        run(async {
            let reader = fed(&["data"]);
            assert_eq!(reader.read(0).await.expect("nothing"), b"");
            assert_eq!(reader.read_into(&mut []).await.expect("nothing"), 0);
            assert_eq!(left(&reader).await, "data");
        });
    }

    #[test]
    fn test_read() {
        run(async {
            let reader = StreamReader::new();
            feed_soon(&reader, &["line1\nline2\nline3\n"], false);
            assert_eq!(reader.read(30).await.expect("bytes"), DATA);
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_read_line_breaks() {
        run(async {
            let reader = fed(&["line1", "line2"]);
            assert_eq!(reader.read(5).await.expect("bytes"), b"line1");
            assert_eq!(left(&reader).await, "line2");
        });
    }

    #[test]
    fn test_read_eof() {
        run(async {
            let reader = StreamReader::new();
            feed_soon(&reader, &[], true);
            assert_eq!(reader.read(1024).await.expect("the end"), b"");
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_read_until_eof() {
        run(async {
            let reader = StreamReader::new();
            feed_soon(&reader, &["chunk1\n", "chunk2"], true);
            assert_eq!(reader.read_to_end().await.expect("bytes"), b"chunk1\nchunk2");
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_read_exception() {
        run(async {
            let reader = fed(&["line\n"]);
            assert_eq!(reader.read(2).await.expect("bytes"), b"li");
            reader.set_exception(invalid());
            assert_eq!(reader.read(2).await.expect_err("it fails").kind(), io::ErrorKind::InvalidData);
        });
    }

    #[test]
    fn test_invalid_limit() {
        let text = panic_of(|| StreamReader::with_limit(0));
        assert!(text.contains("the limit of a StreamReader cannot be 0"), "{text}");
    }

    #[test]
    fn test_read_limit() {
        run(async {
            let reader = fed_with_limit(3, &["chunk"]);
            assert_eq!(reader.read(5).await.expect("bytes"), b"chunk");
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_readline() {
        run(async {
            let reader = fed(&["chunk1 "]);
            feed_soon(&reader, &["chunk2 ", "chunk3 ", "\n chunk4"], false);
            assert_eq!(reader.readline().await.expect("a line"), b"chunk1 chunk2 chunk3 \n");
            assert_eq!(left(&reader).await, " chunk4");
        });
    }

    #[test]
    fn test_readline_limit_with_existing_data() {
        run(async {
            let reader = fed_with_limit(3, &["li", "ne1\nline2\n"]);
            assert_eq!(overrun(reader.readline().await), 5);
            assert_eq!(left(&reader).await, "line2\n");

            // without an end of the line all of it is dropped
            let reader = fed_with_limit(3, &["li", "ne1", "li"]);
            assert_eq!(overrun(reader.readline().await), 7);
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_at_eof() {
        run(async {
            let reader = StreamReader::new();
            assert!(!reader.at_eof());
            reader.feed_data("some data\n");
            assert!(!reader.at_eof());
            reader.readline().await.expect("a line");
            assert!(!reader.at_eof());
            reader.feed_data("some data\n");
            reader.feed_eof();
            assert!(!reader.at_eof());
            reader.readline().await.expect("a line");
            assert!(reader.at_eof());
        });
    }

    #[test]
    fn test_readline_limit() {
        run(async {
            let reader = StreamReader::with_limit(7);
            feed_soon(&reader, &["chunk1", "chunk2", "chunk3\n"], true);
            overrun(reader.readline().await);
            assert_eq!(left(&reader).await, "");

            let reader = StreamReader::with_limit(7);
            feed_soon(&reader, &["chunk1", "chunk2\n", "chunk3\n"], true);
            overrun(reader.readline().await);
            assert_eq!(left(&reader).await, "chunk3\n");

            // the limit is that of the line without its end
            let reader = fed_with_limit(7, &["1234567\n"]);
            assert_eq!(reader.readline().await.expect("a line"), b"1234567\n");
            assert_eq!(left(&reader).await, "");
            reader.feed_data("12345678\n");
            assert_eq!(overrun(reader.readline().await), 8);
            assert_eq!(left(&reader).await, "");
            reader.feed_data("12345678");
            assert_eq!(overrun(reader.readline().await), 8);
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_readline_nolimit_nowait() {
        run(async {
            let reader = fed(&["line1\n", "line2\nline3\n"]);
            assert_eq!(reader.readline().await.expect("a line"), b"line1\n");
            assert_eq!(left(&reader).await, "line2\nline3\n");
        });
    }

    #[test]
    fn test_readline_eof() {
        run(async {
            let reader = fed(&["some data"]);
            reader.feed_eof();
            assert_eq!(reader.readline().await.expect("a line"), b"some data");
            assert_eq!(reader.next_line().await.expect("the end"), None);
        });
    }

    #[test]
    fn test_readline_empty_eof() {
        run(async {
            let reader = StreamReader::new();
            reader.feed_eof();
            assert_eq!(reader.readline().await.expect("the end"), b"");
        });
    }

    #[test]
    fn test_readline_read_byte_count() {
        run(async {
            let reader = StreamReader::new();
            reader.feed_data(DATA);
            reader.readline().await.expect("a line");
            assert_eq!(reader.read(7).await.expect("bytes"), b"line2\nl");
            assert_eq!(left(&reader).await, "ine3\n");
        });
    }

    #[test]
    fn test_readline_exception() {
        run(async {
            let reader = fed(&["line\n"]);
            assert_eq!(reader.readline().await.expect("a line"), b"line\n");
            reader.set_exception(invalid());
            assert!(matches!(reader.readline().await, Err(ReadError::Io(e)) if e.kind() == io::ErrorKind::InvalidData));
        });
    }

    #[test]
    fn test_readuntil_separator() {
        const REFUSED: [&[&[u8]]; 3] = [&[b""], &[b"x", b""], &[]];
        async fn refusal(separators: &'static [&'static [u8]]) -> String {
            let mut reading = create_task(async move { StreamReader::new().readuntil_any(separators).await });
            reading.outcome().await.expect_err("a panic").to_string()
        }
        run(async {
            let mut reading = create_task(async { StreamReader::new().readuntil("").await });
            let text = reading.outcome().await.expect_err("a panic").to_string();
            assert!(text.contains("readuntil() needs a separator, and none may be empty"), "{text}");
            for separators in REFUSED {
                let text = refusal(separators).await;
                assert!(text.contains("readuntil_any() needs a separator, and none may be empty"), "{text}");
            }
        });
    }

    #[test]
    fn test_readuntil_multi_chunks() {
        run(async {
            let reader = fed(&["lineAAA"]);
            assert_eq!(reader.readuntil("AAA").await.expect("a message"), b"lineAAA");
            assert_eq!(left(&reader).await, "");
            reader.feed_data("lineAAAxxx");
            assert_eq!(reader.readuntil("AAA").await.expect("a message"), b"lineAAA");
            assert_eq!(left(&reader).await, "xxx");
        });
    }

    #[test]
    fn test_readuntil_multi_chunks_1() {
        run(async {
            let cases: [(&[&str], &str); 5] = [
                (&["QWEaa", "XYaa", "a"], "QWEaaXYaaa"),
                (&["QWEaa", "XYa", "aa"], "QWEaaXYaaa"),
                (&["aaa"], "aaa"),
                (&["Xaaa"], "Xaaa"),
                (&["XXX", "a", "a", "a"], "XXXaaa"),
            ];
            for (pieces, message) in cases {
                // in the buffer already, and piece by piece
                let reader = fed(pieces);
                assert_eq!(reader.readuntil("aaa").await.expect("a message"), message.as_bytes());
                assert_eq!(left(&reader).await, "");
                let feeder = reader.clone();
                let feeding = create_task(async move {
                    for piece in pieces {
                        feeder.feed_data(piece);
                        yield_now().await;
                        yield_now().await;
                    }
                });
                assert_eq!(reader.readuntil("aaa").await.expect("a message"), message.as_bytes());
                assert_eq!(left(&reader).await, "");
                feeding.await;
            }
        });
    }

    #[test]
    fn test_readuntil_eof() {
        run(async {
            let reader = fed(&["some dataAA"]);
            reader.feed_eof();
            match reader.readuntil("AAA").await {
                Err(ReadError::Incomplete(error)) => {
                    assert_eq!((error.partial.as_slice(), error.expected), (&b"some dataAA"[..], None));
                    assert_eq!(error.to_string(), "the stream ended after 11 bytes, before any separator");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_readuntil_limit_found_sep() {
        run(async {
            let reader = fed_with_limit(3, &["some dataAA"]);
            assert_eq!(overrun(reader.readuntil("AAA").await), 9);
            reader.feed_data("A");
            assert_eq!(overrun(reader.readuntil("AAA").await), 9);
            assert_eq!(left(&reader).await, "some dataAAA");
        });
    }

    #[test]
    fn test_readuntil_multi_separator() {
        run(async {
            let reader = fed(&["line 1\nline 2\r"]);
            assert_eq!(reader.readuntil_any(&[b"\r", b"\n"]).await.expect("a line"), b"line 1\n");
            assert_eq!(reader.readuntil_any(&[b"\r", b"\n"]).await.expect("a line"), b"line 2\r");
            assert_eq!(left(&reader).await, "");
            // the first end counts, although its separator is the longer one
            reader.feed_data("ABCDEFG");
            assert_eq!(reader.readuntil_any(&[b"DEF", b"BCDE"]).await.expect("a message"), b"ABCDE");
            assert_eq!(left(&reader).await, "FG");
        });
    }

    #[test]
    fn test_readuntil_multi_separator_limit() {
        run(async {
            let reader = fed_with_limit(3, &["some dataA"]);
            assert_eq!(overrun(reader.readuntil_any(&[b"A", b"ome dataA"]).await), 9);
            assert_eq!(left(&reader).await, "some dataA");
        });
    }

    #[test]
    fn test_readuntil_multi_separator_negative_offset() {
        run(async {
            let reader = fed(&["data"]);
            feed_soon(&reader, &["Z"], false);
            feed_soon(&reader, &["Aaaa"], false);
            assert_eq!(reader.readuntil_any(&[b"A", b"long sep"]).await.expect("a message"), b"dataZA");
            assert_eq!(left(&reader).await, "aaa");
        });
    }

    #[test]
    fn test_readuntil_bytearray() {
        run(async {
            let reader = fed(&["some data\r\n"]);
            assert_eq!(reader.readuntil(vec![b'\r', b'\n']).await.expect("a line"), b"some data\r\n");
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_readexactly_zero_or_less() {
        run(async {
            let reader = fed(&["data"]);
            assert_eq!(reader.readexactly(0).await.expect("nothing"), b"");
            reader.readexactly_into(&mut []).await.expect("nothing");
            assert_eq!(left(&reader).await, "data");
        });
    }

    #[test]
    fn test_readexactly() {
        run(async {
            let reader = StreamReader::new();
            feed_soon(&reader, &["line1\n", "line2\n", "line3\n"], false);
            assert_eq!(reader.readexactly(12).await.expect("bytes"), b"line1\nline2\n");
            assert_eq!(left(&reader).await, "line3\n");
        });
    }

    #[test]
    fn test_readexactly_limit() {
        run(async {
            let reader = fed_with_limit(3, &["chunk"]);
            assert_eq!(reader.readexactly(5).await.expect("bytes"), b"chunk");
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_readexactly_eof() {
        run(async {
            let reader = StreamReader::new();
            feed_soon(&reader, &["line1\nline2\nline3\n"], true);
            match reader.readexactly(36).await {
                Err(ReadError::Incomplete(error)) => {
                    assert_eq!((error.partial.as_slice(), error.expected), (DATA, Some(36)));
                    let text = "the stream ended after 18 bytes, before the 36 that were asked for";
                    assert_eq!(error.to_string(), text);
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(left(&reader).await, "");
        });
    }

    #[test]
    fn test_readexactly_exception() {
        run(async {
            let reader = fed(&["line\n"]);
            assert_eq!(reader.readexactly(2).await.expect("bytes"), b"li");
            reader.set_exception(invalid());
            assert!(matches!(reader.readexactly(2).await, Err(ReadError::Io(_))));
        });
    }

    #[test]
    fn test_exception() {
        let reader = StreamReader::new();
        assert!(reader.exception().is_none());
        reader.set_exception(invalid());
        let told = reader.exception().expect("an error");
        assert_eq!((told.kind(), told.to_string().as_str()), (io::ErrorKind::InvalidData, "made up"));
    }

    #[test]
    fn test_exception_waiter() {
        run(async {
            let reader = StreamReader::new();
            let (waiting, setting) = (reader.clone(), reader.clone());
            let reading = create_task(async move { waiting.readline().await.map(drop) });
            let setter = create_task(async move {
                setting.set_exception(invalid());
                Ok(())
            });
            let sets = wait([reading, setter]).await;
            assert_eq!(sets.done.len(), 2);
            let ended = gather(sets.done).await;
            assert_eq!(ended.iter().filter(|end| matches!(end, Err(ReadError::Io(_)))).count(), 1);
        });
    }

    #[test]
    fn test_exception_cancel() {
        run(async {
            let reader = StreamReader::new();
            let waiting = reader.clone();
            let reading = create_task(async move { waiting.readline().await });
            run_briefly().await;
            reading.cancel();
            run_briefly().await;
            assert!(reading.cancelled());
            reader.set_exception(io::Error::other("message"));
            run_briefly().await;
            // no task waits any more: this one is told so, and not that one does
            assert!(reader.read(1).await.is_err());
        });
    }

    async fn answer_a_line(reader: StreamReader, writer: StreamWriter) {
        writer.write(reader.readline().await.expect("a line"));
        writer.drain().await.expect("room");
        writer.close();
        writer.wait_closed().await.expect("all was sent");
    }

    async fn ask_a_line((reader, writer): (StreamReader, StreamWriter)) {
        writer.write("hello world!\n");
        assert_eq!(reader.readline().await.expect("a line"), b"hello world!\n");
        writer.close();
        writer.wait_closed().await.expect("all was sent");
    }

    #[test]
    fn test_start_server() {
        run_quietly(async {
            // on a socket that listens already
            let socket = StdTcpListener::bind(("127.0.0.1", 0)).expect("a port");
            let address = socket.local_addr().expect("an address");
            let server = Server::builder().over(answer_a_line, [TcpListener::from_std(socket).expect("a listener")]);
            ask_a_line(open_connection(address).await.expect("a connection")).await;
            server.close();
            server.wait_closed().await;
            // by its address
            let server = start_server(answer_a_line, address).await.expect("a server");
            ask_a_line(open_connection(address).await.expect("a connection")).await;
            server.close();
            server.wait_closed().await;
        });
    }

    #[test]
    fn test_start_unix_server() {
        let path = socket_path("server");
        run_quietly(async {
            for _ in 0..2 {
                let server = oneloop::start_unix_server(answer_a_line, &path).await.expect("a server");
                ask_a_line(open_unix_connection(&path).await.expect("a connection")).await;
                server.close();
                server.wait_closed().await;
            }
        });
    }

    #[test]
    fn test_multiple_drain() {
        run(async {
            let (here, there) = UnixStream::pair().expect("a pair");
            let (_reader, writer) = here.into_streams();
            while writer.write_buffer_size() <= 64 * 1024 {
                writer.write(vec![0; 64 * 1024]);
            }
            let drained = Rc::new(Cell::new(0));
            let drainers = (0..10).map(|_| {
                let (writer, drained) = (writer.clone(), Rc::clone(&drained));
                create_task(async move {
                    writer.drain().await.expect("room");
                    drained.set(drained.get() + 1);
                })
            });
            let drainers: Vec<_> = drainers.collect();
            sleep(ms(100)).await;
            assert_eq!(drained.get(), 0);
            let reader = there.into_streams().0;
            let reading = create_task(async move { reader.read_to_end().await.map(drop) });
            gather(drainers).await;
            assert_eq!(drained.get(), 10);
            writer.close();
            reading.await.expect("the end");
        });
    }

    #[test]
    fn test_drain_raises() {
        let listener = StdTcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = thread::spawn(move || drop(listener.accept().expect("a client")));
        let failed = run_quietly(async {
            let (_reader, writer) = open_connection(address).await.expect("a connection");
            loop {
                writer.write("foo\n");
                if let Err(error) = writer.drain().await {
                    return error.kind();
                }
            }
        });
        let kinds = [io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionAborted, io::ErrorKind::BrokenPipe];
        assert!(kinds.contains(&failed), "{failed:?}");
        server.join().expect("no panic");
    }

    #[test]
    fn test_wait_closed_on_close() {
        run_quietly(async {
            let streams = open_connection(test_server()).await.expect("a connection");
            ask_for_a_page(&streams).await;
            assert!(!streams.1.is_closing());
            streams.1.close();
            assert!(streams.1.is_closing());
            streams.1.wait_closed().await.expect("all was sent");
        });
    }

    #[test]
    fn test_wait_closed_on_close_with_unread_data() {
        run_quietly(async {
            let (reader, writer) = open_connection(test_server()).await.expect("a connection");
            writer.write("GET / HTTP/1.0\r\n\r\n");
            assert_eq!(reader.readline().await.expect("a line"), b"HTTP/1.0 200 OK\r\n");
            writer.close();
            writer.wait_closed().await.expect("all was sent");
        });
    }

    #[test]
    fn test_async_writer_api() {
        run_quietly(async {
            let streams = open_connection(test_server()).await.expect("a connection");
            ask_for_a_page(&streams).await;
            streams.1.close();
            streams.1.wait_closed().await.expect("all was sent");
        });
    }

    #[test]
    fn test_async_writer_api_exception_after_close() {
        run_quietly(async {
            let streams = open_connection(test_server()).await.expect("a connection");
            ask_for_a_page(&streams).await;
            streams.1.close();
            streams.1.write("data");
            let failed = streams.1.drain().await.expect_err("it is closed");
            assert_eq!(failed.kind(), io::ErrorKind::ConnectionReset);
        });
    }

    #[test]
    fn test_eof_feed_when_closing_writer() {
        run_quietly(async {
            let (reader, writer) = open_connection(test_server()).await.expect("a connection");
            writer.close();
            writer.wait_closed().await.expect("all was sent");
            assert!(reader.at_eof());
            assert_eq!(reader.read_to_end().await.expect("the end"), b"");
        });
    }

    /// What is reported when a client is handled so.
    fn reports_of(handler: impl AsyncFn(StreamReader, StreamWriter) + 'static) -> Vec<String> {
        let lp = virtual_loop();
        let told = reports_as(&lp, |context| format!("{}: {}", context.message, context.exception));
        let main = async {
            let server = start_server(handler, ("127.0.0.1", 0)).await.expect("a server");
            let (_reader, writer) = open_connection(server.local_addrs()[0]).await.expect("a connection");
            writer.write("test msg");
            writer.drain().await.expect("room");
            writer.close();
            writer.wait_closed().await.expect("all was sent");
            while server.client_count() == 0 {
                yield_now().await;
            }
            server.close();
            server.wait_closed().await;
        };
        lp.run_until_complete(main).expect("main comes to its end");
        told.take()
    }

    #[test]
    fn test_unhandled_exception() {
        let told = reports_of(async |_reader, _writer| panic!("test"));
        assert_eq!(told, ["Unhandled exception in client_connected_cb: panicked: test"]);
    }

    #[test]
    fn test_unhandled_cancel() {
        let told = reports_of(async |_reader, writer| {
            writer.close();
            current_task().expect("a task").cancel();
        });
        assert_eq!(told, [""; 0]);
    }
}
