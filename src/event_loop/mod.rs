//! The loop that users hold: one iteration, runs, closing, the builder. Owns when code of users runs; must not know
//! what is built on the loop.
//!
//! To read: `run_once.rs`, which is one iteration and asyncio's `_run_once`, and whose steps 2 to 4 are in
//! `outside.rs`. Then `running.rs`, which repeats it, and `run_until_complete.rs`, which does so until a main future is
//! done; `close.rs` is the end. `event_loop.rs` is the handle with `call_soon` and `call_later`, and `builder.rs` has
//! the settings. What is left is for one purpose each: `observed.rs` for loops with observers, `turns.rs` and `host.rs`
//! for hosts with a loop of their own, `exploration.rs` for tests with many seeds.

mod timer_handle; // a callback with a deadline
mod event_loop; // the handle on a loop: scheduling and state
mod debug; // debug mode, on or off
mod exploration; // what the seed of a loop that explores decides
mod builder; // the settings of a new loop
mod explore; // the run of a test with many seeds
mod deadlock; // which task waits for what when nothing can happen
mod outside; // how an iteration waits for descriptors, timers and other threads
mod run_once; // one iteration
mod observed; // one iteration, observed
mod running; // runs: one iteration after another
mod turns; // a host that drives the loop: one or some iterations at a time
mod host; // the descriptor that a host watches
mod run_until_complete; // the run of a main future
mod close; // the end of a loop
mod fd_callbacks; // callbacks that watch descriptors

pub use builder::{EventLoopBuilder, TimerPrecision};
pub use event_loop::{EnterGuard, EventLoop};
pub use explore::explore;
#[cfg(feature = "signal")]
pub(crate) use fd_callbacks::repeating;
pub use timer_handle::TimerHandle;
pub use turns::{Left, Turn, TurnBudget};
