//! Child processes, whose pipes are streams: asyncio's subprocesses. Owns the start and the end of a child; must not
//! know how an iteration goes.
//!
//! To read: `spawn.rs` (the settings, which are those of `std::process::Command`, and the start), `watched_child.rs`
//! (how its end is learned, by a descriptor that a callback watches, and told to all that wait), `process.rs` (the
//! handle). A child is waited for in one place only, so no signal is ever sent to a PID that has gone to another.

mod watched_child; // a child until it is reaped
mod process; // the handle
mod spawn; // settings, and the start

pub use process::Process;
pub use spawn::{ProcessBuilder, create_subprocess_exec, create_subprocess_shell};
