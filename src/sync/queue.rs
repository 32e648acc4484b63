//! The three kinds of queue: asyncio's `Queue`, `PriorityQueue` and `LifoQueue`. Owns their methods; must not know how
//! tasks wait for each other.

use std::fmt;
use std::rc::Rc;

use super::acquire::Acquire;
use super::queue_state::{Item, QueueState, Room};
use super::queue_store::{Fifo, Lifo, Ranked};
use crate::error::{GetError, PutError, QueueShutDown, TaskDoneError};

/// Declares a kind of queue: a handle on a `QueueState` whose store makes it that kind.
macro_rules! queue {
    ($(#[$docs:meta])* $Queue:ident, $Store:ident, [$($Bound:ident)?]) => {
        $(#[$docs])*
        pub struct $Queue<T> {
            shared: Rc<QueueState<$Store<T>>>,
        }

        impl<T $(: $Bound)?> $Queue<T> {
            /// An empty queue with room for `maxsize` items; 0 means no limit. This is asyncio's constructor:
            /// [`unbounded`](Self::unbounded) and [`bounded`](Self::bounded) say which of the two is meant.
            pub fn new(maxsize: usize) -> Self {
                Self { shared: QueueState::new(maxsize) }
            }

            /// An empty queue with room for any number of items. `put` never waits.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("use oneloop::", stringify!($Queue), ";")]
            ///
            #[doc = concat!("let queue = ", stringify!($Queue), "::unbounded();")]
            /// for n in 0..1000 {
            ///     queue.put_nowait(n)?; // never full
            /// }
            /// assert_eq!((queue.len(), queue.maxsize()), (1000, 0));
            /// # Ok::<(), oneloop::error::PutError<i32>>(())
            /// ```
            pub fn unbounded() -> Self {
                Self::new(0)
            }

            /// An empty queue with room for `capacity` items. `put` waits while it is full, so a producer cannot run
            /// ahead of its consumers by more than that.
            ///
            /// # Examples
            /// ```
            /// use oneloop::error::PutError;
            #[doc = concat!("use oneloop::", stringify!($Queue), ";")]
            ///
            #[doc = concat!("let queue = ", stringify!($Queue), "::bounded(2);")]
            /// queue.put_nowait('a')?;
            /// queue.put_nowait('b')?;
            /// assert_eq!(queue.put_nowait('c'), Err(PutError::QueueFull('c')));
            /// # Ok::<(), PutError<char>>(())
            /// ```
            ///
            /// # Panics
            /// If `capacity` is 0, because no item could ever be put.
            #[track_caller]
            pub fn bounded(capacity: usize) -> Self {
                assert!(
                    capacity > 0,
                    "a queue for 0 items could never take one; use unbounded() for a queue without a limit"
                );
                Self::new(capacity)
            }

            /// The number of items that it has room for; 0 for no limit.
            pub fn maxsize(&self) -> usize {
                self.shared.maxsize
            }

            /// The number of items in it: asyncio's `qsize()`.
            pub fn len(&self) -> usize {
                self.shared.len()
            }

            /// Whether it has no items: asyncio's `empty()`.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether it has no room: asyncio's `full()`.
            pub fn is_full(&self) -> bool {
                self.shared.is_full()
            }

            /// How many tasks wait for an item. One that was woken is no longer among them.
            ///
            /// # Examples
            /// ```
            /// # use oneloop::{create_task, run, yield_now};
            #[doc = concat!("use oneloop::", stringify!($Queue), ";")]
            ///
            /// run(async {
            #[doc = concat!("    let queue = ", stringify!($Queue), "::new(1);")]
            ///     let getter = create_task(queue.get());
            ///     yield_now().await;
            ///     assert_eq!((queue.getters(), queue.putters()), (1, 0));
            ///     queue.put_nowait(7).expect("there is room");
            ///     assert_eq!(queue.getters(), 0);
            ///     assert_eq!(getter.await, Ok(7));
            /// })?;
            /// # Ok::<(), oneloop::Error>(())
            /// ```
            pub fn getters(&self) -> usize {
                self.shared.getters.waiting()
            }

            /// How many tasks wait for room. One that was woken is no longer among them.
            ///
            /// # Examples
            /// ```
            /// # use oneloop::{create_task, run, yield_now};
            #[doc = concat!("use oneloop::", stringify!($Queue), ";")]
            ///
            /// run(async {
            #[doc = concat!("    let queue = ", stringify!($Queue), "::new(1);")]
            ///     queue.put_nowait(1).expect("there is room");
            ///     let putter = create_task(queue.put(2));
            ///     yield_now().await;
            ///     assert_eq!((queue.getters(), queue.putters()), (0, 1));
            ///     assert_eq!(queue.get_nowait(), Ok(1));
            ///     assert_eq!(queue.putters(), 0);
            ///     assert!(putter.await.is_ok());
            /// })?;
            /// # Ok::<(), oneloop::Error>(())
            /// ```
            pub fn putters(&self) -> usize {
                self.shared.putters.waiting()
            }

            /// Puts an item into the queue. Waits for room first if the queue is full.
            ///
            /// # Errors
            /// If the queue is shut down, also while this waits. The error holds the item.
            ///
            /// # Panics
            /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this queue.
            ///
            /// # Cancel safety
            /// The task loses its position in the queue of waiting tasks. The item is dropped and was not put. If it
            /// must not be lost, clone it before, or use `put_nowait`.
            pub fn put(&self, item: T) -> impl Future<Output = Result<(), QueueShutDown<T>>> + use<T> {
                let room = Acquire::new(Room(Rc::clone(&self.shared)));
                async move {
                    let shared = room.await;
                    shared.put_into_room(item)
                }
            }

            /// Puts an item into the queue if there is room.
            ///
            /// # Errors
            /// If there is no room, or if the queue is shut down. The error holds the item.
            pub fn put_nowait(&self, item: T) -> Result<(), PutError<T>> {
                self.shared.put_nowait(item)
            }

            /// Takes the next item out of the queue. Waits for one first if the queue is empty.
            ///
            /// # Errors
            /// If the queue is empty and shut down, also while this waits.
            ///
            /// # Panics
            /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this queue.
            ///
            /// # Cancel safety
            /// The task loses its position in the queue of waiting tasks, and nothing else: an item is taken out only
            /// when this returns it.
            pub fn get(&self) -> impl Future<Output = Result<T, QueueShutDown>> + use<T> {
                Acquire::new(Item(Rc::clone(&self.shared)))
            }

            /// Takes the next item out of the queue if there is one.
            ///
            /// # Errors
            /// If the queue is empty.
            pub fn get_nowait(&self) -> Result<T, GetError> {
                self.shared.get_nowait()
            }

            /// Marks one item as done: asyncio's `task_done()`. Call it once for each item that was got.
            ///
            /// # Errors
            /// If it was called more often than items were put.
            pub fn task_done(&self) -> Result<(), TaskDoneError> {
                self.shared.task_done()
            }

            /// Waits until all items that were put are done: asyncio's `join()`. Returns at once if they are.
            ///
            /// # Panics
            /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this queue.
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub fn join(&self) -> impl Future<Output = ()> + use<T> {
                let Self { shared } = self.clone();
                async move { shared.join().await }
            }

            /// Shuts the queue down: asyncio's `shutdown()`. From now on every `put` fails, also one that waits. The
            /// items that are in the queue can still be got; after them every `get` fails.
            pub fn shutdown(&self) {
                self.shared.shut_down();
            }

            /// Shuts the queue down and empties it: asyncio's `shutdown(immediate=True)`. Returns the items that were
            /// in it, in the order in which `get` would have returned them. They count as done.
            pub fn shutdown_immediate(&self) -> Vec<T> {
                self.shared.shut_down_immediately()
            }

            /// Whether it was shut down.
            pub fn is_shutdown(&self) -> bool {
                self.shared.is_shut_down.get()
            }
        }

        impl<T> Clone for $Queue<T> {
            fn clone(&self) -> Self {
                Self { shared: Rc::clone(&self.shared) }
            }
        }

        /// An open queue of these items, with room for any number more. They count as put, so `join` waits for them.
        impl<T $(: $Bound)?> FromIterator<T> for $Queue<T> {
            fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
                let mut queue = Self::unbounded();
                queue.extend(items);
                queue
            }
        }

        /// Puts items with [`put_nowait`](Self::put_nowait).
        ///
        /// # Panics
        /// If there is no room for an item, or the queue is shut down.
        impl<T $(: $Bound)?> Extend<T> for $Queue<T> {
            #[track_caller]
            fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
                for item in items {
                    if let Err(error) = self.put_nowait(item) {
                        panic!("extend() cannot put an item: {error}");
                    }
                }
            }
        }

        /// A queue with room for any number of items.
        impl<T $(: $Bound)?> Default for $Queue<T> {
            fn default() -> Self {
                Self::unbounded()
            }
        }

        impl<T $(: $Bound)?> fmt::Debug for $Queue<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($Queue))
                    .field("len", &self.len())
                    .field("maxsize", &self.maxsize())
                    .field("getters", &self.getters())
                    .field("putters", &self.putters())
                    .field("unfinished", &self.shared.unfinished.get())
                    .field("shutdown", &self.is_shutdown())
                    .finish()
            }
        }
    };
}

queue! {
    #[doc(alias = "channel")]
    #[doc(alias = "mpsc")]
    /// Items handed from task to task, first in, first out: asyncio's `Queue`. Clones are the same queue.
    ///
    /// Waiting tasks are woken in the order in which they came. The item or the room is not reserved for a task that
    /// was woken, as in asyncio: another task may take it first, and then the woken task waits again, behind the
    /// others.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Queue, create_task, run};
    ///
    /// let sum = run(async {
    ///     let numbers = Queue::bounded(2);
    ///     let producer = numbers.clone();
    ///     create_task(async move {
    ///         for n in 1..=5 {
    ///             producer.put(n).await.expect("only this task shuts it down"); // waits while two are in it
    ///         }
    ///         producer.shutdown();
    ///     });
    ///     let mut sum = 0;
    ///     while let Ok(n) = numbers.get().await {
    ///         sum += n;
    ///     }
    ///     sum
    /// })?;
    /// assert_eq!(sum, 15);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    Queue, Fifo, []
}

queue! {
    /// A queue that returns the least item first: asyncio's `PriorityQueue`. Equal items come in the order in which
    /// they were put, which asyncio leaves open. Clones are the same queue.
    ///
    /// Its items are often pairs of a priority and the work. The comparison of two items must not use the queue.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{PriorityQueue, run};
    ///
    /// run(async {
    ///     let jobs = PriorityQueue::unbounded();
    ///     for job in [(2, "rest"), (1, "work"), (3, "play")] {
    ///         jobs.put(job).await.expect("it is open");
    ///     }
    ///     assert_eq!(jobs.get().await, Ok((1, "work")));
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    PriorityQueue, Ranked, [Ord]
}

queue! {
    /// A queue that returns the newest item first: asyncio's `LifoQueue`. Clones are the same queue.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{LifoQueue, run};
    ///
    /// run(async {
    ///     let pile = LifoQueue::unbounded();
    ///     for plate in 1..=3 {
    ///         pile.put(plate).await.expect("it is open");
    ///     }
    ///     assert_eq!(pile.get().await, Ok(3));
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    LifoQueue, Lifo, []
}
