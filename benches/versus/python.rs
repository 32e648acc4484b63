//! The systems that are no crates: CPython's asyncio, and uvloop below it. Owns how their program is started; must not
//! know what its rows do.

use std::process::Command;

use oneloop_versus::rows::{self, Name};

const PROGRAM: &str = concat!(
    include_str!("systems/asyncio.py"),
    include_str!("systems/asyncio_loop.py"),
    include_str!("systems/asyncio_sockets.py"),
    include_str!("systems/asyncio_main.py"),
);
/// Task groups came with 3.11.
const OLDEST: (u32, u32) = (3, 11);

/// A Python that will do.
pub(crate) struct Python {
    /// Of the system, and of Python itself.
    pub(crate) version: String,
    pub(crate) rows: Vec<Name>,
}

/// The command that prints the value of a row; without further arguments, versions and rows.
pub(crate) fn command(system: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", PROGRAM, system]);
    command
}

/// The one that is installed, or why it will not do.
pub(crate) fn find(system: &str) -> Result<Python, String> {
    let said = command(system).output().map_err(|error| format!("python3 does not start: {error}"))?;
    if !said.status.success() {
        let trace = String::from_utf8_lossy(&said.stderr);
        return Err(format!("python3 fails: {}", trace.lines().last().unwrap_or_default()));
    }
    let said = String::from_utf8_lossy(&said.stdout);
    let mut lines = said.lines().map(str::to_owned);
    let (Some(python), Some(version)) = (lines.next(), lines.next()) else {
        return Err("python3 says nothing".to_owned());
    };
    let mut numbers = python.split('.').map_while(|number| number.parse().ok());
    if numbers.next().zip(numbers.next()).is_none_or(|version| version < OLDEST) {
        return Err(format!("python3 is {python}, and {}.{} is the oldest that will do", OLDEST.0, OLDEST.1));
    }
    let rows = lines.map(|name| rows::find(&name).map(|row| row.name));
    Ok(Python { version, rows: rows.collect::<Result<_, _>>()? })
}
