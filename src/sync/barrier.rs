//! A place where tasks wait for each other: asyncio's `Barrier`. Owns the round that is under way; must not know how a
//! condition waits.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::condition::Condition;
use crate::error::BrokenBarrierError;

/// A place where a number of tasks wait until all of them are there, again and again: asyncio's `Barrier`. Clones are the
/// same barrier.
///
/// # Examples
/// ```
/// use oneloop::{Barrier, gather, run};
///
/// let mut places = run(async {
///     let start = Barrier::new(3);
///     gather((0..3).map(|_| {
///         let start = start.clone();
///         async move { start.wait().await.expect("nobody breaks it") }
///     }))
///     .await
/// })?;
/// places.sort_unstable();
/// assert_eq!(places, [0, 1, 2]); // each has another
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct Barrier {
    shared: Rc<Shared>,
}

/// `Filling` → `Draining` when all are there → `Filling` when the last has left; `Filling` or `Draining` → `Resetting` by
/// `reset` while somebody is there → `Filling` when the last has left; any → `Broken` by `abort` → `Filling`, or
/// `Resetting`, by `reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Filling,
    Draining,
    Resetting,
    Broken,
}

struct Shared {
    /// Its lock orders who comes and goes, as in asyncio; it protects no value, since one who lost it must leave too.
    condition: Condition,
    parties: usize,
    phase: Cell<Phase>,
    /// How many are in the barrier: waiting, or not gone yet.
    count: Cell<usize>,
}

impl Barrier {
    /// A barrier for so many tasks.
    ///
    /// # Panics
    /// If `parties` is 0.
    pub fn new(parties: usize) -> Self {
        assert!(parties > 0, "a barrier is for one task at least; parties must be > 0");
        let (phase, count) = (Cell::new(Phase::Filling), Cell::new(0));
        Self { shared: Rc::new(Shared { condition: Condition::default().called(&"a barrier"), parties, phase, count }) }
    }

    /// Waits until all are there, and answers this one's number among them, from 0. The last to come has the highest and
    /// goes on at once: `index + 1 == barrier.parties()` is true for exactly one, who may do what only one should. The
    /// others' numbers repeat after somebody was cancelled, as in asyncio.
    ///
    /// While those of the last round are leaving, the next round's wait to come in.
    ///
    /// # Errors
    /// [`BrokenBarrierError`] if the barrier is aborted, or reset while this waits.
    ///
    /// # Panics
    /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this barrier.
    ///
    /// # Cancel safety
    /// It is as if this task had not come; the barrier does not break, and the others wait for one more.
    pub fn wait(&self) -> impl Future<Output = Result<usize, BrokenBarrierError>> + use<> {
        let Self { shared } = self.clone();
        async move { shared.wait().await }
    }

    /// Empties the barrier, and mends it if it is broken: those who wait in it get [`BrokenBarrierError`].
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// Cancelled before it had its turn, it does nothing.
    pub fn reset(&self) -> impl Future<Output = ()> + use<> {
        let Self { shared } = self.clone();
        async move {
            let guard = shared.condition.acquire().await;
            shared.phase.set(if shared.count.get() > 0 { Phase::Resetting } else { Phase::Filling });
            shared.condition.notify_all(&guard);
        }
    }

    /// Breaks the barrier: those who wait in it, and all who come until it is reset, get [`BrokenBarrierError`].
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// Cancelled before it had its turn, it does nothing.
    pub fn abort(&self) -> impl Future<Output = ()> + use<> {
        let Self { shared } = self.clone();
        async move {
            let guard = shared.condition.acquire().await;
            shared.phase.set(Phase::Broken);
            shared.condition.notify_all(&guard);
        }
    }

    /// For how many tasks it is: asyncio's `parties`.
    pub fn parties(&self) -> usize {
        self.shared.parties
    }

    /// How many wait for the others: asyncio's `n_waiting`.
    pub fn n_waiting(&self) -> usize {
        if self.shared.phase.get() == Phase::Filling { self.shared.count.get() } else { 0 }
    }

    /// Whether it is broken: asyncio's `broken`.
    pub fn broken(&self) -> bool {
        self.shared.phase.get() == Phase::Broken
    }
}

impl Shared {
    async fn wait(&self) -> Result<usize, BrokenBarrierError> {
        let Self { condition, parties, phase, count } = self;
        let mut guard = condition.acquire().await;
        let may_enter = |(): &()| !matches!(phase.get(), Phase::Draining | Phase::Resetting);
        condition.wait_for(&mut guard, may_enter).await;
        if phase.get() == Phase::Broken {
            return Err(BrokenBarrierError);
        }
        let index = count.get();
        count.set(index + 1);
        let _leaving = Leaving { barrier: self };
        if index + 1 == *parties {
            phase.set(Phase::Draining);
            condition.notify_all(&guard);
            return Ok(index);
        }
        condition.wait_for(&mut guard, |()| phase.get() != Phase::Filling).await;
        match phase.get() {
            Phase::Broken | Phase::Resetting => Err(BrokenBarrierError),
            Phase::Filling | Phase::Draining => Ok(index),
        }
    }
}

/// One who is in the barrier, until this is dropped. The last to leave lets the next round in.
struct Leaving<'a> {
    barrier: &'a Shared,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let Shared { condition, phase, count, .. } = self.barrier;
        count.set(count.get() - 1);
        if count.get() == 0 {
            if matches!(phase.get(), Phase::Draining | Phase::Resetting) {
                phase.set(Phase::Filling);
            }
            condition.notify_all_anyway();
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { parties, phase, .. } = &*self.shared;
        let shown = (self.n_waiting(), phase.get());
        f.debug_struct("Barrier")
            .field("parties", parties)
            .field("n_waiting", &shown.0)
            .field("phase", &shown.1)
            .finish()
    }
}
