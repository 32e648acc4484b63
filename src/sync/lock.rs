//! Mutual exclusion: asyncio's `Lock`. Owns the value that the lock protects, and its guards; must not know
//! conditions.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::task::Context;

use super::acquire::{Acquire, Resource};
use super::lock_core::LockCore;
use super::waiters::{OneWait, Waiters};
use crate::kernel::Leaf;

/// Lets one task at a time use a value, or pass a section: asyncio's `Lock`. Clones are the same lock.
///
/// It is fair: tasks acquire it in the order in which they asked. A task that releases it and asks again queues behind
/// the tasks that wait already. A lock that protects no value is a `Lock::new(())`.
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
///             yield_now().await; // no other task gets in
///             *balance = before + 1;
///         }
///     }))
///     .await;
///     *account.acquire().await
/// })?;
/// assert_eq!(total, 10);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[doc(alias = "Mutex")]
pub struct Lock<T = ()> {
    shared: Rc<LockState<T>>,
}

struct LockState<T> {
    core: LockCore,
    /// Borrowed by a guard, or moved out by an owned one; so it is here, and not borrowed, while the lock is free.
    value: RefCell<Option<T>>,
}

/// What no code can break: a guard is made of a lock that was free.
const IS_FREE: &str = "the value of a free lock is in it, and that of an owned guard in the guard";

impl<T> Lock<T> {
    /// A lock that is free.
    pub fn new(value: T) -> Self {
        Self { shared: Rc::new(LockState { core: LockCore::default(), value: RefCell::new(Some(value)) }) }
    }

    /// Whether a task holds it: asyncio's `locked()`. After a release it is false until the next waiting task runs, as
    /// in asyncio.
    pub fn locked(&self) -> bool {
        self.shared.core.is_locked()
    }

    /// How many tasks wait for it. A task that was woken to take the lock is no longer among them.
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
    ///     assert_eq!(door.waiters(), 0); // the visitor was woken
    ///     visitor.await;
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn waiters(&self) -> usize {
        self.shared.core.waiters.waiting()
    }

    /// Waits for the turn of this task and locks: asyncio's `acquire()`. Dropping the guard releases the lock: `async
    /// with`. Returns at once, without an iteration, if the lock is free and no task waits.
    ///
    /// # Panics
    /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this lock.
    ///
    /// # Cancel safety
    /// The task loses its position in the queue, and nothing else. If its turn had come, the next task gets it.
    pub fn acquire(&self) -> impl Future<Output = LockGuard<'_, T>> {
        Acquire::new(&*self.shared)
    }

    /// Locks it if it is free and no task waits.
    pub fn try_acquire(&self) -> Option<LockGuard<'_, T>> {
        self.shared.core.lock_if_free().then(|| LockGuard::new(&self.shared))
    }

    /// [`acquire`](Self::acquire) with a guard that borrows nothing, and so can be moved into a task or kept in a
    /// structure.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Lock, create_task, run, yield_now};
    ///
    /// run(async {
    ///     let log = Lock::new(Vec::new());
    ///     let mut guard = log.acquire_owned().await;
    ///     let writer = create_task(async move {
    ///         guard.push("begun");
    ///         yield_now().await;
    ///         guard.push("done");
    ///     });
    ///     assert!(log.locked());
    ///     assert_eq!(*log.acquire().await, ["begun", "done"]);
    ///     writer.await;
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire): the task loses its position in the queue.
    #[doc(alias = "lock_owned")]
    #[doc(alias = "lock_arc")]
    pub fn acquire_owned(&self) -> impl Future<Output = OwnedLockGuard<T>> + use<T> {
        Acquire::new(Rc::clone(&self.shared))
    }

    /// [`try_acquire`](Self::try_acquire) with a guard that borrows nothing.
    pub fn try_acquire_owned(&self) -> Option<OwnedLockGuard<T>> {
        self.shared.core.lock_if_free().then(|| OwnedLockGuard::new(Rc::clone(&self.shared)))
    }
}

/// How a guard is acquired: `$lock` is a pointer to the lock, of which the guard is made.
macro_rules! acquired_with {
    ([$($lifetime:lifetime)?] $lock:ty, $Guard:ty) => {
        impl<$($lifetime,)? T> Resource for $lock {
            type Acquired = $Guard;
            const BEGINS_BY_ITSELF: bool = true;

            fn awaited(&self) -> Leaf {
                self.core.awaited()
            }

            fn waiters(&self) -> &Waiters {
                &self.core.waiters
            }

            fn try_acquire(&self, _cx: &Context<'_>) -> bool {
                self.core.lock_if_free_again()
            }

            #[track_caller]
            fn acquire_or_wait(&self, wait: &mut OneWait, cx: &Context<'_>) -> bool {
                self.core.lock_or_wait(wait, cx)
            }

            fn on_notified(&self, _cx: &Context<'_>) -> bool {
                self.core.lock_as_notified();
                true
            }

            fn into_acquired(self) -> $Guard {
                <$Guard>::new(self)
            }

            fn on_abandoned(&self, _was_notified: bool) {
                self.core.pass_on();
            }
        }
    };
}

acquired_with!(['a] &'a LockState<T>, LockGuard<'a, T>);
acquired_with!([] Rc<LockState<T>>, OwnedLockGuard<T>);

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

/// The value of a locked [`Lock`], or of the lock of a [`Condition`](crate::Condition). Dropping the guard releases the
/// lock.
///
/// # Examples
/// ```
/// use oneloop::{Lock, run};
///
/// run(async {
///     let pages = Lock::new(Vec::new());
///     let mut guard = pages.acquire().await;
///     guard.push("first");
///     drop(guard);
///     assert_eq!(pages.acquire().await.len(), 1);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// Access to the value panics if a [`Condition::wait`](crate::Condition::wait) with this guard was dropped before its
/// end, because the guard does not hold the lock then.
#[must_use = "the lock is released as soon as this is dropped; write `let _guard = lock.acquire().await;`"]
pub struct LockGuard<'a, T> {
    shared: &'a LockState<T>,
    /// `None` while a `Condition::wait` has released the lock, and after such a wait was dropped.
    value: Option<RefMut<'a, T>>,
}

impl<'a, T> LockGuard<'a, T> {
    /// The guard of a lock that has just been locked.
    fn new(shared: &'a LockState<T>) -> Self {
        let value = RefMut::map(shared.value.borrow_mut(), |value| value.as_mut().expect(IS_FREE));
        Self { shared, value: Some(value) }
    }

    pub(crate) fn is_of(&self, lock: &Lock<T>) -> bool {
        std::ptr::eq(self.shared, &raw const *lock.shared)
    }

    /// # Panics
    /// If the guard does not hold the lock because a wait was dropped.
    #[track_caller]
    pub(crate) fn assert_held(&self) {
        assert!(self.value.is_some(), "{NOT_HELD}");
    }

    /// Releases the lock until `reacquire`.
    pub(crate) fn release(&mut self) {
        drop(self.value.take());
        self.shared.core.unlock();
    }

    /// Waits for the lock like any other task, and locks it again.
    pub(crate) async fn reacquire(&mut self) {
        *self = Acquire::new(self.shared).await;
    }
}

const NOT_HELD: &str = "the wait on the condition was dropped before its end, so this guard does not hold the lock any \
     more; drop it and acquire the lock anew";

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        self.value.as_deref().expect(NOT_HELD)
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_deref_mut().expect(NOT_HELD)
    }
}

impl<T> Drop for LockGuard<'_, T> {
    fn drop(&mut self) {
        if self.value.take().is_some() {
            self.shared.core.unlock();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockGuard").field(&self.value.as_deref()).finish()
    }
}

/// The value of a locked [`Lock`], from [`Lock::acquire_owned`]. It keeps the lock alive. Dropping it releases the
/// lock.
///
/// # Examples
/// ```
/// use oneloop::{Lock, create_task, run};
/// use std::rc::Rc;
///
/// run(async {
///     let pages = Rc::new(Lock::new(Vec::new()));
///     let mut guard = pages.clone().acquire_owned().await;
///     create_task(async move { guard.push("first") }).await; // and releases the lock
///     assert_eq!(pages.acquire().await.len(), 1);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[must_use = "the lock is released as soon as this is dropped"]
pub struct OwnedLockGuard<T> {
    shared: Rc<LockState<T>>,
    /// The value itself, which goes back into the lock. `None` only while this is dropped.
    value: Option<T>,
}

impl<T> OwnedLockGuard<T> {
    /// The guard of a lock that has just been locked.
    fn new(shared: Rc<LockState<T>>) -> Self {
        let value = shared.value.take();
        Self { shared, value }
    }
}

impl<T> Deref for OwnedLockGuard<T> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        self.value.as_ref().expect(IS_FREE)
    }
}

impl<T> DerefMut for OwnedLockGuard<T> {
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect(IS_FREE)
    }
}

impl<T> Drop for OwnedLockGuard<T> {
    fn drop(&mut self) {
        self.shared.value.replace(self.value.take());
        self.shared.core.unlock();
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedLockGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedLockGuard").field(&**self).finish()
    }
}
