//! When which steps were taken, as far as it is known without being asked at each step. Owns the notes, and how old
//! ones are thinned out; must not know who waits.
//!
//! A note says: all steps up to this number were taken before this time. It is made when the loop polls, which costs a
//! system call anyway, and only if a step was taken since the note before. So a task that knows the number of its last
//! step can be told how long ago that was, at least.

use std::cell::{Cell, RefCell};

use crate::base::FACTS;

/// How many notes there are at most.
const MOST: usize = 128;
/// Notes that follow each other in a shorter time, in nanoseconds, are one.
const FINEST: u64 = 10_000_000;
/// Old notes are a half of their age apart, or less: so two thirds of the room are enough for a day.
const FRACTION: u64 = 2;
/// Numbers that are further apart than this, which is half of all, say nothing of which is the earlier one.
const FARTHEST: u32 = u32::MAX / 2;

#[derive(Clone, Copy, Debug, Default)]
struct Note {
    /// The number of the last step, and that of the last step inside another: see `RunningStep`.
    steps: Steps,
    /// The time of the loop's clock.
    at: u64,
}

impl Note {
    /// Whether the numbers say that this is not older.
    fn is_told_apart_from(&self, other: &Self) -> bool {
        is_in_order(other.steps.last, self.steps.last)
    }
}

/// How far a loop has come with its steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) last: u32,
    pub(crate) nested: u32,
}

impl Steps {
    /// How many numbers the step with this number is before these; `None` if it comes after them.
    fn since(self, step: u32) -> Option<u32> {
        let last = if is_nested(step) { self.nested } else { self.last };
        Some(last.wrapping_sub(step)).filter(|distance| *distance <= FARTHEST)
    }
}

/// Whether the number is that of a step inside another: see `RunningStep`.
pub(super) fn is_nested(step: u32) -> bool {
    step.is_multiple_of(4)
}

/// Whether the first step is not after the second, as far as the numbers say.
pub(super) fn is_in_order(first: u32, second: u32) -> bool {
    second.wrapping_sub(first) <= FARTHEST
}

/// The notes of a loop.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// The newest note; the numbers of its steps are 0 before the first. (Apart, as most often one is looked at.)
    newest: Cell<Steps>,
    newest_at: Cell<u64>,
    /// The time of the note before it, plus `FINEST`: until then, the newest is written over.
    until: Cell<u64>,
    /// Those before, oldest first.
    older: RefCell<Vec<Note>>,
}

impl Journal {
    /// Notes that the loop has come so far by the time that `now` tells.
    #[inline]
    pub(crate) fn note(&self, steps: Steps, now: impl FnOnce() -> u64) {
        if !FACTS || self.newest.get() == steps {
            return;
        }
        let at = now();
        if at >= self.until.get() {
            self.keep(self.newest());
        }
        self.newest.set(steps);
        self.newest_at.set(at);
    }

    fn newest(&self) -> Note {
        Note { steps: self.newest.get(), at: self.newest_at.get() }
    }

    /// Puts a note behind the older ones.
    #[inline(never)]
    fn keep(&self, note: Note) {
        if note.steps == Steps::default() {
            return;
        }
        let older = &mut *self.older.borrow_mut();
        older.reserve_exact(MOST + 1 - older.len()); // once for all
        older.push(note);
        if older.len() > MOST || older.first().is_some_and(|oldest| !note.is_told_apart_from(oldest)) {
            thin_out(older, note.at);
        }
        self.until.set(note.at.saturating_add(FINEST));
    }

    /// The time before which the step with this number was taken, if it is known of any.
    pub(crate) fn taken_before(&self, step: u32) -> Option<u64> {
        let newest = self.newest();
        if step == 0 || newest.steps == Steps::default() {
            return None; // the task has taken no step yet, or nothing was noted
        }
        let distance = newest.steps.since(step)?;
        let is_before = |note: &Note| note.steps.since(step).is_none_or(|other| other > distance);
        let older = self.older.borrow();
        let note = older.get(older.partition_point(is_before));
        Some(note.map_or(newest.at, |note| note.at))
    }
}

/// Makes room: drops a note if the one before it and the one after it are near each other for their age. So two
/// neighbours are never further apart than that, unless the loop has waited as long; and of three, the outer two are.
fn thin_out(notes: &mut Vec<Note>, now: u64) {
    let Some(last) = notes.len().checked_sub(1) else { return };
    let newest = notes[last];
    let mut begin = last; // those that are kept are from here on
    for place in (0..last).rev() {
        let (note, newer) = (notes[place], notes[begin]);
        let near = (now.saturating_sub(newer.at) / FRACTION).max(FINEST);
        let older = place.checked_sub(1).map(|before| notes[before]);
        let is_needed = older.is_none_or(|older| newer.at.saturating_sub(older.at) > near);
        if is_needed && newest.is_told_apart_from(&note) {
            begin -= 1;
            notes[begin] = note;
        }
    }
    let spare = (notes.len() - begin).saturating_sub(MOST / 4 * 3); // of a loop of many days
    notes.drain(..begin + spare);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn steps(count: u32) -> Steps {
        Steps { last: 4 * count + 1, nested: 0 }
    }

    fn age(journal: &Journal, count: u32, now: u64) -> Option<u64> {
        journal.taken_before(4 * count + 1).map(|at| now - at)
    }

    #[test]
    fn a_step_was_taken_before_the_next_note() {
        let journal = Journal::default();
        for (count, at) in [(3, SECOND), (8, 5 * SECOND), (9, 7 * SECOND)] {
            journal.note(steps(count), || at);
        }
        let ages: Vec<_> = [1, 3, 4, 8, 9, 10].map(|count| age(&journal, count, 10 * SECOND)).into();
        let expected = [Some(9), Some(9), Some(5), Some(5), Some(3), None];
        assert_eq!(ages, expected.map(|age| age.map(|seconds| seconds * SECOND)));
    }

    #[test]
    fn before_the_first_note_nothing_is_known() {
        assert_eq!(age(&Journal::default(), 1 << 29, SECOND), None);
    }

    #[test]
    fn without_a_step_nothing_is_noted_and_no_clock_is_read() {
        let journal = Journal::default();
        journal.note(steps(1), || SECOND);
        journal.note(steps(1), || panic!("the clock is read"));
        assert_eq!(age(&journal, 1, 2 * SECOND), Some(SECOND));
    }

    #[test]
    fn notes_are_never_wrong_by_more_than_a_part_of_their_age_and_never_too_many() {
        let journal = Journal::default();
        let mut now = 0;
        let mut times = Vec::new();
        for count in 1..20_000_u32 {
            now += u64::from(count % 997) * SECOND / 1_000;
            journal.note(steps(count), || now);
            times.push(now);
            assert!(journal.older.borrow().len() <= MOST);
        }
        for (count, taken) in (1..20_000_u32).zip(times) {
            let (told, truth) = (age(&journal, count, now).expect("it is noted"), now - taken);
            assert!(told <= truth && truth - told <= truth / 2 + 2 * SECOND, "{count}: {told} of {truth}");
        }
    }

    #[test]
    fn numbers_that_have_begun_again_do_not_make_a_wait_longer_than_it_is() {
        let journal = Journal::default();
        let mut now = 0;
        for round in 0..600_u32 {
            now += SECOND;
            let last = round.wrapping_mul(1 << 24).wrapping_mul(4) | 1;
            journal.note(Steps { last, nested: 0 }, || now);
            let told = journal.taken_before(last).map(|at| now - at);
            assert_eq!(told, Some(0), "{round}");
        }
    }

    #[test]
    fn a_step_inside_another_is_told_by_its_own_numbers() {
        let journal = Journal::default();
        journal.note(Steps { last: 5, nested: 8 }, || SECOND);
        journal.note(Steps { last: 9, nested: 16 }, || 4 * SECOND);
        assert_eq!(
            [8, 12, 16, 20].map(|step| journal.taken_before(step)),
            [Some(SECOND), Some(4 * SECOND), Some(4 * SECOND), None]
        );
    }
}
