//! What the suite makes of its numbers, without measuring any. Owns the made-up results that the tests share; must not
//! know the bench.

mod baseline;
mod names;
mod pages;
mod peers;
mod saved;
mod ties;

use oneloop_versus::results::{Measured, Results};
use oneloop_versus::rows::{ROWS, find};
use oneloop_versus::systems;

/// What a run would have found: a row, a system, its rounds.
fn results(cells: &[(&str, &str, &[f64])]) -> Results {
    let measured: Vec<_> = cells.iter().map(|(row, system, rounds)| measured(row, system, rounds)).collect();
    let rows = ROWS.iter().filter(|row| measured.iter().any(|one| one.row.name == row.name)).collect();
    let systems = systems::ALL.into_iter().filter(|system| measured.iter().any(|one| one.system == *system));
    let systems = systems.map(|system| (system, String::new())).collect();
    Results { rows, systems, measured }
}

fn measured(row: &str, system: &str, rounds: &[f64]) -> Measured {
    Measured {
        row: find(row).expect("a row"),
        system: systems::find(system).expect("a system"),
        rounds: rounds.to_vec(),
    }
}
