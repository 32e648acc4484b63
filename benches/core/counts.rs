//! The instructions of an operation, counted by valgrind, which no noise of the machine changes. Owns the runs under
//! valgrind, and the limit of each row; must not know what the rows do.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it has counted")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::Row;
use crate::rows::ROWS;

/// The most instructions that an operation may take: what it took on `x86_64` with Rust 1.95 when this was last set,
/// and a tenth more, so that another compiler does not fail and a change that costs something does. Allocations are
/// counted in `tests/allocations.rs`, system calls in `tests/alone/echo.rs`: exactly, since no compiler changes those.
const MOST: &[(&str, u64)] = &[
    ("spawn_join", 390),
    ("spawn_await", 900),
    ("spawn_eager", 610),
    ("self_wake", 260),
    ("repoll_1000", 170),
    ("yield_ring", 200),
    ("ping_pong", 770),
    ("event_ping_pong", 440),
    ("gather_10", 870),
    ("gather_1000", 730),
    ("gather_10000", 730),
    ("wait_drain_1000", 2350),
    ("wait_drain_10000", 2350),
    ("task_group_100", 930),
    ("queue", 220),
    ("lock", 810),
    ("semaphore", 780),
    ("call_soon_chain", 250),
    ("call_soon_batch", 120),
    ("timer_arm_cancel_1", 370),
    ("timer_arm_cancel_10000", 370),
    ("timers_fire", 1860),
    ("timeout_in_time", 1250),
    ("timeout_ten_yields", 5840),
    ("timeout_late", 2940),
    ("catch", 420),
    ("cancel_sleeper", 2180),
    ("cancel_caught", 2660),
    ("group_of_one", 2580),
];

/// A row with this before its name is that row with an observer that does nothing.
const OBSERVED: &str = "observed_";

/// What that may add, in percent of what the row takes without: 10 at most when this was last set, where an iteration
/// has a single small step, and a little more for another compiler.
const OBSERVER_ADDS: u64 = 12;

/// What the facts for those who look inside may add, in thousandths of what a row takes in a build that writes none of
/// them down: `--cfg oneloop_no_facts`, see `.ci/facts`.
const FACTS_ADD: u64 = 20;

/// The most instructions that an operation of a row may take. `None` if it has no limit: a row that waits for the
/// system or for another thread, since its count differs from run to run.
fn most(row: &Row) -> Option<Result<u64, String>> {
    if let Some(name) = row.name.strip_prefix(OBSERVED) {
        let plain = ROWS.iter().find(|row| row.name == name)?;
        let counted = this_program().and_then(|program| instructions(&program, plain));
        return Some(counted.map(|counted| counted.of_one() * (100 + OBSERVER_ADDS) / 100));
    }
    MOST.iter().find(|(name, _)| *name == row.name).map(|(_, most)| Ok(*most))
}

/// Counts on each row, and fails if a row takes more than it may; also if it takes more than it may beside
/// `without_facts`, which is this program in a build that writes no facts down.
pub(crate) fn check(rows: &[&Row], without_facts: Option<&Path>) -> ExitCode {
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        println!("skipped: valgrind does not start: {error}");
        return ExitCode::SUCCESS;
    }
    let width = crate::name_width();
    let more = if without_facts.is_some() { "  without facts  they add" } else { "" };
    println!("{:<width$}  {:>12}  {:>12}{more}", "row", "instructions", "at most");
    let mut failed = false;
    for row in rows {
        let Some(most) = most(row) else { continue };
        match most.and_then(|most| line(row, most, without_facts)) {
            Ok((line, over)) => {
                println!("{:<width$}  {line}", row.name);
                failed |= over;
            }
            Err(error) => {
                eprintln!("{}: {error}", row.name);
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What is told of a row, and whether that is too much.
fn line(row: &Row, most: u64, without_facts: Option<&Path>) -> Result<(String, bool), String> {
    let counted = instructions(&this_program()?, row)?;
    let count = counted.of_one();
    let (facts, adds_more) = match without_facts {
        Some(program) => facts_add(&counted, &instructions(program, row)?),
        None => (String::new(), false),
    };
    let over = (count > most || adds_more) && cfg!(target_arch = "x86_64");
    let verdict = if over { "  TOO MANY" } else { "" };
    Ok((format!("{count:>12}  {most:>12}{facts}{verdict}"), over))
}

/// What the facts add, and whether that is too much.
fn facts_add(with: &Counted, without: &Counted) -> (String, bool) {
    let added = with.all.saturating_sub(without.all) * 1_000 / without.all;
    let is_more = with.all * 1_000 > without.all * (1_000 + FACTS_ADD);
    (format!("  {:>13}  {:>6}.{} %", without.of_one(), added / 10, added % 10), is_more)
}

/// The instructions of so many operations.
struct Counted {
    all: u64,
    operations: u64,
}

impl Counted {
    fn of_one(&self) -> u64 {
        self.all / self.operations
    }
}

/// The instructions of a row in a program: the difference between many batches and few. So the start and the end of the
/// program do not count.
fn instructions(program: &Path, row: &Row) -> Result<Counted, String> {
    let operations = (row.run)(&row.event_loop(), 1).operations;
    let times = 20_000_u64.div_ceil(operations);
    let few = instructions_in_all(program, row, times)?;
    let many = instructions_in_all(program, row, 3 * times)?;
    Ok(Counted { all: many - few, operations: 2 * times * operations })
}

fn this_program() -> Result<PathBuf, String> {
    env::current_exe().map_err(|error| error.to_string())
}

fn instructions_in_all(program: &Path, row: &Row, times: u64) -> Result<u64, String> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    let output = valgrind.args(["--only", row.name, "--times", &times.to_string()]).output();
    let output = output.map_err(|error| format!("valgrind does not start: {error}"))?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let count = report.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim().parse());
    count.and_then(Result::ok).ok_or(report)
}
