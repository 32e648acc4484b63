//! One at a time: asyncio's `Lock`. Owns whether it is held, and the value that it protects; must not know conditions.

use std::cell::{Cell, RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use crate::kernel::Leaf;
use crate::line::{Goal, Having, Line};

/// Lets one task at a time at a value, or through a section: asyncio's `Lock`. Clones are the same lock.
///
/// It is fair: tasks have it in the order in which they asked, and one that lets it go and asks again stands behind
/// those who wait. A lock that protects nothing is a `Lock::new(())`.
///
/// # Examples
/// ```
/// use oneloop::{Lock, gather, run, yield_now};
///
/// let total = run(async {
///     let account = Lock::new(0);
///     gather((0..10).map(|_| {
///         let account = account.clone();
///         async move {
///             let mut balance = account.acquire().await;
///             let before = *balance;
///             yield_now().await; // nobody else gets in
///             *balance = before + 1;
///         }
///     }))
///     .await;
///     *account.acquire().await
/// })?;
/// assert_eq!(total, 10);
/// # Ok::<(), oneloop::Error>(())
/// ```
pub struct Lock<T = ()> {
    shared: Rc<Shared<T>>,
}

struct Shared<T> {
    locked: Cell<bool>,
    line: Line,
    /// Borrowed by the guard, so it is free when the lock is.
    value: RefCell<T>,
}

impl<T> Lock<T> {
    /// A lock that nobody holds.
    pub fn new(value: T) -> Self {
        Self { shared: Rc::new(Shared { locked: Cell::new(false), line: Line::default(), value: RefCell::new(value) }) }
    }

    /// Whether somebody holds it: asyncio's `locked()`. False also between a release and the turn of who waits for it.
    pub fn locked(&self) -> bool {
        self.shared.locked.get()
    }

    /// How many tasks wait in its line. One whose turn has come is no longer among them.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Lock, create_task, run, yield_now};
    ///
    /// run(async {
    ///     let door = Lock::new(());
    ///     let guard = door.acquire().await;
    ///     let other = door.clone();
    ///     let visitor = create_task(async move { drop(other.acquire().await) });
    ///     yield_now().await;
    ///     assert_eq!(door.waiters(), 1);
    ///     drop(guard);
    ///     assert_eq!(door.waiters(), 0); // it is the visitor's turn
    ///     visitor.await;
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn waiters(&self) -> usize {
        self.shared.line.waiting()
    }

    /// Waits until it is this one's turn, and takes it: asyncio's `acquire()`. The guard lets it go when it is dropped:
    /// `async with`. Goes on at once, without a turn, if it is free and nobody waits.
    ///
    /// # Panics
    /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this lock.
    ///
    /// # Cancel safety
    /// The place in the line is lost, and nothing else; one whose turn had come hands it on.
    pub fn acquire(&self) -> impl Future<Output = LockGuard<'_, T>> {
        Having::new(&*self.shared)
    }

    /// Takes it if it is free and nobody waits.
    pub fn try_acquire(&self) -> Option<LockGuard<'_, T>> {
        self.shared.lock_if_free().then(|| LockGuard::new(&self.shared))
    }
}

impl<T> Shared<T> {
    fn lock_if_free(&self) -> bool {
        let free = !self.locked.get() && self.line.is_clear();
        if free {
            self.locked.set(true);
        }
        free
    }

    fn unlock(&self) {
        self.locked.set(false);
        self.line.call_first();
    }
}

impl<'a, T> Goal for &'a Shared<T> {
    type Had = LockGuard<'a, T>;
    const WHAT: Leaf = &"a lock";

    fn line(&self) -> &Line {
        &self.line
    }

    fn take_if_free(&self) -> bool {
        self.lock_if_free()
    }

    fn take(&self) -> bool {
        self.locked.set(true);
        true
    }

    fn had(self) -> LockGuard<'a, T> {
        LockGuard::new(self)
    }

    fn given_up(&self, _called: bool) {
        if !self.locked.get() {
            self.line.call_first();
        }
    }
}

impl<T> Clone for Lock<T> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Lock");
        shown.field("locked", &self.locked()).field("waiting", &self.waiters());
        match self.try_acquire() {
            Some(guard) => shown.field("value", &*guard).finish(),
            None => shown.finish_non_exhaustive(),
        }
    }
}

/// A held [`Lock`], or the one of a [`Condition`](crate::Condition): the value is at hand, and the lock is let go when
/// this is dropped.
///
/// # Panics
/// The value of a guard whose [`Condition::wait`](crate::Condition::wait) was dropped before its end cannot be reached:
/// the lock is not held then.
#[must_use = "the lock is let go as soon as this is dropped; write `let _guard = lock.acquire().await;`"]
pub struct LockGuard<'a, T> {
    shared: &'a Shared<T>,
    /// There while the lock is held.
    value: Option<RefMut<'a, T>>,
}

impl<'a, T> LockGuard<'a, T> {
    /// Of a lock that has just been taken.
    fn new(shared: &'a Shared<T>) -> Self {
        Self { shared, value: Some(shared.value.borrow_mut()) }
    }

    pub(crate) fn is_of(&self, lock: &Lock<T>) -> bool {
        std::ptr::eq(self.shared, &raw const *lock.shared)
    }

    /// # Panics
    /// If a wait that was dropped has lost it.
    pub(crate) fn refuse_lost(&self) {
        assert!(self.value.is_some(), "{NOT_HELD}");
    }

    /// Lets the lock go for a while.
    pub(crate) fn let_go(&mut self) {
        drop(self.value.take());
        self.shared.unlock();
    }

    /// Takes the lock again, in line with others.
    pub(crate) async fn take_back(&mut self) {
        *self = Having::new(self.shared).await;
    }
}

const NOT_HELD: &str = "the wait on the condition was dropped before its end, so this guard does not hold the lock any \
     more; drop it and acquire the lock anew";

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().expect(NOT_HELD)
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_deref_mut().expect(NOT_HELD)
    }
}

impl<T> Drop for LockGuard<'_, T> {
    fn drop(&mut self) {
        if self.value.take().is_some() {
            self.shared.unlock();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockGuard").field(&self.value.as_deref()).finish()
    }
}
