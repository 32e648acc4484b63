//! What the loop's basic operations cost: time and allocations of each. Owns the table of rows, the options and the
//! report; must not know how anything is measured.
//!
//! `cargo bench --bench core -- --help` says what can be asked for.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its results, and its progress")]

#[path = "core/counts.rs"]
mod counts;
#[path = "core/measure.rs"]
mod measure;
#[path = "core/options.rs"]
mod options;
#[path = "core/cancellation.rs"]
mod cancellation;
#[path = "core/rows.rs"]
mod rows;

use std::io::{IsTerminal as _, Write as _, stderr};
use std::process::ExitCode;
use std::rc::Rc;

use measure::{Cost, Effort, Measured, measure};
use oneloop::{Clock, EventLoop, Observer};
use options::Asked;
use rows::ROWS;

/// One line of the table.
struct Row {
    name: &'static str,
    /// What one operation is.
    op: &'static str,
    clock: Clock,
    /// Whether the loop has an observer, which does nothing.
    observed: bool,
    /// Runs the row's batch of operations on the loop, as many times as the number says.
    run: fn(&EventLoop, u64) -> Cost,
}

impl Row {
    /// A loop for the row alone.
    fn event_loop(&self) -> EventLoop {
        let lp = EventLoop::builder().clock(self.clock).build().expect("descriptors for one more loop");
        if self.observed {
            lp.add_observer(Rc::new(Idle));
        }
        lp
    }
}

/// An observer that does nothing.
struct Idle;

impl Observer for Idle {}

fn main() -> ExitCode {
    match options::parse(std::env::args().skip(1)) {
        Ok(Asked::Help) => print!("{}", options::help()),
        Ok(Asked::Test(rows)) => rows.into_iter().for_each(test),
        Ok(Asked::Table(rows, effort)) => print_table(&rows, effort),
        Ok(Asked::Counts(rows, beside)) => return counts::check(&rows, beside.as_deref()),
        Ok(Asked::Times(rows, times)) => rows.into_iter().for_each(|row| run(row, times)),
        Err(error) => {
            eprintln!("error: {error}; --help lists what there is");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Runs a row once, to see that it works.
fn test(row: &Row) {
    let cost = (row.run)(&row.event_loop(), 1);
    println!("{:<width$}  ok, {} operations", row.name, cost.operations, width = name_width());
}

/// Runs a row's batch `times` times, and prints nothing.
fn run(row: &Row, times: u64) {
    (row.run)(&row.event_loop(), times);
}

fn print_table(rows: &[&Row], effort: Effort) {
    let width = name_width();
    println!("{:<width$}  {:>9}  {:>9}  {:>9}", "", "ns/op", "ns/op", "allocs/op");
    println!("{:<width$}  {:>9}  {:>9}  {:>9}  one operation", "row", "median", "minimum", "mean");
    for row in rows {
        let Measured { median, minimum, allocations } =
            measure(row, effort, |round| show_progress(&format!("{} {round}/{}", row.name, effort.rounds)));
        show_progress("");
        println!("{:<width$}  {median:>9.1}  {minimum:>9.1}  {allocations:>9.3}  {}", row.name, row.op);
    }
}

fn name_width() -> usize {
    ROWS.iter().map(|row| row.name.len()).max().unwrap_or_default()
}

/// Replaces the line that shows how far the bench is, if standard error is a terminal.
fn show_progress(line: &str) {
    let mut err = stderr();
    if err.is_terminal() {
        // a terminal that has gone is no reason to stop
        let _ = write!(err, "\r\x1b[K{line}").and_then(|()| err.flush());
    }
}
