//! Which methods of an observer are called: not those that it leaves as they are. Owns the sets of methods; must not
//! know what a method is told.

/// Some of the methods of [`Observer`](super::Observer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Methods(u16);

impl Methods {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const CREATED: Self = Self(1);
    pub(crate) const STEP_BEGAN: Self = Self(1 << 1);
    pub(crate) const STEP_ENDED: Self = Self(1 << 2);
    pub(crate) const PARKED: Self = Self(1 << 3);
    pub(crate) const WOKEN: Self = Self(1 << 4);
    pub(crate) const CANCELLED: Self = Self(1 << 5);
    pub(crate) const ENDED: Self = Self(1 << 6);
    pub(crate) const CALLBACK_BEGAN: Self = Self(1 << 7);
    pub(crate) const CALLBACK_ENDED: Self = Self(1 << 8);
    pub(crate) const TIMER_FIRED: Self = Self(1 << 9);
    pub(crate) const POLL_BEGAN: Self = Self(1 << 10);
    pub(crate) const POLL_ENDED: Self = Self(1 << 11);
    pub(crate) const BATCH_BEGAN: Self = Self(1 << 12);
    /// None of an observer: the loop itself does something before each iteration.
    pub(crate) const OF_THE_LOOP: Self = Self(1 << 13);
    /// All of an observer.
    pub(crate) const ALL: Self = Self((1 << 13) - 1);

    /// What the ready queue is searched for.
    pub(crate) const OF_QUEUED: Self = Self::CREATED.union(Self::WOKEN);
    /// What is looked for, done or told before an iteration and its batch.
    pub(crate) const OF_AN_ITERATION: Self = Self::OF_QUEUED.union(Self::BATCH_BEGAN).union(Self::OF_THE_LOOP);
    /// What is told of every step of a task.
    pub(crate) const OF_A_STEP: Self =
        Self::OF_QUEUED.union(Self::STEP_BEGAN).union(Self::STEP_ENDED).union(Self::PARKED);
    /// What may be told when a callback or the turn of a primitive runs.
    pub(crate) const OF_A_CALLBACK: Self = Self::OF_QUEUED.union(Self::CALLBACK_BEGAN).union(Self::CALLBACK_ENDED);
    /// What may be told when the entry of a timer is reached.
    pub(crate) const OF_A_TIMER: Self = Self::OF_A_CALLBACK.union(Self::TIMER_FIRED);
    /// What may be told of an eager task that ends in its first step.
    pub(crate) const OF_EAGER_ENDED: Self =
        Self::CREATED.union(Self::STEP_BEGAN).union(Self::STEP_ENDED).union(Self::ENDED);
    /// What may be told of one that does not, and so may be queued in the same entry.
    pub(crate) const OF_EAGER_PARKED: Self = Self::OF_A_STEP;

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether any of `others` is among these.
    #[inline]
    pub(crate) const fn has_any_of(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}
