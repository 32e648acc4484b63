//! What the pictures of the book show is what the programs before them do: docs/book/recorded.json has it, from which
//! docs/book/draw draws.

use std::fs;
use std::path::Path;

use oneloop::Timeline;
use oneloop::observe::{ArrowKind, Lane, LaneState};
use oneloop_book::{PROGRAMS, recording};
use serde_json::{Map, Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/book/recorded.json");

/// What is drawn of a lane: the times in seconds. A step takes no time on the virtual clock.
fn lane(timeline: &Timeline, place: usize, lane: &Lane) -> Value {
    let spans = lane.spans.iter().filter(|span| span.from < span.to);
    let spans = spans.map(|span| {
        let state = if span.state == LaneState::Sleeping { "sleeps" } else { "waits" };
        json!([span.from.as_secs_f64(), span.to.as_secs_f64(), state])
    });
    let cancelled = timeline.arrows.iter().filter(|arrow| arrow.kind == ArrowKind::Cancelled && arrow.to == place);
    let (_, ending) = lane.ended.expect("a run ends all of its tasks");
    json!({
        "spans": spans.collect::<Value>(),
        "cancelled": cancelled.map(|arrow| arrow.at.as_secs_f64()).next(),
        "ended": format!("{ending:?}"),
    })
}

#[test]
fn the_pictures_are_of_what_the_programs_do() {
    let mut recorded = Map::new();
    for program in PROGRAMS.iter().filter(|program| !program.picture.is_empty()) {
        (program.run)().unwrap_or_else(|error| panic!("{}: {error}", program.heading));
        let timeline = recording::take().unwrap_or_else(|| panic!("{} runs on no virtual clock", program.heading));
        let lanes = timeline.lanes.iter().enumerate().map(|(place, one)| lane(&timeline, place, one));
        recorded.insert(program.picture.to_owned(), lanes.collect());
    }
    assert!(recorded.len() > 10, "the programs are found");
    let recorded = format!("{:#}\n", Value::Object(recorded));
    if std::env::var_os("ONELOOP_RECORD").is_some() {
        fs::write(FILE, &recorded).expect("the folder can be written to");
    }
    let kept = fs::read_to_string(Path::new(FILE)).unwrap_or_default();
    assert!(
        kept == recorded,
        "docs/book/recorded.json is stale: ONELOOP_RECORD=1 cargo test -p oneloop-book, then docs/book/draw"
    );
}

#[test]
fn every_program_runs() {
    for program in PROGRAMS {
        (program.run)().unwrap_or_else(|error| panic!("{}: {error}", program.heading));
    }
}
