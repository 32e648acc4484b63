//! What the examples print, to the letter: their order is the loop's, so it is tested. Owns the comparison; the texts
//! are in docs/examples/expected.

use std::{env, fs, path::Path};

use oneloop::Error;

use crate::support::this_test_again;

#[path = "../../docs/examples/ask_again.rs"]
mod ask_again;
#[path = "../../docs/examples/barrier_rounds.rs"]
mod barrier_rounds;
#[path = "../../docs/examples/chat.rs"]
mod chat;
#[path = "../../docs/examples/echo_server.rs"]
mod echo_server;
#[path = "../../docs/examples/filter.rs"]
mod filter;
// The tour has its chapters inside.
#[path = "../../docs/examples/gather_vs_wait.rs"]
mod gather_vs_wait;
#[path = "../../docs/examples/metrics.rs"]
mod metrics;
#[path = "../../docs/examples/per_core.rs"]
mod per_core;
#[path = "../../docs/examples/port_scan.rs"]
mod port_scan;
#[cfg(all(unix, feature = "process"))]
#[path = "../../docs/examples/processes.rs"]
mod processes;
#[path = "../../docs/examples/producer_consumer.rs"]
mod producer_consumer;
#[path = "../../docs/examples/retries.rs"]
mod retries;
#[cfg(all(unix, feature = "process", feature = "signal"))]
#[path = "../../docs/examples/supervisor.rs"]
mod supervisor;
#[path = "../../docs/examples/timeline.rs"]
mod timeline;
#[path = "../../docs/examples/worker_pool.rs"]
mod worker_pool;
#[path = "../../docs/examples/workers.rs"]
mod workers;

/// Set in a process that is there to run an example and be read.
const CHILD: &str = "ONELOOP_EXAMPLE";
/// What parts the example's lines from those of the test harness.
const MARK: &str = "=====";

/// Runs `main` in a process of its own, and compares all that it prints with the file of its name.
///
/// The process is this test again: only `cargo test` without a selection builds the example programs, and finding them
/// would take guesses about cargo's folders. CI runs the programs themselves.
#[track_caller]
fn prints_what_is_expected(name: &str, main: fn() -> Result<(), Error>) {
    if env::var_os(CHILD).is_some() {
        print_between_marks(main);
        return;
    }
    let child = this_test_again().env(CHILD, name).output().expect("the same program runs again");
    let printed = String::from_utf8(child.stdout).expect("text");
    let complaints = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{name} failed:\n{printed}\n{complaints}");
    let marked = printed.split_once(&format!("{MARK}\n")).and_then(|(_, rest)| rest.split_once(MARK));
    let (printed, _) = marked.unwrap_or_else(|| panic!("{name} was not found again:\n{printed}\n{complaints}"));

    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/examples/expected/{name}.txt"));
    let expected = fs::read_to_string(&expected).unwrap_or_else(|e| panic!("{}: {e}", expected.display()));
    let mut lines = (1..).zip(printed.lines().zip(expected.lines()));
    if let Some((number, (printed, expected))) = lines.find(|(_, (printed, expected))| printed != expected) {
        panic!("{name}, line {number}: printed {printed:?}, expected {expected:?}");
    }
    assert_eq!(printed, expected, "{name} prints more, or less");
}

#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn print_between_marks(main: fn() -> Result<(), Error>) {
    println!("{MARK}");
    main().expect("an example runs to its end");
    println!("{MARK}");
}

#[test]
fn counting() {
    prints_what_is_expected("counting", gather_vs_wait::counting::main);
}

#[test]
fn downloads() {
    prints_what_is_expected("downloads", gather_vs_wait::downloads::main);
}

#[test]
fn outcomes() {
    prints_what_is_expected("outcomes", gather_vs_wait::outcomes::main);
}

#[test]
fn groups() {
    prints_what_is_expected("groups", gather_vs_wait::groups::main);
}

#[test]
fn three_runs() {
    prints_what_is_expected("three_runs", gather_vs_wait::three_runs::main);
}

#[test]
fn batches() {
    prints_what_is_expected("batches", gather_vs_wait::batches::main);
}

#[test]
fn gather_vs_wait() {
    prints_what_is_expected("gather_vs_wait", gather_vs_wait::main);
}

#[test]
fn producer_consumer() {
    prints_what_is_expected("producer_consumer", producer_consumer::main);
}

#[test]
fn metrics() {
    prints_what_is_expected("metrics", metrics::main);
}

#[test]
fn timeline() {
    prints_what_is_expected("timeline", timeline::main);
}

#[test]
fn the_pictures_of_the_timelines_are_what_is_drawn_today() {
    for (name, title, timeline) in timeline::timelines().expect("it ends") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/examples/timelines/{name}.svg"));
        let kept = fs::read_to_string(path).expect("a picture");
        // the example is part of this test here
        let drawn = timeline.to_svg(title).replace("tests/it/../../", "");
        assert!(kept == drawn, "{name}.svg is stale: cargo run --example timeline docs/examples/timelines");
    }
}

#[test]
fn worker_pool() {
    prints_what_is_expected("worker_pool", worker_pool::main);
}

#[test]
fn barrier_rounds() {
    prints_what_is_expected("barrier_rounds", barrier_rounds::main);
}

#[test]
fn echo_server() {
    prints_what_is_expected("echo_server", echo_server::main);
}

#[test]
fn chat() {
    prints_what_is_expected("chat", chat::main);
}

#[test]
fn per_core() {
    prints_what_is_expected("per_core", per_core::main);
}

#[test]
fn port_scan() {
    prints_what_is_expected("port_scan", port_scan::main);
}

#[cfg(all(unix, feature = "process"))]
#[test]
fn processes() {
    prints_what_is_expected("processes", processes::main);
}

#[test]
fn workers() {
    prints_what_is_expected("workers", workers::main);
}

#[test]
fn retries() {
    prints_what_is_expected("retries", retries::main);
}

#[test]
fn ask_again() {
    prints_what_is_expected("ask_again", ask_again::main);
}

#[test]
fn filter() {
    prints_what_is_expected("filter", filter::main);
}

#[cfg(all(unix, feature = "process", feature = "signal"))]
#[test]
fn supervisor() {
    prints_what_is_expected("supervisor", supervisor::main);
}
