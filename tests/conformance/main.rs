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
mod known;
#[path = "../support/loops.rs"]
mod loops;
mod ops;
mod prims;
mod program;
mod quiet;
mod readers;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use std::{env, fs, thread};

use case::{Case, Recording};
use known::unknown;

const SHOWN_MAX: usize = 10;
/// How many lines that agree are shown before the one that does not.
const BEFORE: usize = 4;
/// For one case, which takes microseconds: a loop that spins without end must not take the test with it.
const PATIENCE: Duration = Duration::from_secs(60);
/// For a case that calls itself until its ops run out. Only what is touched is ever used.
const STACK: usize = 1 << 28;

enum Verdict {
    Passed,
    Failed(String),
}

/// Cases to be replayed, and what each of the others asks for that the interpreter does not know.
struct Cases {
    known: Vec<Case>,
    skipped: Vec<BTreeSet<String>>,
}

#[test]
fn same_order_as_asyncio() {
    println!(); // the harness has begun a line
    let given = env::var_os("CONFORMANCE_CASES").map(PathBuf::from);
    let are_ours = given.is_none();
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases");
    let Cases { known, skipped } = read_cases(&given.unwrap_or_else(ours));
    quiet::keep_refusals_quiet();
    assert!(!known.is_empty() || !skipped.is_empty(), "no cases found");
    let (passed, failed) = replay_and_report(known);
    for (what, count) in count_each(&skipped) {
        println!("{count} cases skipped for {what}");
    }
    println!("{passed} passed, {failed} failed, {} skipped", skipped.len());
    assert_eq!(failed, 0, "cases that part from asyncio");
    assert!(!are_ours || skipped.is_empty(), "the interpreter knows all of our own cases");
}

/// Replays on a thread of its own, reports what fails, and answers how many passed and failed.
fn replay_and_report(cases: Vec<Case>) -> (usize, usize) {
    let ids: Vec<String> = cases.iter().map(|case| case.id.clone()).collect();
    let (sender, verdicts) = channel();
    let thread = thread::Builder::new().stack_size(STACK);
    let replaying = thread.spawn(move || replay_all(&cases, &sender)).expect("a thread");
    let (mut passed, mut failed) = (0, 0);
    for id in &ids {
        let spins =
            |_| Verdict::Failed(format!("no end after {} s; cases after it were not replayed\n", PATIENCE.as_secs()));
        let verdict = verdicts.recv_timeout(PATIENCE);
        let spinning = verdict.is_err();
        match verdict.unwrap_or_else(spins) {
            Verdict::Passed => passed += 1,
            Verdict::Failed(why) => {
                failed += 1;
                if failed <= SHOWN_MAX {
                    println!("FAILED {id}\n{why}");
                }
            }
        }
        if spinning {
            return (passed, failed);
        }
    }
    replaying.join().expect("it has sent every verdict");
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
                cases.known.push(Case::new(&json));
            } else {
                cases.skipped.push(unknown);
            }
        }
    }
    cases
}

fn replay_all(cases: &[Case], verdicts: &Sender<Verdict>) {
    for case in cases {
        if verdicts.send(replay(case)).is_err() {
            return; // the test has given up
        }
    }
}

fn replay(case: &Case) -> Verdict {
    match catch_unwind(AssertUnwindSafe(|| program::run(case))) {
        Ok(got) if got == case.recording => Verdict::Passed,
        Ok(got) => Verdict::Failed(parting(&case.recording, &got)),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            Verdict::Failed(format!("    panicked: {}\n", text.unwrap_or_default()))
        }
    }
}

/// Where two recordings part, with a few lines before.
fn parting(expected: &Recording, got: &Recording) -> String {
    let (expected, got) = (expected.lines(), got.lines());
    let same = expected.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let line = |mark: &str, line: Option<&String>| format!("  {mark} {}\n", line.map_or("(nothing)", String::as_str));
    let mut text: String = expected[same.saturating_sub(BEFORE)..same].iter().map(|l| line(" ", Some(l))).collect();
    text += &line("expected:", expected.get(same));
    text += &line("got:     ", got.get(same));
    text
}
