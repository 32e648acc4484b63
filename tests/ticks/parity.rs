//! `docs/PARITY.md` and these tests name each other: no row without its test, no test without its row.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Files that hold no traced programs.
const OTHERS: &[&str] = &["main", "parity", "trace"];

/// `file::test` for every test of this folder.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(Path::new(ROOT).join("tests/ticks")).expect("this folder") {
        let path = entry.expect("a readable folder").path();
        let file = path.file_stem().expect("a name").display().to_string();
        if OTHERS.contains(&file.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable text");
        let mut lines = text.lines();
        while lines.any(|line| line == "#[test]") {
            let name = lines.by_ref().find_map(|line| line.strip_prefix("fn ")?.split('(').next());
            found.insert(format!("{file}::{}", name.expect("a test is a function")));
        }
    }
    found
}

/// Every name of the page that looks like one of a test here.
fn named() -> BTreeSet<String> {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/PARITY.md")).expect("docs/PARITY.md");
    let words = page.split('`').filter(|word| word.contains("::") && word.starts_with(char::is_lowercase));
    words.filter(|word| *word != "basics::x").map(str::to_owned).collect()
}

#[test]
fn every_test_has_its_row_and_every_row_its_test() {
    let (tests, named) = (tests(), named());
    assert!(tests.len() > 100, "the tests were not found");
    assert_eq!(named.difference(&tests).collect::<Vec<_>>(), Vec::<&String>::new(), "named, and not there");
    assert_eq!(tests.difference(&named).collect::<Vec<_>>(), Vec::<&String>::new(), "in no row");
}
