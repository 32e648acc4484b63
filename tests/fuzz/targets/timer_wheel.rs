//! The timer wheel does what a sorted map does. It is not public, and knows nothing of the crate, so its files are a
//! part of this program.
#![no_main]

#[expect(dead_code, reason = "what only the loop needs")]
#[path = "../../../src/timer_wheel/mod.rs"]
mod timer_wheel;

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use timer_wheel::{TimerKey, TimerWheel};

/// A span of any magnitude: a number below 256, times a power of two.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Span(u8, u8);

impl Span {
    fn nanos(self) -> u64 {
        u64::from(self.0) << (self.1 % 56)
    }
}

#[derive(Arbitrary, Debug)]
enum Op {
    /// A timer so long after now.
    Insert(Span),
    /// A timer that is due already.
    InsertLate(Span),
    /// A timer with the deadline of another.
    InsertLike(u8),
    Remove(u8),
    RemoveStale,
    Expire(Span),
    ExpireAtTheNext,
}

#[derive(Default)]
struct Model {
    /// The timers that have not expired, by deadline and number.
    armed: BTreeMap<(u64, u64), TimerKey>,
    /// All that were not removed.
    living: Vec<(u64, u64, TimerKey)>,
    stale: Option<TimerKey>,
    now: u64,
    count: u64,
}

impl Model {
    fn insert(&mut self, wheel: &mut TimerWheel<u64>, deadline: u64) {
        self.count += 1;
        let key = wheel.insert(deadline, self.count);
        self.armed.insert((deadline, self.count), key);
        self.living.push((deadline, self.count, key));
    }

    fn remove(&mut self, wheel: &mut TimerWheel<u64>, which: u8) {
        if !self.living.is_empty() {
            let (deadline, number, key) = self.living.swap_remove(usize::from(which) % self.living.len());
            assert_eq!(wheel.get_mut(key), Some(&mut number.clone()));
            assert_eq!(wheel.remove(key), Some(number));
            self.armed.remove(&(deadline, number));
            self.stale = Some(key);
        }
    }

    fn expire(&mut self, wheel: &mut TimerWheel<u64>, now: u64) {
        self.now = self.now.max(now);
        let (mut expired, mut wanted) = (Vec::new(), Vec::new());
        wheel.expire(now, |key| expired.push(key));
        while let Some(first) = self.armed.first_entry()
            && first.key().0 <= self.now
        {
            wanted.push(first.remove());
        }
        assert_eq!(expired, wanted, "at {}", self.now);
    }
}

fuzz_target!(|ops: Vec<Op>| {
    let (mut wheel, mut model) = (TimerWheel::new(0), Model::default());
    for op in ops {
        match op {
            Op::Insert(span) => model.insert(&mut wheel, model.now.saturating_add(span.nanos())),
            Op::InsertLate(span) => model.insert(&mut wheel, model.now.saturating_sub(span.nanos())),
            Op::InsertLike(which) if !model.living.is_empty() => {
                model.insert(&mut wheel, model.living[usize::from(which) % model.living.len()].0);
            }
            Op::InsertLike(_) => {}
            Op::Remove(which) => model.remove(&mut wheel, which),
            Op::RemoveStale => {
                if let Some(key) = model.stale {
                    assert_eq!(wheel.get_mut(key), None);
                    assert_eq!(wheel.remove(key), None);
                }
            }
            Op::Expire(span) => model.expire(&mut wheel, model.now.saturating_add(span.nanos())),
            Op::ExpireAtTheNext => {
                if let Some(next) = wheel.next_expiry() {
                    model.expire(&mut wheel, next);
                }
            }
        }
        let earliest = model.armed.first_key_value().map(|((deadline, _), _)| *deadline);
        assert!(wheel.next_expiry() <= earliest && wheel.next_expiry().is_some() == earliest.is_some());
        assert_eq!(wheel.is_empty(), model.armed.is_empty());
    }
    let mut left: Vec<u64> = wheel.into_values().collect();
    left.sort_unstable();
    let mut living: Vec<u64> = model.living.iter().map(|(_, number, _)| *number).collect();
    living.sort_unstable();
    assert_eq!(left, living);
});
