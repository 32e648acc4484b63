//! The number that names a task: loop, generation and slot in one word. Owns the packing; must not know what is stored
//! under a key.
//!
//! A waker is nothing but this number, so it may outlive its task and its loop and travel to any thread: a key that no
//! longer fits finds nothing. The generation is a loop-wide count of tasks, so a stale key meets a living task only if
//! its slot was reused after an exact multiple of 2^20 tasks, and what happens then is one spurious poll.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("oneloop packs a task's number into one 64-bit word: it needs a 64-bit target");

const SLOT_BITS: u32 = 28;
const GENERATION_BITS: u32 = 20;

/// Which task of which loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskKey(u64);

impl TaskKey {
    /// How many tasks can be alive on one loop.
    pub(crate) const SLOTS: usize = 1 << SLOT_BITS;

    pub(crate) fn new(number: u16, id: u64, slot: usize) -> Self {
        debug_assert!(slot < Self::SLOTS, "the task table is full");
        let generation = id & ((1 << GENERATION_BITS) - 1);
        Self(u64::from(number) << (SLOT_BITS + GENERATION_BITS) | generation << SLOT_BITS | slot as u64)
    }

    /// The word a waker carries.
    #[expect(clippy::cast_possible_truncation, reason = "a word has 64 bits, see above")]
    pub(crate) fn to_word(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn from_word(word: usize) -> Self {
        Self(word as u64)
    }

    /// Which loop the task lives on.
    pub(crate) fn number(self) -> u16 {
        (self.0 >> (SLOT_BITS + GENERATION_BITS)) as u16
    }

    pub(crate) fn slot(self) -> usize {
        (self.0 & ((1 << SLOT_BITS) - 1)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_back_what_was_packed() {
        let key = TaskKey::new(0xBEEF, 0xF_FFFF, TaskKey::SLOTS - 1);
        assert_eq!((key.number(), key.slot()), (0xBEEF, TaskKey::SLOTS - 1));
        assert_eq!(TaskKey::from_word(key.to_word()), key);
    }

    #[test]
    fn another_generation_is_another_key() {
        assert_ne!(TaskKey::new(1, 7, 3), TaskKey::new(1, 8, 3));
    }
}
