//! The same work on oneloop and on its peers, each in a process of its own, in turn, round after round. Owns the two
//! roles of the process; must not know what a row does, nor how a system does it.
//!
//! `cargo bench -p oneloop-versus -- --help` says what can be asked for; `docs/BENCHMARKS.md` what it means.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its results, and its progress")]

mod child;
mod measure;
mod options;
mod python;
mod rounds;
mod sizes;
mod system;
mod systems;
mod work;

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use oneloop_versus::results::Results;
use oneloop_versus::systems::PEERS;
use oneloop_versus::{baseline, chart, front, peers, redraw, saved, tables};
use options::{Asked, Child, Suite};

/// Wherever cargo runs this.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn main() -> ExitCode {
    match options::parse(env::args().skip(1)) {
        Ok(Asked::Help) => print!("{}", options::help()),
        Ok(Asked::Child(child)) => return measure_here(&child),
        Ok(Asked::Suite(suite)) => return run(&suite),
        Ok(Asked::Draw) => return draw_again(),
        Err(error) => {
            eprintln!("error: {error}; --help lists what there is");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn draw_again() -> ExitCode {
    match redraw::draw(Path::new(REPOSITORY)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the pages cannot be drawn: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The child: one row on one system, whose value is all that is printed.
fn measure_here(child: &Child) -> ExitCode {
    let Some(work) = (child.system.find)(child.row.name) else {
        eprintln!("error: {} has no {}", child.system.name, child.row.name);
        return ExitCode::FAILURE;
    };
    match measure::value(work, child.round) {
        Ok(value) => println!("{value}"),
        Err(reason) => {
            eprintln!("{reason}");
            return ExitCode::from(measure::IMPOSSIBLE);
        }
    }
    ExitCode::SUCCESS
}

/// The parent: every row on every system, and what came of it.
fn run(suite: &Suite) -> ExitCode {
    let (results, failures) = rounds::run(suite);
    print!("{}", tables::text(&results));
    if let Some(before) = &suite.baseline {
        print!("\n{}", baseline::compare(before, &results).text());
    }
    for failure in &failures {
        eprintln!("failed: {failure}");
    }
    if let Err(error) = write(suite, &results) {
        eprintln!("error: the report cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write(suite: &Suite, results: &Results) -> io::Result<()> {
    if let Some(file) = &suite.json {
        write_file(file, &saved::json(results))?;
    }
    if let Some(folder) = &suite.report {
        fs::create_dir_all(folder)?;
        write_file(&folder.join("versus.md"), &tables::markdown(results))?;
        write_file(&folder.join("versus.svg"), &chart::svg(results))?;
        write_file(&folder.join("front.svg"), &front::svg(results))?;
        for peer in &PEERS {
            let Some(svg) = peers::svg(results, peer) else { continue };
            write_file(&folder.join(format!("{}.svg", peer.name)), &svg)?;
        }
    }
    Ok(())
}

fn write_file(file: &Path, text: &str) -> io::Result<()> {
    fs::write(file, text)?;
    eprintln!("wrote {}", file.display());
    Ok(())
}
