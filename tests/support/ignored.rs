//! Signals that the process ignored from its start, as a shell makes a background process ignore Ctrl-C. A test of
//! their default action must be skipped then. Must not know what is tested.

use std::fs;

/// Whether the process ignores the signal, so that the test must be skipped; prints that. False on a system that does
/// not tell.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn skips_since_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let ignored = mask >> (signal - 1) & 1 == 1;
    if ignored {
        eprintln!("skipped: signal {signal} is ignored here");
    }
    ignored
}
