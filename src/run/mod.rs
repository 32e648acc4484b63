//! The function `run`, and Ctrl-C. Owns the order in which a program ends; must not know how a loop runs.

#[cfg(feature = "signal")]
mod ctrl_c; // the cancellation of the main task by Ctrl-C
mod run; // a loop, its main future, and the clean-up

pub use run::run;
