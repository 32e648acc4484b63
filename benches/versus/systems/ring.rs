//! What the kernel says to a program that asks for `io_uring`, which it may know and refuse to some.
//! Must not know the systems.

use io_uring::{Builder, IoUring};

/// For a single thread, which is faster than one for all, and came with Linux 6.1.
pub(super) fn of_one_thread() -> Builder {
    let mut ring = IoUring::builder();
    ring.setup_single_issuer().setup_defer_taskrun();
    ring
}

pub(super) fn refused(ring: &Builder) -> Option<String> {
    let error = ring.build(8).err()?;
    Some(format!("the kernel refuses io_uring as it is asked for: {error}"))
}
