//! What it ran on, and with which versions. Must not know what was measured.

use std::fs;

const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));

/// The version of a crate that this program was built with. Another package of the workspace may use another version of
/// it: then the lock file has both, and says with each package which it uses.
#[must_use]
pub fn version(name: &str) -> &'static str {
    version_for(env!("CARGO_PKG_NAME"), name).or_else(|| only_version(name)).unwrap_or("of an unknown version")
}

/// The lines of the lock file from those of this package on.
fn package(name: &str) -> impl Iterator<Item = &'static str> {
    LOCK.lines().skip_while(move |line| line.strip_prefix("name = ") != Some(&format!("\"{name}\"")))
}

fn version_for(package_name: &str, name: &str) -> Option<&'static str> {
    let own = package(package_name).take_while(|line| !line.is_empty());
    own.filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\",")?.split_once(' '))
        .find_map(|(dependency, version)| (dependency == name).then_some(version))
}

fn only_version(name: &str) -> Option<&'static str> {
    Some(package(name).nth(1)?.strip_prefix("version = ")?.trim_matches('"'))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_of_several_versions_is_told_in_the_one_that_is_used() {
        let versions = |name: &str| LOCK.matches(&format!("name = \"{name}\"\n")).count();
        assert!(versions("calloop") > 1 && versions("calloop") > versions("tokio"));
        assert!(version("calloop").starts_with("0.14."), "as Cargo.toml has it");
        assert_eq!(version("tokio"), only_version("tokio").expect("it is in the lock file"));
        assert_eq!(version("no-such-crate"), "of an unknown version");
    }
}
