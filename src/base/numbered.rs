//! Values under numbers that grow. Owns the list; must not know where the numbers come from.

/// A list of values, each under a number that is larger than all before it, with cheap removal from anywhere.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    /// In the order of the numbers. A value that was removed is `None`, until there are more of these than of the
    /// others: so removing one costs no more than finding it, on average.
    members: Vec<(u64, Option<T>)>,
    /// The number of removed values in `members`.
    removed: usize,
}

/// How many times as much memory as the values take is kept for more of them.
const SPARE: usize = 4;

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { members: Vec::new(), removed: 0 }
    }
}

impl<T> Numbered<T> {
    pub(crate) fn push(&mut self, number: u64, value: T) {
        debug_assert!(self.members.last().is_none_or(|(last, _)| *last < number), "the numbers grow");
        self.members.push((number, Some(value)));
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let value = self.find(number).and_then(|i| self.members[i].1.take())?;
        self.removed += 1;
        if self.removed > self.members.len() / 2 {
            self.close_ranks();
        }
        Some(value)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        self.find(number).and_then(|i| self.members[i].1.as_mut())
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len() - self.removed
    }

    /// The values in the order of their numbers.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.members.iter().filter_map(|(_, value)| value.as_ref())
    }

    /// The values in the order of their numbers, each with its number.
    pub(crate) fn into_members(self) -> impl Iterator<Item = (u64, T)> {
        self.members.into_iter().filter_map(|(number, value)| Some((number, value?)))
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.members.binary_search_by_key(&number, |(n, _)| *n).ok()
    }

    fn close_ranks(&mut self) {
        self.members.retain(|(_, value)| value.is_some());
        self.removed = 0;
        if self.members.len() < self.members.capacity() / SPARE {
            self.members.shrink_to(self.members.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Operation {
        Push,
        Remove(u64),
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![Just(Operation::Push), (0..40_u64).prop_map(Operation::Remove)]
    }

    proptest! {
        /// Against a sorted map.
        #[test]
        fn it_is_a_map_in_the_order_of_the_numbers(operations in prop::collection::vec(operation(), 0..80)) {
            let (mut numbered, mut model) = (Numbered::default(), std::collections::BTreeMap::new());
            for (number, operation) in (0_u64..).zip(operations) {
                match operation {
                    Operation::Push => {
                        numbered.push(number, number);
                        model.insert(number, number);
                    }
                    Operation::Remove(number) => prop_assert_eq!(numbered.remove(number), model.remove(&number)),
                }
                prop_assert_eq!(numbered.get_mut(number / 2), model.get_mut(&(number / 2)));
                prop_assert_eq!(numbered.len(), model.len());
                prop_assert!(numbered.values().eq(model.values()));
            }
            prop_assert!(numbered.into_members().eq(model));
        }
    }

    #[test]
    fn what_was_removed_takes_no_room() {
        let mut numbered = Numbered::default();
        (0..1_000).for_each(|number| numbered.push(number, number));
        (1..1_000).for_each(|number| assert_eq!(numbered.remove(number), Some(number)));
        assert!(numbered.members.capacity() <= SPARE * 2, "{}", numbered.members.capacity());
    }
}
