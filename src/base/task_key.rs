//! The number that names a task: its loop, its generation and its slot in one word. Owns the layout of the word; must
//! not know the task table.
//!
//! A waker is this number and nothing else, so it may outlive its task and its loop, and move to any thread: a stale
//! key finds no task. The generation counts the tasks of all loops that have had the number, one after another. So a
//! stale key meets another task only if that is in the same slot, of a loop with the same number, and exactly 2^24
//! tasks of such loops were created since, or a multiple of that: 16.8 million. Then that task is polled once without a
//! reason, which a future has to bear.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("oneloop packs a task's number into one 64-bit word: it needs a 64-bit target");

const SLOT_BITS: u32 = 26;
const GENERATION_BITS: u32 = 24;
/// The bits below the number of the loop.
const LOOP_SHIFT: u32 = SLOT_BITS + GENERATION_BITS;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
const GENERATION_MASK: u64 = (1 << GENERATION_BITS) - 1;

/// Names one task of one loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TaskKey(u64);

impl TaskKey {
    /// No task: a slot that is never used, as no loop has so many tasks.
    pub(crate) const NONE: Self = Self(u64::MAX);
    /// The number of tasks that can be alive on one loop: 67 million.
    pub(crate) const SLOTS: usize = 1 << SLOT_BITS;
    /// The number of loops that can be alive: 16,384.
    pub(crate) const LOOPS: usize = 1 << (u64::BITS - LOOP_SHIFT);

    /// The key of the task with this generation, in this slot of the table of loop `number`.
    ///
    /// # Panics
    /// If more tasks are alive than there are slots.
    #[inline]
    pub(crate) fn new(number: u16, generation: u64, slot: usize) -> Self {
        assert!(slot < Self::SLOTS, "67 million tasks are alive on one event loop; let some of them end");
        let generation = generation & GENERATION_MASK;
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

    /// The bits of a generation for which a key has no room: with them, all tasks of a loop can be told apart, as long
    /// as there are not more than 2^40.
    #[expect(clippy::cast_possible_truncation, reason = "2^40 tasks are not created")]
    pub(crate) fn era(generation: u64) -> u16 {
        (generation >> GENERATION_BITS) as u16
    }

    /// The number of tasks from the one with the generation `before` to the task with this key, which is of this era.
    pub(crate) fn count_since(self, era: u16, before: u64) -> u64 {
        let generation = u64::from(era) << GENERATION_BITS | self.0 >> SLOT_BITS & GENERATION_MASK;
        generation.wrapping_sub(before) & ((1 << (GENERATION_BITS + u16::BITS)) - 1)
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
        let key = TaskKey::new(0x3EEF, 0xFF_FFFF, TaskKey::SLOTS - 1);
        assert_eq!((key.number(), key.slot()), (0x3EEF, TaskKey::SLOTS - 1));
        assert_eq!(TaskKey::from_word(key.to_word()), key);
    }

    #[test]
    fn tasks_are_counted_over_eras() {
        for (before, id) in [(0, 1), (0xFF_FFFE, 3), (5, 1 << 30), ((1 << 40) - 2, 0xFF_FFFF_FFFF)] {
            let generation = before + id;
            let key = TaskKey::new(1, generation, 3);
            assert_eq!(key.count_since(TaskKey::era(generation), before), id);
        }
    }

    #[test]
    fn another_generation_is_another_key() {
        assert_ne!(TaskKey::new(1, 7, 3), TaskKey::new(1, 8, 3));
    }
}
