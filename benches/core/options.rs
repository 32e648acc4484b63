//! What was asked for on the command line. Owns the options and their help; must not know what a row does.

use std::path::PathBuf;

use crate::Row;
use crate::measure::Effort;
use crate::rows::ROWS;

const USAGE: &str = "\
Measures the loop's basic operations: ns, allocations and instructions of each.

Usage: cargo bench --bench core -- [OPTIONS]

Options:
  --only ROW[,ROW]  only these rows
  --quick           fewer and shorter rounds, for a first look
  --test            run each row once, to see that it works; measure nothing
  --counts          count instructions, with valgrind; fail if there are more than expected
  --beside PROGRAM  with --counts: fail also if a row takes 2 percent more than in this program, which is a build
                    without the facts for those who look inside: .ci/facts
  --times N         run each row so many times, and print nothing: for a profiler
  --help            print this
";

pub(crate) enum Asked {
    Help,
    Test(Vec<&'static Row>),
    Table(Vec<&'static Row>, Effort),
    Counts(Vec<&'static Row>, Option<PathBuf>),
    Times(Vec<&'static Row>, u64),
}

pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let (mut rows, mut effort) = (Vec::new(), Effort::FULL);
    let mut kind: fn(Vec<&'static Row>, Effort) -> Asked = Asked::Table;
    let (mut times, mut beside) = (None, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--test" => kind = |rows, _| Asked::Test(rows),
            "--counts" => kind = |rows, _| Asked::Counts(rows, None),
            "--beside" => beside = Some(args.next().ok_or("--beside wants a program")?.into()),
            "--times" => times = Some(number(args.next())?),
            "--quick" => effort = Effort::QUICK,
            "--only" => {
                let names = args.next().ok_or("--only wants the name of a row")?;
                for name in names.split(',') {
                    rows.push(row(name)?);
                }
            }
            "--bench" => {} // says cargo
            other => return Err(format!("unknown option `{other}`")),
        }
    }
    if rows.is_empty() {
        rows.extend(ROWS);
    }
    if let Some(times) = times {
        return Ok(Asked::Times(rows, times));
    }
    Ok(match kind(rows, effort) {
        Asked::Counts(rows, _) => Asked::Counts(rows, beside),
        asked => asked,
    })
}

fn number(argument: Option<String>) -> Result<u64, String> {
    argument.and_then(|number| number.parse().ok()).ok_or_else(|| "--times wants a number".to_owned())
}

fn row(name: &str) -> Result<&'static Row, String> {
    ROWS.iter().find(|row| row.name == name).ok_or_else(|| format!("unknown row `{name}`"))
}

pub(crate) fn help() -> String {
    let width = crate::name_width();
    let rows = ROWS.iter().map(|row| format!("  {:<width$}  {}\n", row.name, row.op));
    format!("{USAGE}\nRows, and what one operation is:\n{}", rows.collect::<String>())
}
