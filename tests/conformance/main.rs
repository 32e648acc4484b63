//! Replays programs that Python's asyncio has recorded, and compares: same events, same order, same time. Owns the run
//! over the case files and its report; must not know how an op is carried out.
//!
//! `FORMAT.md` describes the cases. `CONFORMANCE_CASES=PATH` replays a file or folder of others instead.
//! A case of those that asks for an op, a primitive or a key that the interpreter does not know is skipped, by its
//! text; our own have none.
#![expect(clippy::print_stdout, reason = "the report is there to be read")]

mod at_once;
mod case;
mod contexts;
mod drivers;
mod known;
#[path = "../support/loops.rs"]
mod loops;
mod ops;
mod prims;
mod program;
mod quiet;
#[path = "../support/readable.rs"]
mod readable;
mod readers;
mod replay;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use case::Case;
use drivers::Driver;
use known::unknown;
use replay::{Failure, Replayer, Verdict};

const SHOWN_MAX: usize = 10;
/// How many lines that agree are shown before the one that does not.
const BEFORE: usize = 4;

/// Cases to be replayed, and what each of the others asks for that the interpreter does not know.
struct Cases {
    /// With its id.
    known: Vec<(String, Case)>,
    skipped: Vec<BTreeSet<String>>,
}

#[test]
fn same_order_as_asyncio() {
    replay_all(Driver::Run);
}

#[test]
fn same_order_if_a_host_drives_by_iterations() {
    replay_all(Driver::Once);
}

#[test]
fn same_order_if_a_host_drives_by_single_entries() {
    replay_all(Driver::Entry);
}

#[test]
fn same_order_if_a_host_drives_by_the_descriptor() {
    replay_all(Driver::Descriptor);
}

fn replay_all(driver: Driver) {
    println!(); // the harness has begun a line
    let given = env::var_os("CONFORMANCE_CASES").map(PathBuf::from);
    let are_ours = given.is_none();
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases");
    let Cases { known, skipped } = read_cases(&given.unwrap_or_else(ours));
    assert!(!known.is_empty() || !skipped.is_empty(), "no cases found");
    let (passed, failed) = replay_and_report(known, driver);
    for (what, count) in count_each(&skipped) {
        println!("{count} cases skipped for {what}");
    }
    println!("{driver:?}: {passed} passed, {failed} failed, {} skipped", skipped.len());
    assert_eq!(failed, 0, "cases that part from asyncio");
    assert!(!are_ours || skipped.is_empty(), "the interpreter knows all of our own cases");
}

/// Replays, reports what fails, and answers how many passed and failed.
fn replay_and_report(cases: Vec<(String, Case)>, driver: Driver) -> (usize, usize) {
    let mut replayer = Replayer::start(driver);
    let (mut passed, mut failed) = (0, 0);
    for (id, case) in cases {
        match replayer.replay(case) {
            Verdict::Passed => passed += 1,
            Verdict::Failed(failure) => {
                failed += 1;
                if failed <= SHOWN_MAX {
                    println!("FAILED {id}\n{}", parting(&failure));
                }
            }
        }
    }
    (passed, failed)
}

/// How many cases each unknown thing has skipped. A case may have several.
fn count_each(skipped: &[BTreeSet<String>]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for what in skipped.iter().flatten() {
        *counts.entry(what.as_str()).or_default() += 1;
    }
    counts
}

/// The cases of a file, or of a folder, file by file.
fn read_cases(path: &Path) -> Cases {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a readable folder");
        files = entries.map(|entry| entry.expect("a readable folder").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
    }
    let mut cases = Cases { known: Vec::new(), skipped: Vec::new() };
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for line in text.lines() {
            let json = serde_json::from_str(line).expect("a case is a line of JSON");
            let unknown = unknown(&json);
            if unknown.is_empty() {
                cases.known.push((json["id"].as_str().expect("an id").to_owned(), Case::new(&json)));
            } else {
                cases.skipped.push(unknown);
            }
        }
    }
    cases
}

/// Where the two part, with a few lines before.
fn parting(failure: &Failure) -> String {
    let (expected, got) = (&failure.expected, &failure.got);
    let same = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let line = |mark: &str, line: Option<&String>| format!("  {mark} {}\n", line.map_or("(nothing)", String::as_str));
    let before = &expected[same.saturating_sub(BEFORE)..same];
    let mut text: String = before.iter().map(|agreed| line(" ", Some(agreed))).collect();
    text += &line("expected:", expected.get(same));
    text += &line("got:     ", got.get(same));
    text
}
