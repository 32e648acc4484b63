//! A number of permits: asyncio's `Semaphore` and `BoundedSemaphore`. Owns the count of permits; must not know their
//! use.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::acquire::{Acquire, Resource};
use super::waiters::Waiters;
use crate::error::ReleaseError;
use crate::kernel::Leaf;

/// Lets at most `n` tasks at a time through: asyncio's `Semaphore`. Clones are the same semaphore.
///
/// It is fair: tasks get permits in the order in which they asked, and no task overtakes one that waits.
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

struct Permits {
    /// The number of free permits.
    value: Cell<usize>,
    /// The number of permits in use: held, or granted to a waiter whose task has not run yet.
    in_use: Cell<usize>,
    waiters: Waiters,
}

impl Semaphore {
    /// A semaphore with `value` permits.
    pub fn new(value: usize) -> Self {
        let permits = Permits { value: Cell::new(value), in_use: Cell::new(0), waiters: Waiters::default() };
        Self { permits: Rc::new(permits) }
    }

    /// The number of free permits.
    pub fn value(&self) -> usize {
        self.permits.value.get()
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
    pub fn acquire(&self) -> impl Future<Output = SemaphorePermit> + use<> {
        Acquire::new(Rc::clone(&self.permits))
    }

    /// Takes a permit if one is free and no task waits.
    pub fn try_acquire(&self) -> Option<SemaphorePermit> {
        self.permits.try_take().then(|| SemaphorePermit::new(Rc::clone(&self.permits)))
    }

    /// Adds a permit: asyncio's `release()`. An acquired permit gives itself back, so this is needed only for a permit
    /// that was [forgotten](SemaphorePermit::forget), or to have more permits than at first.
    ///
    /// # Panics
    /// If `usize::MAX` permits are free.
    pub fn release(&self) {
        self.permits.add();
    }
}

impl Permits {
    fn locked(&self) -> bool {
        self.value.get() == 0 || !self.waiters.all_cancelled()
    }

    fn try_take(&self) -> bool {
        let free = !self.locked();
        if free {
            self.grant();
        }
        free
    }

    fn grant(&self) {
        self.value.set(self.value.get() - 1);
        self.in_use.set(self.in_use.get() + 1);
    }

    fn revoke(&self) {
        self.in_use.set(self.in_use.get() - 1);
        self.value.set(self.value.get() + 1);
    }

    /// Grants a free permit to the first waiter, and returns whether there was one. The permit is counted as granted
    /// before the waiter is notified, because a foreign waker may run code that reads the count.
    fn grant_to_next(&self) -> bool {
        self.grant();
        let granted = self.waiters.notify(1) > 0;
        if !granted {
            self.revoke();
        }
        granted
    }

    /// Grants the free permits to waiters. There can be both: a task that asks while others wait has to queue behind
    /// them, even if permits are free.
    fn grant_free_permits(&self) {
        while self.value.get() > 0 && self.grant_to_next() {}
    }

    fn add(&self) {
        let value = self.value.get().checked_add(1);
        self.value.set(value.expect("a semaphore has at most usize::MAX permits"));
        self.grant_to_next();
    }
}

impl Resource for Rc<Permits> {
    type Acquired = SemaphorePermit;
    const NAME: Leaf = &"a semaphore";

    fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    fn try_acquire(&self) -> bool {
        self.try_take()
    }

    /// The code that notified the waiter has granted the permit already.
    fn on_notified(&self) -> bool {
        self.grant_free_permits();
        true
    }

    fn into_acquired(self) -> SemaphorePermit {
        SemaphorePermit::new(self)
    }

    fn on_abandoned(&self, granted: bool) {
        if granted {
            self.revoke();
        }
        self.grant_free_permits();
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("value", &self.value()).field("waiting", &self.waiters()).finish()
    }
}

/// One permit of a [`Semaphore`] or [`BoundedSemaphore`]. Dropping it gives it back.
#[must_use = "the permit is given back as soon as this is dropped; write `let _permit = semaphore.acquire().await;`"]
pub struct SemaphorePermit {
    permits: Rc<Permits>,
    forgotten: bool,
}

impl SemaphorePermit {
    /// A permit that was granted.
    fn new(permits: Rc<Permits>) -> Self {
        Self { permits, forgotten: false }
    }

    /// Removes the permit from the semaphore: it has one less until `release()` is called.
    pub fn forget(mut self) {
        self.forgotten = true;
    }
}

impl Drop for SemaphorePermit {
    fn drop(&mut self) {
        self.permits.in_use.set(self.permits.in_use.get() - 1);
        if !self.forgotten {
            self.permits.add();
        }
    }
}

impl fmt::Debug for SemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SemaphorePermit")
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

    /// Takes a permit if one is free and no task waits.
    pub fn try_acquire(&self) -> Option<SemaphorePermit> {
        self.semaphore.try_acquire()
    }

    /// Adds a permit in place of one that was [forgotten](SemaphorePermit::forget): asyncio's `release()`.
    ///
    /// # Errors
    /// If no permit was forgotten: every one is free, or is held and will be given back. asyncio does not know which
    /// permits are held, so it raises an error only when all are free.
    pub fn release(&self) -> Result<(), ReleaseError> {
        let permits = &self.semaphore.permits;
        if permits.value.get() + permits.in_use.get() >= self.bound {
            return Err(ReleaseError);
        }
        permits.add();
        Ok(())
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore").field("semaphore", &self.semaphore).field("bound", &self.bound).finish()
    }
}
