//! The children, in turn, round after round, so that the machine's moods reach all systems alike. Owns their order and
//! the progress that is shown; must not know what is made of the values.
#![expect(clippy::print_stderr, reason = "progress")]

use std::env;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::process::Command;
use std::time::Duration;

use oneloop_versus::machine::version;
use oneloop_versus::results::{Measured, Results};
use oneloop_versus::rows::{Name, Row};
use oneloop_versus::systems::OF_PYTHON;

use crate::child::{self, Said};
use crate::options::{Pace, Suite};
use crate::python;
use crate::system::System;
use crate::systems::SYSTEMS;

/// The rounds, if there is little time: shorter ones say nothing, longer ones need not be.
const SHORTEST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(10);

/// One that is started once for each row in each round.
struct Player {
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

impl Player {
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

    fn value(&self, row: &Row, round: Duration) -> Said {
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
        child::ask(&mut command)
    }
}

/// What was measured, and what failed. A system that failed at a row once, or cannot do it, has no value there.
pub(crate) fn run(suite: &Suite) -> (Results, Vec<String>) {
    let players = players(suite);
    let mut measured: Vec<Measured> = Vec::new();
    for row in &suite.rows {
        for player in players.iter().filter(|player| player.has(row)) {
            measured.push(Measured { row, system: player.name, rounds: Vec::new() });
        }
    }
    let (rounds, length) = match suite.pace {
        Pace::Rounds(rounds, length) => (rounds, length),
        Pace::Within(time) => within(time, &players, &suite.rows),
    };
    let hurried = matches!(suite.pace, Pace::Within(_));
    let mut failures = Vec::new();
    for round in 0..rounds {
        let mut first = true;
        for (at, row) in suite.rows.iter().enumerate() {
            if hurried && round > 0 && !row.at_least.is_zero() {
                continue;
            }
            // each is the first in some of the rounds
            for turn in 0..players.len() {
                let player = &players[(turn + round) % players.len()];
                let place = measured.iter().position(|cell| cell.system == player.name && cell.row.name == row.name);
                let Some(place) = place else { continue };
                let done = format!("{} of {}, row {} of {}", round + 1, rounds, at + 1, suite.rows.len());
                show_progress(&format!("round {done}: {} on {}", row.name, player.name), first);
                first = false;
                let cell = format!("{} on {}", row.name, player.name);
                match player.value(row, length) {
                    Said::Value(value) => {
                        measured[place].rounds.push(value);
                        continue;
                    }
                    Said::Impossible(reason) => {
                        show_progress("", false);
                        eprintln!("skipped {cell}: {reason}");
                    }
                    Said::Failed(error) => failures.push(format!("{cell}: {error}")),
                }
                measured.remove(place);
            }
        }
    }
    show_progress("", false);
    let systems = players.into_iter().map(|player| (player.name, player.version)).collect();
    (Results { rows: suite.rows.clone(), systems, measured }, failures)
}

/// The rounds and their length that take about so long in all, if the rows that cannot be short are done once.
fn within(time: Duration, players: &[Player], rows: &[&Row]) -> (usize, Duration) {
    let (mut children, mut cost, mut once) = (0, Duration::ZERO, Duration::ZERO);
    for player in players {
        for row in rows.iter().filter(|row| player.has(row)) {
            if row.at_least.is_zero() {
                children += 1;
                cost += player.cost();
            } else {
                once += row.at_least + player.cost();
            }
        }
    }
    let time = time.saturating_sub(once);
    // a child takes about three times as long as its round, the first two to find out how much that is
    let length = |rounds: u32| (time / rounds).saturating_sub(cost) / (3 * children.max(1));
    let rounds = [3, 2].into_iter().find(|rounds| length(*rounds) >= SHORTEST).unwrap_or(1);
    (rounds as usize, length(rounds).clamp(SHORTEST, LONGEST))
}

fn players(suite: &Suite) -> Vec<Player> {
    let mut players = Vec::new();
    for system in SYSTEMS.iter().filter(|system| suite.systems.contains(&system.name)) {
        if let Some(reason) = (system.refused)() {
            eprintln!("skipped {}: {reason}", system.name);
            continue;
        }
        let version = system.crates.iter().map(|name| format!("{name} {}", version(name)));
        let version = version.collect::<Vec<_>>().join(", ");
        players.push(Player { name: system.name, version, kind: Kind::Here(system) });
    }
    for name in OF_PYTHON.into_iter().filter(|name| suite.systems.contains(name)) {
        match python::find(name) {
            Ok(found) => players.push(Player { name, version: found.version, kind: Kind::Python(found.rows) }),
            Err(reason) => eprintln!("skipped {name}: {reason}"),
        }
    }
    players
}

/// Replaces the line that shows how far it is; where that cannot be done, only a line that matters is shown.
fn show_progress(line: &str, matters: bool) {
    let mut err = stderr();
    if err.is_terminal() {
        // a terminal that has gone is no reason to stop
        let _ = write!(err, "\r\x1b[K{line}").and_then(|()| err.flush());
    } else if matters {
        eprintln!("{line}");
    }
}
