//! The results as files: written as JSON, and read again from that or from the tables of a page. Owns both formats;
//! must not know what is done with what was read.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::results::{Measured, Results};
use crate::rows::{self, ROWS, Row};
use crate::systems;

/// What heads a column of a table beside the systems; the last one only in earlier files.
const OTHER_HEADS: [&str; 6] = ["of one", "unit", "best peer", "ratio", "with tasks", "goal"];

/// What was measured, round by round.
#[must_use]
pub fn json(results: &Results) -> String {
    let rows = results.measured.iter().map(|measured| {
        let spread = measured.spread();
        json!({
            "bench": measured.row.name.text(),
            "system": measured.system,
            "value": measured.median(),
            "min": spread.map(|spread| spread.min),
            "max": spread.map(|spread| spread.max),
            "unit": measured.row.unit.name(),
            "rounds": measured.rounds,
        })
    });
    format!("{:#}\n", rows.collect::<Value>())
}

/// What a file says that `--json` or `--report` wrote, be it this version's or an earlier one's. One without rounds has
/// no spread.
///
/// # Errors
///
/// The file cannot be read, is of neither format, or names what there is not.
pub fn read(file: &Path) -> Result<Results, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let results = match file.extension().and_then(|extension| extension.to_str()) {
        Some("json") => from_json(&text),
        Some("md") => from_page(&text),
        _ => Err("a file of results is .json, as --json writes it, or .md, as --report does".to_owned()),
    };
    results.map_err(|error| format!("{}: {error}", file.display()))
}

/// The results that [`json()`] wrote.
///
/// # Errors
///
/// It is no JSON, has other fields, or names a row or a system that there is not.
pub fn from_json(text: &str) -> Result<Results, String> {
    let cells: Vec<Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let measured = cells.iter().map(|cell| {
        let name = |field: &str| cell[field].as_str().ok_or_else(|| format!("no `{field}` in {cell}"));
        let rounds = cell["rounds"].as_array().map(|rounds| rounds.iter().filter_map(Value::as_f64).collect());
        let rounds = rounds.filter(|rounds: &Vec<f64>| !rounds.is_empty());
        let rounds = rounds.or_else(|| Some(vec![cell["value"].as_f64()?]));
        Ok(Measured {
            row: rows::find(name("bench")?)?,
            system: systems::find(name("system")?)?,
            rounds: rounds.ok_or_else(|| format!("no `rounds` in {cell}"))?,
        })
    });
    results(measured.collect::<Result<_, String>>()?)
}

/// What the tables of a page say: a median and, in brackets, its spread.
///
/// # Errors
///
/// There is no table, or one names a row or a system that there is not.
pub fn from_page(page: &str) -> Result<Results, String> {
    let mut measured: Vec<Measured> = Vec::new();
    let mut heads: Vec<Option<&'static str>> = Vec::new();
    for line in page.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        if !line.starts_with('|') {
            heads.clear();
        } else if cells[0] == OTHER_HEADS[0] {
            heads = cells.iter().map(|head| column(head)).collect::<Result<_, _>>()?;
        } else if !heads.is_empty() && cells[0] != "---" {
            let row = rows::find(cells[0])?;
            for (system, cell) in heads.iter().zip(cells) {
                let Some((system, rounds)) = system.zip(rounds(cell)) else { continue };
                if !is_in(&measured, row, system) {
                    measured.push(Measured { row, system, rounds });
                }
            }
        }
    }
    results(measured)
}

/// The system of a column, if it is one's.
fn column(head: &str) -> Result<Option<&'static str>, String> {
    if OTHER_HEADS.contains(&head) { Ok(None) } else { systems::find(head).map(Some) }
}

/// Three rounds whose median and spread are those of a cell like `42.2 (41.0–44.1)`, or the one of a cell like `42.2`.
fn rounds(cell: &str) -> Option<Vec<f64>> {
    let Some((value, spread)) = cell.split_once(" (") else { return Some(vec![cell.parse().ok()?]) };
    let (min, max) = spread.strip_suffix(')')?.split_once('–')?;
    Some(vec![min.parse().ok()?, value.parse().ok()?, max.parse().ok()?])
}

fn is_in(measured: &[Measured], row: &Row, system: &str) -> bool {
    measured.iter().any(|one| one.row.name == row.name && one.system == system)
}

fn results(measured: Vec<Measured>) -> Result<Results, String> {
    if measured.is_empty() {
        return Err("there are no results in it".to_owned());
    }
    let rows = ROWS.iter().filter(|row| measured.iter().any(|one| one.row.name == row.name)).collect();
    let systems = systems::ALL.into_iter().filter(|system| measured.iter().any(|one| one.system == *system));
    let systems = systems.map(|system| (system, String::new())).collect();
    Ok(Results { rows, systems, measured })
}
