//! A lock that is released while its holder waits for a notification: asyncio's `Condition`. Owns the tasks that wait
//! for a notification; must not know how a lock is acquired.

use std::fmt;
use std::rc::Rc;

use super::lock::{Lock, LockGuard};
use super::waiters::Waiters;
use crate::cancel::catch_cancelled;
use crate::kernel::{Leaf, What};

/// A lock, and a wait for another task to change the value that it protects: asyncio's `Condition`. Clones are the same
/// condition.
///
/// Waiting and notifying take the guard of the lock. So code that asyncio refuses at run time, because it does not hold
/// the lock, does not compile.
///
/// # Examples
/// ```
/// use oneloop::{Condition, create_task, run};
///
/// run(async {
///     let basket = Condition::new(Vec::new());
///     let filled = basket.clone();
///     let eater = create_task(async move {
///         let mut apples = filled.acquire().await;
///         filled.wait_for(&mut apples, |apples| apples.len() >= 2).await;
///         apples.drain(..).sum::<i32>()
///     });
///     for weight in [3, 4] {
///         let mut apples = basket.acquire().await;
///         apples.push(weight);
///         basket.notify(&apples, 1);
///     }
///     assert_eq!(eater.await, 7);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
pub struct Condition<T = ()> {
    lock: Lock<T>,
    waiters: Rc<Waiters>,
}

impl<T> Condition<T> {
    /// A condition with a lock of its own, which protects `value`: asyncio's `Condition()`. For a lock that exists
    /// already, there is [`with_lock`](Self::with_lock).
    pub fn new(value: T) -> Self {
        Self::with_lock(&Lock::new(value))
    }

    /// A condition on an existing lock, which may be shared: asyncio's `Condition(lock)`.
    ///
    /// # Examples
    /// A store with room for one, whose two conditions share its lock.
    /// ```
    /// use oneloop::{Condition, Lock, create_task, run};
    ///
    /// run(async {
    ///     let store = Lock::new(None);
    ///     let (filled, emptied) = (Condition::with_lock(&store), Condition::with_lock(&store));
    ///     let (has_item, has_room) = (filled.clone(), emptied.clone());
    ///     create_task(async move {
    ///         for item in 1..=3 {
    ///             let mut store = has_room.acquire().await;
    ///             has_room.wait_for(&mut store, Option::is_none).await;
    ///             *store = Some(item);
    ///             has_item.notify(&store, 1);
    ///         }
    ///     });
    ///     for expected in 1..=3 {
    ///         let mut item = store.acquire().await;
    ///         filled.wait_for(&mut item, Option::is_some).await;
    ///         assert_eq!(item.take(), Some(expected));
    ///         emptied.notify(&item, 1);
    ///     }
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn with_lock(lock: &Lock<T>) -> Self {
        Self { lock: lock.clone(), waiters: Rc::default() }
    }

    /// Whether a task holds the lock: asyncio's `locked()`.
    pub fn locked(&self) -> bool {
        self.lock.locked()
    }

    /// How many tasks wait to be notified. One that was notified and waits for the lock again is no longer among them:
    /// the lock counts it, in [`Lock::waiters`].
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Condition, create_task, run, yield_now};
    ///
    /// run(async {
    ///     let basket = Condition::new(0);
    ///     let filled = basket.clone();
    ///     let eater = create_task(async move {
    ///         let mut apples = filled.acquire().await;
    ///         filled.wait(&mut apples).await;
    ///         *apples
    ///     });
    ///     yield_now().await;
    ///     assert_eq!(basket.waiters(), 1);
    ///     let mut apples = basket.acquire().await;
    ///     *apples = 3;
    ///     basket.notify(&apples, 1);
    ///     assert_eq!(basket.waiters(), 0);
    ///     drop(apples);
    ///     assert_eq!(eater.await, 3);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn waiters(&self) -> usize {
        self.waiters.waiting()
    }

    /// Waits for the lock and locks it: [`Lock::acquire`].
    ///
    /// # Panics
    /// As [`Lock::acquire`].
    ///
    /// # Cancel safety
    /// As [`Lock::acquire`]: the task loses its position in the queue.
    pub async fn acquire(&self) -> LockGuard<'_, T> {
        self.lock.acquire().await
    }

    /// Locks the lock if it is free and no task waits for it.
    pub fn try_acquire(&self) -> Option<LockGuard<'_, T>> {
        self.lock.try_acquire()
    }

    /// Releases the lock, waits for a notification, and acquires the lock again: asyncio's `wait()`.
    ///
    /// It may return although the value has not changed, so check the value again, or use [`wait_for`](Self::wait_for).
    ///
    /// # Panics
    /// If the guard is of another lock, or does not hold its lock because an earlier wait was dropped; if this thread
    /// is in no loop, or tasks of another loop have waited for this condition.
    ///
    /// # Cancel safety
    /// A cancelled wait acquires the lock again before the cancellation goes on, however often it is cancelled
    /// meanwhile, and passes its notification to the next waiting task: as in asyncio. A wait that is dropped, by a
    /// `select` for example, passes its notification too but cannot wait for the lock: the guard no longer holds it,
    /// and access to the value panics. A wait that was polled in the last step of its task, and then left alone without
    /// being dropped, counts as waiting: awaited in the step in which the task is cancelled, it meets the cancellation.
    pub async fn wait(&self, guard: &mut LockGuard<'_, T>) {
        self.wait_as(Leaf::of(What::Condition), guard).await;
    }

    /// `wait`, by another name in the await graph.
    pub(crate) async fn wait_as(&self, what: Leaf, guard: &mut LockGuard<'_, T>) {
        self.assert_is_held(guard);
        self.waiters.bind();
        guard.release();
        let mut passes_on = PassOnNotification { to: Some(&self.waiters) };
        let mut cancelled = catch_cancelled(self.waiters.wait(what)).await.err();
        while let Err(again) = catch_cancelled(guard.reacquire()).await {
            cancelled = Some(again);
        }
        match cancelled {
            None => passes_on.to = None,
            Some(cancelled) => cancelled.reraise().await,
        }
    }

    /// Waits until `predicate` is true of the value: asyncio's `wait_for(predicate)`. Returns at once if it is true
    /// already.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// As [`wait`](Self::wait).
    pub async fn wait_for(&self, guard: &mut LockGuard<'_, T>, mut predicate: impl FnMut(&T) -> bool) {
        self.assert_is_held(guard);
        while !predicate(guard) {
            self.wait(guard).await;
        }
    }

    /// Wakes the first `n` waiting tasks: asyncio's `notify(n)`. They go on one after another, as each acquires the
    /// lock.
    ///
    /// # Panics
    /// If the guard is of another lock, or does not hold its lock because a wait was dropped.
    #[track_caller]
    pub fn notify(&self, guard: &LockGuard<'_, T>, n: usize) {
        self.assert_is_held(guard);
        self.waiters.notify(n);
    }

    /// Wakes all waiting tasks: asyncio's `notify_all()`.
    ///
    /// # Panics
    /// If the guard is of another lock, or does not hold its lock because a wait was dropped.
    #[track_caller]
    pub fn notify_all(&self, guard: &LockGuard<'_, T>) {
        self.assert_is_held(guard);
        self.waiters.notify_all();
    }

    /// Wakes all waiting tasks, for a caller whose guard may no longer hold the lock.
    pub(crate) fn notify_all_without_lock(&self) {
        self.waiters.notify_all();
    }

    #[track_caller]
    fn assert_is_held(&self, guard: &LockGuard<'_, T>) {
        assert!(
            guard.is_of(&self.lock),
            "this guard is of another lock than the condition's; acquire the condition, or make it with \
             Condition::with_lock"
        );
        guard.assert_held();
    }
}

/// Passes a notification on when it is dropped, because a wait that ended without success may have consumed one.
struct PassOnNotification<'a> {
    /// `None` after success.
    to: Option<&'a Waiters>,
}

impl Drop for PassOnNotification<'_> {
    fn drop(&mut self) {
        if let Some(waiters) = self.to {
            waiters.notify(1);
        }
    }
}

impl<T> Clone for Condition<T> {
    fn clone(&self) -> Self {
        Self { lock: self.lock.clone(), waiters: Rc::clone(&self.waiters) }
    }
}

impl<T: Default> Default for Condition<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Condition<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("lock", &self.lock).field("waiting", &self.waiters()).finish_non_exhaustive()
    }
}
