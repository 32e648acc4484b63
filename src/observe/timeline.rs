//! A timeline: what each task did when. Owns the data; must not know how it was recorded, nor how it is drawn.

use std::time::Duration;

use super::observed_task::TaskEnding;

/// What the tasks of a loop did, and when: a value of plain data, recorded by a [`Recorder`](crate::Recorder). Times are
/// those of the loop's clock since the recording began.
///
/// It is written as a picture by [`to_svg`](Self::to_svg), and for a viewer of traces by
/// [`to_chrome_trace`](Self::to_chrome_trace).
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
