//! `AsyncBufRead` of futures-io and of tokio, on what a `StreamReader` becomes.

use oneloop::adapters::BufferedReader;
use oneloop::net::UnixStream;
use oneloop::{StreamReader, StreamWriter, create_task, yield_now};

use crate::real::run_real;

const LINES: usize = 500;

/// A reader of lines that come in pieces of their own, and the task that writes them.
fn lines() -> (StreamReader, oneloop::Task<()>) {
    let (left, right) = UnixStream::pair().unwrap();
    let (reader, _) = left.into_streams();
    let (_, writer): (_, StreamWriter) = right.into_streams();
    let writing = create_task(async move {
        for number in 0..LINES {
            writer.write(format!("line {number}"));
            yield_now().await;
            writer.write("\n");
        }
    });
    (reader, writing)
}

#[test]
fn lines_are_read_through_futures_io() {
    use futures::AsyncBufReadExt as _;
    run_real(async {
        let (reader, _writing) = lines();
        let mut buffered = BufferedReader::from(reader);
        let mut line = String::new();
        for number in 0..LINES {
            line.clear();
            buffered.read_line(&mut line).await.unwrap();
            assert_eq!(line, format!("line {number}\n"));
        }
        assert_eq!(buffered.read_line(&mut line).await.unwrap(), 0);
    });
}

#[test]
fn lines_are_read_through_tokio() {
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _};
    run_real(async {
        let (reader, _writing) = lines();
        let mut buffered = BufferedReader::from(reader);
        let mut line = String::new();
        buffered.read_line(&mut line).await.unwrap();
        assert_eq!(line, "line 0\n");
        let mut rest = String::new();
        buffered.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest.lines().count(), LINES - 1);
    });
}

#[test]
fn what_was_shown_and_not_consumed_is_the_readers_again() {
    use futures::AsyncBufReadExt as _;
    run_real(async {
        let reader = StreamReader::new();
        let feeds = reader.clone();
        feeds.feed_data("first second ");
        let mut buffered = BufferedReader::from(reader);
        assert_eq!(buffered.fill_buf().await.unwrap(), b"first second ");
        buffered.consume(6);
        feeds.feed_data("third");
        feeds.feed_eof();
        assert_eq!(buffered.into_reader().read_to_end().await.unwrap(), b"second third");
    });
}
