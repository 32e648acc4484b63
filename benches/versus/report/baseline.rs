//! A run beside an earlier one: what moved by more than the spread of both. Must not know how either came about.

use std::fmt::Write as _;

use crate::results::{Measured, Results};
use crate::tables::{Table, cell};

/// What came of it.
#[derive(Debug, Default)]
pub struct Comparison<'a> {
    /// What was measured before and after, where no round of the one is between those of the other.
    pub moved: Vec<(&'a Measured, &'a Measured)>,
    /// How many are where they were, as far as the spread tells.
    pub level: usize,
    /// How many have one round, before or after, so that there is no spread.
    pub without_spread: usize,
    /// How many were not measured before.
    pub new: usize,
}

/// All that was measured now, beside what was measured then.
#[must_use]
pub fn compare<'a>(before: &'a Results, after: &'a Results) -> Comparison<'a> {
    let mut comparison = Comparison::default();
    for now in &after.measured {
        let Some(then) = before.get(now.row, now.system) else {
            comparison.new += 1;
            continue;
        };
        match then.overlaps(now) {
            Some(false) => comparison.moved.push((then, now)),
            Some(true) => comparison.level += 1,
            None => comparison.without_spread += 1,
        }
    }
    comparison
}

impl Comparison<'_> {
    /// A line for each that moved, and how many did not.
    #[must_use]
    pub fn text(&self) -> String {
        let line = |(then, now): &(&Measured, &Measured)| {
            let names = [then.row.name.text(), then.system, then.row.unit.name()].map(str::to_owned);
            let (before, after) = (then.median(), now.median());
            // of nothing there are no ratios
            let ratio = if before > 0.0 { format!("{:.2}", after / before) } else { String::new() };
            let word = if after > before { "more" } else { "less" };
            names.into_iter().chain([cell(then), cell(now), ratio, word.to_owned()]).collect()
        };
        let heads = vec!["of one", "system", "unit", "before", "after", "ratio", ""];
        let table = Table { heads, rows: self.moved.iter().map(line).collect() };
        let mut text = if self.moved.is_empty() { String::new() } else { format!("{}\n", table.text()) };
        let _ = write!(text, "{} moved beyond the spread, {} within it", self.moved.len(), self.level);
        for (count, what) in
            [(self.without_spread, "of one round, so that nothing can be told"), (self.new, "not in the baseline")]
        {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        text.push('\n');
        text
    }
}
