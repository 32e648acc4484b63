//! A semaphore that can be closed, which asyncio has not. Owns what its users may ask; must not know how permits are
//! granted.

use std::fmt;
use std::rc::Rc;

use super::permits::{Permits, SemaphorePermit};
use crate::error::SemaphoreClosed;

/// A semaphore that can be closed, so that no task waits for it any more. Clones are the same semaphore. asyncio has no
/// such semaphore; tokio's is like this.
///
/// Every wait for it may fail, so `acquire` returns a `Result`, which that of a [`Semaphore`](crate::Semaphore) need
/// not.
///
/// # Examples
/// ```
/// use oneloop::{ClosableSemaphore, create_task, run, yield_now};
/// use oneloop::error::SemaphoreClosed;
///
/// run(async {
///     let slots = ClosableSemaphore::new(1);
///     let held = slots.acquire().await?;
///     let waits = create_task(slots.acquire());
///     yield_now().await;
///     slots.close();
///     assert_eq!(waits.await.unwrap_err(), SemaphoreClosed);
///     drop(held); // what was granted before stays so
///     Ok::<(), SemaphoreClosed>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClosableSemaphore {
    permits: Rc<Permits>,
}

impl ClosableSemaphore {
    /// A semaphore with `value` permits, which is open.
    pub fn new(value: usize) -> Self {
        Self { permits: Permits::new(value) }
    }

    /// The number of free permits, also when it is closed.
    pub fn value(&self) -> usize {
        self.permits.value()
    }

    /// Whether `acquire` would have to wait: [`Semaphore::locked`](crate::Semaphore::locked). It never does when the
    /// semaphore is closed.
    pub fn locked(&self) -> bool {
        !self.is_closed() && self.permits.locked()
    }

    /// How many tasks wait for a permit: [`Semaphore::waiters`](crate::Semaphore::waiters).
    pub fn waiters(&self) -> usize {
        self.permits.waiters.waiting()
    }

    /// Waits for a permit: [`Semaphore::acquire`](crate::Semaphore::acquire).
    ///
    /// # Errors
    /// If the semaphore is closed, or is closed before a permit was granted.
    ///
    /// # Panics
    /// As [`Semaphore::acquire`](crate::Semaphore::acquire).
    ///
    /// # Cancel safety
    /// As [`Semaphore::acquire`](crate::Semaphore::acquire): the task loses its position in the queue.
    pub fn acquire(&self) -> impl Future<Output = Result<SemaphorePermit, SemaphoreClosed>> + use<> {
        self.permits.acquire_many(1)
    }

    /// Waits for `n` permits, and gets them together: [`Semaphore::acquire_many`](crate::Semaphore::acquire_many).
    ///
    /// # Errors
    /// If the semaphore is closed, or is closed before the permits were granted.
    ///
    /// # Panics
    /// As [`Semaphore::acquire`](crate::Semaphore::acquire).
    ///
    /// # Cancel safety
    /// As [`Semaphore::acquire`](crate::Semaphore::acquire): the task loses its position in the queue.
    pub fn acquire_many(&self, n: usize) -> impl Future<Output = Result<SemaphorePermit, SemaphoreClosed>> + use<> {
        self.permits.acquire_many(n)
    }

    /// Takes a permit if one is free, no task waits, and the semaphore is open.
    pub fn try_acquire(&self) -> Option<SemaphorePermit> {
        self.permits.try_acquire(1)
    }

    /// Takes `n` permits if they are free, no task waits, and the semaphore is open.
    pub fn try_acquire_many(&self, n: usize) -> Option<SemaphorePermit> {
        self.permits.try_acquire(n)
    }

    /// Adds `n` permits: [`Semaphore::release_many`](crate::Semaphore::release_many).
    ///
    /// # Panics
    /// If that makes more than `usize::MAX` free permits.
    #[track_caller]
    pub fn release_many(&self, n: usize) {
        self.permits.add(n);
    }

    /// Removes `n` free permits, or as many as are free, and returns how many:
    /// [`Semaphore::forget_permits`](crate::Semaphore::forget_permits).
    pub fn forget_permits(&self, n: usize) -> usize {
        self.permits.remove_free(n)
    }

    /// Closes it, for good: tasks that wait get an error, and so does every later `acquire`. A permit that was granted
    /// already is the task's, also if that has not run yet.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }
}

impl fmt::Debug for ClosableSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosableSemaphore")
            .field("value", &self.value())
            .field("waiting", &self.waiters())
            .field("closed", &self.is_closed())
            .finish()
    }
}
