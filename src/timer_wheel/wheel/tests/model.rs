//! Random operations on a timer wheel, against a sorted map.

use std::collections::BTreeMap;

use super::super::{TICK_BITS, TimerKey, TimerWheel};
use super::helpers::expire;

/// Xorshift: the same numbers on every machine.
struct Random(u64);

impl Random {
    /// Any number but 0.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a small number");
        usize::try_from((self.next() >> 16) % bound).expect("a small number")
    }

    /// A number of bits below `bound`.
    fn small(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(bound as usize)).expect("a small number")
    }

    /// A span of at most 2^`bits` ns, each magnitude as likely as the next: from nanoseconds to centuries.
    fn span(&mut self, bits: u32) -> u64 {
        let shift = 64 - bits + self.small(bits);
        self.next() >> shift
    }
}

/// A wheel, and beside it what it should hold. A timer's value is its sequence number.
struct Model {
    random: Random,
    wheel: TimerWheel<u64>,
    /// The armed timers by deadline and sequence number.
    armed: BTreeMap<(u64, u64), TimerKey>,
    /// All timers that were not removed, armed or expired.
    living: Vec<(u64, u64, TimerKey)>,
    /// The key that was removed last.
    stale: Option<TimerKey>,
    now: u64,
    sequence: u64,
    /// How far ahead a deadline may be, and how far time moves at once, as powers of two of nanoseconds.
    horizon: u32,
    pace: u32,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let horizon = 6 + random.small(58);
        let pace = 1 + random.small(horizon);
        Self {
            random,
            wheel: TimerWheel::new(0),
            armed: BTreeMap::new(),
            living: Vec::new(),
            stale: None,
            now: 0,
            sequence: 0,
            horizon,
            pace,
        }
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..50 => self.insert(),
            50..75 => self.remove(),
            75..80 => self.check_stale(),
            80..83 if self.earliest().is_some_and(|earliest| self.is_near(earliest)) => self.jump_to_the_earliest(),
            _ => self.expire(),
        }
        self.check_next_expiry();
        if self.random.below(4) == 0 {
            assert_eq!(self.wheel.next_deadline(), self.armed.first_key_value().map(|(&(earliest, _), _)| earliest));
        }
        assert_eq!(self.wheel.len(), self.armed.len());
        assert_eq!(self.wheel.nodes.count(), self.living.len());
    }

    fn insert(&mut self) {
        let deadline = match self.random.below(20) {
            0..5 if !self.living.is_empty() => self.living[self.random.below(self.living.len())].0,
            5 => self.now.saturating_sub(self.random.span(self.horizon)),
            6 => u64::MAX - self.random.span(10),
            7..10 => self.now.saturating_add(self.random.span(8)),
            10..13 => self.now.saturating_add(self.random.span(TICK_BITS + 2)),
            _ => self.now.saturating_add(self.random.span(self.horizon)),
        };
        self.sequence += 1;
        let key = self.wheel.insert(deadline, self.sequence);
        self.armed.insert((deadline, self.sequence), key);
        self.living.push((deadline, self.sequence, key));
    }

    fn remove(&mut self) {
        if self.living.is_empty() {
            return;
        }
        let (deadline, sequence, key) = self.living.swap_remove(self.random.below(self.living.len()));
        assert_eq!(self.wheel.deadline(key), Some(deadline));
        assert_eq!(self.wheel.get_mut(key), Some(&mut sequence.clone()));
        assert_eq!(self.wheel.remove(key), Some(sequence));
        self.armed.remove(&(deadline, sequence));
        self.stale = Some(key);
    }

    fn check_stale(&mut self) {
        if let Some(key) = self.stale {
            assert_eq!((self.wheel.deadline(key), self.wheel.get_mut(key)), (None, None));
            assert_eq!(self.wheel.remove(key), None);
        }
    }

    fn check_next_expiry(&self) {
        match (self.wheel.next_expiry(), self.armed.first_key_value()) {
            (Some(next), Some((&(earliest, _), _))) => assert!(next <= earliest, "{next} is after {earliest}"),
            (next, earliest) => assert!(next.is_none() && earliest.is_none(), "{next:?} for {earliest:?}"),
        }
    }

    fn expire(&mut self) {
        let now = match self.random.below(10) {
            0 => self.now.saturating_sub(self.random.span(self.pace)),
            1 => self.earliest().filter(|&earliest| self.is_near(earliest)).map_or(0, |earliest| earliest - 1),
            2..4 => self.now.saturating_add(self.random.span(8)),
            4 => self.now.saturating_add(self.random.span(TICK_BITS + 1).min(1 << self.pace)),
            _ => self.now.saturating_add(self.random.span(self.pace)),
        };
        self.expire_at(now);
    }

    fn earliest(&self) -> Option<u64> {
        self.armed.first_key_value().map(|(&(deadline, _), _)| deadline)
    }

    fn is_near(&self, deadline: u64) -> bool {
        deadline > self.now && (deadline - self.now) >> self.pace == 0
    }

    /// Expires both and compares, then removes some of the expired timers. Returns the number of due timers.
    fn expire_at(&mut self, now: u64) -> usize {
        self.now = self.now.max(now);
        let due = expire(&mut self.wheel, now);
        let mut expected = Vec::new();
        while let Some(first) = self.armed.first_entry()
            && first.key().0 <= self.now
        {
            expected.push(first.remove());
        }
        assert_eq!(due, expected, "at {}", self.now);
        for _ in &due {
            self.remove_expired();
        }
        due.len()
    }

    fn remove_expired(&mut self) {
        let index = self.random.below(self.living.len());
        let (deadline, sequence, key) = self.living[index];
        if deadline <= self.now && !self.armed.contains_key(&(deadline, sequence)) {
            self.living.swap_remove(index);
            assert_eq!(self.wheel.remove(key), Some(sequence));
        }
    }

    /// Moves to the time that `next_expiry` returns, until a timer is due.
    fn jump_to_the_earliest(&mut self) {
        let fired = (0..2).any(|_| {
            let next = self.wheel.next_expiry().expect("a timer is armed");
            self.expire_at(next) > 0
        });
        assert!(fired, "two rounds reached no timer: at {}", self.now);
    }

    /// Ends all timers at their time.
    fn finish(&mut self) {
        while !self.armed.is_empty() {
            self.jump_to_the_earliest();
            self.check_next_expiry();
        }
        while !self.living.is_empty() {
            self.remove();
        }
        assert!(self.wheel.nodes.count() == 0 && self.wheel.occupied == 0 && self.wheel.due.is_empty());
    }
}

#[test]
fn random_timers_fire_as_from_a_sorted_map() {
    let (models, steps) = if cfg!(debug_assertions) { (100, 3_000) } else { (500, 10_000) };
    for seed in 1..=models {
        let mut model = Model::new(seed);
        for _ in 0..steps {
            model.step();
        }
        model.finish();
    }
}
