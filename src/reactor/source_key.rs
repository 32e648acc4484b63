//! The name of one registration. Owns its layout as a token of the poll; must not know what is registered.

use mio::Token;

/// Names one registration. A key of an earlier registration finds nothing, even if the slot or the number of the
/// descriptor is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// In place of a generation: that of the owner. No generation has the highest bit.
const OWNERS: u32 = u32::MAX;

impl SourceKey {
    /// The key by which the owner of a registration names it: as that is there until its owner removes it, the slot is
    /// enough.
    #[inline]
    pub(crate) fn of_owner(slot: u32) -> Self {
        Self { slot, generation: OWNERS }
    }

    /// Whether it names the registration in its slot.
    #[inline]
    pub(super) fn names(self, generation: u32) -> bool {
        self.generation == generation || self.generation == OWNERS
    }

    /// No other descriptor of the loop has it meanwhile.
    pub(crate) fn slot(self) -> u32 {
        self.slot
    }

    /// A number for those who look inside, which is not 0. No other descriptor of the loop has it meanwhile.
    pub(crate) fn label(self) -> u32 {
        self.slot + 1
    }

    pub(super) fn token(self) -> Token {
        Token((self.generation as usize) << 32 | self.slot as usize)
    }

    #[expect(clippy::cast_possible_truncation, reason = "each half of the token is 32 bits wide")]
    pub(super) fn of(token: Token) -> Self {
        Self { slot: token.0 as u32, generation: (token.0 >> 32) as u32 }
    }
}
