//! The loop: one iteration, runs, closing, the builder. Must not know what is built on it.

mod timer_handle; // a callback with a deadline
mod event_loop; // the handle on a loop: scheduling and state
mod builder; // making loops
mod deadlock; // what a program waits for that can never go on
mod run_once; // one iteration
mod running; // one iteration after another
mod run_until_complete; // a main future
mod close; // the end
#[cfg(unix)]
mod fd_callbacks; // callbacks of descriptors

pub use builder::EventLoopBuilder;
pub use event_loop::{EnterGuard, EventLoop};
pub use timer_handle::TimerHandle;
