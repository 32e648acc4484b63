//! `Recorder` and `Timeline`: what a loop did as lanes and arrows, as a trace and as a picture.

use std::rc::Rc;
use std::time::Duration;

use oneloop::observe::{Arrow, ArrowKind, LaneState, TaskEnding};
use oneloop::{Clock, EventLoop, Recorder, Timeline, create_task, current_task, gather, sleep, wait, yield_now};

const SECOND: Duration = Duration::from_secs(1);

fn recorded(program: impl Future<Output = ()>) -> Timeline {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    let recorder = Rc::new(Recorder::default());
    lp.add_observer(recorder.clone());
    lp.run_until_complete(program).expect("it ends");
    recorder.timeline()
}

/// The states of a lane that took time.
fn states(timeline: &Timeline, lane: usize) -> Vec<(LaneState, &str, Duration, Duration)> {
    let spans = timeline.lanes[lane].spans.iter().filter(|span| span.from != span.to);
    spans.map(|span| (span.state, span.what.as_str(), span.from, span.to)).collect()
}

async fn two_sleeps() {
    current_task().expect("a task").set_name("main");
    gather([sleep(SECOND), sleep(2 * SECOND)]).await;
}

async fn a_wait_with_a_limit() {
    let tasks = [1, 9].map(|seconds| create_task(sleep(seconds * SECOND)).named(format!("<{seconds} & \"s\">")));
    let sets = wait(tasks).timeout(2 * SECOND).await;
    sets.pending.iter().for_each(|task| assert!(task.cancel()));
    drop(gather(sets.pending).return_exceptions().await);
    sleep(SECOND).await;
}

#[test]
fn the_lanes_of_a_gathering_show_who_slept_and_who_waited() {
    let timeline = recorded(two_sleeps());
    assert_eq!(timeline.end, 2 * SECOND);
    assert_eq!(timeline.lanes.iter().map(|lane| lane.name.as_str()).collect::<Vec<_>>(), ["main", "Task-2", "Task-3"]);
    assert_eq!(states(&timeline, 0), [(LaneState::Waiting, "a gathering of 2", Duration::ZERO, 2 * SECOND)]);
    assert_eq!(states(&timeline, 1), [(LaneState::Sleeping, "a timer", Duration::ZERO, SECOND)]);
    assert_eq!(timeline.lanes[1].ended, Some((SECOND, TaskEnding::Returned)));
    assert!(timeline.lanes[1].created.contains("recorder.rs"));
}

#[test]
fn the_arrows_say_who_made_woke_and_cancelled_whom() {
    let timeline = recorded(two_sleeps());
    let between: Vec<_> = timeline.arrows.iter().filter_map(|a| Some((a.kind, a.from?, a.to, a.at))).collect();
    let expected = [
        (ArrowKind::Created, 0, 1, Duration::ZERO),
        (ArrowKind::Created, 0, 2, Duration::ZERO),
        (ArrowKind::Woken, 2, 0, 2 * SECOND), // by the gathering, when its last child has ended
    ];
    assert_eq!(between, expected);
    let timeline = recorded(a_wait_with_a_limit());
    let cancellations = timeline.arrows.iter().filter(|arrow| arrow.kind == ArrowKind::Cancelled);
    let [Arrow { from: Some(0), to: 2, at, .. }] = *cancellations.collect::<Vec<_>>() else { panic!("{timeline:?}") };
    assert_eq!(*at, 2 * SECOND);
    assert_eq!(timeline.lanes[2].ended, Some((2 * SECOND, TaskEnding::Cancelled)));
}

#[test]
fn the_trace_is_json_with_a_thread_for_each_task() {
    let timeline = recorded(a_wait_with_a_limit());
    let trace: serde_json::Value = serde_json::from_str(&timeline.to_chrome_trace()).expect("it is JSON");
    let events = trace["traceEvents"].as_array().expect("a list");
    let names: Vec<_> = events.iter().filter(|event| event["ph"] == "M").map(|event| &event["args"]["name"]).collect();
    assert_eq!(names, ["Task-1", "<1 & \"s\">", "<9 & \"s\">"]);
    let sleeping = events.iter().find(|event| event["cat"] == "sleeping" && event["tid"] == 3).expect("it slept");
    assert_eq!((sleeping["ts"].as_f64(), sleeping["dur"].as_f64()), (Some(0.0), Some(2_000_000.0)));
    let of = |phase: &str| events.iter().filter(|event| event["ph"] == phase).count();
    assert_eq!((of("s"), of("f")), (timeline.arrows.iter().filter(|a| a.from.is_some()).count(), of("s")));
}

#[test]
fn the_picture_has_a_lane_for_each_task_and_escapes_what_users_write() {
    let timeline = recorded(a_wait_with_a_limit());
    let svg = timeline.to_svg("wait <2 s>");
    assert!(svg.contains("wait &lt;2 s&gt;") && svg.contains("&lt;9 &amp; &quot;s&quot;&gt;"));
    assert_eq!(svg.matches("created at ").count(), 3);
    assert_eq!(svg.matches("<title>cancelled at 2s</title>").count(), 1);
    assert_eq!(svg.matches("url(#cancelled)").count(), 2, "one arrow, and the legend");
    assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    assert!(svg.contains("@media (prefers-color-scheme: dark) {[fill=\"#fff\"]"), "a dark ground for dark pages");
}

#[test]
fn a_recording_that_begins_late_has_lanes_for_the_tasks_that_it_meets() {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    let old = lp.create_task(sleep(SECOND));
    lp.run_until_stalled().expect("it is open");
    let recorder = Rc::new(Recorder::default());
    lp.add_observer(recorder.clone());
    lp.run_until_complete(async move {
        create_task(async {}).await;
        old.await;
    })
    .expect("it ends");
    let ids: Vec<u64> = recorder.timeline().lanes.iter().map(|lane| lane.id).collect();
    assert_eq!(ids, [1, 2, 3]);
}

#[test]
fn an_arrow_to_a_task_that_was_there_before_the_recording_comes_from_the_right_one() {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    let old = lp.create_task(sleep(SECOND)).named("old");
    lp.run_until_complete(yield_now()).expect("it ends");
    let recorder = Rc::new(Recorder::default());
    lp.add_observer(recorder.clone());
    lp.run_until_complete(async move {
        current_task().expect("inside a task").set_name("cancels");
        old.cancel();
        yield_now().await;
    })
    .expect("it ends");
    let timeline = recorder.timeline();
    let name = |lane: usize| timeline.lanes[lane].name.as_str();
    let cancelled = timeline.arrows.iter().find(|arrow| arrow.kind == ArrowKind::Cancelled).expect("an arrow");
    assert_eq!((name(cancelled.to), cancelled.from.map(name)), ("old", Some("cancels")));
}
