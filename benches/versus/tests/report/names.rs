//! One list of rows, and what is checked against it where the compiler cannot.

use std::collections::BTreeSet;
use std::fs;

use oneloop_versus::rows::{ROWS, find};
use oneloop_versus::{front, saved};

/// The rows that the program for Python has, from its text: it is not always there to be asked.
const PYTHON: [&str; 4] = [
    include_str!("../../systems/asyncio.py"),
    include_str!("../../systems/asyncio_loop.py"),
    include_str!("../../systems/asyncio_sockets.py"),
    include_str!("../../systems/asyncio_main.py"),
];

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn page(name: &str) -> String {
    let path = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn each_row_has_one_name() {
    let names: BTreeSet<_> = ROWS.iter().map(|row| row.name.text()).collect();
    assert_eq!(names.len(), ROWS.len());
    for row in ROWS {
        assert_eq!(find(row.name.text()).expect("it is in the list").name, row.name);
        assert!(!row.op.is_empty(), "{} does not say what it is", row.name);
    }
}

#[test]
fn a_misspelt_row_is_refused_and_those_like_it_are_named() {
    let error = find("echo_1k").expect_err("there is none of this name");
    assert!(error.starts_with("unknown row `echo_1k`; there is echo_1k_1, echo_1k_64, "), "{error}");
    assert_eq!(find("zzz").expect_err("there is none"), "unknown row `zzz`");
}

#[test]
fn the_rows_of_python_are_in_the_list() {
    let mut count = 0;
    for line in PYTHON.iter().flat_map(|text| text.lines()).map(str::trim_start) {
        for decorator in ["@row(\"", "@timed(\"", "@counted(\""] {
            if let Some((name, _)) = line.strip_prefix(decorator).and_then(|rest| rest.split_once('"')) {
                find(name).unwrap_or_else(|error| panic!("{error}: {line}"));
                count += 1;
            }
        }
    }
    assert!(count > 40, "{count} rows are found in the program");
}

#[test]
fn each_row_is_work_that_oneloop_has() {
    let sources = [include_str!("../../systems.rs"), include_str!("../../systems/oneloop.rs")];
    let after_each = sources.iter().flat_map(|source| source.split("Name::").skip(1));
    let named: BTreeSet<_> = after_each.filter_map(|text| text.split(|c: char| !is_of_a_name(c)).next()).collect();
    for row in ROWS {
        assert!(named.contains(row.name.text()), "{} is in the list, and nothing does it", row.name);
    }
}

#[test]
fn the_tables_of_the_pages_have_rows_of_the_list() {
    for name in ["docs/BENCHMARKS.md", "docs/benchmarks/versus.md"] {
        let results = saved::from_page(&page(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(results.rows.len() > 40, "{name} has {} rows", results.rows.len());
    }
    let words: BTreeSet<_> = front::words().collect();
    let readme = page("README.md");
    let rows = readme.lines().skip_while(|line| !line.starts_with("| ns |")).skip(2);
    for row in rows.take_while(|line| line.starts_with('|')) {
        let first = row.split('|').nth(1).expect("a cell").trim();
        assert!(words.contains(first), "README.md: `{first}` is none of {words:?}");
    }
}

#[test]
fn the_commands_of_the_pages_ask_for_rows_of_the_list() {
    for name in ["docs/BENCHMARKS.md", "docs/CONTRIBUTING.md", "README.md"] {
        for asked in page(name).split("--only ").skip(1) {
            let rows = asked.split(|c| !is_of_a_name(c) && c != ',').next();
            for row in
                rows.into_iter().flat_map(|rows| rows.split(',')).filter(|row| row.starts_with(char::is_lowercase))
            {
                find(row).unwrap_or_else(|error| panic!("{name}: --only {row}: {error}"));
            }
        }
    }
}
