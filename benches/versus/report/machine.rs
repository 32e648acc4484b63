//! What it ran on, and with which versions. Must not know what was measured.

use std::fs;

/// The version of a crate that this program was built with.
#[must_use]
pub fn version(name: &str) -> &'static str {
    const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));
    let mut lines = LOCK.lines().skip_while(|line| line.strip_prefix("name = ") != Some(&format!("\"{name}\"")));
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    version.map_or("of an unknown version", |version| version.trim_matches('"'))
}

/// The machine, as far as the system says.
#[must_use]
pub fn describe() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a processor without a name", |(_, model)| model);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{count} × {model}, {} {}", std::env::consts::OS, kernel.trim())
}
