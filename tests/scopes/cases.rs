//! Many random cases, and the report of those that differ. Must not know what is compared.

use std::env;
use std::fmt::Display;

use crate::dice::Dice;

/// Of so many differences the smallest is shown.
const LOOKED_AT: usize = 20;

/// A case in which two things differ that should not.
pub(crate) struct Difference {
    program: String,
    got: String,
    wanted: String,
}

impl Difference {
    /// `None` if the two are equal.
    pub(crate) fn between<T: Display + PartialEq>(program: &impl Display, got: &T, wanted: &T) -> Option<Self> {
        (got != wanted).then(|| Self { program: program.to_string(), got: got.to_string(), wanted: wanted.to_string() })
    }
}

/// The number in this variable of the environment, or else `default`.
fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{variable}={text}: {e}")))
}

/// Tries cases, `usual` of them unless `ONELOOP_TREES` says how many, with the numbers of `ONELOOP_SEED`.
///
/// # Panics
/// If a case differs. The text tells how many do, and the smallest of the first ones.
pub(crate) fn try_cases(usual: u64, mut differs: impl FnMut(u64, &mut Dice) -> Option<Difference>) {
    let (seed, count) = (number("ONELOOP_SEED", 1), number("ONELOOP_TREES", usual));
    let (mut failed, mut first) = (0, Vec::new());
    for case in 0..count {
        if let Some(difference) = differs(case, &mut Dice::new(seed, case)) {
            failed += 1;
            if first.len() < LOOKED_AT {
                first.push((case, difference));
            }
        }
    }
    if let Some((case, smallest)) = first.iter().min_by_key(|(_, difference)| difference.program.len()) {
        let Difference { program, got, wanted } = smallest;
        panic!(
            "{failed} of {count} cases differ (ONELOOP_SEED={seed} ONELOOP_TREES={count}). Of the first, the smallest \
             is case {case}:\n  program  {program}\n  got      {got}\n  wanted   {wanted}"
        );
    }
}
