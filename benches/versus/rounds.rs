//! The children, in turn, round after round, so that what else the machine does meets all systems alike. Owns their
//! order and the progress that is shown; must not know what is made of the values.
#![expect(clippy::print_stderr, reason = "progress")]

use std::env;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::process::Command;
use std::time::Duration;

use oneloop_versus::machine::version;
use oneloop_versus::results::{Measured, Results};
use oneloop_versus::rows::{Name, Row};
use oneloop_versus::systems::OF_PYTHON;

use crate::child::{self, Ended};
use crate::options::{Pace, Suite};
use crate::python;
use crate::system::System;
use crate::systems::SYSTEMS;

/// The rounds, if there is little time: shorter ones say nothing, longer ones need not be.
const SHORTEST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(10);

/// A system that takes part: it is started once for each row in each round.
struct Candidate {
    name: &'static str,
    version: String,
    kind: Kind,
}

enum Kind {
    /// This program again.
    Here(&'static System),
    /// Python, and the rows it has.
    Python(Vec<Name>),
}

impl Candidate {
    fn has(&self, row: &Row) -> bool {
        match &self.kind {
            Kind::Here(system) => (system.find)(row.name).is_some(),
            Kind::Python(rows) => rows.contains(&row.name),
        }
    }

    /// What a child costs before and after its round: a start, and what cannot be made shorter.
    fn cost(&self) -> Duration {
        match self.kind {
            Kind::Here(_) => Duration::from_millis(8),
            Kind::Python(_) => Duration::from_millis(120),
        }
    }

    fn measure(&self, row: &Row, round: Duration) -> Ended {
        let millis = round.as_millis().to_string();
        let mut command = match &self.kind {
            Kind::Here(system) => {
                let mut command = Command::new(env::current_exe().expect("a program has a name"));
                command.args(["--system", system.name, "--row", row.name.text(), "--millis", &millis]);
                command
            }
            Kind::Python(_) => {
                let mut command = python::command(self.name);
                command.args([row.name.text(), &millis]);
                command
            }
        };
        child::run(&mut command)
    }
}

/// What was measured, and what failed. A system that failed at a row once, or cannot do it, has no value there.
pub(crate) fn run(suite: &Suite) -> (Results, Vec<String>) {
    let mut rounds = Rounds::of(suite);
    for round in 0..rounds.count {
        rounds.run_one(round);
    }
    show_progress("");
    let systems = rounds.candidates.into_iter().map(|candidate| (candidate.name, candidate.version)).collect();
    (Results { rows: suite.rows.clone(), systems, measured: rounds.measured }, rounds.failures)
}

/// The rounds of a suite, and what they have found so far.
struct Rounds<'a> {
    suite: &'a Suite,
    candidates: Vec<Candidate>,
    count: usize,
    length: Duration,
    measured: Vec<Measured>,
    failures: Vec<String>,
}

impl<'a> Rounds<'a> {
    fn of(suite: &'a Suite) -> Self {
        let candidates = candidates(suite);
        let mut measured = Vec::new();
        for row in &suite.rows {
            for candidate in candidates.iter().filter(|candidate| candidate.has(row)) {
                measured.push(Measured { row, system: candidate.name, rounds: Vec::new() });
            }
        }
        let (count, length) = match suite.pace {
            Pace::Rounds(count, length) => (count, length),
            Pace::Within(time) => within(time, &candidates, &suite.rows),
        };
        Self { suite, candidates, count, length, measured, failures: Vec::new() }
    }

    fn run_one(&mut self, round: usize) {
        announce(&format!("round {} of {}", round + 1, self.count));
        let hurried = matches!(self.suite.pace, Pace::Within(_));
        // in a hurry, a row that cannot be short is measured once
        let rows =
            self.suite.rows.iter().enumerate().filter(|(_, row)| !hurried || round == 0 || row.at_least.is_zero());
        for (at, row) in rows {
            let place = format!("round {} of {}, row {} of {}", round + 1, self.count, at + 1, self.suite.rows.len());
            // each candidate is the first in some of the rounds
            for turn in 0..self.candidates.len() {
                self.measure(row, (turn + round) % self.candidates.len(), &place);
            }
        }
    }

    /// Measures a row on a candidate, unless it has failed there before. `place` says how far the rounds are.
    fn measure(&mut self, row: &Row, candidate: usize, place: &str) {
        let candidate = &self.candidates[candidate];
        let is_it = |cell: &Measured| cell.system == candidate.name && cell.row.name == row.name;
        let Some(at) = self.measured.iter().position(is_it) else { return };
        let cell = format!("{} on {}", row.name, candidate.name);
        show_progress(&format!("{place}: {cell}"));
        match candidate.measure(row, self.length) {
            Ended::Value(value) => return self.measured[at].rounds.push(value),
            Ended::Impossible(reason) => {
                show_progress("");
                eprintln!("skipped {cell}: {reason}");
            }
            Ended::Failed(error) => self.failures.push(format!("{cell}: {error}")),
        }
        self.measured.remove(at);
    }
}

/// The rounds and their length that take about so long in all, if the rows that cannot be short are done once.
fn within(time: Duration, candidates: &[Candidate], rows: &[&Row]) -> (usize, Duration) {
    let (mut children, mut cost, mut once) = (0, Duration::ZERO, Duration::ZERO);
    for candidate in candidates {
        for row in rows.iter().filter(|row| candidate.has(row)) {
            if row.at_least.is_zero() {
                children += 1;
                cost += candidate.cost();
            } else {
                once += row.at_least + candidate.cost();
            }
        }
    }
    let time = time.saturating_sub(once);
    // a child takes about three times as long as its round, the first two to find out how much that is
    let length = |rounds: u32| (time / rounds).saturating_sub(cost) / (3 * children.max(1));
    let rounds = [3, 2].into_iter().find(|rounds| length(*rounds) >= SHORTEST).unwrap_or(1);
    (rounds as usize, length(rounds).clamp(SHORTEST, LONGEST))
}

fn candidates(suite: &Suite) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for system in SYSTEMS.iter().filter(|system| suite.systems.contains(&system.name)) {
        if let Some(reason) = (system.refused)() {
            eprintln!("skipped {}: {reason}", system.name);
            continue;
        }
        let version = system.crates.iter().map(|name| format!("{name} {}", version(name)));
        let version = version.collect::<Vec<_>>().join(", ");
        candidates.push(Candidate { name: system.name, version, kind: Kind::Here(system) });
    }
    for name in OF_PYTHON.into_iter().filter(|name| suite.systems.contains(name)) {
        match python::find(name) {
            Ok(found) => candidates.push(Candidate { name, version: found.version, kind: Kind::Python(found.rows) }),
            Err(reason) => eprintln!("skipped {name}: {reason}"),
        }
    }
    candidates
}

/// Says that a round begins, where no line can be replaced.
fn announce(line: &str) {
    if !stderr().is_terminal() {
        eprintln!("{line}");
    }
}

/// Replaces the line that shows how far it is, on a terminal.
fn show_progress(line: &str) {
    let mut err = stderr();
    if err.is_terminal() {
        // a terminal that has gone is no reason to stop
        let _ = write!(err, "\r\x1b[K{line}").and_then(|()| err.flush());
    }
}
