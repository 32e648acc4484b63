//! Child processes, whose pipes are streams.

mod exit; // the end of a child
mod spawn; // starting a child
mod process; // the handle

pub use process::Process;
pub use spawn::{ProcessBuilder, create_subprocess_exec, create_subprocess_shell};
