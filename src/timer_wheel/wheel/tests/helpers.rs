//! What both kinds of test do with a wheel.

use super::super::{Place, TICK_BITS, TimerKey, TimerWheel};

/// The nanoseconds of a tick.
pub(super) const TICK: u64 = 1 << TICK_BITS;

/// Expires the wheel, and returns the due timers in order.
pub(super) fn expire<T>(wheel: &mut TimerWheel<T>, now: u64) -> Vec<TimerKey> {
    let mut due = Vec::new();
    wheel.expire(now, |key, _| due.push(key));
    due
}

/// Expires the wheel, removes the due timers, and returns their values in order.
pub(super) fn fire<T>(wheel: &mut TimerWheel<T>, now: u64) -> Vec<T> {
    let due = expire(wheel, now);
    due.into_iter().map(|key| wheel.remove(key).expect("a due timer stays until it is removed")).collect()
}

pub(super) fn place<T>(wheel: &TimerWheel<T>, key: TimerKey) -> Place {
    wheel.nodes.find(key).expect("a living timer").place
}

/// The level of a timer; none if it is in no slot.
pub(super) fn level<T>(wheel: &TimerWheel<T>, key: TimerKey) -> Option<u8> {
    place(wheel, key).position().map(|position| position.level)
}
