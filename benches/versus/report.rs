//! The results as text: the table of the terminal, Markdown, JSON. Must not know how they came about.

use std::fmt::Write as _;

use serde_json::json;

use crate::results::{Lead, Results, machine};
use crate::rows::Row;

/// Nanoseconds with three digits that matter.
fn digits(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// Best peer / oneloop, and the same of the peers whose children are tasks.
const RATIOS: [&str; 3] = ["goal", "best peer", "with tasks"];

/// The cells of a row after its name: a value for each system, and [`RATIOS`].
fn cells(results: &Results, row: &Row) -> Vec<String> {
    let values = results.systems.iter().map(|(system, _)| results.value(row, system).map(digits));
    let lead = |lead: Option<Lead>| lead.map(|lead| format!("{:.2} {}", lead.ratio, lead.peer));
    let ratios = [Some(format!("{:.1}", row.goal)), lead(results.lead(row)), lead(results.lead_of_tasks(row))];
    values.chain(ratios).map(|cell| cell.unwrap_or_else(|| "–".to_owned())).collect()
}

fn heads(results: &Results) -> Vec<&str> {
    results.systems.iter().map(|(system, _)| *system).chain(RATIOS).collect()
}

pub(crate) fn table(results: &Results) -> String {
    const WIDTH: usize = 12;
    let name = results.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let mut text = format!("{:name$}", "ns of one");
    for head in heads(results) {
        let _ = write!(text, "  {head:>WIDTH$}");
    }
    for row in &results.rows {
        let _ = write!(text, "\n{:name$}", row.name);
        for cell in cells(results, row) {
            let _ = write!(text, "  {cell:>WIDTH$}");
        }
    }
    text + "\n"
}

pub(crate) fn markdown(results: &Results) -> String {
    let heads = heads(results);
    let mut text = format!("| ns of one | {} |\n| --- |{}\n", heads.join(" | "), " ---: |".repeat(heads.len()));
    for row in &results.rows {
        let _ = writeln!(text, "| {} | {} |", row.name, cells(results, row).join(" | "));
    }
    let _ = writeln!(text, "\nBest peer / oneloop: above 1, oneloop is ahead. {}.\n", machine());
    for (_, version) in &results.systems {
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
            "unit": measured.row.unit,
            "rounds": measured.rounds,
        })
    });
    format!("{:#}\n", rows.collect::<serde_json::Value>())
}
