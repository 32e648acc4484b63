//! The number that names a task: its loop, its generation and its slot in one word. Owns the layout of the word; must
//! not know the task table.
//!
//! A waker is this number and nothing else, so it may outlive its task and its loop, and move to any thread: a stale
//! key finds no task. The generation is the loop's count of tasks, so a stale key meets another task only if its slot
//! was reused after an exact multiple of 2^20 tasks. Then that task is polled once without a reason.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("oneloop packs a task's number into one 64-bit word: it needs a 64-bit target");

const SLOT_BITS: u32 = 28;
const GENERATION_BITS: u32 = 20;
/// The bits below the number of the loop.
const LOOP_SHIFT: u32 = SLOT_BITS + GENERATION_BITS;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
const GENERATION_MASK: u64 = (1 << GENERATION_BITS) - 1;

/// Names one task of one loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskKey(u64);

impl TaskKey {
    /// The number of tasks that can be alive on one loop.
    pub(crate) const SLOTS: usize = 1 << SLOT_BITS;

    /// The key of the task with this id, in this slot of the table of loop `number`.
    pub(crate) fn new(number: u16, id: u64, slot: usize) -> Self {
        debug_assert!(slot < Self::SLOTS, "the task table is full");
        let generation = id & GENERATION_MASK;
        Self(u64::from(number) << LOOP_SHIFT | generation << SLOT_BITS | slot as u64)
    }

    /// The word that a waker carries.
    #[expect(clippy::cast_possible_truncation, reason = "a word has 64 bits: see the compile_error above")]
    pub(crate) fn to_word(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn from_word(word: usize) -> Self {
        Self(word as u64)
    }

    /// The number of the task's loop.
    pub(crate) fn number(self) -> u16 {
        (self.0 >> LOOP_SHIFT) as u16
    }

    /// The task's slot in the table of its loop.
    pub(crate) fn slot(self) -> usize {
        (self.0 & SLOT_MASK) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_returns_what_was_packed() {
        let key = TaskKey::new(0xBEEF, 0xF_FFFF, TaskKey::SLOTS - 1);
        assert_eq!((key.number(), key.slot()), (0xBEEF, TaskKey::SLOTS - 1));
        assert_eq!(TaskKey::from_word(key.to_word()), key);
    }

    #[test]
    fn another_generation_is_another_key() {
        assert_ne!(TaskKey::new(1, 7, 3), TaskKey::new(1, 8, 3));
    }
}
