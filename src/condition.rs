//! A lock, and a wait for somebody to change what it protects: asyncio's `Condition`. Owns who waits to be notified;
//! must not know how a lock is kept.

use std::fmt;
use std::rc::Rc;

use crate::kernel::Leaf;
use crate::line::Line;
use crate::lock::{Lock, LockGuard};
use crate::throw::catch_cancelled;

/// A lock, and a wait for somebody to change what it protects: asyncio's `Condition`. Clones are the same condition.
///
/// Waiting and notifying take the guard of the lock, so what asyncio refuses without it does not compile.
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
    line: Rc<Line>,
    /// What its waits are called in the await graph.
    what: Leaf,
}

impl<T> Condition<T> {
    /// A condition with a lock of its own.
    pub fn new(value: T) -> Self {
        Self::with_lock(&Lock::new(value))
    }

    /// A condition on a lock that there is, which others may use too: asyncio's `Condition(lock)`.
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
        Self { lock: lock.clone(), line: Rc::default(), what: &"a condition" }
    }

    /// Whether somebody holds the lock: asyncio's `locked()`.
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
        self.line.waiting()
    }

    /// Waits for the lock, and takes it: [`Lock::acquire`].
    ///
    /// # Panics
    /// As [`Lock::acquire`].
    ///
    /// # Cancel safety
    /// As [`Lock::acquire`]: the place in the line is lost.
    pub async fn acquire(&self) -> LockGuard<'_, T> {
        self.lock.acquire().await
    }

    /// Takes the lock if it is free and nobody waits for it.
    pub fn try_acquire(&self) -> Option<LockGuard<'_, T>> {
        self.lock.try_acquire()
    }

    /// Lets the lock go, waits to be notified, and takes the lock again: asyncio's `wait()`.
    ///
    /// It may return although nothing has changed, so look at the value again, or use [`wait_for`](Self::wait_for).
    ///
    /// # Panics
    /// If the guard is of another lock, or does not hold it since an earlier wait was dropped; if this thread is in no
    /// loop, or tasks of another loop have waited for this condition.
    ///
    /// # Cancel safety
    /// A cancelled wait takes the lock again before the cancellation goes on, however often it is cancelled meanwhile, and
    /// hands a notification on to the next: as in asyncio. A wait that is dropped, by a `select` say, hands the
    /// notification on too but cannot wait for the lock: the guard holds it no more, and its value cannot be reached.
    pub async fn wait(&self, guard: &mut LockGuard<'_, T>) {
        self.refuse(guard);
        self.line.bind();
        guard.let_go();
        let mut handing_on = HandingOn { line: Some(&self.line) };
        let mut cancelled = catch_cancelled(self.line.wait(self.what, |_called| ())).await.err();
        while let Err(again) = catch_cancelled(guard.take_back()).await {
            cancelled = Some(again);
        }
        match cancelled {
            None => handing_on.line = None,
            Some(cancelled) => cancelled.reraise().await,
        }
    }

    /// Waits until the value is as wanted: asyncio's `wait_for(predicate)`. Goes on at once if it is so already.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// As [`wait`](Self::wait).
    pub async fn wait_for(&self, guard: &mut LockGuard<'_, T>, mut wanted: impl FnMut(&T) -> bool) {
        self.refuse(guard);
        while !wanted(guard) {
            self.wait(guard).await;
        }
    }

    /// Wakes the first `n` who wait. They go on one after another, when each has the lock: asyncio's `notify(n)`.
    ///
    /// # Panics
    /// If the guard is of another lock, or does not hold it since a wait was dropped.
    pub fn notify(&self, guard: &LockGuard<'_, T>, n: usize) {
        self.refuse(guard);
        self.line.call(n);
    }

    /// Wakes everybody who waits: asyncio's `notify_all()`.
    ///
    /// # Panics
    /// If the guard is of another lock, or does not hold it since a wait was dropped.
    pub fn notify_all(&self, guard: &LockGuard<'_, T>) {
        self.refuse(guard);
        self.line.call_all();
    }

    /// One whose waits have another name in the await graph.
    pub(crate) fn called(mut self, what: Leaf) -> Self {
        self.what = what;
        self
    }

    /// Wakes everybody who waits, on behalf of one who may have lost the lock.
    pub(crate) fn notify_all_anyway(&self) {
        self.line.call_all();
    }

    fn refuse(&self, guard: &LockGuard<'_, T>) {
        assert!(
            guard.is_of(&self.lock),
            "this guard is of another lock than the condition's; acquire the condition, or make it with \
             Condition::with_lock"
        );
        guard.refuse_lost();
    }
}

/// A wait that is over without success may have been notified: somebody else is, instead.
struct HandingOn<'a> {
    /// None after success.
    line: Option<&'a Line>,
}

impl Drop for HandingOn<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.line {
            line.call(1);
        }
    }
}

impl<T> Clone for Condition<T> {
    fn clone(&self) -> Self {
        Self { lock: self.lock.clone(), line: Rc::clone(&self.line), what: self.what }
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
