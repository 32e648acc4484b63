//! The system that is no crate: CPython's asyncio. Owns how its program is started; must not know what its rows do.

use std::process::Command;

pub(crate) const NAME: &str = "asyncio";
const PROGRAM: &str = include_str!("systems/asyncio.py");
/// Task groups came with 3.11.
const OLDEST: (u32, u32) = (3, 11);

/// A Python that will do.
pub(crate) struct Python {
    pub(crate) version: String,
    pub(crate) rows: Vec<String>,
}

/// The command that prints the value of a row; without arguments, its version and its rows.
pub(crate) fn command() -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", PROGRAM]);
    command
}

/// The one that is installed, or why it will not do.
pub(crate) fn find() -> Result<Python, String> {
    let said = command().output().map_err(|error| format!("python3 does not start: {error}"))?;
    if !said.status.success() {
        return Err(format!("python3 fails: {}", String::from_utf8_lossy(&said.stderr).trim()));
    }
    let said = String::from_utf8_lossy(&said.stdout);
    let mut lines = said.lines().map(str::to_owned);
    let version = lines.next().ok_or("python3 says nothing")?;
    let mut numbers = version.split('.').map_while(|number| number.parse().ok());
    if numbers.next().zip(numbers.next()).is_none_or(|version| version < OLDEST) {
        return Err(format!("python3 is {version}, and {}.{} is the oldest that will do", OLDEST.0, OLDEST.1));
    }
    Ok(Python { version, rows: lines.collect() })
}
