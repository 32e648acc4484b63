//! Replays programs that Python's asyncio has recorded, and compares: same events, same order, same time. Owns the run
//! over the case files and its report; must not know how an op is carried out.
//!
//! `FORMAT.md` describes the cases. `CONFORMANCE_CASES=PATH` replays a file or folder of others instead.
#![expect(clippy::print_stdout, reason = "the report is for whoever reads the output of the test")]

mod case;
#[path = "../support/loops.rs"]
mod loops;
mod ops;
mod prims;
mod program;
mod value;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use std::{env, fs, thread};

use case::{Case, Recording};

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

#[test]
fn same_order_as_asyncio() {
    let cases = cases();
    assert!(!cases.is_empty(), "no cases found");
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
            break;
        }
    }
    println!("{passed} passed, {failed} failed");
    assert_eq!(failed, 0, "cases that part from asyncio");
    replaying.join().expect("it has sent every verdict");
}

/// The cases of `CONFORMANCE_CASES`, or our own, file by file.
fn cases() -> Vec<Case> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases");
    let path = env::var_os("CONFORMANCE_CASES").map_or_else(own, PathBuf::from);
    let mut files = vec![path.clone()];
    if path.is_dir() {
        let entries = fs::read_dir(&path).expect("a readable folder");
        files = entries.map(|entry| entry.expect("a readable folder").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
    }
    let texts = files.iter().map(|file| {
        let text = fs::read_to_string(file);
        text.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    });
    texts.flat_map(|text| text.lines().map(Case::parse).collect::<Vec<_>>()).collect()
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
