//! The loop: one iteration, runs, closing, the builder. Must not know what is built on it.

mod timer_handle; // a callback with a deadline
mod event_loop; // the loop
#[cfg(unix)]
mod fd_callbacks; // callbacks of readable and writable descriptors

pub use event_loop::{Builder, Entered, EventLoop};
pub use timer_handle::TimerHandle;
