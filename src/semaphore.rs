//! So many at a time: asyncio's `Semaphore` and `BoundedSemaphore`. Owns the count of permits; must not know what they
//! permit.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use crate::error::ReleaseError;
use crate::kernel::Leaf;
use crate::line::{Goal, Having, Line};

/// Lets so many at a time through: asyncio's `Semaphore`. Clones are the same semaphore.
///
/// It is fair: permits are given in the order in which they were asked for, and nobody passes one who waits.
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
    /// How many are free.
    value: Cell<usize>,
    /// How many are given out: held, or granted to one who has not gone on yet.
    out: Cell<usize>,
    line: Line,
}

impl Semaphore {
    /// A semaphore with `value` permits.
    pub fn new(value: usize) -> Self {
        let permits = Permits { value: Cell::new(value), out: Cell::new(0), line: Line::default() };
        Self { permits: Rc::new(permits) }
    }

    /// How many permits are free.
    pub fn value(&self) -> usize {
        self.permits.value.get()
    }

    /// Whether a permit would have to be waited for: asyncio's `locked()`. That is so if none is free, or somebody waits
    /// already.
    pub fn locked(&self) -> bool {
        self.permits.locked()
    }

    /// How many tasks wait in its line. One that was granted a permit is no longer among them.
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
        self.permits.line.waiting()
    }

    /// Waits for a permit: asyncio's `acquire()`. It is given back when it is dropped: `async with`. Goes on at once,
    /// without a turn, if one is free and nobody waits.
    ///
    /// # Examples
    /// A permit may go along into a task.
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
    /// The place in the line is lost, and nothing else; a permit that was granted already goes to the next.
    pub fn acquire(&self) -> impl Future<Output = SemaphorePermit> + use<> {
        Having::new(Rc::clone(&self.permits))
    }

    /// Takes a permit if one is free and nobody waits.
    pub fn try_acquire(&self) -> Option<SemaphorePermit> {
        self.permits.take_if_free().then(|| SemaphorePermit::new(Rc::clone(&self.permits)))
    }

    /// Adds a permit: asyncio's `release()`. A permit that was acquired gives itself back; this is for one that was
    /// [forgotten](SemaphorePermit::forget), or for more than there were at first.
    ///
    /// # Panics
    /// If there are `usize::MAX` free ones.
    pub fn release(&self) {
        self.permits.add();
    }
}

impl Permits {
    fn locked(&self) -> bool {
        self.value.get() == 0 || !self.line.is_clear()
    }

    fn take_if_free(&self) -> bool {
        let free = !self.locked();
        if free {
            self.grant();
        }
        free
    }

    fn grant(&self) {
        self.value.set(self.value.get() - 1);
        self.out.set(self.out.get() + 1);
    }

    fn take_back(&self) {
        self.out.set(self.out.get() - 1);
        self.value.set(self.value.get() + 1);
    }

    /// Grants a free permit to the first who waits, if anybody does. It is counted first, as a waker of foreign make may
    /// look at once.
    fn grant_to_next(&self) -> bool {
        self.grant();
        let called = self.line.call(1) > 0;
        if !called {
            self.take_back();
        }
        called
    }

    /// Those who came while others waited had to stand behind them, though permits were free: it is their turn now.
    fn grant_what_is_free(&self) {
        while self.value.get() > 0 && self.grant_to_next() {}
    }

    fn add(&self) {
        let value = self.value.get().checked_add(1);
        self.value.set(value.expect("a semaphore has at most usize::MAX permits"));
        self.grant_to_next();
    }
}

impl Goal for Rc<Permits> {
    type Had = SemaphorePermit;
    const WHAT: Leaf = &"a semaphore";

    fn line(&self) -> &Line {
        &self.line
    }

    fn take_if_free(&self) -> bool {
        Permits::take_if_free(self)
    }

    /// It was granted by who called.
    fn take(&self) -> bool {
        self.grant_what_is_free();
        true
    }

    fn had(self) -> SemaphorePermit {
        SemaphorePermit::new(self)
    }

    fn given_up(&self, granted: bool) {
        if granted {
            self.take_back();
        }
        self.grant_what_is_free();
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("value", &self.value()).field("waiting", &self.waiters()).finish()
    }
}

/// One permit of a [`Semaphore`] or [`BoundedSemaphore`], given back when it is dropped.
#[must_use = "the permit is given back as soon as this is dropped; write `let _permit = semaphore.acquire().await;`"]
pub struct SemaphorePermit {
    permits: Rc<Permits>,
    forgotten: bool,
}

impl SemaphorePermit {
    /// One that was granted.
    fn new(permits: Rc<Permits>) -> Self {
        Self { permits, forgotten: false }
    }

    /// Keeps the permit for good: the semaphore has one less, until somebody calls `release()`.
    pub fn forget(mut self) {
        self.forgotten = true;
    }
}

impl Drop for SemaphorePermit {
    fn drop(&mut self) {
        self.permits.out.set(self.permits.out.get() - 1);
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
    /// A semaphore with `value` permits, now and at any time.
    pub fn new(value: usize) -> Self {
        Self { semaphore: Semaphore::new(value), bound: value }
    }

    /// How many permits are free.
    pub fn value(&self) -> usize {
        self.semaphore.value()
    }

    /// Whether a permit would have to be waited for: [`Semaphore::locked`].
    pub fn locked(&self) -> bool {
        self.semaphore.locked()
    }

    /// How many tasks wait in its line: [`Semaphore::waiters`].
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
    /// As [`Semaphore::acquire`]: the place in the line is lost.
    pub fn acquire(&self) -> impl Future<Output = SemaphorePermit> + use<> {
        self.semaphore.acquire()
    }

    /// Takes a permit if one is free and nobody waits.
    pub fn try_acquire(&self) -> Option<SemaphorePermit> {
        self.semaphore.try_acquire()
    }

    /// Adds a permit in place of one that was [forgotten](SemaphorePermit::forget): asyncio's `release()`.
    ///
    /// # Errors
    /// If none was: every permit is free, or held by somebody who will give it back. asyncio, which does not know who
    /// holds one, notices only when all are free.
    pub fn release(&self) -> Result<(), ReleaseError> {
        let permits = &self.semaphore.permits;
        if permits.value.get() + permits.out.get() >= self.bound {
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
