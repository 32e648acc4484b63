//! A timeline: what each task did when. Owns the data; must not know how it was recorded, nor how it is drawn.

use std::time::Duration;

use super::observed_task::TaskEnding;

/// What the tasks of a loop did, and when: a value of plain data, recorded by a [`Recorder`](crate::Recorder). Times
/// are those of the loop's clock since the recording began.
///
/// It is written as a picture by [`to_svg`](Self::to_svg), and for a viewer of traces by
/// [`to_chrome_trace`](Self::to_chrome_trace).
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, Recorder, gather, sleep};
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// let (lp, recorder) = (EventLoop::builder().clock(Clock::Virtual).build()?, Rc::new(Recorder::default()));
/// lp.add_observer(recorder.clone());
/// lp.run_until_complete(async { gather((1..=3).map(|n| sleep(Duration::from_secs(n)))).await })?;
/// let timeline = recorder.timeline();
/// assert_eq!((timeline.lanes.len(), timeline.end), (4, Duration::from_secs(3)));
/// assert!(timeline.to_svg("three sleeps").starts_with("<svg"));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeline {
    /// A lane for each task, in order of creation.
    pub lanes: Vec<Lane>,
    /// What tasks did to each other, in order.
    pub arrows: Vec<Arrow>,
    /// When the last event was recorded.
    pub end: Duration,
}

/// What one task did.
///
/// # Examples
/// ```
/// use oneloop::observe::Lane;
/// use std::time::Duration;
///
/// /// How long a task has waited in all.
/// fn waited(lane: &Lane) -> Duration {
///     lane.spans.iter().filter(|span| !span.what.is_empty()).map(|span| span.to - span.from).sum()
/// }
/// # let _ = waited;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lane {
    /// The number of the task.
    pub id: u64,
    /// Its name, as it was last.
    pub name: String,
    /// Where it was created, as `file:line:column`.
    pub created: String,
    /// Its states, one after the other.
    pub spans: Vec<Span>,
    /// When it has ended, and how.
    pub ended: Option<(Duration, TaskEnding)>,
}

/// A state of a task for a time.
///
/// # Examples
/// ```
/// use oneloop::observe::{Span, Timeline};
///
/// /// What took longest.
/// fn longest(timeline: &Timeline) -> Option<&Span> {
///     timeline.lanes.iter().flat_map(|lane| &lane.spans).max_by_key(|span| span.to - span.from)
/// }
/// assert_eq!(longest(&Timeline::default()), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// What the task does.
    pub state: LaneState,
    /// What it waits for, in words; empty if it does not wait.
    pub what: String,
    /// When the state began.
    pub from: Duration,
    /// When the state ended.
    pub to: Duration,
}

/// What a task does, as the colour of its lane tells it.
///
/// # Examples
/// ```
/// use oneloop::observe::{Lane, LaneState};
///
/// /// How many steps a task has taken.
/// fn steps(lane: &Lane) -> usize {
///     lane.spans.iter().filter(|span| span.state == LaneState::Running).count()
/// }
/// # let _ = steps;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaneState {
    /// It is in the ready queue.
    Ready,
    /// It takes a step.
    Running,
    /// It waits for a timer.
    Sleeping,
    /// It waits for something else.
    Waiting,
}

/// What has happened to a task through another.
///
/// # Examples
/// ```
/// use oneloop::observe::Timeline;
///
/// /// How often one task has woken another, by their names.
/// fn woken<'a>(timeline: &'a Timeline) -> impl Iterator<Item = (&'a str, &'a str)> {
///     let named = |at: usize| timeline.lanes[at].name.as_str();
///     timeline.arrows.iter().filter_map(move |arrow| Some((named(arrow.from?), named(arrow.to))))
/// }
/// assert_eq!(woken(&Timeline::default()).count(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrow {
    /// What has happened.
    pub kind: ArrowKind,
    /// When.
    pub at: Duration,
    /// The place in [`Timeline::lanes`] of the task that did it; `None` if a timer, a descriptor, a callback or another
    /// thread did.
    pub from: Option<usize>,
    /// The place in [`Timeline::lanes`] of the task to which it has happened.
    pub to: usize,
}

/// What has happened to a task.
///
/// # Examples
/// ```
/// use oneloop::observe::{ArrowKind, Timeline};
///
/// /// Which tasks were cancelled.
/// fn cancelled(timeline: &Timeline) -> impl Iterator<Item = &str> {
///     let arrows = timeline.arrows.iter().filter(|arrow| arrow.kind == ArrowKind::Cancelled);
///     arrows.map(|arrow| timeline.lanes[arrow.to].name.as_str())
/// }
/// assert_eq!(cancelled(&Timeline::default()).count(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArrowKind {
    /// It was made.
    Created,
    /// It was queued for its next step.
    Woken,
    /// Its cancellation was asked for.
    Cancelled,
}
