//! Runs the program below the heading that is its argument, for those who want to see what it prints.

use std::env;

use oneloop_book::PROGRAMS;

fn main() -> Result<(), String> {
    let heading = env::args().nth(1).unwrap_or_default();
    let program = PROGRAMS.iter().find(|program| program.heading == heading);
    let program = program.ok_or_else(|| format!("there is no program below the heading `{heading}`"))?;
    (program.run)().map_err(|error| error.to_string())
}
