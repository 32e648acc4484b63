//! The pictures again, from the tables that are in the repository: nothing is measured. Owns how a table is read, and
//! which files are drawn; must not know how a picture looks.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use crate::results::{Measured, Results};
use crate::rows::ROWS;
use crate::{chart, front, options, write_file};

/// The pictures of a folder of documentation from its `benchmarks/versus.md`: `benchmarks/*.svg`, and each again in
/// `rustdoc/*.md`, where a page of rustdoc finds it. Returns the table of the front page.
pub(crate) fn draw(docs: &Path) -> io::Result<String> {
    let results = parse(&fs::read_to_string(docs.join("benchmarks/versus.md"))?);
    for (name, svg) in [("front", front::svg(&results)), ("versus", chart::svg(&results))] {
        write_file(&docs.join(format!("benchmarks/{name}.svg")), &svg)?;
        write_file(&docs.join(format!("rustdoc/{name}.md")), &definition(name, &svg))?;
    }
    Ok(front::markdown(&results))
}

/// What the tables of a page say. Columns that are no systems, and rows that are no rows, are passed over.
fn parse(page: &str) -> Results {
    let (mut systems, mut measured) = (Vec::<(&'static str, String)>::new(), Vec::<Measured>::new());
    let mut heads: Vec<Option<&'static str>> = Vec::new();
    for line in page.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        if cells[0] == "of one" {
            heads = cells.iter().map(|cell| options::name(cell).ok()).collect();
            let new = heads.iter().flatten().filter(|head| systems.iter().all(|(system, _)| system != *head));
            let new: Vec<_> = new.map(|head| (*head, String::new())).collect();
            systems.extend(new);
        }
        let Some(row) = ROWS.iter().find(|row| row.name == cells[0]) else { continue };
        for (head, cell) in heads.iter().zip(cells) {
            let Some((system, value)) = head.zip(cell.parse().ok()) else { continue };
            if !measured.iter().any(|one| one.row.name == row.name && one.system == system) {
                measured.push(Measured { row, system, rounds: vec![value] });
            }
        }
    }
    let rows = ROWS.iter().filter(|row| measured.iter().any(|measured| measured.row.name == row.name)).collect();
    Results { rows, systems, measured }
}

/// Markdown that defines the label `NAME.svg` as the picture itself.
fn definition(name: &str, svg: &str) -> String {
    let mut text = format!("[{name}.svg]: data:image/svg+xml,");
    for byte in svg.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,;=".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text.push('\n');
    text
}
