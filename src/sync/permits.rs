//! The permits of a semaphore, and their ways from the semaphore to tasks and back. Owns the counts, and who is granted
//! how many; must not know the kinds of semaphore.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::task::Context;

use super::acquire::{Acquire, Resource};
use super::waiters::Waiters;
use crate::base::{FACTS, WaiterId};
use crate::current;
use crate::error::SemaphoreClosed;
use crate::kernel::{Leaf, Lender, What};

/// What the handles on one semaphore share.
pub(super) struct Permits {
    /// The number of free permits.
    value: Cell<usize>,
    /// The number of permits in use: held, or granted to a waiter whose task has not run yet.
    in_use: Cell<usize>,
    pub(super) waiters: Waiters,
    needs: Needs,
    /// Whether it is closed, which only a closable semaphore can be.
    closed: Cell<bool>,
}

impl Permits {
    pub(super) fn new(value: usize) -> Rc<Self> {
        let permits = Rc::new(Self {
            value: Cell::new(value),
            in_use: Cell::new(0),
            waiters: Waiters::default(),
            needs: Needs::default(),
            closed: Cell::new(false),
        });
        if FACTS && let Some(kernel) = current::current() {
            let lender: Weak<Self> = Rc::downgrade(&permits);
            kernel.holders().note_lender(lender);
        }
        permits
    }

    pub(super) fn value(&self) -> usize {
        self.value.get()
    }

    pub(super) fn in_use(&self) -> usize {
        self.in_use.get()
    }

    /// What a task waits for that wants permits.
    #[inline]
    fn as_awaited(&self) -> Leaf {
        Leaf::packed(What::Semaphore, self.value(), self.in_use())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(super) fn locked(&self) -> bool {
        self.value.get() == 0 || !self.waiters.all_cancelled()
    }

    #[inline]
    fn try_take(&self, n: usize) -> bool {
        let free = n == 0 || self.value.get() >= n && self.waiters.all_cancelled();
        if free {
            self.grant(n);
        }
        free
    }

    /// `n` permits if they are free, no task waits, and the semaphore is open.
    pub(super) fn try_acquire(self: &Rc<Self>, n: usize) -> Option<SemaphorePermit> {
        (!self.is_closed() && self.try_take(n)).then(|| SemaphorePermit::new(Rc::clone(self), n))
    }

    /// The wait for one permit of a semaphore that is never closed.
    pub(super) fn acquire(self: &Rc<Self>) -> impl Future<Output = SemaphorePermit> + use<> {
        Acquire::new(Rc::clone(self))
    }

    /// The wait for `n` permits.
    pub(super) fn acquire_many(
        self: &Rc<Self>,
        n: usize,
    ) -> impl Future<Output = Result<SemaphorePermit, SemaphoreClosed>> + use<> {
        Acquire::new(Many { permits: Rc::clone(self), need: n, waiter: Cell::new(None), granted: Cell::new(false) })
    }

    #[inline]
    fn grant(&self, n: usize) {
        self.value.set(self.value.get() - n);
        self.in_use.set(self.in_use.get() + n);
    }

    #[inline]
    fn revoke(&self, n: usize) {
        self.in_use.set(self.in_use.get() - n);
        self.value.set(self.value.get() + n);
    }

    /// Grants the first waiter what it needs, and returns whether there was one, and enough for it.
    #[inline]
    fn grant_to_next(&self) -> bool {
        if self.needs.is_empty() { self.grant_one_to_next() } else { self.grant_by_need() }
    }

    /// Grants a free permit to the first waiter, and returns whether there was one. The permit is counted as granted
    /// before the waiter is notified, because a foreign waker may run code that reads the count.
    #[inline]
    fn grant_one_to_next(&self) -> bool {
        self.grant(1);
        let granted = self.waiters.notify(1) > 0;
        if !granted {
            self.revoke(1);
        }
        granted
    }

    /// The first waiter gets all that it needs, or nothing, and then those behind it get nothing either.
    #[cold]
    fn grant_by_need(&self) -> bool {
        let Some(first) = self.waiters.first_waiting() else { return false };
        let need = self.needs.of(first).unwrap_or(1);
        if need > self.value.get() {
            return false;
        }
        self.needs.remove(first);
        self.grant(need);
        self.waiters.notify(1); // the first, which is not being cancelled
        true
    }

    /// Grants the free permits to waiters. There can be both: a task that asks while others wait has to queue behind
    /// them, even if permits are free.
    #[inline]
    fn grant_free_permits(&self) {
        while self.value.get() > 0 && self.grant_to_next() {}
    }

    /// Adds a permit. It goes to the first waiter directly, without becoming free in between.
    #[inline]
    #[track_caller]
    pub(super) fn add_one(&self) {
        if !self.needs.is_empty() {
            self.count_more(1);
            self.grant_by_need();
            return;
        }
        // counted before the waiter is notified, because a foreign waker may run code that reads the count
        self.in_use.set(self.in_use.get() + 1);
        if self.waiters.notify(1) == 0 {
            self.in_use.set(self.in_use.get() - 1);
            self.count_more(1);
        }
    }

    /// Adds `n` permits.
    #[cold]
    #[track_caller]
    pub(super) fn add(&self, n: usize) {
        self.count_more(n);
        self.grant_free_permits();
    }

    #[inline]
    #[track_caller]
    fn count_more(&self, n: usize) {
        let value = self.value.get().checked_add(n);
        self.value.set(value.expect("a semaphore has at most usize::MAX permits; release no more than were acquired"));
    }

    /// Removes up to `n` free permits, and returns how many.
    pub(super) fn remove_free(&self, n: usize) -> usize {
        let removed = n.min(self.value.get());
        self.value.set(self.value.get() - removed);
        removed
    }

    /// No wait of `acquire_many` succeeds from now on.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.waiters.notify_all();
    }
}

impl Lender for Permits {
    fn lent(&self) -> usize {
        self.in_use()
    }
}

/// How many permits a waiter needs, for those that wait by `Many`. A waiter is in it until it is granted what it needs,
/// or leaves. All others need one.
#[derive(Default)]
struct Needs {
    /// By the waiter's index.
    by_waiter: RefCell<Vec<Option<usize>>>,
    len: Cell<usize>,
}

impl Needs {
    #[inline]
    fn is_empty(&self) -> bool {
        self.len.get() == 0
    }

    fn of(&self, waiter: WaiterId) -> Option<usize> {
        self.by_waiter.borrow().get(waiter.index()).copied().flatten()
    }

    fn insert(&self, waiter: WaiterId, need: usize) {
        let mut by_waiter = self.by_waiter.borrow_mut();
        if by_waiter.len() <= waiter.index() {
            by_waiter.resize(waiter.index() + 1, None);
        }
        if by_waiter[waiter.index()].replace(need).is_none() {
            self.len.set(self.len.get() + 1);
        }
    }

    /// Returns whether the waiter was in it.
    fn remove(&self, waiter: WaiterId) -> bool {
        let was_in = self.by_waiter.borrow_mut().get_mut(waiter.index()).and_then(Option::take).is_some();
        self.len.set(self.len.get() - usize::from(was_in));
        was_in
    }
}

/// One permit.
impl Resource for Rc<Permits> {
    type Acquired = SemaphorePermit;
    fn awaited(&self) -> Leaf {
        self.as_awaited()
    }

    fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    fn try_acquire(&self, _cx: &Context<'_>) -> bool {
        self.try_take(1)
    }

    /// The code that notified the waiter has granted the permit already.
    fn on_notified(&self, _cx: &Context<'_>) -> bool {
        self.grant_free_permits();
        true
    }

    fn into_acquired(self) -> SemaphorePermit {
        SemaphorePermit::new(self, 1)
    }

    fn on_abandoned(&self, granted: bool) {
        if granted {
            self.revoke(1);
        }
        self.grant_free_permits();
    }
}

/// Several permits, or one of a semaphore that may be closed: a waiter may be notified because it is granted all that
/// it needs, or because the semaphore was closed.
struct Many {
    permits: Rc<Permits>,
    need: usize,
    /// `None` until it has to wait.
    waiter: Cell<Option<WaiterId>>,
    /// Set when it is over: whether it has what it needs.
    granted: Cell<bool>,
}

impl Many {
    /// Takes the waiter out of those in need, and returns whether it was among them.
    fn was_in_need(&self) -> bool {
        self.waiter.take().is_some_and(|waiter| self.permits.needs.remove(waiter))
    }
}

impl Resource for Many {
    type Acquired = Result<SemaphorePermit, SemaphoreClosed>;
    fn awaited(&self) -> Leaf {
        self.permits.as_awaited()
    }

    fn waiters(&self) -> &Waiters {
        &self.permits.waiters
    }

    fn try_acquire(&self, _cx: &Context<'_>) -> bool {
        self.granted.set(!self.permits.is_closed() && self.permits.try_take(self.need));
        self.granted.get() || self.permits.is_closed()
    }

    fn on_waiting(&self, waiter: WaiterId) {
        self.waiter.set(Some(waiter));
        self.permits.needs.insert(waiter, self.need);
    }

    fn on_notified(&self, _cx: &Context<'_>) -> bool {
        self.granted.set(!self.was_in_need());
        self.permits.grant_free_permits();
        true
    }

    fn into_acquired(self) -> Self::Acquired {
        if self.granted.get() { Ok(SemaphorePermit::new(self.permits, self.need)) } else { Err(SemaphoreClosed) }
    }

    fn on_abandoned(&self, was_notified: bool) {
        if !self.was_in_need() && was_notified {
            self.permits.revoke(self.need);
        }
        self.permits.grant_free_permits();
    }
}

/// A permit of a semaphore, or several. Dropping it gives them back.
///
/// # Examples
/// ```
/// use oneloop::{Semaphore, create_task, run};
///
/// run(async {
///     let connections = Semaphore::new(10);
///     let permit = connections.acquire().await;
///     let task = create_task(async move {
///         let _permit = permit; // until the task ends
///     });
///     assert_eq!(connections.value(), 9);
///     task.await;
///     assert_eq!(connections.value(), 10);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[must_use = "the permit is given back as soon as this is dropped; write `let _permit = semaphore.acquire().await;`"]
pub struct SemaphorePermit {
    permits: Rc<Permits>,
    /// How many it has.
    count: usize,
}

impl SemaphorePermit {
    /// Permits that were granted.
    #[inline]
    fn new(permits: Rc<Permits>, count: usize) -> Self {
        Self { permits, count }
    }

    /// How many permits it has: one, unless it is of `acquire_many`, [`merge`](Self::merge) or
    /// [`split`](Self::split).
    pub fn num_permits(&self) -> usize {
        self.count
    }

    /// Removes what it has from the semaphore, which has so many permits less until `release()` is called.
    pub fn forget(mut self) {
        self.permits.in_use.set(self.permits.in_use.get() - self.count);
        self.count = 0;
    }

    /// Takes `n` permits out of this one, as one that is given back on its own. `None` if there are fewer.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Semaphore, run};
    ///
    /// run(async {
    ///     let memory = Semaphore::new(10);
    ///     let mut reserved = memory.acquire_many(8).await;
    ///     let used = reserved.split(3).expect("it has eight");
    ///     drop(reserved); // the other five
    ///     assert_eq!((memory.value(), used.num_permits()), (7, 3));
    ///     drop(used);
    ///     assert_eq!(memory.value(), 10);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.count = self.count.checked_sub(n)?;
        Some(Self::new(Rc::clone(&self.permits), n))
    }

    /// Takes over what `other` has.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Semaphore, run};
    ///
    /// run(async {
    ///     let memory = Semaphore::new(10);
    ///     let mut reserved = memory.acquire_many(4).await;
    ///     reserved.merge(memory.acquire().await);
    ///     assert_eq!((reserved.num_permits(), memory.value()), (5, 5));
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If it is of another semaphore.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            Rc::ptr_eq(&self.permits, &other.permits),
            "these permits are of two semaphores; keep one permit for each semaphore"
        );
        self.count += std::mem::take(&mut other.count);
    }
}

impl Drop for SemaphorePermit {
    #[inline]
    fn drop(&mut self) {
        self.permits.in_use.set(self.permits.in_use.get() - self.count);
        if self.count == 1 { self.permits.add_one() } else { self.permits.add(self.count) }
    }
}

impl fmt::Debug for SemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SemaphorePermit").field(&self.count).finish()
    }
}
