//! The operations of buffered streams as polls: what they wait for, what wakes them, and every end.
#![cfg(unix)]

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures::{FutureExt as _, join};
use oneloop::net::{UnixStream, pipe};
use oneloop::{StreamReader, StreamWriter, Task, catch_cancelled, create_task, sleep, timeout, yield_now};

use crate::support::{counted, ms, panic_in, panic_of, run, run_real, virtual_loop};

/// More than the system and the buffer of a writer take together.
const MUCH: usize = 4 << 20;

/// Both ends of a connection on this loop.
fn pair() -> ((StreamReader, StreamWriter), (StreamReader, StreamWriter)) {
    let (left, right) = UnixStream::pair().unwrap();
    (left.into_streams(), right.into_streams())
}

/// One read of at most 16 bytes, by polls.
async fn read(reader: &StreamReader) -> io::Result<Vec<u8>> {
    let mut target = [0; 16];
    let count = poll_fn(|cx| reader.poll_read(cx, &mut target)).await?;
    Ok(target[..count].to_vec())
}

/// A task that reads once by polls, and has begun.
async fn reading(reader: &StreamReader) -> Task<io::Result<Vec<u8>>> {
    let reader = reader.clone();
    let task = create_task(async move { read(&reader).await });
    yield_now().await;
    task
}

/// Writes as much as there is room for without waiting.
fn fill(writer: &StreamWriter) -> usize {
    let (cx, piece) = (&mut Context::from_waker(Waker::noop()), vec![7; 1 << 16]);
    let mut count = 0;
    while let Poll::Ready(written) = writer.poll_write(cx, &piece) {
        count += written.unwrap();
        assert!(count < MUCH, "it takes everything");
    }
    count
}

#[test]
fn bytes_go_there_and_back_in_small_and_large_pieces() {
    run_real(async {
        let ((left_reader, left_writer), (right_reader, right_writer)) = pair();
        let echo = create_task(async move {
            let mut target = vec![0; 10_000];
            loop {
                match poll_fn(|cx| right_reader.poll_read(cx, &mut target)).await? {
                    0 => return poll_fn(|cx| right_writer.poll_flush(cx)).await,
                    n => assert_eq!(poll_fn(|cx| right_writer.poll_write(cx, &target[..n])).await?, n),
                }
            }
        });
        let pieces = [IoSlice::new(b"on"), IoSlice::new(b""), IoSlice::new(b"e")];
        assert_eq!(poll_fn(|cx| left_writer.poll_write_vectored(cx, &pieces)).await.unwrap(), 3);
        poll_fn(|cx| left_reader.poll_read_ready(cx)).await.unwrap();
        let (mut first, mut second) = ([0; 1], [0; 9]);
        let mut targets = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(poll_fn(|cx| left_reader.poll_read_vectored(cx, &mut targets)).await.unwrap(), 3);
        assert_eq!((&first, &second[..2]), (b"o", &b"ne"[..]));
        let sending = async {
            assert_eq!(poll_fn(|cx| left_writer.poll_write(cx, &vec![7; MUCH])).await.unwrap(), MUCH);
            poll_fn(|cx| left_writer.poll_flush(cx)).await.unwrap();
            assert_eq!(left_writer.write_buffer_size(), 0);
            left_writer.write_eof();
        };
        let receiving = async {
            let (mut target, mut count) = (vec![0; 100_000], 0);
            while count < MUCH {
                count += poll_fn(|cx| left_reader.poll_read(cx, &mut target)).await.unwrap();
            }
        };
        join!(sending, receiving);
        echo.await.unwrap();
    });
}

#[test]
fn a_read_is_woken_by_bytes_the_end_an_error_and_a_close() {
    run(async {
        let reader = StreamReader::new();
        let task = reading(&reader).await;
        reader.feed_data("fed");
        assert_eq!(task.await.unwrap(), b"fed");
        let task = reading(&reader).await;
        reader.set_exception(ErrorKind::TimedOut.into());
        assert_eq!(task.await.unwrap_err().kind(), ErrorKind::TimedOut);
        let reader = StreamReader::new();
        let task = reading(&reader).await;
        reader.feed_eof();
        assert_eq!(task.await.unwrap(), b"");

        let ((reader, writer), (_theirs, their_writer)) = pair();
        let task = reading(&reader).await;
        their_writer.write("sent");
        assert_eq!(task.await.unwrap(), b"sent");
        let task = reading(&reader).await;
        writer.close();
        assert_eq!(task.await.unwrap(), b"");
    });
}

#[test]
fn a_read_beside_one_that_awaits_panics_with_the_remedy() {
    run(async {
        let reader = StreamReader::new();
        let other = reader.clone();
        let _awaits = create_task(async move { other.read(1).await });
        yield_now().await;
        let text = panic_in(read(&reader)).await;
        assert!(text.contains("poll_read() called while another task is already waiting"), "{text}");
    });
}

#[test]
fn a_write_waits_for_room_and_a_flush_until_all_is_sent() {
    run_real(async {
        let ((_reader, writer), (theirs, _their_writer)) = pair();
        writer.set_write_buffer_limits(2 << 20, 1 << 20); // more than the system takes at once
        let written = fill(&writer);
        let mut room = Box::pin(poll_fn(|cx| writer.poll_write_ready(cx)));
        assert!(room.as_mut().now_or_never().is_none());
        let taking = create_task(async move {
            let (mut target, mut left) = (vec![0; 1 << 16], written);
            while left > 0 {
                left -= theirs.read_into(&mut target).await.unwrap();
            }
        });
        room.await.unwrap();
        let unsent = writer.write_buffer_size();
        poll_fn(|cx| writer.poll_flush(cx)).await.unwrap();
        taking.await;
        assert!((1..=1 << 20).contains(&unsent), "{unsent} bytes were left when there was room");
        assert_eq!(writer.write_buffer_size(), 0);
    });
}

#[test]
fn a_stream_that_was_ended_takes_no_more_and_one_that_is_lost_says_why() {
    run_real(async {
        let ((_reader, writer), _theirs) = pair();
        writer.write_eof();
        let written = poll_fn(|cx| writer.poll_write(cx, b"x")).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);

        let ((_reader, writer), theirs) = pair();
        fill(&writer);
        let mut flush = Box::pin(poll_fn(|cx| writer.poll_flush(cx)));
        assert!(flush.as_mut().now_or_never().is_none());
        drop(theirs);
        assert!(flush.await.is_err());
        assert!(poll_fn(|cx| writer.poll_write(cx, b"x")).await.is_err());

        let (reader, writer) = pipe().unwrap();
        let writer = writer.into_stream();
        drop(reader);
        let mut lost = false;
        for _ in 0..100 {
            lost = poll_fn(|cx| writer.poll_write(cx, b"x")).await.is_err();
            if lost {
                break;
            }
            yield_now().await;
        }
        assert!(lost);
    });
}

#[test]
fn an_abort_wakes_what_waits_for_room_or_for_the_end() {
    run(async {
        let ((_reader, writer), _theirs) = pair();
        fill(&writer);
        let other = writer.clone();
        let task = create_task(async move { poll_fn(|cx| other.poll_write_ready(cx)).await });
        yield_now().await;
        writer.abort();
        assert_eq!(task.await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_loop_of_writes_and_one_of_reads_let_other_tasks_run() {
    run_real(async {
        let ((reader, writer), (_theirs, their_writer)) = pair();
        let turn = Rc::new(Cell::new(false));
        let mine = Rc::clone(&turn);
        create_task(async move { mine.set(true) });
        let mut written = 0;
        while !turn.get() {
            assert_eq!(poll_fn(|cx| writer.poll_write(cx, b"x")).await.unwrap(), 1);
            written += 1;
            assert!(written < 200, "others starve");
        }
        their_writer.write(vec![7; 1 << 20]);
        let mine = Rc::clone(&turn);
        mine.set(false);
        create_task(async move { mine.set(true) });
        let (mut target, mut reads) = (vec![0; 4_096], 0);
        while !turn.get() {
            assert!(poll_fn(|cx| reader.poll_read(cx, &mut target)).await.unwrap() > 0);
            reads += 1;
            assert!(reads < 200, "others starve");
        }
    });
}

#[test]
fn limits_and_cancellations_lose_no_byte() {
    run_real(async {
        let ((reader, _writer), (_theirs, their_writer)) = pair();
        assert!(timeout(ms(2), read(&reader)).await.is_err());
        let polls = Rc::new(Cell::new(0));
        let other = reader.clone();
        let task = create_task(counted(&polls, async move {
            assert!(catch_cancelled(read(&other)).await.is_err());
            read(&other).await
        }));
        yield_now().await;
        task.cancel();
        yield_now().await;
        their_writer.write("kept");
        assert_eq!(task.await.unwrap(), b"kept");
        sleep(ms(1)).await;
        assert!(polls.get() <= 4, "{} polls", polls.get());
    });
}

#[test]
fn a_poll_in_another_loop_panics_with_the_remedy() {
    let outer = virtual_loop();
    let ((reader, writer), _theirs) = {
        let _in = outer.enter();
        let pairs = pair();
        fill(&pairs.0.1);
        pairs
    };
    for text in [
        run(async { panic_in(read(&reader)).await }),
        run(async { panic_in(poll_fn(|cx| writer.poll_write_ready(cx))).await }),
        run(async { panic_in(poll_fn(|cx| writer.poll_flush(cx))).await }),
    ] {
        assert!(text.contains("of another event loop"), "{text}");
    }
    let text = panic_of(|| {
        let cx = &mut Context::from_waker(Waker::noop());
        let _ = StreamReader::new().poll_read(cx, &mut [0]);
    });
    assert!(text.contains("no event loop on this thread"), "{text}");
}
