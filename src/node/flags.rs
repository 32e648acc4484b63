//! What is noted of a node in single bits. Owns the bits; must not know what sets them.

use std::cell::Cell;

/// A bit of [`Flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flag(u8);

impl Flag {
    /// The program has seen how the node ended. If not, a panic is reported when the last handle is dropped.
    pub(super) const RETRIEVED: Self = Self(1);
    /// The value was moved out. Then the last handle has nothing to drop.
    pub(super) const TAKEN: Self = Self(1 << 1);
    /// A cancellation goes on from this node: so the walk notices a cycle.
    pub(super) const VISITING: Self = Self(1 << 2);
    /// How the node ended is kept, since its state does not tell all.
    pub(super) const ENDING: Self = Self(1 << 3);
}

/// The bits of one node. None is set at first.
#[derive(Default)]
pub(super) struct Flags(Cell<u8>);

impl Flags {
    #[inline]
    pub(super) fn has(&self, flag: Flag) -> bool {
        self.0.get() & flag.0 != 0
    }

    #[inline]
    pub(super) fn set(&self, flag: Flag) {
        self.0.set(self.0.get() | flag.0);
    }

    #[inline]
    pub(super) fn unset(&self, flag: Flag) {
        self.0.set(self.0.get() & !flag.0);
    }
}
