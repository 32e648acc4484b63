//! Numbers that seem random and depend on a seed only: `SplitMix64`. Owns the generator; must not know what it decides.

use std::cell::Cell;

#[derive(Debug, Default)]
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        let mixed = (self.0.get() ^ (self.0.get() >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    #[expect(clippy::cast_possible_truncation, reason = "it is below `end`")]
    pub(crate) fn below(&self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> u64::BITS) as usize
    }

    /// True with a probability of 1 in `times`.
    pub(crate) fn one_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Puts the items into a random order.
    pub(crate) fn shuffle<T>(&self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_order_and_seeds_give_all_of_them() {
        let order = |seed| {
            let mut items = [0, 1, 2];
            Random::new(seed).shuffle(&mut items);
            items
        };
        assert_eq!(order(7), order(7));
        let orders: std::collections::HashSet<_> = (0..100).map(order).collect();
        assert_eq!(orders.len(), 6);
    }
}
