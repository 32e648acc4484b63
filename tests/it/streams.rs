//! `StreamReader` and `StreamWriter` over real connections: what is read when, what is kept when a read is given up,
//! what is sent at once and what later, and every end that a connection can have. Readers that are fed by hand are
//! tested under CPython's names, in tests/asyncio, but for what is woken and has not gone on yet.
#![cfg(unix)]

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use oneloop::error::ReadError;
use oneloop::net::{UnixStream, pipe};
use oneloop::{
    Error, StreamReader, StreamWriter, Task, all_tasks, catch_cancelled, create_task, gather, open_connection, sleep,
    start_server, timeout, yield_now,
};

use crate::support::{panic_in, panic_of, real_loop, run, run_real, skip, virtual_loop};

type Streams = (StreamReader, StreamWriter);

/// Both ends of a connection on this loop.
fn pair() -> (Streams, Streams) {
    let (left, right) = UnixStream::pair().unwrap();
    (left.into_streams(), right.into_streams())
}

fn pair_with_limit(limit: usize) -> (Streams, Streams) {
    let (left, right) = UnixStream::pair().unwrap();
    (left.into_streams_with_limit(limit), right.into_streams())
}

/// One end here, the other a blocking socket for a thread.
async fn with_thread<R: Send + 'static>(
    peer: impl FnOnce(StdStream) -> R + Send + 'static,
) -> (Streams, thread::JoinHandle<R>) {
    let listener = StdListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || peer(listener.accept().unwrap().0));
    (open_connection(address).await.unwrap(), thread)
}

/// How many bytes a reader holds.
fn held(reader: &StreamReader) -> usize {
    let shown = format!("{reader:?}");
    let digits = shown.split("bytes: ").nth(1).unwrap().split(',').next().unwrap();
    digits.parse().unwrap()
}

/// Writes until more than this has to wait, and answers how much that was.
fn fill(writer: &StreamWriter, above: usize) -> usize {
    const PIECE: usize = 64 * 1024;
    let mut written = 0;
    while writer.write_buffer_size() <= above {
        assert!(written < 1 << 30, "it takes everything");
        writer.write(vec![b'x'; PIECE]);
        written += PIECE;
    }
    written
}

async fn turns(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

// Reading.

#[test]
fn lines_come_from_a_peer_one_by_one() {
    run_real(async {
        let ((reader, _writer), peer) = with_thread(|mut socket| socket.write_all(b"one\ntwo\nthree").unwrap()).await;
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().await.unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, ["one", "two", "three"]);
        assert!(reader.at_eof());
        peer.join().unwrap();
    });
}

#[test]
fn lines_come_from_a_peer_as_bytes_with_their_ends() {
    run_real(async {
        let ((reader, _writer), peer) = with_thread(|mut socket| socket.write_all(b"one\r\ntwo\n\xff").unwrap()).await;
        for wanted in [&b"one\r\n"[..], b"two\n", b"\xff", b""] {
            assert_eq!(reader.readline().await.unwrap(), wanted);
        }
        peer.join().unwrap();
    });
}

#[test]
fn what_is_no_text_is_an_error_that_holds_the_line() {
    run(async {
        let reader = StreamReader::new();
        reader.feed_data(b"by Windows\r\n\r\n\r within\n\xff\xfe\r\nlast\r");
        reader.feed_eof();
        for wanted in ["by Windows", "", "\r within"] {
            assert_eq!(reader.next_line().await.unwrap().unwrap(), wanted);
        }
        let error = reader.next_line().await.unwrap_err();
        assert!(error.to_string().contains("readline()"), "{error}");
        let ReadError::Utf8(no_text) = &error else { panic!("{error:?}") };
        assert_eq!(no_text.as_bytes(), b"\xff\xfe");
        let error = io::Error::from(error);
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let inner = error.get_ref().expect("it is not of the system");
        assert!(inner.is::<ReadError>());
        assert_eq!(reader.next_line().await.unwrap().unwrap(), "last\r");
        assert_eq!(reader.next_line().await.unwrap(), None);
    });
}

#[test]
fn forms_without_a_vec_read_the_same() {
    run_real(async {
        let ((reader, _), (_, writer)) = pair();
        writer.write("line\nexact");
        writer.write([b'b'; 10_000]);
        writer.close();
        let mut line = b"> ".to_vec();
        assert_eq!(reader.readline_into(&mut line).await.unwrap(), 5);
        assert_eq!(line, b"> line\n");
        let mut exact = [0; 5];
        reader.readexactly_into(&mut exact).await.unwrap();
        assert_eq!(&exact, b"exact");
        let (mut place, mut count) = ([0; 8_192], 0);
        loop {
            let n = reader.read_into(&mut place).await.unwrap();
            assert!(place[..n].iter().all(|byte| *byte == b'b'));
            count += n;
            if n == 0 {
                break;
            }
        }
        assert_eq!(count, 10_000);
        assert_eq!(reader.readline_into(&mut line).await.unwrap(), 0);
        let short = reader.readexactly_into(&mut exact).await;
        assert!(matches!(short, Err(ReadError::Incomplete(e)) if e.partial.is_empty() && e.expected == Some(5)));
    });
}

#[test]
fn a_read_that_is_cancelled_leaves_what_has_come() {
    run_real(async {
        let ((reader, _), (_, writer)) = pair();
        for round in 0..3 {
            let reads = reader.clone();
            let reading = create_task(async move {
                match round {
                    0 => reads.readexactly(10).await.map(drop),
                    1 => reads.readline().await.map(drop),
                    _ => Ok(reads.read_to_end().await.map(drop)?),
                }
            });
            writer.write("half");
            turns(5).await;
            reading.cancel();
            turns(2).await;
            assert!(reading.cancelled());
        }
        writer.write("\n");
        assert_eq!(reader.readline().await.unwrap(), b"halfhalfhalf\n");
    });
}

#[test]
fn a_read_that_is_dropped_leaves_what_has_come() {
    run_real(async {
        let ((reader, _), (_, writer)) = pair();
        writer.write("half");
        let given_up = timeout(Duration::from_millis(20), reader.readexactly(10)).await;
        assert!(given_up.is_err());
        assert_eq!(reader.read(100).await.unwrap(), b"half");
    });
}

/// asyncio gives a `TimeoutError` here.
#[test]
fn bytes_that_came_while_the_loop_was_held_up_are_read_although_the_limit_has_passed_meanwhile() {
    const LIMIT: Duration = Duration::from_millis(20);
    run_real(async {
        let (here, mut there) = StdUnixStream::pair().unwrap();
        let (reader, _writer) = UnixStream::from_std(here).unwrap().into_streams();
        for _ in 0..3 {
            let mut limited = Box::pin(timeout(LIMIT, reader.readline()));
            assert!(futures::poll!(&mut limited).is_pending());
            there.write_all(b"line\n").unwrap();
            thread::sleep(2 * LIMIT); // in the same step, so the loop learns of both at once
            assert_eq!(limited.await.expect("the bytes are there").unwrap(), b"line\n");
        }
    });
}

#[test]
fn a_second_task_that_waits_for_data_is_refused() {
    run_real(async {
        let ((reader, _), (_, writer)) = pair();
        let first = reader.clone();
        let first = create_task(async move { first.readline().await });
        yield_now().await;
        let second = reader.clone();
        let mut second = create_task(async move { second.read(1).await });
        let text = second.outcome().await.unwrap_err().to_string();
        assert!(text.contains("read() called while another task is already waiting"), "{text}");
        assert!(text.contains("Lock"), "{text}");
        // the first is none the worse for it
        writer.write("line\n");
        assert_eq!(first.await.unwrap(), b"line\n");
    });
}

#[test]
fn a_second_reader_whose_answer_is_there_need_not_wait_and_may_read() {
    run_real(async {
        let reader = StreamReader::new();
        reader.feed_data("abc");
        let first = reader.clone();
        let first = create_task(async move { first.readexactly(10).await });
        yield_now().await;
        assert_eq!(reader.read(2).await.unwrap(), b"ab");
        reader.feed_data("123456789");
        assert_eq!(first.await.unwrap(), b"c123456789");
    });
}

/// A reader that is fed by hand, and what a task does with it, which waits already.
async fn reading<R: 'static>(read: impl AsyncFnOnce(StreamReader) -> R + 'static) -> (StreamReader, Task<R>) {
    let reader = StreamReader::new();
    let handle = reader.clone();
    let task = create_task(async move { read(handle).await });
    yield_now().await;
    (reader, task)
}

#[test]
fn a_read_that_was_woken_by_bytes_gets_them_although_an_error_is_set_before_it_goes_on() {
    virtual_loop()
        .run_until_complete(async {
            let (reader, task) = reading(async |reader| reader.read(9).await).await;
            reader.feed_data("abc");
            reader.set_exception(io::Error::other("torn"));
            assert_eq!(task.await.unwrap(), b"abc");
            assert_eq!(reader.read(9).await.unwrap_err().to_string(), "torn");

            let (reader, task) = reading(async |reader| reader.readline().await).await;
            reader.feed_data("abc\n");
            reader.set_exception(io::Error::other("torn"));
            assert_eq!(task.await.unwrap(), b"abc\n");

            let (reader, task) = reading(async |reader| reader.readexactly(3).await).await;
            reader.feed_data("ab");
            reader.feed_data("c");
            reader.set_exception(io::Error::other("torn"));
            assert_eq!(task.await.unwrap(), b"abc");

            // the end is what woke it
            let (reader, task) = reading(async |reader| reader.read_to_end().await).await;
            reader.feed_eof();
            reader.set_exception(io::Error::other("torn"));
            assert_eq!(task.await.unwrap(), b"");
        })
        .unwrap();
}

#[test]
fn a_read_that_was_woken_by_too_few_bytes_fails_with_the_error_that_was_set_before_it_goes_on() {
    virtual_loop()
        .run_until_complete(async {
            let (reader, task) = reading(async |reader| reader.readexactly(5).await).await;
            reader.feed_data("abc");
            reader.set_exception(io::Error::other("torn"));
            assert_eq!(task.await.unwrap_err().to_string(), "torn");

            let (reader, task) = reading(async |reader| reader.read_to_end().await).await;
            reader.feed_data("abc");
            reader.feed_eof();
            reader.set_exception(io::Error::other("torn"));
            assert_eq!(task.await.unwrap_err().to_string(), "torn");

            // the end says that no more will come
            let (reader, task) = reading(async |reader| reader.readexactly(5).await).await;
            reader.feed_data("abc");
            reader.feed_eof();
            reader.set_exception(io::Error::other("torn"));
            assert!(matches!(task.await, Err(ReadError::Incomplete(error)) if error.partial == b"abc"));
        })
        .unwrap();
}

#[test]
fn a_read_that_was_woken_by_an_error_gets_that_one_and_later_reads_the_next() {
    virtual_loop()
        .run_until_complete(async {
            let (reader, task) = reading(async |reader| reader.read(9).await).await;
            reader.set_exception(io::Error::other("first"));
            reader.set_exception(io::Error::other("second"));
            assert_eq!(task.await.unwrap_err().to_string(), "first");
            assert_eq!(reader.read(9).await.unwrap_err().to_string(), "second");

            let (reader, task) = reading(async |reader| reader.read(9).await).await;
            reader.set_exception(io::Error::other("torn"));
            reader.feed_data("abc");
            assert_eq!(task.await.unwrap_err().to_string(), "torn", "bytes that come later change nothing");
        })
        .unwrap();
}

#[test]
fn a_read_whose_bytes_another_takes_waits_for_more() {
    virtual_loop()
        .run_until_complete(async {
            let (reader, task) = reading(async |reader| reader.read(9).await).await;
            reader.feed_data("abc");
            assert_eq!(reader.read(9).await.unwrap(), b"abc");
            yield_now().await;
            yield_now().await;
            assert!(!task.done());
            reader.feed_data("d");
            assert_eq!(task.await.unwrap(), b"d");
        })
        .unwrap();
}

#[test]
fn a_second_reader_is_refused_until_the_first_has_gone_on() {
    virtual_loop()
        .run_until_complete(async {
            let (reader, task) = reading(async |reader| reader.readexactly(1).await).await;
            reader.feed_data("x");
            let text = panic_in(reader.readexactly(2)).await;
            assert!(text.contains("while another task is already waiting"), "{text}");
            assert_eq!(task.await.unwrap(), b"x");
            reader.feed_data("yz");
            assert_eq!(reader.readexactly(2).await.unwrap(), b"yz");
        })
        .unwrap();
}

#[test]
fn nothing_is_taken_from_a_peer_before_a_read_asks_and_little_more_than_that() {
    run_real(async {
        let ((reader, _), (_, writer)) = pair_with_limit(1_000);
        writer.write("line\n");
        fill(&writer, 4 << 20); // far more than is taken below
        turns(20).await;
        assert_eq!(held(&reader), 0);
        assert_eq!(reader.readline().await.unwrap(), b"line\n");
        let after_a_line = held(&reader);
        assert!(after_a_line <= 64 * 1024, "{after_a_line} bytes are held");
        // what a limit refuses was not sought for long
        let refused = reader.readuntil("\n").await;
        assert!(matches!(refused, Err(ReadError::Limit(e)) if e.consumed > 1_000 && e.consumed <= 64 * 1024));
        turns(20).await;
        assert!(held(&reader) <= 64 * 1024);
        assert!(writer.write_buffer_size() > 3 << 20);
    });
}

#[test]
fn what_comes_fast_is_taken_in_larger_pieces_but_not_in_any_size() {
    run_real(async {
        let ((reader, _), (_, writer)) = pair();
        writer.write(vec![b'x'; 4 << 20]);
        let (mut left, mut largest) = (4 << 20, 0);
        while left > 0 {
            let piece = reader.read(usize::MAX).await.unwrap();
            left -= piece.len();
            largest = largest.max(piece.len());
        }
        assert!((4_097..=64 * 1024).contains(&largest), "{largest} bytes in one piece");
    });
}

#[test]
fn a_line_over_the_limit_is_dropped_and_the_next_one_read() {
    run_real(async {
        let ((reader, _), (_, writer)) = pair_with_limit(10);
        writer.write("0123456789\n0123456789A\nnext\n");
        assert_eq!(reader.readline().await.unwrap(), b"0123456789\n");
        let error = reader.readline().await.unwrap_err();
        assert_eq!(io::Error::from(error).kind(), ErrorKind::InvalidData);
        assert_eq!(reader.readline().await.unwrap(), b"next\n");
    });
}

#[test]
fn bytes_up_to_the_limit_may_still_become_a_line() {
    run_real(async {
        let reader = StreamReader::with_limit(3);
        reader.feed_data("abc");
        let waiting = reader.clone();
        let waiting = create_task(async move { waiting.readline().await });
        yield_now().await;
        assert!(!waiting.done());
        reader.feed_data("\n");
        assert_eq!(waiting.await.unwrap(), b"abc\n");
    });
}

#[test]
fn errors_of_reads_become_io_errors_that_say_what_happened() {
    run_real(async {
        let reader = StreamReader::with_limit(2);
        reader.feed_data("abcdef");
        let limit = io::Error::from(reader.readuntil("\n").await.unwrap_err());
        assert_eq!(limit.kind(), ErrorKind::InvalidData);
        assert!(limit.to_string().contains("higher limit"), "{limit}");
        reader.feed_eof();
        let end = io::Error::from(reader.readexactly(9).await.unwrap_err());
        assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(end.to_string(), "the stream ended after 6 bytes, before the 9 that were asked for");
        reader.set_exception(io::Error::from_raw_os_error(libc::ECONNRESET));
        for _ in 0..2 {
            let again = io::Error::from(reader.readexactly(1).await.unwrap_err());
            assert_eq!(again.raw_os_error(), Some(libc::ECONNRESET));
        }
    });
}

#[test]
fn a_reset_is_met_by_a_read_and_by_every_drain_and_read_after_it() {
    run_real(async {
        let ((reader, writer), peer) = with_thread(|socket| {
            // closing a socket with unread data resets the connection
            socket.peek(&mut [0]).unwrap();
            drop(socket);
        })
        .await;
        writer.write("unread");
        peer.join().unwrap();
        assert_eq!(reader.read(1).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(reader.read(1).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(reader.exception().unwrap().kind(), ErrorKind::ConnectionReset);
        assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert!(writer.is_closing());
        assert_eq!(writer.wait_closed().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        writer.write("dropped");
        assert_eq!(writer.write_buffer_size(), 0);
    });
}

#[test]
fn what_came_before_a_reset_is_read_before_the_error() {
    run_real(async {
        let ((reader, writer), peer) = with_thread(|mut socket| {
            socket.peek(&mut [0]).unwrap();
            socket.write_all(b"abc").unwrap();
            drop(socket);
        })
        .await;
        writer.write("unread");
        peer.join().unwrap();
        assert!(matches!(reader.readline().await, Err(ReadError::Io(e)) if e.kind() == ErrorKind::ConnectionReset));
        assert!(reader.exception().is_some());
        assert_eq!(reader.readexactly(2).await.unwrap(), b"ab");
        assert!(matches!(reader.readline().await, Err(ReadError::Io(_))));
        assert_eq!(reader.read(2).await.unwrap(), b"c");
        assert_eq!(reader.read(2).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

// Writing.

#[test]
fn what_is_written_goes_out_at_once_if_it_can() {
    run_real(async {
        let ((_reader, writer), mut peer) = {
            let (here, there) = std::os::unix::net::UnixStream::pair().unwrap();
            (UnixStream::from_std(here).unwrap().into_streams(), there)
        };
        writer.write("now");
        writer.writelines(["one ", "two ", "three"]);
        // the loop has had no turn since
        let mut bytes = [0; 16];
        peer.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"nowone two three");
        assert_eq!(writer.write_buffer_size(), 0);
        assert_eq!(all_tasks().len(), 1);
    });
}

#[test]
fn what_is_left_is_sent_by_the_loop_in_order_and_by_no_task_that_a_program_sees() {
    run_real(async {
        let ((_, writer), (reader, _)) = pair();
        let (mut sent, mut rounds) = (Vec::new(), (0..200_u8).cycle());
        // however much the system takes at once
        while sent.len() < 1 << 21 || writer.write_buffer_size() < 1 << 20 {
            let round = rounds.next().unwrap();
            let piece = vec![round; 10_000];
            sent.extend_from_slice(&piece);
            if round % 2 == 0 { writer.write(&piece) } else { writer.writelines(piece.chunks(3_000)) }
        }
        for task in all_tasks().into_iter().filter(|task| Some(task) != oneloop::current_task().as_ref()) {
            task.cancel();
        }
        writer.close();
        assert!(reader.read_to_end().await.unwrap() == sent);
        writer.wait_closed().await.unwrap();
    });
}

/// The reader is a thread that goes on, every few mebibytes, only when the writer has had to wait.
#[test]
fn sixty_four_mebibytes_to_a_slow_reader_never_lie_in_the_buffer() {
    const ALL: usize = 64 << 20;
    const PIECE: usize = 100_000;
    const STRETCH: usize = 8 << 20;
    run_real(async {
        let (go, may_go) = mpsc::channel();
        let ((_reader, writer), peer) = with_thread(move |mut socket| {
            let (mut count, mut sum, mut place) = (0, 0_u64, vec![0; 1 << 20]);
            loop {
                // at the end nothing says so any more
                let _ = may_go.recv();
                let mut stretch = 0;
                while stretch < STRETCH {
                    let n = socket.read(&mut place).unwrap();
                    if n == 0 {
                        return (count, sum);
                    }
                    (count, stretch) = (count + n, stretch + n);
                    sum += place[..n].iter().map(|byte| u64::from(*byte)).sum::<u64>();
                }
            }
        })
        .await;
        let (mut left, mut highest, mut waits, mut sum) = (ALL, 0, 0, 0_u64);
        while left > 0 {
            let length = PIECE.min(left);
            let byte = u8::try_from(left % 251).unwrap();
            sum += u64::from(byte) * u64::try_from(length).unwrap();
            left -= length;
            writer.write(vec![byte; length]);
            highest = highest.max(writer.write_buffer_size());
            if writer.write_buffer_size() > 64 * 1024 {
                waits += 1;
                go.send(()).unwrap();
            }
            writer.drain().await.unwrap();
            assert!(writer.write_buffer_size() <= 64 * 1024);
        }
        drop(go);
        assert!(waits > 0, "the reader was never slower");
        assert!(highest <= 64 * 1024 + PIECE, "{highest} bytes were in the buffer");
        writer.close();
        writer.wait_closed().await.unwrap();
        assert_eq!(peer.join().unwrap(), (ALL, sum));
    });
}

#[test]
fn drain_waits_above_the_high_watermark_until_the_low_one() {
    run_real(async {
        let ((_, writer), (reader, _)) = pair();
        writer.set_write_buffer_limits(8 << 20, 0);
        fill(&writer, 0);
        writer.write(vec![b'x'; 1 << 20]); // more than the system takes in one go
        let full = writer.write_buffer_size();
        writer.set_write_buffer_limits(full, full / 2);
        timeout(Duration::from_millis(10), writer.drain()).await.expect("it is at the watermark").unwrap();
        writer.write("x");
        let draining = writer.clone();
        let draining = create_task(async move {
            draining.drain().await.unwrap();
            draining.write_buffer_size()
        });
        sleep(Duration::from_millis(10)).await;
        assert!(!draining.done());
        let reading = create_task(async move { reader.read_to_end().await });
        assert!(draining.await <= full / 2);
        writer.close();
        reading.await.unwrap();
    });
}

#[test]
fn a_drain_that_is_cancelled_loses_nothing_and_lets_others_wait() {
    run_real(async {
        let ((_, writer), (reader, _)) = pair();
        let written = fill(&writer, 64 * 1024);
        let drains = (0..3).map(|_| {
            let writer = writer.clone();
            create_task(async move { writer.drain().await })
        });
        let mut drains: Vec<_> = drains.collect();
        yield_now().await;
        drains.remove(1).cancel();
        let reading = create_task(async move { reader.read_to_end().await.map(|all| all.len()) });
        for drained in gather(drains).await {
            drained.unwrap();
        }
        writer.close();
        assert_eq!(reading.await.unwrap(), written);
    });
}

#[test]
fn a_drain_that_waits_is_told_that_the_connection_is_lost() {
    run_real(async {
        let ((_, writer), (reader, peer)) = pair();
        fill(&writer, 64 * 1024);
        let draining = writer.clone();
        let draining = create_task(async move { draining.drain().await });
        yield_now().await;
        drop((reader, peer));
        assert_eq!(draining.await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(writer.write_buffer_size(), 0);
        // and so is every task that comes later
        writer.write("dropped");
        assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(writer.wait_closed().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

/// asyncio would lose the answer behind the error of the write.
#[test]
fn what_a_peer_said_before_it_hung_up_can_be_read_after_a_write_has_failed() {
    run_real(async {
        let ((reader, writer), (peer_reader, peer_writer)) = pair();
        peer_writer.write("go away\n");
        drop((peer_reader, peer_writer));
        writer.write("a request");
        assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(reader.readline().await.unwrap(), b"go away\n");
        assert_eq!(reader.readline().await.unwrap(), b"");
    });
}

#[test]
fn a_writer_that_never_waits_lets_others_have_their_turn() {
    run_real(async {
        let ((_reader, _), (_, writer)) = pair();
        let written = Rc::new(Cell::new(0));
        let count = Rc::clone(&written);
        let writing = create_task(async move {
            loop {
                writer.write("x");
                writer.drain().await.unwrap();
                count.set(count.get() + 1);
            }
        });
        turns(3).await;
        assert!((1..=200).contains(&written.get()), "{} in three turns", written.get());
        writing.cancel();
    });
}

#[test]
fn what_is_written_after_the_end_was_announced_is_refused() {
    run_real(async {
        let ((_, writer), _peer) = pair();
        writer.write_eof();
        for refused in [panic_of(|| writer.write("x")), panic_of(|| writer.writelines(["x"]))] {
            assert!(refused.contains("write() after write_eof()"), "{refused}");
        }
    });
}

// Ends.

#[test]
fn an_end_that_was_announced_comes_after_all_that_was_written_and_reading_goes_on() {
    run_real(async {
        let ((reader, writer), peer) = with_thread(|mut socket| {
            let mut all = Vec::new();
            socket.read_to_end(&mut all).unwrap();
            socket.write_all(format!("{} bytes\n", all.len()).as_bytes()).unwrap();
        })
        .await;
        let written = fill(&writer, 0);
        assert!(writer.can_write_eof());
        writer.write_eof();
        writer.write_eof();
        assert!(!writer.is_closing());
        assert_eq!(reader.readline().await.unwrap(), format!("{written} bytes\n").as_bytes());
        peer.join().unwrap();
    });
}

#[test]
fn closing_sends_what_is_left_first_and_aborting_drops_it() {
    run_real(async {
        for abort in [false, true] {
            // it reads when it may, so that bytes are left to send
            let (go, may_go) = mpsc::channel();
            let ((_reader, writer), peer) = with_thread(move |mut socket| {
                may_go.recv().unwrap();
                let mut count = 0;
                let mut place = vec![0; 64 * 1024];
                while let Ok(n @ 1..) = socket.read(&mut place) {
                    count += n;
                }
                count
            })
            .await;
            let written = fill(&writer, 0);
            if abort {
                writer.abort();
                go.send(()).unwrap();
            } else {
                writer.close();
                assert!(writer.is_closing());
                go.send(()).unwrap();
                assert_eq!(writer.drain().await.map_err(|e| e.kind()), Ok(()));
            }
            writer.write("dropped");
            writer.wait_closed().await.unwrap();
            assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            let came = peer.join().unwrap();
            assert_eq!(came == written, !abort, "{came} bytes came");
        }
    });
}

/// What makes the pieces may do what it likes meanwhile.
#[test]
fn closing_and_writing_in_the_middle_of_a_write_of_pieces_lose_nothing_that_came_before() {
    run_real(async {
        let ((_, writer), (reader, _peer)) = pair();
        let inner = writer.clone();
        writer.writelines(["one ", "two ", "three "].into_iter().inspect(|piece| {
            if *piece == "two " {
                inner.write("between ");
            }
            if *piece == "three " {
                inner.close();
            }
        }));
        assert_eq!(reader.read_to_end().await.unwrap(), b"one between two ");
        writer.wait_closed().await.unwrap();

        let ((_, writer), (reader, _peer)) = pair();
        let failing = ["one ", "two "].into_iter().inspect(|piece| assert_ne!(*piece, "two "));
        catch_unwind(AssertUnwindSafe(|| writer.writelines(failing))).unwrap_err();
        writer.close();
        assert_eq!(reader.read_to_end().await.unwrap(), b"one ");
    });
}

#[test]
fn a_read_that_waits_ends_when_the_connection_is_closed_here() {
    run_real(async {
        for abort in [false, true] {
            let ((reader, writer), _peer) = pair();
            let reading = create_task(async move { reader.readline().await });
            yield_now().await;
            if abort {
                writer.abort();
            } else {
                writer.close();
            }
            assert_eq!(reading.await.unwrap(), b"");
        }
    });
}

#[test]
fn what_the_reader_holds_can_be_read_after_closing_and_what_the_system_holds_is_gone() {
    run_real(async {
        let ((reader, writer), (_, peer)) = pair();
        peer.write("one\ntwo\n");
        assert_eq!(reader.readline().await.unwrap(), b"one\n");
        peer.write("three\n");
        writer.close();
        assert!(!reader.at_eof());
        assert_eq!(reader.readline().await.unwrap(), b"two\n");
        assert_eq!(reader.readline().await.unwrap(), b"");
        assert!(reader.at_eof());
    });
}

#[test]
fn dropping_the_writer_announces_the_end_and_dropping_both_closes() {
    run_real(async {
        let ((reader, writer), (peer_reader, peer_writer)) = pair();
        let another = writer.clone();
        writer.write("question\n");
        drop(writer);
        assert_eq!(peer_reader.readline().await.unwrap(), b"question\n");
        another.write("one more\n");
        drop(another);
        assert_eq!(peer_reader.read_to_end().await.unwrap(), b"one more\n");
        peer_writer.write("answer\n");
        assert_eq!(reader.readline().await.unwrap(), b"answer\n");
        drop(reader);
        peer_writer.write("no peer is there\n");
        assert_eq!(peer_writer.drain().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn what_was_written_is_sent_although_both_handles_are_dropped_at_once() {
    run_real(async {
        let (go, may_go) = mpsc::channel();
        let (streams, peer) = with_thread(move |mut socket| {
            may_go.recv().unwrap();
            let mut all = Vec::new();
            socket.read_to_end(&mut all).unwrap();
            all.len()
        })
        .await;
        let written = fill(&streams.1, 1 << 20);
        drop(streams);
        go.send(()).unwrap();
        while !peer.is_finished() {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(peer.join().unwrap(), written);
    });
}

#[test]
fn a_loop_that_closes_drops_what_was_to_be_sent_and_its_streams_are_harmless() {
    let lp = real_loop();
    let (here, mut there) = StdUnixStream::pair().unwrap();
    let streams = async { UnixStream::from_std(here).unwrap().into_streams() };
    let (reader, writer) = lp.run_until_complete(streams).unwrap();
    let written = {
        let _in = lp.enter();
        fill(&writer, 0)
    };
    lp.close().unwrap();
    writer.write("more");
    writer.close();
    assert!(writer.is_closing());
    drop((reader, writer));
    let mut sent = Vec::new();
    there.read_to_end(&mut sent).unwrap();
    assert!(sent.len() < written, "{} of {written} bytes were sent", sent.len());
}

/// A loop with nothing to wait for says so, and who waits all the same.
#[test]
fn closing_leaves_no_task_of_the_loop_behind() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let server =
            start_server(async |reader, _writer| reader.read(1).await.map(drop), ("127.0.0.1", 0)).await.unwrap();
        let ((_reader, writer), peer) = pair();
        fill(&writer, 0);
        turns(3).await;
        writer.abort();
        drop(peer);
        server.close();
    })
    .unwrap();
    match lp.run_forever() {
        Err(Error::Deadlock(deadlock)) => assert_eq!(deadlock.waiting, [""; 0]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn waiting_for_the_end_can_be_given_up_and_taken_up_by_many() {
    run_real(async {
        let ((_, writer), (reader, _)) = pair();
        fill(&writer, 0);
        writer.close();
        let waits = (0..3).map(|_| {
            let writer = writer.clone();
            create_task(async move { catch_cancelled(writer.wait_closed()).await.is_ok() })
        });
        let waits: Vec<_> = waits.collect();
        yield_now().await;
        waits[0].cancel();
        let reading = create_task(async move { reader.read_to_end().await.map(drop) });
        assert_eq!(gather(waits).await, [false, true, true]);
        reading.await.unwrap();
    });
}

#[test]
fn addresses_are_told_while_the_connection_is_there() {
    run_real(async {
        let (address, told) = mpsc::channel::<(SocketAddr, SocketAddr)>();
        let ((reader, writer), peer) = with_thread(move |socket| {
            address.send((socket.peer_addr().unwrap(), socket.local_addr().unwrap())).unwrap();
            socket.shutdown(Shutdown::Both).unwrap();
        })
        .await;
        assert_eq!(reader.read(1).await.unwrap(), b"");
        let seen = (writer.local_addr().unwrap(), writer.peer_addr());
        let (ours, theirs) = told.recv().unwrap();
        assert_eq!(seen.0, ours);
        // a peer that has gone entirely is not told of any more
        assert!(seen.1.is_err() || seen.1.unwrap() == theirs);
        assert!(writer.raw_fd().is_some());
        writer.close();
        assert!(writer.raw_fd().is_none());
        assert_eq!(writer.local_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        peer.join().unwrap();
        let ((_, unix), _other) = pair();
        assert_eq!(unix.peer_addr().unwrap_err().kind(), ErrorKind::Unsupported);
    });
}

#[test]
fn pipes_are_streams_of_one_direction() {
    run_real(async {
        let (reader, writer) = pipe().unwrap();
        let (reader, writer) = (reader.into_stream(), writer.into_stream());
        writer.write(vec![b'x'; 1 << 20]);
        assert!(writer.write_buffer_size() > 0);
        writer.write_eof(); // which closes it, when all has been sent
        assert_eq!(reader.read_to_end().await.unwrap().len(), 1 << 20);
        writer.wait_closed().await.unwrap();
        assert!(writer.is_closing());

        let (reader, writer) = pipe().unwrap();
        let (reader, writer) = (reader.into_stream_with_limit(3), writer.into_stream());
        drop(reader);
        writer.write("not read");
        assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

/// What tells of it is the other direction, in which a pipe's writer does nothing.
#[test]
fn the_writer_of_a_pipe_learns_without_writing_that_its_reader_is_gone() {
    for waits in [false, true] {
        run_real(async {
            let (reader, writer) = pipe().unwrap();
            let writer = writer.into_stream();
            let also = writer.clone();
            let waiting = waits.then(|| create_task(async move { also.wait_closed().await }));
            yield_now().await;
            assert!(!writer.is_closing());
            drop(reader);
            if let Some(waiting) = waiting {
                waiting.await.unwrap();
            } else {
                while !writer.is_closing() {
                    yield_now().await;
                }
            }
            assert!(writer.is_closing());
            writer.wait_closed().await.unwrap();
            assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            writer.write("dropped");
            assert_eq!(writer.write_buffer_size(), 0);
        });
    }
}

#[test]
fn drain_fails_when_the_reader_of_a_pipe_is_gone_although_nothing_is_left_to_send() {
    run_real(async {
        let (reader, writer) = pipe().unwrap();
        let writer = writer.into_stream();
        writer.write("sent");
        writer.drain().await.unwrap();
        drop(reader);
        let failed = loop {
            yield_now().await;
            if let Err(error) = writer.drain().await {
                break error.kind();
            }
        };
        assert_eq!(failed, ErrorKind::ConnectionReset);
    });
}

#[test]
fn bytes_that_a_pipe_has_not_taken_when_its_reader_goes_are_an_error() {
    run_real(async {
        let (reader, writer) = pipe().unwrap();
        let writer = writer.into_stream();
        fill(&writer, 0);
        let also = writer.clone();
        let waiting = create_task(async move { also.wait_closed().await });
        yield_now().await;
        drop(reader);
        assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(writer.is_closing());
    });
}

/// Streams whose peer has said "bye", and has reset the connection. The system tells of that once.
async fn streams_that_were_reset(is_tcp: bool) -> (StreamReader, StreamWriter) {
    /// Has unread bytes when it closes, which resets the connection.
    fn say_and_reset(mut socket: impl Read + Write) {
        socket.read_exact(&mut [0]).unwrap();
        socket.write_all(b"bye").unwrap();
    }
    if is_tcp {
        let (streams, peer) = with_thread(say_and_reset).await;
        streams.1.write("two bytes");
        peer.join().unwrap();
        streams
    } else {
        let (here, there) = StdUnixStream::pair().unwrap();
        let streams = UnixStream::from_std(here).unwrap().into_streams();
        streams.1.write("two bytes");
        say_and_reset(there);
        streams
    }
}

async fn assert_ends_with_a_reset(reader: &StreamReader) {
    for _ in 0..2 {
        let last = loop {
            match reader.read(99).await {
                Ok(bytes) => assert_eq!(bytes, b"bye"),
                Err(error) => break error.kind(),
            }
        };
        assert_eq!(last, ErrorKind::ConnectionReset);
    }
}

#[test]
fn a_reset_is_heard_by_who_waits_for_the_end_and_what_came_before_it_can_be_read() {
    run_real(async {
        for is_tcp in [false, true] {
            let (reader, writer) = streams_that_were_reset(is_tcp).await;
            assert_eq!(writer.wait_closed().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            assert!(writer.is_closing());
            assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            if !is_tcp {
                // of TCP the system drops what was not read
                assert_eq!(reader.read(99).await.unwrap(), b"bye");
            }
            assert_ends_with_a_reset(&reader).await;
            assert_eq!(reader.exception().unwrap().kind(), ErrorKind::ConnectionReset);
        }
    });
}

/// Else a reader would take the end of what came for the end of what was sent.
#[test]
fn a_reset_that_a_write_meets_is_met_by_a_read_too() {
    for (is_tcp, is_buffered) in [(false, false), (false, true), (true, false), (true, true)] {
        run_real(async {
            let (reader, writer) = streams_that_were_reset(is_tcp).await;
            if is_buffered {
                writer.writelines(["into the", " buffer first"]);
            } else {
                writer.write("at once");
            }
            assert!(writer.is_closing());
            assert_ends_with_a_reset(&reader).await;
            assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        });
    }
}

/// As in asyncio, where a protocol keeps a connection whose peer has ended.
#[test]
fn a_peer_that_has_only_ended_does_not_close_the_connection() {
    run_real(async {
        for whole in [false, true] {
            let ((reader, writer), (peer_reader, peer_writer)) = pair();
            peer_writer.write("last words");
            if whole {
                drop((peer_reader, peer_writer));
            } else {
                peer_writer.write_eof();
                drop(peer_writer);
            }
            assert!(timeout(Duration::from_millis(20), writer.wait_closed()).await.is_err());
            assert!(!writer.is_closing());
            writer.drain().await.unwrap();
            assert_eq!(reader.read_to_end().await.unwrap(), b"last words");
            let also = writer.clone();
            let waiting = create_task(async move { also.wait_closed().await });
            yield_now().await;
            writer.close();
            waiting.await.unwrap();
        }
    });
}

#[test]
fn python_reads_and_writes_at_the_other_end() {
    let script = "import socket, sys\n\
        s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
        f = s.makefile('rwb')\n\
        for line in f:\n    f.write(line.upper()); f.flush()\n";
    let python = Command::new("python3").args(["-c", "import socket"]).stderr(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        skip("python3 does not run here");
        return;
    }
    run_real(async {
        let listener = oneloop::net::TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut child = Command::new("python3").args(["-c", script, &port]).stderr(Stdio::piped()).spawn().unwrap();
        let Ok(accepted) = timeout(crate::support::PATIENCE / 2, listener.accept()).await else {
            child.kill().unwrap();
            panic!("{}", String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr));
        };
        let (reader, writer) = accepted.unwrap().0.into_streams();
        for word in ["one\n", "two\n", "three\n"] {
            writer.write(word);
            assert_eq!(reader.readline().await.unwrap(), word.to_ascii_uppercase().as_bytes());
        }
        writer.close();
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    });
}
