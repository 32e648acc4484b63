//! Runs of a main future, on the virtual clock. Must not know what runs.

use oneloop::Error;

use super::loops::virtual_loop;

/// Runs `main` on a loop with a virtual clock.
///
/// # Panics
/// If the run returns an error.
#[track_caller]
pub(crate) fn run<F: Future>(main: F) -> F::Output {
    try_run(main).expect("main comes to its end")
}

/// Runs `main` on a loop with a virtual clock, and returns the result of the run.
#[track_caller]
pub(crate) fn try_run<F: Future>(main: F) -> Result<F::Output, Error> {
    virtual_loop().run_until_complete(main)
}
