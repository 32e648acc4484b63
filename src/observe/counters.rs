//! The observer that counts: asyncio has none, tokio calls it runtime metrics. Owns the numbers; must not know where
//! they are sent to.

use std::cell::RefCell;
use std::fmt;
use std::time::{Duration, Instant};

use super::observed_task::{ObservedTask, TaskEnding};
use super::observer::{Cause, Moment, Observer};

/// The upper ends of the classes of [`Counts::lateness`] but the last, which has none.
pub const LATENESS_CLASSES: [Duration; 5] = [
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
];

/// An [`Observer`] that counts what a loop does, for metrics: it has seen all since it was added to the loop.
/// Much of that every loop counts by itself, for nothing: [`EventLoop::metrics`](crate::EventLoop::metrics).
///
/// # Examples
/// ```
/// use oneloop::observe::Counters;
/// use oneloop::{Clock, EventLoop, gather, sleep};
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let counters = Rc::new(Counters::default());
/// lp.add_observer(counters.clone());
/// let task = lp.create_task(async {
///     gather((1..=3).map(|seconds| sleep(Duration::from_secs(seconds)))).await;
/// });
/// lp.run_until_complete(task)?;
/// let counts = counters.counts();
/// assert_eq!((counts.tasks_created, counts.tasks_returned), (4, 4));
/// assert_eq!((counts.steps, counts.timers_fired), (8, 3));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Default)]
pub struct Counters {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    counts: Counts,
    /// When what runs now has begun. Several, as an eager step is told inside the one that it was taken in.
    began: Vec<Instant>,
}

/// What [`Counters`] have counted. It is plain data, so it may go to another thread.
///
/// # Examples
/// ```
/// use oneloop::observe::Counts;
///
/// /// A line of metrics.
/// fn line(counts: &Counts) -> String {
///     let alive = counts.tasks_created - counts.tasks_returned - counts.tasks_cancelled - counts.tasks_panicked;
///     format!("tasks {alive}, steps {}, largest batch {}", counts.steps, counts.largest_batch)
/// }
/// assert_eq!(line(&Counts::default()), "tasks 0, steps 0, largest batch 0");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Iterations that have begun to run a batch.
    pub iterations: u64,
    /// Steps of tasks.
    pub steps: u64,
    /// Callbacks, and turns of primitives.
    pub callbacks: u64,
    /// How often the loop has waited for, or looked at, its descriptors.
    pub polls: u64,
    /// Events of descriptors.
    pub events: u64,
    /// Tasks that were made.
    pub tasks_created: u64,
    /// Tasks that have returned a value.
    pub tasks_returned: u64,
    /// Tasks that were cancelled, or were pending when the loop was closed.
    pub tasks_cancelled: u64,
    /// Tasks that have panicked.
    pub tasks_panicked: u64,
    /// Cancellations that were asked for, or have passed through a task.
    pub cancellations: u64,
    /// How often tasks that waited were queued, by what woke them.
    pub wakes: Wakes,
    /// Timers that were due.
    pub timers_fired: u64,
    /// How many of them were at most so late as each of [`LATENESS_CLASSES`], and not in a class before; the last
    /// number is of those that were later.
    pub lateness: [u64; LATENESS_CLASSES.len() + 1],
    /// The most entries that an iteration has run.
    pub largest_batch: usize,
    /// The step that took longest, in time of the machine.
    pub longest_step: Option<LongestStep>,
}

/// How often tasks that waited were queued, by what woke them.
///
/// # Examples
/// ```
/// use oneloop::observe::Counters;
/// use oneloop::{EventLoop, sleep};
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// let (lp, counters) = (EventLoop::new()?, Rc::new(Counters::default()));
/// lp.add_observer(counters.clone());
/// lp.run_until_complete(sleep(Duration::from_millis(1)))?;
/// assert_eq!(counters.counts().wakes.by_timers, 1);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wakes {
    /// By a step of a task: an item for a queue, a lock that was released, an end that was awaited; or by their own
    /// step, if they let others have their turn.
    pub by_tasks: u64,
    /// By a callback, or a primitive, such as a gathering.
    pub by_callbacks: u64,
    /// By timers.
    pub by_timers: u64,
    /// By descriptors.
    pub by_descriptors: u64,
    /// By other threads.
    pub by_threads: u64,
    /// By the program, between two runs.
    pub by_program: u64,
}

/// The longest step of a loop.
///
/// # Examples
/// ```
/// use oneloop::EventLoop;
/// use oneloop::observe::Counters;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// let (lp, counters) = (EventLoop::new()?, Rc::new(Counters::default()));
/// lp.add_observer(counters.clone());
/// lp.run_until_complete(lp.create_task(async { std::thread::sleep(Duration::from_millis(2)) }).named("blocks"))?;
/// let longest = counters.counts().longest_step.unwrap();
/// assert!(longest.task == "blocks" && longest.took >= Duration::from_millis(2));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LongestStep {
    /// The name of the task.
    pub task: String,
    /// How long it took.
    pub took: Duration,
}

impl Counters {
    /// The numbers of this moment.
    pub fn counts(&self) -> Counts {
        self.state.borrow().counts.clone()
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.state.borrow_mut().counts);
    }
}

impl Wakes {
    fn count(&mut self, cause: Cause<'_>) {
        let wakes = match cause {
            Cause::Task(_) => &mut self.by_tasks,
            Cause::Callback | Cause::Primitive => &mut self.by_callbacks,
            Cause::Timer => &mut self.by_timers,
            Cause::Descriptor => &mut self.by_descriptors,
            Cause::Thread => &mut self.by_threads,
            Cause::Program => &mut self.by_program,
        };
        *wakes += 1;
    }
}

impl Observer for Counters {
    fn created(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
        self.count(|counts| counts.tasks_created += 1);
    }

    fn step_began(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
        let state = &mut *self.state.borrow_mut();
        state.counts.steps += 1;
        state.began.push(Instant::now());
    }

    fn step_ended(&self, _at: &Moment<'_>, task: ObservedTask<'_>) {
        let state = &mut *self.state.borrow_mut();
        let Some(began) = state.began.pop() else { return };
        let took = began.elapsed();
        if state.counts.longest_step.as_ref().is_none_or(|longest| longest.took < took) {
            state.counts.longest_step = Some(LongestStep { task: task.name(), took });
        }
    }

    fn woken(&self, at: &Moment<'_>, _task: ObservedTask<'_>) {
        self.count(|counts| counts.wakes.count(at.cause()));
    }

    fn cancelled(&self, _at: &Moment<'_>, _task: ObservedTask<'_>, _message: Option<&str>) {
        self.count(|counts| counts.cancellations += 1);
    }

    fn ended(&self, _at: &Moment<'_>, _task: ObservedTask<'_>, ending: TaskEnding) {
        self.count(|counts| match ending {
            TaskEnding::Returned => counts.tasks_returned += 1,
            TaskEnding::Cancelled => counts.tasks_cancelled += 1,
            TaskEnding::Panicked => counts.tasks_panicked += 1,
        });
    }

    fn callback_began(&self, _at: &Moment<'_>) {
        self.count(|counts| counts.callbacks += 1);
    }

    fn timer_fired(&self, _at: &Moment<'_>, late: Duration) {
        self.count(|counts| {
            counts.timers_fired += 1;
            let class = LATENESS_CLASSES.partition_point(|end| *end < late);
            counts.lateness[class] += 1;
        });
    }

    fn poll_ended(&self, _at: &Moment<'_>, events: usize) {
        self.count(|counts| {
            counts.polls += 1;
            counts.events += events as u64;
        });
    }

    fn batch_began(&self, _at: &Moment<'_>, entries: usize) {
        self.count(|counts| {
            counts.iterations += 1;
            counts.largest_batch = counts.largest_batch.max(entries);
        });
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts().fmt(f)
    }
}
