//! What the steps of a task have to do beside the poll. Owns the list of these; must not know how any of it is done.

/// What the next steps of a task have to do beside the poll. Most tasks have nothing to do, which is the fast path of
/// every step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chores(u8);

impl Chores {
    /// The task has awaited nodes: the next step drops the pointers to them.
    pub(super) const NODES: Self = Self(1);
    /// Futures of other crates have cloned the waker: the next poll has another variant of it.
    pub(super) const VARIANTS: Self = Self(1 << 1);
    /// The task has a place in the tree of what is awaited, which its end gives up.
    pub(super) const PLACE: Self = Self(1 << 2);
    /// A cancellation went to a node instead: the end of the step looks whether the task still awaits that.
    pub(super) const HANDED_ON: Self = Self(1 << 3);
    /// `Request::Asked`: the next step delivers a cancellation.
    pub(super) const ASKED: Self = Self(1 << 4);
    /// `Request::Interrupted`, likewise.
    pub(super) const INTERRUPTED: Self = Self(1 << 5);
    /// The task has awaited several nodes in one step.
    pub(super) const SEVERAL_NODES: Self = Self(1 << 6);
    /// The task must not begin yet: a step of it does nothing.
    pub(super) const HELD: Self = Self(1 << 7);

    /// What the end of a step has to do, if the task waits then.
    pub(super) const AT_A_WAIT: Self = Self::HANDED_ON.union(Self::REQUEST);
    /// What the end of a task has to do.
    pub(super) const AT_THE_END: Self = Self::HANDED_ON.union(Self::PLACE);
    /// A cancellation is asked for, in either way.
    pub(super) const REQUEST: Self = Self::ASKED.union(Self::INTERRUPTED);

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    #[inline]
    pub(super) fn has_any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }
}
