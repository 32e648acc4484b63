//! A sort by a number. Owns the order; must not know the values.

use std::collections::BinaryHeap;

/// The values in the order of their numbers. Those with the same number stay as they are.
///
/// The sort itself is compiled once for the crate. The methods of slices are compiled for each type of value, and each
/// is 5 KiB of a program or more.
pub(crate) fn in_order<T>(values: Vec<T>, number: impl Fn(&T) -> u64) -> Vec<T> {
    if values.is_sorted_by_key(&number) {
        return values;
    }
    let order = sorted(values.iter().map(number).zip(0..).collect());
    let mut values: Vec<Option<T>> = values.into_iter().map(Some).collect();
    order.into_iter().filter_map(|(_, place)| values[place].take()).collect()
}

/// By a heap, which is slower than the sort of a slice by a half, and a tenth of its code.
fn sorted(places: Vec<(u64, usize)>) -> Vec<(u64, usize)> {
    BinaryHeap::from(places).into_sorted_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_order_of_their_numbers() {
        assert_eq!(
            in_order(vec!["ccc", "a", "bb", "", "dddd"], |word| word.len() as u64),
            ["", "a", "bb", "ccc", "dddd"]
        );
    }

    #[test]
    fn values_with_one_number_stay_as_they_are() {
        let words = (0..100).rev().map(|i| format!("{}{i}", i % 3)).collect();
        let ordered = in_order(words, |word: &String| u64::from(word.as_bytes()[0]));
        let expected = (0..3).flat_map(|third| (0..100).rev().filter(move |i| i % 3 == third).map(move |i| (third, i)));
        assert_eq!(ordered, expected.map(|(third, i)| format!("{third}{i}")).collect::<Vec<_>>());
    }
}
