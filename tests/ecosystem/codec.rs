//! Frames of tokio-util, by the feature `tokio-io`.

use bytes::Bytes;
use futures::{SinkExt, StreamExt as _};
use oneloop::create_task;
use oneloop::net::{UnixStream, pipe};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_util::codec::{Framed, FramedRead, FramedWrite, LengthDelimitedCodec, LinesCodec};

use crate::real::run_real;

#[test]
fn frames_with_a_length_go_both_ways() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        let echo = create_task(async move {
            let mut framed = Framed::new(right, LengthDelimitedCodec::new());
            while let Some(frame) = framed.next().await {
                framed.send(frame?.freeze()).await?;
            }
            Ok::<(), std::io::Error>(())
        });
        let mut framed = Framed::new(left, LengthDelimitedCodec::new());
        for frame in [b"one".to_vec(), Vec::new(), vec![7; 100_000]] {
            framed.send(Bytes::copy_from_slice(&frame)).await.unwrap();
            assert_eq!(framed.next().await.unwrap().unwrap(), frame);
        }
        drop(framed);
        echo.await.unwrap();
    });
}

#[test]
fn the_halves_carry_lines_in_two_tasks() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        let (reads, writes) = right.into_split();
        let echo = create_task(async move {
            let mut lines = FramedRead::new(reads, LinesCodec::new());
            let mut answers = FramedWrite::new(writes, LinesCodec::new());
            while let Some(line) = lines.next().await {
                answers.send(line?.to_uppercase()).await?;
            }
            Ok::<(), tokio_util::codec::LinesCodecError>(())
        });
        let (reads, writes) = left.into_split();
        let mut to = FramedWrite::new(writes, LinesCodec::new());
        let sent = create_task(async move {
            for line in ["one", "two"] {
                to.send(line).await.unwrap();
            }
            SinkExt::<&str>::close(&mut to).await.unwrap();
        });
        let lines: Vec<_> = FramedRead::new(reads, LinesCodec::new()).map(Result::unwrap).collect().await;
        assert_eq!(lines, ["ONE", "TWO"]);
        sent.await;
        echo.await.unwrap();
    });
}

#[test]
fn the_helpers_of_tokio_read_and_write_pipes() {
    run_real(async {
        let (reader, mut writer) = pipe().unwrap();
        let task = create_task(async move {
            writer.write_all(b"one\ntwo\n").await.unwrap();
            writer.shutdown().await.unwrap();
        });
        let mut lines = BufReader::new(reader).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("one"));
        let mut rest = String::new();
        lines.into_inner().read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "two\n");
        task.await;
    });
}

#[test]
fn a_buffered_reader_and_writer_carry_frames_too() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        let ((left_reader, left_writer), (reader, writer)) = (left.into_streams(), right.into_streams());
        let echo = create_task(async move {
            let mut frames = FramedRead::new(reader, LengthDelimitedCodec::new());
            let mut answers = FramedWrite::new(writer, LengthDelimitedCodec::new());
            while let Some(frame) = frames.next().await {
                answers.send(frame?.freeze()).await?;
            }
            SinkExt::<Bytes>::close(&mut answers).await
        });
        let mut to = FramedWrite::new(left_writer, LengthDelimitedCodec::new());
        let mut from = FramedRead::new(left_reader, LengthDelimitedCodec::new());
        for length in [1, 0, 1 << 20] {
            let frame = Bytes::from(vec![7; length]);
            let (sent, answer) = futures::join!(to.send(frame.clone()), from.next());
            sent.unwrap();
            assert_eq!(answer.unwrap().unwrap(), frame);
        }
        SinkExt::<Bytes>::close(&mut to).await.unwrap();
        assert!(from.next().await.is_none());
        echo.await.unwrap();
    });
}
