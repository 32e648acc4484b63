//! A sort by a number. Owns the order; must not know the values.

use std::collections::BinaryHeap;
use std::mem;

/// The values in the order of their numbers. Those with the same number stay as they are.
///
/// The sort itself is compiled once for the crate. The methods of slices are compiled for each type of value, and each
/// is 5 KiB of a program or more.
pub(crate) fn in_order<T>(mut values: Vec<T>, number: impl Fn(&T) -> u64) -> Vec<T> {
    if values.is_sorted_by_key(&number) {
        return values;
    }
    let numbers = values.iter().map(number).collect();
    for (one, other) in exchanges(numbers) {
        values.swap(one, other);
    }
    values
}

/// The exchanges of two values that bring all into the order of their numbers.
///
/// By a heap, which is slower than the sort of a slice, and a tenth of its code.
fn exchanges(numbers: Vec<u64>) -> Vec<(usize, usize)> {
    let mut order = numbers.into_iter().zip(0..).collect::<BinaryHeap<(u64, usize)>>().into_sorted_vec();
    let mut exchanges = Vec::new();
    for start in 0..order.len() {
        let mut at = start;
        loop {
            let from = mem::replace(&mut order[at].1, at);
            if from == start {
                break; // where it began, or where it was brought before
            }
            exchanges.push((at, from));
            at = from;
        }
    }
    exchanges
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
