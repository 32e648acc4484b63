//! The results as tables: those of the terminal, and those of a page. Must not know how they came about.

use std::fmt::Write as _;

use crate::results::{Lead, Measured, Results};
use crate::rows::Row;
use crate::systems::{ASYNCIO, FLOOR, ONELOOP};
use crate::{front, machine, peers};

/// A value with three digits that matter, or all of a whole number. What a table says, read again, is written as it
/// was.
#[must_use]
pub fn digits(value: f64) -> String {
    if value >= 100.0 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// The median and, of several rounds, their spread.
#[must_use]
pub fn cell(measured: &Measured) -> String {
    let value = digits(measured.median());
    match measured.spread() {
        Some(spread) => format!("{value} ({}–{})", digits(spread.min), digits(spread.max)),
        None => value,
    }
}

/// What is in a cell that has nothing.
pub const NONE: &str = "–";

/// What is behind a ratio that is within the spread.
pub const TIE: &str = " (tie)";

/// So many systems have room beside each other.
const COLUMNS: usize = 5;

/// Heads and rows, of which the first column is the names of the rows.
pub(crate) struct Table {
    pub(crate) heads: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// What a reader looks for first: oneloop, the best peer, the same of those whose children are tasks where that is
/// another, and what there is to compare them with.
fn summary(results: &Results) -> Table {
    let ratio = |lead: Lead| format!("{:.2} {}{}", lead.ratio, lead.peer, if lead.tie { TIE } else { "" });
    let row = |row: &&Row| {
        let value = |system| results.get(row, system).map(cell);
        let (best, tasks) = (results.lead(row), results.lead_of_tasks(row));
        let tasks = tasks.filter(|tasks| best.as_ref().is_some_and(|best| best.peer != tasks.peer));
        let cells = [
            value(ONELOOP),
            best.as_ref().and_then(|best| value(best.peer)),
            best.map(ratio),
            tasks.map(ratio),
            value(FLOOR),
            value(ASYNCIO),
        ];
        named(row, cells.into_iter())
    };
    let heads = vec!["of one", "unit", ONELOOP, "best peer", "ratio", "with tasks", FLOOR, ASYNCIO];
    Table { heads, rows: results.rows.iter().map(row).collect() }
}

/// Every value, in tables that are no wider than a page.
fn values(results: &Results) -> impl Iterator<Item = Table> {
    let systems: Vec<_> = results.systems.iter().map(|(system, _)| *system).collect();
    let tables = systems.chunks(COLUMNS).map(|systems| {
        let row = |row: &&Row| named(row, systems.iter().map(|system| results.get(row, system).map(cell)));
        Table {
            heads: ["of one", "unit"].into_iter().chain(systems.iter().copied()).collect(),
            rows: results.rows.iter().map(row).collect(),
        }
    });
    tables.collect::<Vec<_>>().into_iter()
}

fn named(row: &Row, cells: impl Iterator<Item = Option<String>>) -> Vec<String> {
    let cells = cells.map(|cell| cell.unwrap_or_else(|| NONE.to_owned()));
    [row.name.text(), row.unit.name()].map(str::to_owned).into_iter().chain(cells).collect()
}

impl Table {
    /// In columns that are as wide as they have to be.
    pub(crate) fn text(&self) -> String {
        let heads = self.heads.iter().map(ToString::to_string).collect();
        let rows: Vec<&Vec<String>> = [&heads].into_iter().chain(&self.rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let mut text = String::new();
        for row in rows {
            let _ = write!(text, "{:1$}", row[0], widths[0]);
            for (cell, width) in row.iter().zip(&widths).skip(1) {
                let _ = write!(text, "  {cell:>width$}");
            }
            text.push('\n');
        }
        text
    }

    fn markdown(&self) -> String {
        let mut text = format!("| {} |\n| --- |{}\n", self.heads.join(" | "), " ---: |".repeat(self.heads.len() - 1));
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}

/// The table of the page: each row, beside the best peer.
#[must_use]
pub fn of_the_page(results: &Results) -> String {
    summary(results).markdown()
}

/// What is printed at the end of a run.
#[must_use]
pub fn text(results: &Results) -> String {
    let tables = values(results).chain([summary(results)]);
    tables.map(|table| table.text()).collect::<Vec<_>>().join("\n")
}

/// The table of the front page, that of its page, and all values.
#[must_use]
pub fn markdown(results: &Results) -> String {
    let mut text = format!("{}\n{}\n{}", front::markdown(results), peers::markdown(results), of_the_page(results));
    text += "\nA value is the median of the rounds, with the least and the most of them in brackets. Ratio: best peer \
             / oneloop; above 1, oneloop is ahead. A tie: the rounds of the two overlap.";
    let _ = writeln!(text, " {}.\n", machine::describe());
    for table in values(results) {
        text += &table.markdown();
        text.push('\n');
    }
    for (_, version) in results.systems.iter().filter(|(_, version)| !version.is_empty()) {
        let _ = writeln!(text, "- {version}");
    }
    text
}
