//! The first task of a process. Owns the processes that begin for it; must not know any system.
//!
//! What comes before `main` is this program, the same for all systems: it is not counted. Nor can a process begin
//! twice, so that the median is of the child and of others that do the same, one after the other.

use std::env;
use std::process::Command;
use std::time::Instant;

use crate::child::{self, Ended};
use crate::measure::{Cost, percentile};
use crate::sizes::BEGINNINGS;
use crate::system::Timers;

/// Set for one that is not to start others.
const ALONE: &str = "ONELOOP_VERSUS_ALONE";

/// With its drivers, as it is started where there is I/O.
pub(crate) fn first_tick<S: Timers>(_: u64) -> Cost {
    let start = Instant::now();
    let first = S::run(async |system: S| system.spawn(async move { start.elapsed() }).await);
    let mut firsts = vec![first.as_secs_f64() * 1e6];
    if env::var_os(ALONE).is_none() {
        let again = env::current_exe().expect("a program has a name");
        for _ in 0..BEGINNINGS {
            match child::run(Command::new(&again).args(env::args_os().skip(1)).env(ALONE, "yes")) {
                Ended::Value(value) => firsts.push(value),
                Ended::Impossible(reason) | Ended::Failed(reason) => return Cost::Impossible(reason),
            }
        }
    }
    Cost::Value(percentile(firsts, 50))
}
