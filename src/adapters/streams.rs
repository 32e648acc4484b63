//! `Stream` of the crate `futures-core`, for what gives one value after another. Owns the methods that make a stream of
//! such a thing; must not know how a stream is polled.
//!
//! A stream waits as the method does that it repeats, and goes on waiting until it is dropped, also while it is not
//! polled.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::time::Instant;

use futures_core::Stream;

use super::unfold::unfold;
use crate::error::{ReadError, TimeoutError};
use crate::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use crate::primitives::wait::Waitable;
use crate::primitives::{AsCompleted, Interval};
use crate::streams::StreamReader;
use crate::sync::{LifoQueue, PriorityQueue, Queue};

macro_rules! queue {
    ($Queue:ident, [$($Bound:ident)?]) => {
        impl<T $(: $Bound)?> $Queue<T> {
            /// The items, one [`get`](Self::get) after another, until the queue is shut down and empty.
            ///
            /// A stream that has waited keeps its place among the waiting tasks until it is dropped, also while it is
            /// not polled.
            ///
            /// # Examples
            /// ```
            /// use futures::StreamExt as _;
            #[doc = concat!("use oneloop::{", stringify!($Queue), ", run};")]
            ///
            #[doc = concat!("let queue = ", stringify!($Queue), "::from_iter([1, 2, 3]);")]
            /// let sum = run(async {
            ///     queue.shutdown();
            ///     queue.stream().fold(0, async |sum, n| sum + n).await
            /// })?;
            /// assert_eq!(sum, 6);
            /// # Ok::<(), oneloop::Error>(())
            /// ```
            pub fn stream(&self) -> impl Stream<Item = T> + Unpin + use<T> {
                unfold(self.clone(), |queue| async {
                    let item = queue.get().await.ok()?;
                    Some((item, queue))
                })
            }
        }
    };
}

queue!(Queue, []);
queue!(PriorityQueue, [Ord]);
queue!(LifoQueue, []);

impl<H: Waitable> AsCompleted<H> {
    /// The tasks, one [`next`](Self::next) after another.
    ///
    /// # Examples
    /// ```
    /// use futures::StreamExt as _;
    /// use oneloop::{as_completed, create_task, run};
    ///
    /// let values = run(async {
    ///     let tasks = (1..=3).map(|n| create_task(async move { n }));
    ///     let done = as_completed(tasks).into_stream().map(|task| task.expect("there is no limit"));
    ///     done.then(|task| task).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(values, [1, 2, 3]);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn into_stream(self) -> impl Stream<Item = Result<H, TimeoutError>> + Unpin + use<H> {
        unfold(self, |mut tasks| async {
            let next = tasks.next().await?;
            Some((next, tasks))
        })
    }
}

impl Interval {
    /// The ticks, one [`tick`](Self::tick) after another, without end.
    ///
    /// # Examples
    /// ```
    /// use futures::StreamExt as _;
    /// use oneloop::{Clock, EventLoop, interval};
    /// use std::time::Duration;
    ///
    /// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
    /// let start = lp.time();
    /// let ticks: Vec<_> = lp.run_until_complete(async {
    ///     interval(Duration::from_secs(60)).into_stream().take(3).collect().await
    /// })?;
    /// assert_eq!(ticks[2] - start, Duration::from_secs(120));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn into_stream(self) -> impl Stream<Item = Instant> + Unpin {
        unfold(self, |mut interval| async {
            let tick = interval.tick().await;
            Some((tick, interval))
        })
    }
}

macro_rules! listener {
    ($Listener:ident, $Stream:ident, $Address:ty) => {
        impl $Listener {
            /// The connections with their addresses, one [`accept`](Self::accept) after another, without end.
            ///
            /// # Errors
            /// An item is an error where [`accept`](Self::accept) returns one, and the stream goes on.
            pub fn incoming(&self) -> impl Stream<Item = io::Result<($Stream, $Address)>> + Unpin + use<'_> {
                unfold(self, |listener| async move { Some((listener.accept().await, listener)) })
            }
        }
    };
}

listener!(TcpListener, TcpStream, SocketAddr);
listener!(UnixListener, UnixStream, UnixAddr);

impl StreamReader {
    /// The lines, one [`next_line`](Self::next_line) after another, until the stream ends or the connection fails.
    ///
    /// # Examples
    /// ```
    /// use futures::TryStreamExt as _;
    /// use oneloop::{StreamReader, run};
    ///
    /// let lines: Vec<_> = run(async {
    ///     let reader = StreamReader::new();
    ///     reader.feed_data(b"one\ntwo\n");
    ///     reader.feed_eof();
    ///     reader.lines().try_collect().await
    /// })??;
    /// assert_eq!(lines, ["one", "two"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// An item is an error where [`next_line`](Self::next_line) returns one. The stream goes on after a line that was
    /// too long or is not UTF-8, and ends after another error.
    pub fn lines(&self) -> impl Stream<Item = Result<String, ReadError>> + Unpin + use<> {
        unfold(Some(self.clone()), |reader| async {
            let reader = reader?;
            let line = reader.next_line().await.transpose()?;
            let goes_on = matches!(line, Ok(_) | Err(ReadError::Limit(_) | ReadError::Utf8(_)));
            Some((line, goes_on.then_some(reader)))
        })
    }
}
