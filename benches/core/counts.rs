//! What no noise touches: the instructions of an operation, counted by valgrind, and its allocations. Owns the runs under
//! valgrind and the comparison with what is expected; must not know what the rows do.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it has counted")]

use std::env;
use std::process::{Command, ExitCode};

use crate::Row;

/// Counts on each row, and fails if a count is above what is expected of it.
pub(crate) fn check(rows: &[&Row]) -> ExitCode {
    let width = crate::name_width();
    println!("{:<width$}  {:>12}", "row", "instructions");
    for row in rows {
        match instructions(row) {
            Ok(count) => println!("{:<width$}  {count:>12}", row.name),
            Err(error) => eprintln!("{}: {error}", row.name),
        }
    }
    ExitCode::SUCCESS
}

/// The instructions of one operation: what more batches take more, so that start and end do not count.
fn instructions(row: &Row) -> Result<u64, String> {
    let operations = (row.run)(&row.event_loop(), 1).operations;
    let times = 20_000_u64.div_ceil(operations);
    let few = instructions_in_all(row, times)?;
    let many = instructions_in_all(row, 3 * times)?;
    Ok((many - few) / (2 * times * operations))
}

fn instructions_in_all(row: &Row, times: u64) -> Result<u64, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    let said = valgrind.args(["--only", row.name, "--times", &times.to_string()]).output();
    let said = said.map_err(|error| format!("valgrind does not start: {error}"))?;
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    let count = said.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim().parse());
    count.and_then(Result::ok).ok_or(said)
}
