//! What was asked for on the command line. Owns the options and their help; must not know what a row does.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use oneloop_versus::results::Results;
use oneloop_versus::rows::{self, ROWS, Row};
use oneloop_versus::{saved, systems};

use crate::system::System;
use crate::systems::SYSTEMS;

const USAGE: &str = "\
The same work on oneloop and on its peers: nanoseconds of each, and how far oneloop is from the best peer.

Usage: cargo bench -p oneloop-versus -- [OPTIONS]

Options:
  --only ROW[,ROW]  only these rows
  --systems A,B     only these systems
  --quick           a minute: few and short rounds, and without --only no row that takes long whatever its round
  --rounds N        so many rounds of 50 ms, and not 7
  --json FILE       write what was measured, round by round
  --report DIR      write the tables, versus.md, and the pictures
  --baseline FILE   say what moved beyond the spread since an earlier run: its --json, or its versus.md
  --draw            measure nothing, write the pictures and tables of the pages from docs/benchmarks/versus.md
  --help            print this
";

pub(crate) enum Asked {
    Help,
    Suite(Suite),
    Child(Child),
    /// The charts again.
    Draw,
}

/// What the parent does.
pub(crate) struct Suite {
    pub(crate) rows: Vec<&'static Row>,
    pub(crate) systems: Vec<&'static str>,
    pub(crate) pace: Pace,
    pub(crate) json: Option<PathBuf>,
    pub(crate) report: Option<PathBuf>,
    /// What an earlier run found.
    pub(crate) baseline: Option<Results>,
}

/// How long it may take.
pub(crate) enum Pace {
    /// As long as so many rounds, each of so long, do.
    Rounds(usize, Duration),
    /// About so long, whatever there is to measure.
    Within(Duration),
}

/// What a child does; only the parent gives these options.
pub(crate) struct Child {
    pub(crate) system: &'static System,
    pub(crate) row: &'static Row,
    pub(crate) round: Duration,
}

pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut suite = Suite {
        rows: ROWS.iter().collect(),
        systems: systems::ALL.to_vec(),
        pace: Pace::Rounds(7, Duration::from_millis(50)),
        json: None,
        report: None,
        baseline: None,
    };
    let mut child = (None, None, Duration::from_millis(50));
    let mut all_rows = true;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
        match arg.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--quick" => suite.pace = Pace::Within(Duration::from_secs(44)),
            "--only" => {
                suite.rows = value()?.split(',').map(rows::find).collect::<Result<_, _>>()?;
                all_rows = false;
            }
            "--systems" => suite.systems = value()?.split(',').map(systems::find).collect::<Result<_, _>>()?,
            "--rounds" => suite.pace = Pace::Rounds(rounds(&value()?)?, Duration::from_millis(50)),
            "--json" => suite.json = Some(value()?.into()),
            "--report" => suite.report = Some(value()?.into()),
            "--baseline" => suite.baseline = Some(saved::read(Path::new(&value()?))?),
            "--draw" => return Ok(Asked::Draw),
            "--system" => child.0 = Some(here(&value()?)?),
            "--row" => child.1 = Some(rows::find(&value()?)?),
            "--millis" => child.2 = millis(&value()?)?,
            "--bench" => {} // says cargo
            other => return Err(format!("unknown option `{other}`")),
        }
    }
    if all_rows && matches!(suite.pace, Pace::Within(_)) {
        suite.rows.retain(|row| row.at_least.is_zero());
    }
    Ok(match child {
        (Some(system), Some(row), round) => Asked::Child(Child { system, row, round }),
        (None, None, _) => Asked::Suite(suite),
        _ => return Err("--system and --row go together".to_owned()),
    })
}

fn here(name: &str) -> Result<&'static System, String> {
    SYSTEMS.iter().find(|system| system.name == name).ok_or_else(|| format!("`{name}` is no system of this program"))
}

fn rounds(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("--rounds {text}: a number from 1 is wanted")),
        Ok(rounds) => Ok(rounds),
    }
}

fn millis(text: &str) -> Result<Duration, String> {
    u64::from_str(text).map(Duration::from_millis).map_err(|error| format!("--millis {text}: {error}"))
}

pub(crate) fn help() -> String {
    let width = ROWS.iter().map(|row| row.name.text().len()).max().unwrap_or_default();
    let rows = ROWS.iter().map(|row| format!("  {:<width$}  {}\n", row.name, row.op));
    let systems = systems::ALL.join(", ");
    format!("{USAGE}\nSystems: {systems}\n\nRows, and what one operation is:\n{}", rows.collect::<String>())
}
