//! How many descriptors this process has open. Must not know whose they are.

use std::fs;

/// How many descriptors this process has open, as far as the system tells: 0 where it does not.
pub(crate) fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
