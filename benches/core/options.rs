//! What was asked for on the command line. Owns the options and their help; must not know what a row does.

use crate::Row;
use crate::measure::Effort;
use crate::rows::ROWS;

const USAGE: &str = "\
Measures the loop's basic operations: ns and allocations of each.

Usage: cargo bench --bench core -- [OPTIONS]

Options:
  --only ROW[,ROW]  only these rows
  --quick           fewer and shorter rounds, for a first look
  --test            run each row once, to see that it works; measure nothing
  --help            print this
";

pub(crate) enum Asked {
    Help,
    Test(Vec<&'static Row>),
    Table(Vec<&'static Row>, Effort),
}

pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let (mut rows, mut test, mut effort) = (Vec::new(), false, Effort::FULL);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--test" => test = true,
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
    Ok(if test { Asked::Test(rows) } else { Asked::Table(rows, effort) })
}

fn row(name: &str) -> Result<&'static Row, String> {
    ROWS.iter().find(|row| row.name == name).ok_or_else(|| format!("unknown row `{name}`"))
}

pub(crate) fn help() -> String {
    let width = crate::name_width();
    let rows = ROWS.iter().map(|row| format!("  {:<width$}  {}\n", row.name, row.op));
    format!("{USAGE}\nRows, and what one operation is:\n{}", rows.collect::<String>())
}
