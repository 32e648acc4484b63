//! The results as text: the table of the terminal, Markdown, JSON. Must not know how they came about.

use std::fmt::Write as _;

use serde_json::json;

use crate::results::{Lead, Results, machine};
use crate::rows::{Goal, Row};
use crate::systems::{FLOORS, SYSTEMS};
use crate::{front, python};

/// A value with three digits that matter, or all of a whole number.
pub(crate) fn digits(value: f64) -> String {
    if value < 100.0 && value.fract() != 0.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn wanted(goal: Goal) -> String {
    match goal {
        Goal::Ratio(ratio) => format!("{ratio:.1}"),
        Goal::Best => "best".to_owned(),
        Goal::Zero => "0".to_owned(),
    }
}

/// What is in a cell that has nothing.
pub(crate) const NONE: &str = "–";

/// So many systems have room beside each other on a page.
const COLUMNS: usize = 5;

/// Heads and rows, of which the first column is the names of the rows.
struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// What a reader looks for first: oneloop, the best peer, the same of those whose children are tasks where that is
/// another, and what there is to compare them with.
fn summary(results: &Results) -> Table {
    let ratio = |lead: Option<Lead>| lead.map(|lead| format!("{:.2} {}", lead.ratio, lead.peer));
    let row = |row: &&Row| {
        let value = |system| results.value(row, system).map(digits);
        let (best, tasks) = (results.lead(row), results.lead_of_tasks(row));
        let tasks = tasks.filter(|tasks| best.as_ref().is_some_and(|best| best.peer != tasks.peer));
        let cells = [
            value(SYSTEMS[0].name),
            best.as_ref().and_then(|best| value(best.peer)),
            ratio(best),
            ratio(tasks),
            Some(wanted(row.goal)),
            value(FLOORS[0]),
            value(python::NAMES[0]),
        ];
        named(row, cells.into_iter())
    };
    let heads = vec!["of one", "unit", "oneloop", "best peer", "ratio", "with tasks", "goal", "floor", "asyncio"];
    Table { heads, rows: results.rows.iter().map(row).collect() }
}

/// Every value of these systems.
fn values(results: &Results, systems: &[&'static str]) -> Table {
    let row = |row: &&Row| named(row, systems.iter().map(|system| results.value(row, system).map(digits)));
    Table {
        heads: ["of one", "unit"].into_iter().chain(systems.iter().copied()).collect(),
        rows: results.rows.iter().map(row).collect(),
    }
}

fn named(row: &Row, cells: impl Iterator<Item = Option<String>>) -> Vec<String> {
    let cells = cells.map(|cell| cell.unwrap_or_else(|| NONE.to_owned()));
    [row.name, row.unit.name()].map(str::to_owned).into_iter().chain(cells).collect()
}

impl Table {
    /// In columns that are as wide as they have to be.
    fn text(&self) -> String {
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

pub(crate) fn table(results: &Results) -> String {
    let systems: Vec<_> = results.systems.iter().map(|(system, _)| *system).collect();
    format!("{}\n{}", values(results, &systems).text(), summary(results).text())
}

/// The table of the front page, that of its page, and all values, in tables that are no wider than a page.
pub(crate) fn markdown(results: &Results) -> String {
    let mut text = format!("{}\n{}", front::markdown(results), summary(results).markdown());
    let _ = writeln!(text, "\nRatio: best peer / oneloop; above 1, oneloop is ahead. {}.\n", machine());
    let systems: Vec<_> = results.systems.iter().map(|(system, _)| *system).collect();
    for some in systems.chunks(COLUMNS) {
        text += &values(results, some).markdown();
        text.push('\n');
    }
    for (_, version) in results.systems.iter().filter(|(_, version)| !version.is_empty()) {
        let _ = writeln!(text, "- {version}");
    }
    text
}

pub(crate) fn json(results: &Results) -> String {
    let rows = results.measured.iter().map(|measured| {
        json!({
            "bench": measured.row.name,
            "system": measured.system,
            "value": measured.value(),
            "unit": measured.row.unit.name(),
            "rounds": measured.rounds,
        })
    });
    format!("{:#}\n", rows.collect::<serde_json::Value>())
}
