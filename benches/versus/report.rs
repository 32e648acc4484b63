//! The results as text: the table of the terminal, Markdown, JSON. Must not know how they came about.

use std::fmt::Write as _;

use serde_json::json;

use crate::results::{Lead, Results, machine};
use crate::rows::{Goal, Row};

/// A value with three digits that matter, or all of a whole number.
fn digits(value: f64) -> String {
    if value < 100.0 && value.fract() != 0.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn wanted(goal: Goal) -> String {
    match goal {
        Goal::Ratio(ratio) => format!("{ratio:.1}"),
        Goal::Best => "best".to_owned(),
        Goal::Zero => "0".to_owned(),
    }
}

/// Best peer / oneloop, and the same of the peers whose children are tasks.
const RATIOS: [&str; 3] = ["goal", "best peer", "with tasks"];

/// The cells of a row after its name: its unit, a value for each system, and [`RATIOS`].
fn cells(results: &Results, row: &Row) -> Vec<String> {
    let values = results.systems.iter().map(|(system, _)| results.value(row, system).map(digits));
    let lead = |lead: Option<Lead>| lead.map(|lead| format!("{:.2} {}", lead.ratio, lead.peer));
    let unit = [Some(row.unit.name().to_owned())];
    let ratios = [Some(wanted(row.goal)), lead(results.lead(row)), lead(results.lead_of_tasks(row))];
    unit.into_iter().chain(values).chain(ratios).map(|cell| cell.unwrap_or_else(|| "–".to_owned())).collect()
}

fn heads(results: &Results) -> Vec<&str> {
    let systems = results.systems.iter().map(|(system, _)| *system);
    ["unit"].into_iter().chain(systems).chain(RATIOS).collect()
}

pub(crate) fn table(results: &Results) -> String {
    const WIDTH: usize = 12;
    let name = results.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let mut text = format!("{:name$}", "of one");
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
    let mut text = format!("| of one | {} |\n| --- |{}\n", heads.join(" | "), " ---: |".repeat(heads.len()));
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
            "unit": measured.row.unit.name(),
            "rounds": measured.rounds,
        })
    });
    format!("{:#}\n", rows.collect::<serde_json::Value>())
}
