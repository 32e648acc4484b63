//! The function `run`, the runner that it is made of, and Ctrl-C. Owns the order in which a program ends; must not know
//! how a loop runs.
//!
//! `run.rs` is a `Runner` with one run. `runner.rs` is asyncio's `Runner`: it makes the loop, and when it ends, it
//! cancels the tasks that are left, waits for them and for the threads of the default executor, and closes the loop.
//! `ctrl_c.rs` is what a run does about Ctrl-C.

#[cfg(feature = "signal")]
mod ctrl_c; // the cancellation of the main task by Ctrl-C
mod runner; // several runs on one loop, and the clean-up behind the last
mod run; // a loop for one main future

pub use run::run;
pub use runner::Runner;
