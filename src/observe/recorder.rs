//! The recorder: an observer that keeps a timeline. Owns how events become lanes and arrows; must not know how these
//! are drawn.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::observed_task::{ObservedTask, TaskEnding};
use super::observer::{Cause, Moment, Observer};
use super::timeline::{Arrow, ArrowKind, Lane, LaneState, Span, Timeline};

/// An [`Observer`] that records a [`Timeline`]: a lane for each task, which says when it ran, was ready, slept or
/// waited, and arrows for what tasks did to each other. It keeps all of it until it is dropped, so a recording is for
/// seconds, not for days.
///
/// A gathering or a wait is no task and has no lane: what it wakes is drawn as woken by the task that has ended last
/// before it took its turn.
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, Recorder, gather, sleep};
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let recorder = Rc::new(Recorder::default());
/// lp.add_observer(recorder.clone());
/// lp.run_until_complete(async {
///     gather((1..=3).map(|i| sleep(Duration::from_secs(i)))).await;
/// })?;
/// let timeline = recorder.timeline();
/// assert_eq!(timeline.lanes.len(), 4);
/// assert_eq!(timeline.end, Duration::from_secs(3));
/// let picture = timeline.to_svg("three sleeps"); // to be written to a file
/// assert!(picture.starts_with("<svg"));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Recorder {
    recording: RefCell<Recording>,
}

#[derive(Debug, Default)]
struct Recording {
    began: Option<Instant>,
    timeline: Timeline,
    /// The state that each lane is in: it has no end yet.
    open: Vec<Option<Span>>,
    /// The lane of the task that has ended last.
    ended_last: Option<usize>,
}

impl Recorder {
    /// What was recorded so far. A state that has not ended is shown up to the last event.
    pub fn timeline(&self) -> Timeline {
        let recording = self.recording.borrow();
        let mut timeline = recording.timeline.clone();
        for (lane, open) in timeline.lanes.iter_mut().zip(&recording.open) {
            lane.spans.extend(open.clone().map(|span| Span { to: timeline.end, ..span }));
        }
        timeline
    }
}

impl Recording {
    fn time(&mut self, at: &Moment<'_>) -> Duration {
        let now = at.now();
        let time = now.saturating_duration_since(*self.began.get_or_insert(now));
        self.timeline.end = time;
        time
    }

    /// The lane of a task. Ids grow, so the lanes are in order, unless a task was there before the recording began.
    fn lane(&mut self, task: ObservedTask<'_>) -> usize {
        let lanes = &mut self.timeline.lanes;
        let place = lanes.partition_point(|lane| lane.id < task.id());
        if lanes.get(place).is_none_or(|lane| lane.id != task.id()) {
            let created = task.created().to_string();
            lanes.insert(place, Lane { id: task.id(), name: task.name(), created, spans: Vec::new(), ended: None });
            self.open.insert(place, None);
            let moved = |lane: &mut usize| *lane += usize::from(*lane >= place);
            self.timeline.arrows.iter_mut().for_each(|arrow| {
                moved(&mut arrow.to);
                arrow.from.iter_mut().for_each(moved);
            });
            self.ended_last.iter_mut().for_each(moved);
        }
        place
    }

    /// Ends the state that the task is in, and begins another one.
    fn change(&mut self, time: Duration, task: ObservedTask<'_>, next: Option<(LaneState, String)>) -> usize {
        let lane = self.lane(task);
        if let Some(span) = self.open[lane].take() {
            self.timeline.lanes[lane].spans.push(Span { to: time, ..span });
        }
        self.open[lane] = next.map(|(state, what)| Span { state, what, from: time, to: time });
        lane
    }

    fn point(&mut self, kind: ArrowKind, at: Duration, cause: Cause<'_>, to: ObservedTask<'_>) {
        self.lane(to); // a new lane moves others, so it has to be there before their numbers are asked for
        let from = match cause {
            Cause::Task(task) => Some(self.lane(task)),
            Cause::Primitive => self.ended_last,
            _ => None,
        };
        let to = self.lane(to);
        self.timeline.arrows.push(Arrow { kind, at, from, to });
    }
}

/// What a task that is parked does.
fn parked_state(task: ObservedTask<'_>) -> (LaneState, String) {
    if task.is_ready() {
        return (LaneState::Ready, String::new());
    }
    let waits = task.waits_for();
    let what = if waits.is_empty() { "something outside the loop".to_owned() } else { waits.join(" and ") };
    let state = if what == "a timer" { LaneState::Sleeping } else { LaneState::Waiting };
    (state, what)
}

impl Observer for Recorder {
    fn created(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        let mut recording = self.recording.borrow_mut();
        let time = recording.time(at);
        recording.change(time, task, Some((LaneState::Ready, String::new())));
        recording.point(ArrowKind::Created, time, at.cause(), task);
    }

    fn step_began(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        let mut recording = self.recording.borrow_mut();
        let time = recording.time(at);
        recording.change(time, task, Some((LaneState::Running, String::new())));
    }

    fn parked(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        let mut recording = self.recording.borrow_mut();
        let time = recording.time(at);
        let lane = recording.change(time, task, Some(parked_state(task)));
        recording.timeline.lanes[lane].name = task.name();
    }

    fn woken(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        let mut recording = self.recording.borrow_mut();
        let time = recording.time(at);
        // a task that wakes itself goes on running until its step ends
        if !matches!(at.cause(), Cause::Task(running) if running.id() == task.id()) {
            recording.change(time, task, Some((LaneState::Ready, String::new())));
            recording.point(ArrowKind::Woken, time, at.cause(), task);
        }
    }

    fn cancelled(&self, at: &Moment<'_>, task: ObservedTask<'_>, _message: Option<&str>) {
        let mut recording = self.recording.borrow_mut();
        let time = recording.time(at);
        recording.point(ArrowKind::Cancelled, time, at.cause(), task);
    }

    fn ended(&self, at: &Moment<'_>, task: ObservedTask<'_>, ending: TaskEnding) {
        let mut recording = self.recording.borrow_mut();
        let time = recording.time(at);
        let lane = recording.change(time, task, None);
        recording.timeline.lanes[lane].name = task.name();
        recording.timeline.lanes[lane].ended = Some((time, ending));
        recording.ended_last = Some(lane);
    }
}
