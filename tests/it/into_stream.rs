//! Streams of what gives one value after another: their items, their ends, and what a stream that is dropped gives
//! back.
#![cfg(all(unix, feature = "stream"))]

use futures::{FutureExt as _, StreamExt as _};
use oneloop::error::ReadError;
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{Queue, StreamReader, as_completed, catch_cancelled, create_task, interval, sleep, yield_now};

use crate::support::{now, run, run_real, secs};

#[test]
fn a_queue_gives_its_items_until_it_is_shut_down_and_empty() {
    run(async {
        let queue = Queue::new(1);
        let source = queue.clone();
        create_task(async move {
            for n in 0..5 {
                source.put(n).await.unwrap();
            }
            source.shutdown();
        });
        let mut stream = queue.stream();
        assert_eq!(stream.by_ref().collect::<Vec<_>>().await, [0, 1, 2, 3, 4]);
        assert_eq!(stream.next().await, None, "an end is an end");
    });
}

#[test]
fn a_stream_of_a_queue_leaves_the_line_when_it_is_dropped() {
    run(async {
        let queue = Queue::new(0);
        let mut stream = queue.stream();
        assert!(stream.next().now_or_never().is_none());
        assert_eq!(queue.getters(), 1, "it waits, although nothing polls it");
        drop(stream);
        assert_eq!(queue.getters(), 0);
        queue.put_nowait("kept").unwrap();
        assert_eq!(queue.get().await, Ok("kept"));
    });
}

#[test]
fn a_cancelled_stream_takes_nothing() {
    run(async {
        let queue = Queue::new(0);
        let theirs = queue.clone();
        let task = create_task(async move { theirs.stream().next().await });
        yield_now().await;
        task.cancel();
        queue.put_nowait(1).unwrap();
        assert!(catch_cancelled(task).await.is_err());
        assert_eq!(queue.get_nowait().unwrap(), 1);
    });
}

#[test]
fn tasks_come_as_they_end_and_late_ones_as_errors() {
    run(async {
        let tasks = [3, 1, 600].map(|n| {
            create_task(async move {
                sleep(secs(n)).await;
                n
            })
        });
        let mut done = as_completed(tasks).timeout(secs(10)).into_stream();
        assert_eq!(done.next().await.unwrap().unwrap().await, 1);
        assert_eq!(done.next().await.unwrap().unwrap().await, 3);
        assert!(done.next().await.unwrap().is_err());
        assert!(done.next().await.is_none());
    });
}

#[test]
fn ticks_come_at_their_times() {
    run(async {
        let start = now();
        let ticks: Vec<_> = interval(secs(2)).into_stream().take(3).map(|tick| tick - start).collect().await;
        assert_eq!(ticks, [secs(0), secs(2), secs(4)]);
        assert_eq!(now() - start, secs(4));
    });
}

#[test]
fn connections_come_one_after_another() {
    run_real(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let clients = oneloop::try_gather((0..3).map(|_| TcpStream::connect(address)));
        let accepted: Vec<_> = listener.incoming().take(3).map(|accepted| accepted.unwrap().1).collect().await;
        let mut theirs: Vec<_> = clients.await.unwrap().iter().map(|client| client.local_addr().unwrap()).collect();
        theirs.sort();
        let mut ours = accepted;
        ours.sort();
        assert_eq!(ours, theirs);
    });
}

#[test]
fn lines_go_on_after_one_that_is_too_long_and_end_after_an_error() {
    run(async {
        let reader = StreamReader::with_limit(8);
        reader.feed_data(b"one\nmuch too long a line\ntwo\nthr");
        let mut lines = reader.lines();
        assert_eq!(lines.next().await.unwrap().unwrap(), "one");
        assert!(matches!(lines.next().await, Some(Err(ReadError::Limit(_)))));
        assert_eq!(lines.next().await.unwrap().unwrap(), "two");
        reader.set_exception(std::io::ErrorKind::ConnectionReset.into());
        assert!(matches!(lines.next().await, Some(Err(ReadError::Io(_)))));
        assert!(lines.next().await.is_none());
    });
}

#[cfg(feature = "signal")]
#[test]
fn a_number_that_is_no_signal_is_an_error_and_the_end() {
    run(async {
        let mut stream = oneloop::adapters::signals(-1);
        assert!(stream.next().await.unwrap().is_err());
        assert!(stream.next().await.is_none());
    });
}
