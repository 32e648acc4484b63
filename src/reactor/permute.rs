//! The order of what a poll has found, in a loop that explores. Owns the change of it; must not know the poll.

use super::readiness::ReadyEvent;
use crate::base::Random;

/// Puts the descriptors of a poll into another order. The events of each end at one of `ends`, and stay as they are.
pub(super) fn permute<W>(random: &Random, events: &mut Vec<ReadyEvent<W>>, start: usize, ends: &[usize]) {
    let begin_of = |i: usize| if i == 0 { start } else { ends[i - 1] };
    let mut of_descriptors: Vec<_> = (0..ends.len()).rev().map(|i| events.split_off(begin_of(i))).collect();
    of_descriptors.reverse();
    random.shuffle(&mut of_descriptors);
    for mut of_one in of_descriptors {
        events.append(&mut of_one);
    }
}
