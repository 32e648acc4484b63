//! The pictures again, from the tables that are in the repository: nothing is measured. Owns which files are drawn;
//! must not know how a picture looks.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::{chart, front, saved};

/// The pictures of a folder of documentation from its `benchmarks/versus.md`: `benchmarks/*.svg`, and each again in
/// `rustdoc/*.md`, where a page of rustdoc finds it. Returns the table of the front page.
///
/// # Errors
///
/// The page cannot be read, has no results, or a picture cannot be written.
pub fn draw(docs: &Path) -> Result<String, String> {
    let results = saved::read(&docs.join("benchmarks/versus.md"))?;
    for (name, svg) in [("front", front::svg(&results)), ("versus", chart::svg(&results))] {
        write(&docs.join(format!("benchmarks/{name}.svg")), &svg)?;
        write(&docs.join(format!("rustdoc/{name}.md")), &definition(name, &svg))?;
    }
    Ok(front::markdown(&results))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
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
