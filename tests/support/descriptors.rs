//! How many descriptors this process has open. Must not know what they are for.

use std::fs;

/// How many descriptors this process has open; 0 on a system that does not tell.
pub(crate) fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
