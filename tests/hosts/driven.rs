//! The examples, counted: a host is woken once for each thing that happens, and for nothing else. Things that happen
//! together take one turn.

#[path = "../../docs/examples/hosts/calloop_guest.rs"]
mod calloop_guest;
#[path = "../../docs/examples/hosts/calloop_host.rs"]
mod calloop_host;
#[path = "../../docs/examples/hosts/frames.rs"]
mod frames;
#[path = "../../docs/examples/hosts/poll_loop.rs"]
mod poll_loop;

use oneloop_hosts::THINGS;

#[test]
fn poll_is_woken_once_for_each_thing_that_happens() {
    let seen = poll_loop::drive().expect("it ends");
    assert_eq!((seen.happened, seen.for_nothing, seen.idle, seen.own), (THINGS, 0, 0, 1), "{seen:?}");
    assert!(seen.wakes <= THINGS, "{seen:?}");
}

#[test]
fn calloop_is_woken_once_for_each_thing_that_happens() {
    let seen = calloop_host::drive().expect("it ends");
    assert_eq!((seen.happened, seen.for_nothing, seen.idle), (THINGS, 0, 0), "{seen:?}");
    assert!(seen.wakes <= THINGS && seen.ticks > 0, "{seen:?}");
}

#[test]
fn calloop_is_a_guest() {
    assert_eq!(calloop_guest::drive().expect("it ends"), 5);
}

/// A busy machine makes the steps longer, so that there are more frames. But a step takes its time on any machine, so
/// how many fit into a budget is sure; and a frame ends when its budget is spent, and not before.
#[test]
fn work_is_spread_over_frames_and_none_is_late_by_more_than_a_step() {
    let fit = usize::try_from(frames::BUDGET.as_micros() / frames::STEP.as_micros()).expect("a small number");
    let frames = frames::drive().expect("it ends");
    assert!(frames.iter().all(|(steps, _)| *steps <= fit), "the time was up before the last step: {frames:?}");
    let steps: usize = frames.iter().map(|(steps, _)| steps).sum();
    assert_eq!(steps, frames::STEPS as usize + 1, "each step runs once, and the last poll ends the task");
    let (_last, full) = frames.split_last().expect("a frame");
    assert!(full.iter().all(|(_, took)| *took >= frames::BUDGET), "so 20 ms of work take five frames: {frames:?}");
}
