//! Random programs beside a live CPython: each is recorded there and replayed here, and one that goes another way is
//! made as small as it can be. Each is replayed by a run, and by turns of each kind. Owns the run over them and its
//! report; must not know how a program is carried out.
//!
//! `ONELOOP_FUZZ=10000` tries so many programs in place of a few hundred, `ONELOOP_SEED` other ones, and
//! `ONELOOP_PROGRAMS=FILE` those of a file of cases. `ONELOOP_KEEP=FILE` writes all that was recorded to a file, as
//! cases that `tests/conformance` replays. Needs CPython 3.13 or newer; where there is none, nothing is tried.
#![expect(clippy::print_stdout, reason = "the report is there to be read")]

#[path = "../conformance/at_once.rs"]
mod at_once;
#[path = "../conformance/case.rs"]
mod case;
#[path = "../conformance/contexts.rs"]
mod contexts;
#[path = "../conformance/drivers.rs"]
mod drivers;
#[path = "../support/dice.rs"]
mod dice;
mod generate;
#[path = "../conformance/known.rs"]
mod known;
#[path = "../support/loops.rs"]
mod loops;
#[path = "../conformance/ops.rs"]
mod ops;
#[path = "../conformance/prims.rs"]
mod prims;
#[path = "../conformance/program.rs"]
mod program;
mod python;
#[path = "../conformance/quiet.rs"]
mod quiet;
#[path = "../support/readable.rs"]
mod readable;
#[path = "../conformance/readers.rs"]
mod readers;
#[path = "../conformance/replay.rs"]
mod replay;
mod shrink;
#[path = "../conformance/value.rs"]
mod value;

use std::fs::File;
use std::io::Write as _;
use std::{env, fs};

use case::Case;
use dice::Dice;
use drivers::Driver;
use python::Recorder;
use replay::{Replayer, Verdict};
use serde_json::Value as Json;

const PROGRAMS: u64 = 300;
const SEED: u64 = 1;
/// How many failures are made small before the rest is left alone.
const FAILURES_MAX: usize = 3;

#[test]
fn random_programs_go_as_on_cpython() {
    println!(); // the harness has begun a line
    let Some(python) = python::find() else {
        println!("skipped: no CPython 3.13 or newer");
        return;
    };
    let kept = env::var_os("ONELOOP_KEEP").map(|path| File::create(path).expect("ONELOOP_KEEP is a file to write"));
    let replayers = Driver::ALL.map(Replayer::start);
    let mut beside = Beside { recorder: Recorder::start(&python), replayers, kept };
    let (mut agreed, mut refused, mut failures) = (0, 0, 0);
    for program in programs() {
        match beside.first_verdict(&program) {
            None => refused += 1,
            Some(Verdict::Passed) => agreed += 1,
            Some(Verdict::Failed(_)) => {
                failures += 1;
                let id = program["id"].clone();
                println!("FAILED {id}, made small:\n{}", beside.small(program));
                if failures == FAILURES_MAX {
                    break;
                }
            }
        }
    }
    println!("{agreed} programs agree, {failures} failed, {refused} refused");
    assert!(agreed + failures > refused, "too many useless programs");
    assert_eq!(failures, 0, "programs that part from asyncio");
}

/// The programs to try: those of a file, or random ones, whose ids tell the seed.
fn programs() -> Box<dyn Iterator<Item = Json>> {
    if let Some(path) = env::var_os("ONELOOP_PROGRAMS") {
        let text = fs::read_to_string(path).expect("ONELOOP_PROGRAMS is a readable file");
        let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        return Box::new(lines.into_iter());
    }
    let number = |name| env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: no number")));
    let (count, seed) = (number("ONELOOP_FUZZ").unwrap_or(PROGRAMS), number("ONELOOP_SEED").unwrap_or(SEED));
    let program = move |n| generate::program(&format!("program {n} of ONELOOP_SEED={seed}"), &mut Dice::new(seed, n));
    Box::new((0..count).map(program))
}

/// Both sides.
struct Beside {
    recorder: Recorder,
    /// One for each way to drive a loop.
    replayers: [Replayer; Driver::ALL.len()],
    /// Where each recorded program goes.
    kept: Option<File>,
}

impl Beside {
    /// As [`verdict`](Self::verdict), and keeps the recording.
    fn first_verdict(&mut self, program: &Json) -> Option<Verdict> {
        let recorded = self.record(program)?;
        if let Some(kept) = &mut self.kept {
            writeln!(kept, "{recorded}").expect("room on the disk");
        }
        Some(self.replay(&recorded))
    }

    /// None if the program is refused.
    fn verdict(&mut self, program: &Json) -> Option<Verdict> {
        let recorded = self.record(program)?;
        Some(self.replay(&recorded))
    }

    /// The program with what CPython does; none if it is refused.
    fn record(&mut self, program: &Json) -> Option<Json> {
        let recorded = self.recorder.record(program)?;
        let unknown = known::unknown(&recorded);
        assert!(unknown.is_empty(), "the generator made {unknown:?}");
        Some(recorded)
    }

    /// The first failure, if there is one.
    fn replay(&mut self, recorded: &Json) -> Verdict {
        let mut verdicts = self.replayers.iter_mut().map(|replayer| replayer.replay(Case::new(recorded)));
        verdicts.find(|verdict| matches!(verdict, Verdict::Failed(_))).unwrap_or(Verdict::Passed)
    }

    /// The failing program as small as can be, with both traces.
    fn small(&mut self, program: Json) -> String {
        let small = shrink::shrink(program, |smaller| matches!(self.verdict(smaller), Some(Verdict::Failed(_))));
        let recorded = self.recorder.record(&small).expect("it was recorded before");
        let Verdict::Failed(failure) = self.replay(&recorded) else { unreachable!("it failed") };
        let coros = small["coros"].as_object().expect("coroutines by name");
        let bodies: Vec<String> = coros.iter().map(|(name, body)| format!("  {name}: {body}\n")).collect();
        let lines = |side: &str, lines: &[String]| format!("  {side}:\n    {}\n", lines.join("\n    "));
        let program = format!("  {recorded}\n{}", bodies.concat());
        program + &lines("CPython", &failure.expected) + &lines("here", &failure.got)
    }
}
