//! Tasks that wait for each other: asyncio's `Barrier`. Owns the phase of the current round; must not know how a
//! condition waits.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::condition::Condition;
use crate::error::BrokenBarrierError;
use crate::kernel::{Leaf, What};

/// Lets a number of tasks wait until all of them have arrived, round after round: asyncio's `Barrier`. Clones are the
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
///         async move { start.wait().await.expect("it is not aborted") }
///     }))
///     .await
/// })?;
/// places.sort_unstable();
/// assert_eq!(places, [0, 1, 2]); // each task has its own number
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct Barrier {
    shared: Rc<BarrierState>,
}

/// The phase of a barrier, and all moves:
///
/// - `Filling` → `Draining` when all tasks have arrived.
/// - `Draining` → `Filling` when the last task has left.
/// - `Filling`, `Draining` or `Broken` → `Resetting` by `reset` while a task is in the barrier.
/// - `Resetting` → `Filling` when the last task has left.
/// - `Broken` → `Filling` by `reset` of an empty barrier.
/// - Any → `Broken` by `abort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Filling,
    Draining,
    Resetting,
    Broken,
}

struct BarrierState {
    /// Its lock orders arrivals and departures, as in asyncio. It protects no value, because a task that lost the lock
    /// has to leave too.
    condition: Condition,
    parties: usize,
    phase: Cell<Phase>,
    /// The number of tasks in the barrier: waiting, or about to leave.
    count: Cell<usize>,
}

impl Barrier {
    /// A barrier for `parties` tasks.
    ///
    /// # Panics
    /// If `parties` is 0.
    #[track_caller]
    pub fn new(parties: usize) -> Self {
        assert!(parties > 0, "a barrier is for one task at least; parties must be > 0");
        let (phase, count) = (Cell::new(Phase::Filling), Cell::new(0));
        Self { shared: Rc::new(BarrierState { condition: Condition::default(), parties, phase, count }) }
    }

    /// Waits until all tasks have arrived, and returns the number of this one among them, from 0. The last to arrive
    /// has the highest number and goes on at once. `index + 1 == barrier.parties()` is true for exactly one task, which
    /// may do what only one should. After a cancellation two of the other tasks may have the same number, as in
    /// asyncio.
    ///
    /// While the tasks of one round leave, those of the next wait before they arrive.
    ///
    /// # Errors
    /// [`BrokenBarrierError`] if the barrier is aborted, or reset while this waits.
    ///
    /// # Panics
    /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this barrier.
    ///
    /// # Cancel safety
    /// It is as if this task had not arrived. The barrier does not break, and the others wait for one more task.
    pub fn wait(&self) -> impl Future<Output = Result<usize, BrokenBarrierError>> + use<> {
        let Self { shared } = self.clone();
        async move { shared.wait().await }
    }

    /// Empties the barrier, also a broken one, so that it can be used again: tasks that wait in it get
    /// [`BrokenBarrierError`].
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// Does nothing if it is cancelled while it waits for the barrier's lock.
    pub fn reset(&self) -> impl Future<Output = ()> + use<> {
        let Self { shared } = self.clone();
        async move {
            let guard = shared.condition.acquire().await;
            shared.phase.set(if shared.count.get() > 0 { Phase::Resetting } else { Phase::Filling });
            shared.condition.notify_all(&guard);
        }
    }

    /// Breaks the barrier: tasks that wait in it, and all that arrive until it is reset, get [`BrokenBarrierError`].
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// Does nothing if it is cancelled while it waits for the barrier's lock.
    pub fn abort(&self) -> impl Future<Output = ()> + use<> {
        let Self { shared } = self.clone();
        async move {
            let guard = shared.condition.acquire().await;
            shared.phase.set(Phase::Broken);
            shared.condition.notify_all(&guard);
        }
    }

    /// The number of tasks that have to arrive: asyncio's `parties`.
    pub fn parties(&self) -> usize {
        self.shared.parties
    }

    /// The number of tasks that wait for the others: asyncio's `n_waiting`.
    pub fn n_waiting(&self) -> usize {
        if self.shared.phase.get() == Phase::Filling { self.shared.count.get() } else { 0 }
    }

    /// Whether it is broken: asyncio's `broken`.
    pub fn broken(&self) -> bool {
        self.shared.phase.get() == Phase::Broken
    }
}

impl BarrierState {
    async fn wait(&self) -> Result<usize, BrokenBarrierError> {
        let Self { condition, parties, phase, count } = self;
        let mut guard = condition.acquire().await;
        let may_enter = || !matches!(phase.get(), Phase::Draining | Phase::Resetting);
        while !may_enter() {
            condition.wait_as(Leaf::packed(What::Barrier, 0, *parties), &mut guard).await;
        }
        if phase.get() == Phase::Broken {
            return Err(BrokenBarrierError);
        }
        let index = count.get();
        count.set(index + 1);
        let _in_barrier = InBarrier { barrier: self };
        if index + 1 == *parties {
            phase.set(Phase::Draining);
            condition.notify_all(&guard);
            return Ok(index);
        }
        while phase.get() == Phase::Filling {
            condition
                .wait_as(Leaf::packed(What::Barrier, index + 1, parties.saturating_sub(index + 1)), &mut guard)
                .await;
        }
        match phase.get() {
            Phase::Broken | Phase::Resetting => Err(BrokenBarrierError),
            Phase::Filling | Phase::Draining => Ok(index),
        }
    }
}

/// A task is in the barrier while this lives. When the last one leaves, the next round may begin.
struct InBarrier<'a> {
    barrier: &'a BarrierState,
}

impl Drop for InBarrier<'_> {
    fn drop(&mut self) {
        let BarrierState { condition, phase, count, .. } = self.barrier;
        count.set(count.get() - 1);
        if count.get() == 0 {
            if matches!(phase.get(), Phase::Draining | Phase::Resetting) {
                phase.set(Phase::Filling);
            }
            condition.notify_all_without_lock();
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BarrierState { parties, phase, .. } = &*self.shared;
        let shown = (self.n_waiting(), phase.get());
        f.debug_struct("Barrier")
            .field("parties", parties)
            .field("n_waiting", &shown.0)
            .field("phase", &shown.1)
            .finish()
    }
}
