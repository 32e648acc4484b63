//! Child processes, whose pipes are streams: asyncio's subprocesses. Owns the start and the end of a child; must not
//! know how an iteration goes.

mod watched_child; // a child until it is reaped
mod process; // the handle
mod spawn; // settings, and the start

pub use process::Process;
pub use spawn::{ProcessBuilder, create_subprocess_exec, create_subprocess_shell};
