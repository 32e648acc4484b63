//! The function `run`, and Ctrl-C.

#[cfg(feature = "signal")]
mod ctrl_c; // Ctrl-C cancels the main task
mod run; // the main future

pub use run::run;
