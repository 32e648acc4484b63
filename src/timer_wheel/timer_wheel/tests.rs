//! What a timer wheel promises, one behaviour at a time, and then all of it at random against a sorted map.

use std::collections::BTreeMap;

use super::*;

/// How many nanoseconds a tick has.
const TICK: u64 = 1 << TICK_BITS;

/// Expires the wheel: the due timers, in order.
fn expire<T>(wheel: &mut TimerWheel<T>, now: u64) -> Vec<TimerKey> {
    let mut due = Vec::new();
    wheel.expire(now, |key| due.push(key));
    due
}

/// The same, and takes them out: their values.
fn fire<T>(wheel: &mut TimerWheel<T>, now: u64) -> Vec<T> {
    let due = expire(wheel, now);
    due.into_iter().map(|key| wheel.remove(key).expect("a due timer stays until it is removed")).collect()
}

fn place<T>(wheel: &TimerWheel<T>, key: TimerKey) -> Place {
    wheel.nodes.find(key).expect("a living timer").place
}

/// What level a timer is on; none if it is in no slot.
fn level<T>(wheel: &TimerWheel<T>, key: TimerKey) -> Option<u8> {
    match place(wheel, key) {
        Place::Slot(position) => Some(position.level),
        Place::Near | Place::Expired => None,
    }
}

#[test]
fn timers_fire_in_the_order_of_their_deadlines() {
    let mut wheel = TimerWheel::new();
    for deadline in [1 << 40, 7, 1 << 20, 8, 65, 3_000_000_000, 64, (1 << 20) + 1] {
        wheel.insert(deadline, deadline);
    }
    assert_eq!(fire(&mut wheel, u64::MAX), [7, 8, 64, 65, 1 << 20, (1 << 20) + 1, 3_000_000_000, 1 << 40]);
}

#[test]
fn timers_of_one_slot_fire_in_the_order_of_their_deadlines() {
    let mut wheel = TimerWheel::new();
    for late in [9, 4, 7, 4, 0, 8] {
        wheel.insert((1 << 40) + late, late);
    }
    assert_eq!(fire(&mut wheel, 1 << 41), [0, 4, 4, 7, 8, 9]);
}

#[test]
fn equal_deadlines_fire_in_the_order_they_were_set() {
    let mut wheel = TimerWheel::new();
    let deadline = 5_000_000_000;
    // Each is set from a later time, so each would begin its life on another level.
    for (order, now) in [0, 1 << 12, 1 << 32, 4_900_000_000, 4_999_999_999].into_iter().enumerate() {
        assert!(fire(&mut wheel, now).is_empty());
        wheel.insert(deadline, order);
        wheel.insert(deadline + 1, order + 10);
        wheel.insert(deadline, order + 5);
    }
    assert_eq!(fire(&mut wheel, deadline), [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]);
    assert_eq!(fire(&mut wheel, deadline + 1), [10, 11, 12, 13, 14]);
}

#[test]
fn a_long_list_keeps_equal_deadlines_in_the_order_they_were_set() {
    let mut wheel = TimerWheel::new();
    let timers: Vec<(u64, u64)> = (0..5_000).map(|order| ((1 << 40) + order * 7 % 10, order)).collect();
    for &(deadline, order) in &timers {
        wheel.insert(deadline, (deadline, order));
    }
    let mut sorted = timers;
    sorted.sort_unstable();
    assert_eq!(fire(&mut wheel, u64::MAX), sorted);
}

#[test]
fn a_timer_fires_at_its_nanosecond_and_not_before() {
    let mut wheel = TimerWheel::new();
    let deadline = 123_456_789_012_345;
    wheel.insert(deadline, ());
    wheel.insert(deadline + 1, ());
    assert_eq!(fire(&mut wheel, deadline - 1).len(), 0);
    assert_eq!(fire(&mut wheel, deadline).len(), 1);
    assert_eq!(fire(&mut wheel, deadline).len(), 0);
    assert_eq!(fire(&mut wheel, deadline + 1).len(), 1);
}

#[test]
fn a_removed_timer_never_fires() {
    let mut wheel = TimerWheel::new();
    let keys = [1_000, 1_001, 1_002, 1_000].map(|deadline| wheel.insert(deadline, deadline));
    assert_eq!(wheel.remove(keys[1]), Some(1_001));
    assert_eq!(wheel.remove(keys[3]), Some(1_000));
    assert_eq!(fire(&mut wheel, u64::MAX), [1_000, 1_002]);
}

#[test]
fn a_stale_key_finds_nothing_after_reuse() {
    let mut wheel = TimerWheel::new();
    let stale = wheel.insert(10, 'a');
    assert_eq!(wheel.remove(stale), Some('a'));
    let fresh = wheel.insert(10, 'b');
    assert_eq!(fresh.slot, stale.slot);
    assert_eq!((wheel.deadline(stale), wheel.get_mut(stale)), (None, None));
    assert_eq!((wheel.remove(stale), wheel.len()), (None, 1));
    assert_eq!(wheel.get_mut(fresh), Some(&mut 'b'));
}

#[test]
fn a_past_deadline_is_due_at_once() {
    let mut wheel = TimerWheel::new();
    assert!(fire(&mut wheel, 1 << 30).is_empty());
    for deadline in [(1 << 30) + 1, 1 << 30, 20, 0, 20] {
        wheel.insert(deadline, deadline);
    }
    assert_eq!(wheel.next_expiry(), Some(0));
    assert_eq!(fire(&mut wheel, 1 << 30), [0, 20, 20, 1 << 30]);
    assert_eq!(fire(&mut wheel, (1 << 30) + 1), [(1 << 30) + 1]);
}

#[test]
fn time_never_goes_back() {
    let mut wheel = TimerWheel::new();
    wheel.insert(2_000, 'z');
    assert!(fire(&mut wheel, 1_000).is_empty());
    wheel.insert(900, 'a');
    wheel.insert(1_001, 'b');
    assert_eq!(fire(&mut wheel, 0), ['a']);
    assert_eq!(fire(&mut wheel, u64::MAX), ['b', 'z']);
}

#[test]
fn the_farthest_deadline_never_overflows() {
    let mut wheel = TimerWheel::new();
    let last = wheel.insert(u64::MAX, 'z');
    wheel.insert(u64::MAX - 1, 'y');
    assert_eq!(wheel.next_expiry(), Some(u64::MAX - 1));
    assert!(fire(&mut wheel, u64::MAX - 2).is_empty());
    assert_eq!(fire(&mut wheel, u64::MAX - 1), ['y']);
    assert_eq!((wheel.next_expiry(), wheel.deadline(last)), (Some(u64::MAX), Some(u64::MAX)));
    assert_eq!(fire(&mut wheel, u64::MAX), ['z']);
    wheel.insert(u64::MAX, 'a');
    wheel.insert(0, 'b');
    assert_eq!(fire(&mut wheel, u64::MAX), ['b', 'a']);
}

#[test]
fn expired_timer_can_still_be_removed() {
    let mut wheel = TimerWheel::new();
    let key = wheel.insert(5, String::from("a"));
    assert_eq!(expire(&mut wheel, 5), [key]);
    assert!(wheel.is_empty() && wheel.next_expiry().is_none());
    assert_eq!(expire(&mut wheel, 6), [], "a timer expires once");
    wheel.get_mut(key).expect("an expired timer has its value").push('b');
    assert_eq!((wheel.deadline(key), place(&wheel, key)), (Some(5), Place::Expired));
    assert_eq!(wheel.remove(key).as_deref(), Some("ab"));
    assert_eq!((wheel.remove(key), wheel.len()), (None, 0));
}

#[test]
fn next_expiry_is_never_later_than_the_earliest_deadline() {
    let mut wheel = TimerWheel::new();
    assert_eq!(wheel.next_expiry(), None);
    let far = wheel.insert(1 << 50, ());
    assert_eq!(wheel.next_expiry(), Some(1 << 50));
    let near = wheel.insert(3_000, ());
    assert_eq!(wheel.next_expiry(), Some(3_000));
    wheel.remove(near);
    assert_eq!(wheel.next_expiry(), Some(1 << 50));
    wheel.remove(far);
    assert_eq!(wheel.next_expiry(), None);
}

#[test]
fn a_removed_minimum_costs_one_round() {
    let mut wheel = TimerWheel::new();
    let first = wheel.insert(1 << 40, ());
    wheel.insert((1 << 40) + 500, ());
    wheel.remove(first);
    assert_eq!(wheel.next_expiry(), Some(1 << 40), "a removal does not search for the new minimum");
    assert!(fire(&mut wheel, 1 << 40).is_empty());
    assert_eq!(wheel.next_expiry(), Some((1 << 40) + 500));
    assert_eq!(fire(&mut wheel, (1 << 40) + 500).len(), 1);
}

#[test]
fn timers_cascade_only_when_their_slot_is_due() {
    let mut wheel = TimerWheel::new();
    let slot = TICK << 12;
    let keys = [5 * TICK, 5 * TICK + 9, 6 * TICK, 600 * TICK].map(|after| wheel.insert(slot + after, ()));
    assert_eq!(keys.map(|key| level(&wheel, key)), [Some(2); 4]);
    // Time has reached the slot, but no deadline.
    assert_eq!(expire(&mut wheel, slot + 5 * TICK - 1), []);
    assert_eq!(keys.map(|key| level(&wheel, key)), [Some(2); 4]);
    assert_eq!(expire(&mut wheel, slot + 5 * TICK), keys[..1]);
    let slot_of = |key| place(&wheel, key);
    assert_eq!((slot_of(keys[0]), slot_of(keys[1])), (Place::Expired, Place::Near));
    assert_eq!((level(&wheel, keys[2]), level(&wheel, keys[3])), (Some(0), Some(1)));
}

#[test]
fn timers_set_for_an_opened_slot_fire_among_those_that_were_there() {
    let mut wheel = TimerWheel::new();
    let slot = 7 * TICK;
    for late in [1, 9, 5] {
        wheel.insert(slot + late, late);
    }
    wheel.insert(slot + TICK, 100);
    assert_eq!(fire(&mut wheel, slot + 1), [1]);
    for late in [7, 3, 5, 0, 9] {
        let key = wheel.insert(slot + late, 10 + late);
        assert_eq!(place(&wheel, key), Place::Near);
    }
    assert_eq!(wheel.next_expiry(), Some(slot));
    assert_eq!(fire(&mut wheel, slot + 5), [10, 13, 5, 15]);
    assert_eq!(fire(&mut wheel, slot + TICK), [17, 9, 19, 100]);
}

#[test]
fn equal_deadlines_fire_in_the_order_they_were_set_also_in_an_opened_slot() {
    let mut wheel = TimerWheel::new();
    let deadline = (TICK << 6) + 1;
    wheel.insert(deadline - 1, 0);
    for order in 1..4 {
        wheel.insert(deadline, order); // on level 1
    }
    assert!(fire(&mut wheel, deadline - 2).is_empty());
    wheel.insert(deadline, 4); // in the same slot, as that has not been opened
    assert_eq!(fire(&mut wheel, deadline - 1), [0]);
    wheel.insert(deadline, 5);
    wheel.insert(deadline, 6);
    assert_eq!(fire(&mut wheel, deadline), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_timer_of_an_opened_slot_can_be_removed_and_next_expiry_stays_exact() {
    let mut wheel = TimerWheel::new();
    let slot = 3 * TICK;
    let mut keys: Vec<_> = (0..6).map(|late| wheel.insert(slot + late, late)).collect();
    assert_eq!(fire(&mut wheel, slot), [0]);
    keys.extend((6..9).map(|late| wheel.insert(slot + late, late)));
    for late in [2, 7, 3, 1] {
        assert_eq!(wheel.remove(keys[late]), u64::try_from(late).ok());
        assert_eq!(wheel.remove(keys[late]), None);
    }
    assert_eq!((wheel.next_expiry(), wheel.len()), (Some(slot + 4), 4));
    assert_eq!(fire(&mut wheel, slot + 5), [4, 5]);
    assert_eq!(wheel.next_expiry(), Some(slot + 6));
    assert_eq!((wheel.remove(keys[6]), wheel.next_expiry()), (Some(6), Some(slot + 8)));
    assert_eq!((wheel.remove(keys[8]), wheel.next_expiry(), wheel.near.len()), (Some(8), None, 0));
}

#[test]
fn a_stale_entry_does_not_stand_for_the_timer_that_took_its_place() {
    let mut wheel = TimerWheel::new();
    wheel.insert(1, 'a');
    let removed = wheel.insert(2, 'b');
    assert_eq!(wheel.remove(removed), Some('b'));
    let other = wheel.insert(3, 'c');
    assert_eq!(other.slot, removed.slot);
    assert_eq!((fire(&mut wheel, 2), fire(&mut wheel, 3)), (vec!['a'], vec!['c']));
}

#[test]
fn timers_of_slots_that_time_jumps_over_fire_in_order() {
    let mut wheel = TimerWheel::new();
    let mut deadlines: Vec<_> = (0..40).map(|n| (n * 17 % 40) * (n + 1) * TICK / 3 + n).collect();
    for &deadline in &deadlines {
        wheel.insert(deadline, deadline);
    }
    deadlines.sort_unstable();
    let (first, second) = deadlines.split_at(25);
    assert_eq!(fire(&mut wheel, first[24]), first);
    assert_eq!(fire(&mut wheel, u64::MAX), second);
}

#[test]
fn timers_that_are_set_and_removed_while_time_stands_still_take_no_memory() {
    let mut wheel = TimerWheel::new();
    let first = wheel.insert(1, ());
    let live: Vec<_> = (0..100).map(|late| wheel.insert(1_000_000 + late, ())).collect();
    for late in 0..100_000 {
        let key = wheel.insert(2 + late, ());
        assert_eq!(place(&wheel, key), Place::Near);
        wheel.remove(key);
        assert!(wheel.near.len() <= 2 * live.len() + 64, "{} entries", wheel.near.len());
    }
    assert_eq!((wheel.next_expiry(), wheel.nodes.capacity() <= 128), (Some(1), true));
    assert_eq!(expire(&mut wheel, 1_048_000), [vec![first], live].concat());
}

#[test]
fn memory_is_reused_after_two_million_timers() {
    let mut wheel = TimerWheel::new();
    let mut keys = [None; 64];
    for count in 0..2_000_000_u64 {
        let turn = usize::try_from(count).expect("a small number") % keys.len();
        let key = wheel.insert(count * 100 + 1_000_000_000, count);
        if let Some(old) = keys[turn].replace(key) {
            assert_eq!(wheel.remove(old), Some(count - 64));
        }
        if turn == 0 {
            assert_eq!(expire(&mut wheel, count * 100), []);
        }
    }
    assert_eq!((wheel.len(), wheel.nodes.len()), (64, 64));
    assert!(wheel.nodes.capacity() <= 256, "{} nodes", wheel.nodes.capacity());
}

#[test]
fn a_node_stays_small() {
    assert_eq!(size_of::<TimerKey>(), 8);
    assert_eq!(size_of::<Node<Box<u8>>>(), 32);
}

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

    /// The same for a number of bits.
    fn small(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(bound as usize)).expect("a small number")
    }

    /// A span of at most 2^`bits` ns, each magnitude as likely as the next: from nanoseconds to centuries.
    fn span(&mut self, bits: u32) -> u64 {
        let shift = 64 - bits + self.small(bits);
        self.next() >> shift
    }
}

/// A wheel, and next to it what it should hold. A timer's value is its sequence number.
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
            wheel: TimerWheel::new(),
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
        assert_eq!(self.wheel.len(), self.armed.len());
        assert_eq!(self.wheel.nodes.len(), self.living.len());
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

    /// Expires both and compares, then removes some of the expired timers; gives how many were due.
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

    /// Goes where `next_expiry` says, until a timer is due.
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
        assert!(self.wheel.nodes.len() == 0 && self.wheel.occupied == 0 && self.wheel.near.is_empty());
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
