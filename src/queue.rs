//! Items handed from task to task: asyncio's `Queue`, `PriorityQueue` and `LifoQueue`. Owns the items, who waits for them
//! or for room, and the count of what is unfinished; must not know how a line is kept.

mod store;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use crate::error::{GetError, PutError, QueueShutDown, TaskDoneError};
use crate::kernel::Leaf;
use crate::line::{Goal, Having, Line};
use store::{Fifo, Lifo, Ranked, Store};

/// What the three kinds of queue share; they differ in the store alone.
struct Shared<S> {
    store: RefCell<S>,
    /// 0 for any number of items.
    maxsize: usize,
    getters: Line,
    putters: Line,
    /// Who waits until nothing is unfinished.
    joiners: Line,
    unfinished: Cell<usize>,
    shut_down: Cell<bool>,
}

impl<S: Store> Shared<S> {
    fn new(maxsize: usize) -> Rc<Self> {
        Rc::new(Self {
            store: RefCell::default(),
            maxsize,
            getters: Line::default(),
            putters: Line::default(),
            joiners: Line::default(),
            unfinished: Cell::new(0),
            shut_down: Cell::new(false),
        })
    }

    /// Putting into a heap compares items, which is code of a user's.
    fn with_store<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        let Ok(mut store) = self.store.try_borrow_mut() else {
            panic!("the comparison of two items used the queue that they are in; it must not")
        };
        f(&mut store)
    }

    fn len(&self) -> usize {
        self.with_store(|store| store.len())
    }

    fn is_full(&self) -> bool {
        self.maxsize > 0 && self.len() >= self.maxsize
    }

    fn put_nowait(&self, item: S::Item) -> Result<(), PutError<S::Item>> {
        if self.shut_down.get() {
            return Err(PutError::QueueShutDown(item));
        }
        if self.is_full() {
            return Err(PutError::QueueFull(item));
        }
        self.with_store(|store| store.push(item));
        self.unfinished.set(self.unfinished.get() + 1);
        self.getters.call(1);
        Ok(())
    }

    fn get_nowait(&self) -> Result<S::Item, GetError> {
        let nothing = if self.shut_down.get() { GetError::QueueShutDown } else { GetError::QueueEmpty };
        let item = self.with_store(Store::pop).ok_or(nothing)?;
        self.putters.call(1);
        Ok(item)
    }

    fn task_done(&self) -> Result<(), TaskDoneError> {
        let left = self.unfinished.get().checked_sub(1).ok_or(TaskDoneError)?;
        self.unfinished.set(left);
        self.look_whether_finished();
        Ok(())
    }

    async fn join(&self) {
        if self.unfinished.get() > 0 {
            self.joiners.wait(&"the items of a queue to be done", |_called| ()).await;
        }
    }

    fn look_whether_finished(&self) {
        if self.unfinished.get() == 0 {
            self.joiners.call_all();
        }
    }

    fn shut_down(&self) {
        self.shut_down.set(true);
        self.getters.call_all();
        self.putters.call_all();
    }

    fn shut_down_immediately(&self) -> Vec<S::Item> {
        self.shut_down.set(true);
        let left: Vec<S::Item> = std::iter::from_fn(|| self.with_store(Store::pop)).collect();
        self.unfinished.set(self.unfinished.get().saturating_sub(left.len()));
        self.look_whether_finished();
        self.shut_down();
        left
    }
}

/// Room for an item, or the news that there never will be.
struct Room<S>(Rc<Shared<S>>);

impl<S: Store> Goal for Room<S> {
    type Had = Rc<Shared<S>>;
    const WHAT: Leaf = &"room in a queue";

    fn line(&self) -> &Line {
        &self.0.putters
    }

    fn take_if_free(&self) -> bool {
        let must_wait = self.0.is_full() && !self.0.shut_down.get();
        if must_wait {
            self.0.getters.bind(); // a queue is of one loop
        }
        !must_wait
    }

    /// Another may have come first.
    fn take(&self) -> bool {
        false
    }

    fn had(self) -> Rc<Shared<S>> {
        self.0
    }

    fn given_up(&self, called: bool) {
        if called && !self.0.is_full() {
            self.0.putters.call(1);
        }
    }
}

/// An item, or the news that there never will be one.
struct Item<S>(Rc<Shared<S>>);

impl<S: Store> Goal for Item<S> {
    type Had = Result<S::Item, QueueShutDown>;
    const WHAT: Leaf = &"an item of a queue";

    fn line(&self) -> &Line {
        &self.0.getters
    }

    fn take_if_free(&self) -> bool {
        let must_wait = self.0.len() == 0 && !self.0.shut_down.get();
        if must_wait {
            self.0.putters.bind(); // a queue is of one loop
        }
        !must_wait
    }

    /// Another may have come first.
    fn take(&self) -> bool {
        false
    }

    fn had(self) -> Self::Had {
        self.0.get_nowait().map_err(|_| QueueShutDown(()))
    }

    fn given_up(&self, called: bool) {
        if called && self.0.len() > 0 {
            self.0.getters.call(1);
        }
    }
}

/// A kind of queue: a handle on a `Shared` with the store that makes it that kind.
macro_rules! queue {
    ($(#[$docs:meta])* $Queue:ident, $Store:ident, [$($Bound:ident)?]) => {
        $(#[$docs])*
        pub struct $Queue<T> {
            shared: Rc<Shared<$Store<T>>>,
        }

        impl<T $(: $Bound)?> $Queue<T> {
            /// An empty queue with room for `maxsize` items, or for any number if that is 0, as in asyncio.
            pub fn new(maxsize: usize) -> Self {
                Self { shared: Shared::new(maxsize) }
            }

            /// For how many items it has room, 0 for any number.
            pub fn maxsize(&self) -> usize {
                self.shared.maxsize
            }

            /// How many items are in it: asyncio's `qsize()`.
            pub fn len(&self) -> usize {
                self.shared.len()
            }

            /// Whether nothing is in it: asyncio's `empty()`.
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

            /// Puts an item in, and waits for room first if there is none.
            ///
            /// # Errors
            /// If the queue is shut down, also while this waits; the item comes back.
            ///
            /// # Panics
            /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this queue.
            ///
            /// # Cancel safety
            /// The place in the line is lost, and with it the item, which is dropped: it was not put. Clone it before,
            /// or use `put_nowait`, if it must not be lost.
            pub fn put(&self, item: T) -> impl Future<Output = Result<(), QueueShutDown<T>>> + use<T> {
                let room = Having::new(Room(Rc::clone(&self.shared)));
                async move {
                    let shared = room.await;
                    shared.put_nowait(item).map_err(|error| QueueShutDown(error.into_inner()))
                }
            }

            /// Puts an item in if there is room.
            ///
            /// # Errors
            /// If there is none, or if the queue is shut down; the item comes back.
            pub fn put_nowait(&self, item: T) -> Result<(), PutError<T>> {
                self.shared.put_nowait(item)
            }

            /// Takes the next item, and waits for one first if there is none.
            ///
            /// # Errors
            /// If the queue is shut down, also while this waits, and nothing is left in it.
            ///
            /// # Panics
            /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this queue.
            ///
            /// # Cancel safety
            /// The place in the line is lost, and nothing else: an item is taken only when this returns it.
            pub fn get(&self) -> impl Future<Output = Result<T, QueueShutDown>> + use<T> {
                Having::new(Item(Rc::clone(&self.shared)))
            }

            /// Takes the next item if there is one.
            ///
            /// # Errors
            /// If there is none.
            pub fn get_nowait(&self) -> Result<T, GetError> {
                self.shared.get_nowait()
            }

            /// Says that the work on an item is done: asyncio's `task_done()`, once for each item that was got.
            ///
            /// # Errors
            /// If it was said more often than items were put.
            pub fn task_done(&self) -> Result<(), TaskDoneError> {
                self.shared.task_done()
            }

            /// Waits until the work on every item that was put is done: asyncio's `join()`. Goes on at once if nothing
            /// is unfinished.
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

            /// Takes no more items: asyncio's `shutdown()`. What is in it can still be got; after that, and for those who
            /// wait for room, there are errors.
            pub fn shutdown(&self) {
                self.shared.shut_down();
            }

            /// Shuts the queue down and empties it: asyncio's `shutdown(immediate=True)`. Answers what was in it, in the
            /// order in which it would have been got; those items count as done.
            pub fn shutdown_immediate(&self) -> Vec<T> {
                self.shared.shut_down_immediately()
            }

            /// Whether it was shut down.
            pub fn is_shutdown(&self) -> bool {
                self.shared.shut_down.get()
            }
        }

        impl<T> Clone for $Queue<T> {
            fn clone(&self) -> Self {
                Self { shared: Rc::clone(&self.shared) }
            }
        }

        /// A queue with room for any number of items.
        impl<T $(: $Bound)?> Default for $Queue<T> {
            fn default() -> Self {
                Self::new(0)
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
    /// Items handed from task to task, first in, first out: asyncio's `Queue`. Clones are the same queue.
    ///
    /// Whoever waits is woken in order. Nothing is kept for one who was woken, as in asyncio: another task may come first,
    /// and then it waits again, behind the others.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Queue, create_task, run};
    ///
    /// let sum = run(async {
    ///     let numbers = Queue::new(2);
    ///     let producer = numbers.clone();
    ///     create_task(async move {
    ///         for n in 1..=5 {
    ///             producer.put(n).await.expect("nobody shuts it down but this task"); // waits while two are in it
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
    /// A queue that gives the least item first: asyncio's `PriorityQueue`. Of equal ones, the first that was put, where
    /// asyncio leaves that open. Clones are the same queue.
    ///
    /// Its items are often pairs of a priority and what it is for. Their comparison must not use the queue.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{PriorityQueue, run};
    ///
    /// run(async {
    ///     let jobs = PriorityQueue::default();
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
    /// A queue that gives the newest item first: asyncio's `LifoQueue`. Clones are the same queue.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{LifoQueue, run};
    ///
    /// run(async {
    ///     let pile = LifoQueue::default();
    ///     for plate in 1..=3 {
    ///         pile.put(plate).await.expect("it is open");
    ///     }
    ///     assert_eq!(pile.get().await, Ok(3));
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    LifoQueue, Lifo, []
}
