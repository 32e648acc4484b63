//! Signals that were ignored before the tests began, as a shell has it with Ctrl-C for what runs in the background:
//! what a test expects of their default cannot be seen then. Must not know what is tested.

use std::fs;

/// Whether the signal is ignored in this process, as far as the system tells; the test says so and is skipped.
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
