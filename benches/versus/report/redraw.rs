//! The pictures and the tables again, from the table of all systems that is in the repository: nothing is measured.
//! Owns which files are written; must not know how a picture or a table looks.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::systems::PEERS;
use crate::{chart, front, peers, saved, tables};

/// Writes the [`files`] of a repository.
///
/// # Errors
///
/// As for these, or one cannot be written.
pub fn draw(repository: &Path) -> Result<(), String> {
    for (file, text) in files(repository)? {
        fs::write(&file, text).map_err(|error| told(&file, &error))?;
    }
    Ok(())
}

/// The pictures and the tables of a repository as its `docs/benchmarks/versus.md` has the numbers:
/// `docs/benchmarks/*.svg`, each again in `docs/rustdoc/*.md`, where a page of rustdoc finds it, the README and the
/// page about benchmarks.
///
/// # Errors
///
/// A page cannot be read, the first has no results, or one of the others does not have its tables.
pub fn files(repository: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let docs = repository.join("docs");
    let results = saved::read(&docs.join("benchmarks/versus.md"))?;
    let peers = PEERS.iter().filter_map(|peer| Some((peer.name, peers::svg(&results, peer)?)));
    let of_the_page: Vec<_> = [("versus", chart::svg(&results))].into_iter().chain(peers).collect();
    let mut files = Vec::new();
    for (page, pictures) in [("front", vec![("front", front::svg(&results))]), ("versus", of_the_page)] {
        let definitions = pictures.iter().map(|(name, svg)| definition(name, svg)).collect();
        files.push((docs.join(format!("rustdoc/{page}.md")), definitions));
        files.extend(pictures.into_iter().map(|(name, svg)| (docs.join(format!("benchmarks/{name}.svg")), svg)));
    }
    files.push(with_tables(repository.join("README.md"), &[front::markdown(&results)])?);
    files.push(with_tables(docs.join("BENCHMARKS.md"), &[peers::markdown(&results), tables::of_the_page(&results)])?);
    Ok(files)
}

fn told(file: &Path, error: &io::Error) -> String {
    format!("{}: {error}", file.display())
}

fn with_tables(file: PathBuf, tables: &[String]) -> Result<(PathBuf, String), String> {
    let mut page = fs::read_to_string(&file).map_err(|error| told(&file, &error))?;
    for table in tables {
        page = with_table(&page, table).ok_or_else(|| {
            let head = table.lines().next().unwrap_or_default();
            format!("{}: there is no table with this head: {head}", file.display())
        })?;
    }
    Ok((file, page))
}

/// The page with this table in the place of the one with the same head; nothing if there is none.
#[must_use]
pub fn with_table(page: &str, table: &str) -> Option<String> {
    let head = table.lines().next()?;
    let begin = page.find(&format!("\n{head}\n"))? + 1;
    let length: usize =
        page[begin..].split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    Some(format!("{}{table}{}", &page[..begin], &page[begin + length..]))
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
