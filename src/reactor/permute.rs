//! The order of what a poll has found, in a loop that explores. Owns the change of it; must not know the poll.

use super::readiness::ReadyEvent;
use crate::base::Random;

/// Puts the descriptors of a poll into another order. The events of each end at one of `ends`, and stay as they are.
pub(super) fn permute<W>(random: &Random, events: &mut Vec<ReadyEvent<W>>, start: usize, ends: &[usize]) {
    let mut from = start;
    let mut found = events.drain(start..);
    let mut of_descriptors = Vec::new();
    for end in ends {
        of_descriptors.push(found.by_ref().take(end - from).collect::<Vec<_>>());
        from = *end;
    }
    drop(found);
    random.shuffle(&mut of_descriptors);
    for of_one in of_descriptors {
        events.extend(of_one);
    }
}
