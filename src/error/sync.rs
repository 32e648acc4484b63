//! Errors of semaphores, barriers and queues. Owns their types and texts; must not know the primitives.

use std::{fmt, io};

use thiserror::Error;

/// A permit was released that was never [forgotten](crate::SemaphorePermit::forget), so the semaphore would have more
/// permits than at first: asyncio's `ValueError`.
///
/// # Examples
/// ```
/// use oneloop::BoundedSemaphore;
/// use oneloop::error::ReleaseError;
///
/// assert_eq!(BoundedSemaphore::new(2).release(), Err(ReleaseError));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("BoundedSemaphore released too many times: all its permits are free, or will be given back by their holders")]
pub struct ReleaseError;

/// The semaphore was closed, so no task gets a permit of it any more.
///
/// # Examples
/// ```
/// use oneloop::error::SemaphoreClosed;
/// use oneloop::{ClosableSemaphore, run};
///
/// run(async {
///     let permits = ClosableSemaphore::new(0);
///     permits.close();
///     assert_eq!(permits.acquire().await.unwrap_err(), SemaphoreClosed);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("the semaphore is closed")]
pub struct SemaphoreClosed;

/// The barrier was aborted, or reset while tasks waited in it: asyncio's `BrokenBarrierError`.
///
/// # Examples
/// ```
/// use oneloop::error::BrokenBarrierError;
/// use oneloop::{Barrier, run};
///
/// run(async {
///     let barrier = Barrier::new(2);
///     barrier.abort().await;
///     assert_eq!(barrier.wait().await, Err(BrokenBarrierError));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the barrier is broken: it was aborted, or reset while this task waited")]
pub struct BrokenBarrierError;

/// The queue accepts no more items, or has none left to return: asyncio's `QueueShutDown`.
///
/// The error of a `put` holds the refused item and is a `QueueShutDown<T>`; that of a `get` is a `QueueShutDown<()>`.
/// So `?` on both in one function needs an error type that both convert into, such as `Box<dyn Error>`, or `io::Error`,
/// of which it becomes one of the kind `BrokenPipe`, without the item.
///
/// # Examples
/// ```
/// use oneloop::{Queue, run};
/// use std::io;
///
/// async fn pass_on(from: Queue<u8>, to: Queue<u8>) -> io::Result<()> {
///     loop {
///         to.put(from.get().await?).await?;
///     }
/// }
///
/// let from: Queue<u8> = Queue::unbounded();
/// from.shutdown();
/// let ended = run(pass_on(from, Queue::unbounded()))?;
/// assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("the queue is shut down")]
pub struct QueueShutDown<T = ()>(pub T);

impl<T> fmt::Debug for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueShutDown(..)")
    }
}

impl<T> From<QueueShutDown<T>> for io::Error {
    fn from(_: QueueShutDown<T>) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, QueueShutDown(()))
    }
}

/// Why `put_nowait` refused an item. Holds the item.
///
/// Closed on purpose, so that a `match` needs no arm `_`: a queue refuses an item for these two reasons alone.
///
/// # Examples
/// ```
/// use oneloop::Queue;
/// use oneloop::error::PutError;
///
/// let jobs = Queue::bounded(1);
/// assert_eq!(jobs.put_nowait("a"), Ok(()));
/// match jobs.put_nowait("b") {
///     Ok(()) | Err(PutError::QueueShutDown(_)) => unreachable!("there is room for one"),
///     Err(PutError::QueueFull(job)) => assert_eq!(job, "b"), // it comes back
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Error)]
pub enum PutError<T> {
    /// There is no room now: asyncio's `QueueFull`.
    #[error("the queue is full; await put() to wait for room")]
    QueueFull(T),
    /// The queue is shut down and will never have room again: asyncio's `QueueShutDown`.
    #[error("the queue is shut down")]
    QueueShutDown(T),
}

impl<T> PutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Self::QueueFull(item) | Self::QueueShutDown(item) => item,
        }
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull(_) => "QueueFull(..)",
            Self::QueueShutDown(_) => "QueueShutDown(..)",
        })
    }
}

/// Why `get_nowait` returned no item.
///
/// Closed on purpose, so that a `match` needs no arm `_`: a queue has no item for these two reasons alone.
///
/// # Examples
/// ```
/// use oneloop::Queue;
/// use oneloop::error::GetError;
///
/// let jobs = Queue::<u32>::unbounded();
/// assert_eq!(jobs.get_nowait(), Err(GetError::QueueEmpty));
/// jobs.shutdown();
/// assert_eq!(jobs.get_nowait(), Err(GetError::QueueShutDown));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GetError {
    /// There is no item now: asyncio's `QueueEmpty`.
    #[error("the queue is empty; await get() to wait for an item")]
    QueueEmpty,
    /// The queue is shut down and will never have an item again: asyncio's `QueueShutDown`.
    #[error("the queue is shut down, and nothing is left in it")]
    QueueShutDown,
}

/// `task_done()` was called more often than items were put: asyncio's `ValueError`.
///
/// # Examples
/// ```
/// use oneloop::Queue;
/// use oneloop::error::TaskDoneError;
///
/// let jobs = Queue::<u32>::unbounded();
/// assert_eq!(jobs.task_done(), Err(TaskDoneError));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("task_done() called too many times; call it once for each item that was got")]
pub struct TaskDoneError;
