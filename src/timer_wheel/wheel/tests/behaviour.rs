//! What a timer wheel promises, one behaviour at a time.

use super::super::super::slab::Node;
use super::super::{Place, TimerKey, TimerWheel};
use super::helpers::{TICK, expire, fire, level, place};

#[test]
fn timers_fire_in_the_order_of_their_deadlines() {
    let mut wheel = TimerWheel::new(0);
    for deadline in [1 << 40, 7, 1 << 20, 8, 65, 3_000_000_000, 64, (1 << 20) + 1] {
        wheel.insert(deadline, deadline);
    }
    assert_eq!(fire(&mut wheel, u64::MAX), [7, 8, 64, 65, 1 << 20, (1 << 20) + 1, 3_000_000_000, 1 << 40]);
}

#[test]
fn timers_of_one_slot_fire_in_the_order_of_their_deadlines() {
    let mut wheel = TimerWheel::new(0);
    for late in [9, 4, 7, 4, 0, 8] {
        wheel.insert((1 << 40) + late, late);
    }
    assert_eq!(fire(&mut wheel, 1 << 41), [0, 4, 4, 7, 8, 9]);
}

#[test]
fn equal_deadlines_fire_in_the_order_they_were_set() {
    let mut wheel = TimerWheel::new(0);
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
    let mut wheel = TimerWheel::new(0);
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
    let mut wheel = TimerWheel::new(0);
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
    let mut wheel = TimerWheel::new(0);
    let keys = [1_000, 1_001, 1_002, 1_000].map(|deadline| wheel.insert(deadline, deadline));
    assert_eq!(wheel.remove(keys[1]), Some(1_001));
    assert_eq!(wheel.remove(keys[3]), Some(1_000));
    assert_eq!(fire(&mut wheel, u64::MAX), [1_000, 1_002]);
}

#[test]
fn a_stale_key_finds_nothing_after_reuse() {
    let mut wheel = TimerWheel::new(0);
    let stale = wheel.insert(10, 'a');
    assert_eq!(wheel.remove(stale), Some('a'));
    let fresh = wheel.insert(10, 'b');
    assert_eq!(fresh.index, stale.index);
    assert_eq!((wheel.deadline(stale), wheel.get_mut(stale)), (None, None));
    assert_eq!((wheel.remove(stale), wheel.len()), (None, 1));
    assert_eq!(wheel.get_mut(fresh), Some(&mut 'b'));
}

#[test]
fn a_past_deadline_is_due_at_once() {
    let mut wheel = TimerWheel::new(0);
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
    let mut wheel = TimerWheel::new(0);
    wheel.insert(2_000, 'z');
    assert!(fire(&mut wheel, 1_000).is_empty());
    wheel.insert(900, 'a');
    wheel.insert(1_001, 'b');
    assert_eq!(fire(&mut wheel, 0), ['a']);
    assert_eq!(fire(&mut wheel, u64::MAX), ['b', 'z']);
}

#[test]
fn the_farthest_deadline_never_overflows() {
    let mut wheel = TimerWheel::new(0);
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
    let mut wheel = TimerWheel::new(0);
    let key = wheel.insert(5, String::from("a"));
    assert_eq!(expire(&mut wheel, 5), [key]);
    assert!(wheel.is_empty() && wheel.next_expiry().is_none());
    assert_eq!(expire(&mut wheel, 6), [], "a timer expires once");
    wheel.get_mut(key).expect("an expired timer has its value").push('b');
    assert_eq!((wheel.deadline(key), place(&wheel, key)), (Some(5), Place::EXPIRED));
    assert_eq!(wheel.remove(key).as_deref(), Some("ab"));
    assert_eq!((wheel.remove(key), wheel.len()), (None, 0));
}

#[test]
fn next_expiry_is_never_later_than_the_earliest_deadline() {
    let mut wheel = TimerWheel::new(0);
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
    let mut wheel = TimerWheel::new(0);
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
    let mut wheel = TimerWheel::new(0);
    let slot = TICK << 12;
    let keys = [5 * TICK, 5 * TICK + 9, 6 * TICK, 600 * TICK].map(|after| wheel.insert(slot + after, ()));
    assert_eq!(keys.map(|key| level(&wheel, key)), [Some(2); 4]);
    // Time has reached the slot, but no deadline.
    assert_eq!(expire(&mut wheel, slot + 5 * TICK - 1), []);
    assert_eq!(keys.map(|key| level(&wheel, key)), [Some(2); 4]);
    assert_eq!(expire(&mut wheel, slot + 5 * TICK), keys[..1]);
    let slot_of = |key| place(&wheel, key);
    assert_eq!((slot_of(keys[0]), slot_of(keys[1])), (Place::EXPIRED, Place::DUE));
    assert_eq!((level(&wheel, keys[2]), level(&wheel, keys[3])), (Some(0), Some(1)));
}

#[test]
fn timers_set_for_an_opened_slot_fire_among_those_that_were_there() {
    let mut wheel = TimerWheel::new(0);
    let slot = 7 * TICK;
    for late in [1, 9, 5] {
        wheel.insert(slot + late, late);
    }
    wheel.insert(slot + TICK, 100);
    assert_eq!(fire(&mut wheel, slot + 1), [1]);
    for late in [7, 3, 5, 0, 9] {
        let key = wheel.insert(slot + late, 10 + late);
        assert_eq!(place(&wheel, key), Place::DUE);
    }
    assert_eq!(wheel.next_expiry(), Some(slot));
    assert_eq!(fire(&mut wheel, slot + 5), [10, 13, 5, 15]);
    assert_eq!(fire(&mut wheel, slot + TICK), [17, 9, 19, 100]);
}

#[test]
fn equal_deadlines_fire_in_the_order_they_were_set_also_in_an_opened_slot() {
    let mut wheel = TimerWheel::new(0);
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
    let mut wheel = TimerWheel::new(0);
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
    assert_eq!((wheel.remove(keys[8]), wheel.next_expiry(), wheel.due.len()), (Some(8), None, 0));
}

#[test]
fn a_stale_entry_does_not_stand_for_the_timer_that_took_its_place() {
    let mut wheel = TimerWheel::new(0);
    wheel.insert(1, 'a');
    let removed = wheel.insert(2, 'b');
    assert_eq!(wheel.remove(removed), Some('b'));
    let other = wheel.insert(3, 'c');
    assert_eq!(other.index, removed.index);
    assert_eq!((fire(&mut wheel, 2), fire(&mut wheel, 3)), (vec!['a'], vec!['c']));
}

#[test]
fn timers_of_slots_that_time_jumps_over_fire_in_order() {
    let mut wheel = TimerWheel::new(0);
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
    let mut wheel = TimerWheel::new(0);
    let first = wheel.insert(1, ());
    let live: Vec<_> = (0..100).map(|late| wheel.insert(1_000_000 + late, ())).collect();
    for late in 0..100_000 {
        let key = wheel.insert(2 + late, ());
        assert_eq!(place(&wheel, key), Place::DUE);
        wheel.remove(key);
        assert!(wheel.due.len() <= 2 * live.len() + 64, "{} entries", wheel.due.len());
    }
    assert_eq!((wheel.next_expiry(), wheel.nodes.capacity() <= 128), (Some(1), true));
    assert_eq!(expire(&mut wheel, 1_048_000), [vec![first], live].concat());
}

#[test]
fn a_wheel_without_timers_stands_at_its_time_and_has_narrow_slots_for_the_next() {
    let mut wheel = TimerWheel::new(0);
    let now = 1 << 60;
    let first = wheel.insert(now + 100 * TICK, ());
    assert_eq!((expire(&mut wheel, now), level(&wheel, first)), (vec![], Some(6)));
    wheel.remove(first);
    let next = wheel.insert(now + 100 * TICK, ());
    assert_eq!(level(&wheel, next), Some(1));
    // also if the last timer was in the due queue
    let due = wheel.insert(now, ());
    wheel.remove(next);
    assert_eq!(expire(&mut wheel, now + 50 * TICK), [due]);
    let late = wheel.insert(now + 50 * TICK, ());
    assert_eq!(place(&wheel, late), Place::DUE);
    wheel.remove(late);
    let next = wheel.insert(now + 51 * TICK, ());
    assert_eq!((level(&wheel, next), expire(&mut wheel, now + 51 * TICK)), (Some(0), vec![next]));
}

#[test]
fn a_timer_that_is_set_when_its_tick_has_begun_expires_in_that_tick() {
    let mut wheel = TimerWheel::new(0);
    let now = 5 * TICK;
    assert_eq!(expire(&mut wheel, now), []);
    let later = wheel.insert(now + 7, ());
    assert_eq!(expire(&mut wheel, now + 6), []);
    let sooner = wheel.insert(now + 6, ());
    assert_eq!(expire(&mut wheel, now + 6), [sooner]);
    assert_eq!(expire(&mut wheel, now + 7), [later]);
}

#[test]
fn memory_is_reused_after_two_million_timers() {
    let mut wheel = TimerWheel::new(0);
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
    assert_eq!((wheel.len(), wheel.nodes.count()), (64, 64));
    assert!(wheel.nodes.capacity() <= 256, "{} nodes", wheel.nodes.capacity());
}

#[test]
fn a_node_stays_small() {
    assert_eq!(size_of::<TimerKey>(), 8);
    assert_eq!(size_of::<Node<Box<u8>>>(), 32);
}
