//! A number of permits: asyncio's `Semaphore` and `BoundedSemaphore`. Owns what their users may ask; must not know how
//! permits are granted.

use std::fmt;
use std::rc::Rc;

use super::permits::{Permits, SemaphorePermit};
use crate::error::ReleaseError;

/// Lets at most `n` tasks at a time through: asyncio's `Semaphore`. Clones are the same semaphore.
///
/// It is fair: tasks get permits in the order in which they asked, and no task overtakes one that waits. A
/// [`BoundedSemaphore`] never has more permits than at first. A [`ClosableSemaphore`](crate::ClosableSemaphore) can be
/// closed.
///
/// # Examples
/// ```
/// use oneloop::{Semaphore, gather, run, yield_now};
/// use std::{cell::Cell, rc::Rc};
///
/// run(async {
///     let doors = Semaphore::new(2);
///     let inside = Rc::new(Cell::new(0));
///     gather((0..10).map(|_| {
///         let (doors, inside) = (doors.clone(), inside.clone());
///         async move {
///             let _permit = doors.acquire().await;
///             inside.set(inside.get() + 1);
///             assert!(inside.get() <= 2);
///             yield_now().await;
///             inside.set(inside.get() - 1);
///         }
///     }))
///     .await;
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct Semaphore {
    permits: Rc<Permits>,
}

impl Semaphore {
    /// A semaphore with `value` permits.
    pub fn new(value: usize) -> Self {
        Self { permits: Permits::new(value) }
    }

    /// The number of free permits.
    pub fn value(&self) -> usize {
        self.permits.value()
    }

    /// Whether `acquire` would have to wait: asyncio's `locked()`. It would if no permit is free or a task waits
    /// already.
    pub fn locked(&self) -> bool {
        self.permits.locked()
    }

    /// How many tasks wait for a permit. A task that was granted one is no longer among them.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Semaphore, create_task, run, yield_now};
    ///
    /// run(async {
    ///     let doors = Semaphore::new(0);
    ///     let visitors = [create_task(doors.acquire()), create_task(doors.acquire())];
    ///     yield_now().await;
    ///     assert_eq!(doors.waiters(), 2);
    ///     doors.release();
    ///     assert_eq!(doors.waiters(), 1);
    ///     for visitor in visitors {
    ///         drop(visitor.await); // gives the permit to the next
    ///     }
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn waiters(&self) -> usize {
        self.permits.waiters.waiting()
    }

    /// Waits for a permit: asyncio's `acquire()`. Dropping the permit gives it back: `async with`. Returns at once,
    /// without an iteration, if a permit is free and no task waits.
    ///
    /// # Examples
    /// A permit may be moved into a task.
    /// ```
    /// use oneloop::{Semaphore, create_task, run, yield_now};
    ///
    /// run(async {
    ///     let slots = Semaphore::new(3);
    ///     let mut jobs = Vec::new();
    ///     for n in 0..10 {
    ///         let slot = slots.acquire().await;
    ///         jobs.push(create_task(async move {
    ///             yield_now().await;
    ///             drop(slot);
    ///             n * n
    ///         }));
    ///     }
    ///     assert_eq!(jobs.pop().expect("ten were started").await, 81);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this semaphore.
    ///
    /// # Cancel safety
    /// The task loses its position in the queue, and nothing else. A permit that was granted already goes to the next
    /// task.
    #[doc(alias = "acquire_owned")]
    pub fn acquire(&self) -> impl Future<Output = SemaphorePermit> + use<> {
        self.permits.acquire()
    }

    /// Waits for `n` permits, and gets them together; no permits at all it gets without waiting. asyncio has no such
    /// call.
    ///
    /// It waits in the same queue as [`acquire`](Self::acquire): those that have asked before it get theirs first, and
    /// those behind it get none until it has all of its own. For more permits than the semaphore ever has it waits for
    /// ever.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Semaphore, create_task, run, yield_now};
    ///
    /// run(async {
    ///     let memory = Semaphore::new(10);
    ///     let small = memory.acquire_many(4).await;
    ///     let large = create_task(memory.acquire_many(8));
    ///     yield_now().await;
    ///     assert!(memory.try_acquire().is_none()); // six are free, but the large one comes first
    ///     drop(small);
    ///     assert_eq!(large.await.num_permits(), 8);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire): the task loses its position in the queue. It holds no permit while it waits, so
    /// those behind it go on.
    #[doc(alias = "acquire_many_owned")]
    pub fn acquire_many(&self, n: usize) -> impl Future<Output = SemaphorePermit> + use<> {
        let acquired = self.permits.acquire_many(n);
        async move { acquired.await.expect("only a ClosableSemaphore is ever closed") }
    }

    /// Takes a permit if one is free and no task waits.
    #[doc(alias = "try_acquire_owned")]
    pub fn try_acquire(&self) -> Option<SemaphorePermit> {
        self.permits.try_acquire(1)
    }

    /// Takes `n` permits if they are free and no task waits.
    #[doc(alias = "try_acquire_many_owned")]
    pub fn try_acquire_many(&self, n: usize) -> Option<SemaphorePermit> {
        self.permits.try_acquire(n)
    }

    /// Adds a permit: asyncio's `release()`. An acquired permit gives itself back, so this is needed only for a permit
    /// that was [forgotten](SemaphorePermit::forget), or to have more permits than at first.
    ///
    /// # Panics
    /// If `usize::MAX` permits are free.
    #[track_caller]
    pub fn release(&self) {
        self.permits.add_one();
    }

    /// Adds `n` permits, as `n` calls of [`release`](Self::release) do.
    ///
    /// # Panics
    /// If that makes more than `usize::MAX` free permits.
    #[doc(alias = "add_permits")]
    #[track_caller]
    pub fn release_many(&self, n: usize) {
        self.permits.add(n);
    }

    /// Removes `n` free permits, or as many as are free, and returns how many. Permits that are held stay so:
    /// [`SemaphorePermit::forget`] removes one of those.
    ///
    /// # Examples
    /// ```
    /// use oneloop::Semaphore;
    ///
    /// let slots = Semaphore::new(5);
    /// assert_eq!((slots.forget_permits(2), slots.value()), (2, 3));
    /// assert_eq!((slots.forget_permits(9), slots.value()), (3, 0));
    /// ```
    pub fn forget_permits(&self, n: usize) -> usize {
        self.permits.remove_free(n)
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("value", &self.value()).field("waiting", &self.waiters()).finish()
    }
}

/// A semaphore that never has more permits than at first: asyncio's `BoundedSemaphore`. Clones are the same semaphore.
///
/// # Examples
/// ```
/// use oneloop::{BoundedSemaphore, run};
///
/// run(async {
///     let doors = BoundedSemaphore::new(1);
///     assert!(doors.release().is_err()); // there is one permit, and it is free
///     doors.acquire().await.forget();
///     assert!(doors.release().is_ok());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct BoundedSemaphore {
    semaphore: Semaphore,
    bound: usize,
}

impl BoundedSemaphore {
    /// A semaphore with `value` permits, which is also the most that it ever has.
    pub fn new(value: usize) -> Self {
        Self { semaphore: Semaphore::new(value), bound: value }
    }

    /// The number of free permits.
    pub fn value(&self) -> usize {
        self.semaphore.value()
    }

    /// Whether `acquire` would have to wait: [`Semaphore::locked`].
    pub fn locked(&self) -> bool {
        self.semaphore.locked()
    }

    /// How many tasks wait for a permit: [`Semaphore::waiters`].
    ///
    /// # Examples
    /// ```
    /// use oneloop::{BoundedSemaphore, create_task, run, yield_now};
    ///
    /// run(async {
    ///     let doors = BoundedSemaphore::new(1);
    ///     let inside = doors.acquire().await;
    ///     let visitor = create_task(doors.acquire());
    ///     yield_now().await;
    ///     assert_eq!(doors.waiters(), 1);
    ///     drop(inside);
    ///     assert_eq!(doors.waiters(), 0);
    ///     drop(visitor.await);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn waiters(&self) -> usize {
        self.semaphore.waiters()
    }

    /// Waits for a permit: [`Semaphore::acquire`].
    ///
    /// # Panics
    /// As [`Semaphore::acquire`].
    ///
    /// # Cancel safety
    /// As [`Semaphore::acquire`]: the task loses its position in the queue.
    pub fn acquire(&self) -> impl Future<Output = SemaphorePermit> + use<> {
        self.semaphore.acquire()
    }

    /// Waits for `n` permits, and gets them together: [`Semaphore::acquire_many`].
    ///
    /// # Panics
    /// If the semaphore has never had so many, as this would wait for ever; and as [`Semaphore::acquire`].
    ///
    /// # Cancel safety
    /// As [`Semaphore::acquire`]: the task loses its position in the queue.
    #[track_caller]
    pub fn acquire_many(&self, n: usize) -> impl Future<Output = SemaphorePermit> + use<> {
        assert!(
            n <= self.bound,
            "acquire_many({n}) of a BoundedSemaphore with {} permits would wait for ever; ask for no more than it has",
            self.bound
        );
        self.semaphore.acquire_many(n)
    }

    /// Takes a permit if one is free and no task waits.
    pub fn try_acquire(&self) -> Option<SemaphorePermit> {
        self.semaphore.try_acquire()
    }

    /// Takes `n` permits if they are free and no task waits.
    pub fn try_acquire_many(&self, n: usize) -> Option<SemaphorePermit> {
        self.semaphore.try_acquire_many(n)
    }

    /// Adds a permit in place of one that was [forgotten](SemaphorePermit::forget): asyncio's `release()`.
    ///
    /// # Errors
    /// If no permit was forgotten: every one is free, or is held and will be given back. asyncio does not know which
    /// permits are held, so it raises an error only when all are free.
    pub fn release(&self) -> Result<(), ReleaseError> {
        let permits = &self.semaphore.permits;
        if permits.value() + permits.in_use() >= self.bound {
            return Err(ReleaseError);
        }
        permits.add_one();
        Ok(())
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore").field("semaphore", &self.semaphore).field("bound", &self.bound).finish()
    }
}
