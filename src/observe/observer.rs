//! The trait of those who are told of what a loop does. Owns its methods and the moment of a call; must not know who
//! observes, nor the loop.

use std::any::{Any, TypeId};
use std::cell::Cell;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::observed_task::{ObservedTask, TaskEnding};
use crate::kernel::AskedAt;
use crate::node::Loop;

/// What caused an event: what the loop was doing at that moment.
///
/// # Examples
/// ```
/// use oneloop::observe::{Cause, Moment, ObservedTask};
/// use oneloop::{EventLoop, Observer, sleep};
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct ByTimers(Cell<u32>);
///
/// impl Observer for ByTimers {
///     fn woken(&self, moment: &Moment<'_>, _: ObservedTask<'_>) {
///         self.0.set(self.0.get() + u32::from(matches!(moment.cause(), Cause::Timer)));
///     }
/// }
///
/// let (lp, by_timers) = (EventLoop::new()?, Rc::new(ByTimers::default()));
/// lp.add_observer(by_timers.clone());
/// lp.run_until_complete(sleep(Duration::from_millis(1)))?;
/// assert_eq!(by_timers.0.get(), 1);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Cause<'a> {
    /// A step of this task.
    Task(ObservedTask<'a>),
    /// A callback: of `call_soon`, of a timer, of a descriptor, of a future that is done.
    Callback,
    /// A primitive, such as a gathering or a wait, which has taken a turn for one of its children.
    Primitive,
    /// A timer that was due.
    Timer,
    /// A descriptor that was ready.
    Descriptor,
    /// Another thread.
    Thread,
    /// The program, between two runs of the loop.
    Program,
}

impl Cause<'_> {
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Task(by) => by.name(),
            Self::Callback => "a callback".to_owned(),
            Self::Primitive => "a primitive".to_owned(),
            Self::Timer => "a timer".to_owned(),
            Self::Descriptor => "a descriptor".to_owned(),
            Self::Thread => "another thread".to_owned(),
            Self::Program => "the program, between two runs".to_owned(),
        }
    }
}

/// When and why something has happened.
///
/// # Examples
/// ```
/// use oneloop::observe::{Moment, ObservedTask};
/// use oneloop::Observer;
///
/// struct Log;
///
/// impl Observer for Log {
///     fn woken(&self, moment: &Moment<'_>, task: ObservedTask<'_>) {
///         println!("{:?}: {} is woken by {:?}", moment.now(), task.name(), moment.cause());
///     }
/// }
/// # let _ = Log;
/// ```
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    pub(super) kernel: &'a Loop,
    pub(super) iteration: u64,
    pub(super) cause: Cause<'a>,
    pub(super) asked_at: AskedAt,
    /// How many entries of the batch come behind the running one.
    pub(super) rest: usize,
    /// The type of the observer whose method has turned out to be the one that does nothing.
    pub(super) unused_by: &'a Cell<Option<TypeId>>,
}

impl<'a> Moment<'a> {
    /// The time of the loop's clock, as [`EventLoop::time`](crate::EventLoop::time) tells it. A real clock is read each
    /// time, a virtual one stands still while a batch runs.
    pub fn now(&self) -> Instant {
        self.kernel.clock().instant(self.kernel.clock().now())
    }

    /// The number of the iteration: how many the loop has begun since it was given its first observer.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// What the loop was doing.
    pub fn cause(&self) -> Cause<'a> {
        self.cause
    }

    /// In [`Observer::cancelled`], where the program has called `cancel` or `cancel_with`. `None` if a part of this
    /// crate asks for the cancellation, such as a group or a time limit, or another thread.
    pub fn asked_at(&self) -> Option<&'static Location<'static>> {
        self.asked_at
    }

    /// How many entries are queued: the rest of the batch, and what was added for the next one. While an entry runs,
    /// these are the steps and callbacks that wait until it has ended.
    pub fn queued(&self) -> usize {
        self.rest + self.kernel.ready().len()
    }

    /// The method that is called was left as it is by this type of observers. A type, since an observer may hand what
    /// it is told on to others.
    pub(super) fn unused<O: Observer + ?Sized>(&self) {
        self.unused_by.set(Some(TypeId::of::<O>()));
    }
}

impl std::fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (iteration, cause) = (self.iteration, self.cause);
        f.debug_struct("Moment").field("iteration", &iteration).field("cause", &cause).finish_non_exhaustive()
    }
}

/// What is told of everything that a loop does: for tracing, metrics, timelines. Every method does nothing by default.
///
/// A loop is given its observers by [`EventLoop::add_observer`](crate::EventLoop::add_observer). They are called on the
/// thread of the loop, between two entries of the ready queue, and may use the loop: a task that an observer makes is
/// one like any other. What a step does to other tasks (it makes, wakes and cancels them) is told when the step has
/// ended: first the cancellations and the eager tasks, in their order, then what was queued, in its order. A panic of
/// an observer is reported to the exception handler of the loop, which goes on.
///
/// A loop without an observer pays nothing for this: it runs by other code. With one, what costs is what is told: the
/// loop finds out by itself which methods an observer has left as they are, by calling each once, and goes to no
/// trouble for those. (Of eager tasks it is told when the step that has made them ends. So in the first step that makes
/// any, each is noted before the loop can know whether that is wanted.) An observer that does nothing adds a tenth at
/// most to the instructions of steps and callbacks. With one that is told of everything, a step that does little itself
/// costs one and a half to five times as much.
///
/// What another thread wakes while a step runs may be told as that step's doing.
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, Moment, ObservedTask, Observer, sleep};
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct Steps(Cell<u32>);
///
/// impl Observer for Steps {
///     fn step_began(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
///         self.0.set(self.0.get() + 1);
///     }
/// }
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let steps = Rc::new(Steps::default());
/// lp.add_observer(steps.clone());
/// let task = lp.create_task(sleep(Duration::from_secs(1)));
/// lp.run_until_complete(task)?;
/// assert_eq!(steps.0.get(), 2); // up to the sleep, and after it
/// # Ok::<(), oneloop::Error>(())
/// ```
#[expect(unused_variables, reason = "the names of the arguments are documentation")]
pub trait Observer: Any {
    /// A task was made, and its first step queued. It has no name of its own yet if that is given later in the step.
    fn created(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        at.unused::<Self>();
    }

    /// A step of a task begins.
    fn step_began(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        at.unused::<Self>();
    }

    /// A step of a task has ended. [`parked`](Self::parked) or [`ended`](Self::ended) follows.
    fn step_ended(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        at.unused::<Self>();
    }

    /// After a step, the task waits: for what [`ObservedTask::waits_for`] says, or, if it was woken in that very step,
    /// for its next turn.
    fn parked(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        at.unused::<Self>();
    }

    /// A task that waited was queued for its next step. [`Moment::cause`] says by what.
    fn woken(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        at.unused::<Self>();
    }

    /// A cancellation of the task was asked for, or has passed through the task to what it awaits. [`Moment::cause`]
    /// says by what, and [`Moment::asked_at`] where.
    fn cancelled(&self, at: &Moment<'_>, task: ObservedTask<'_>, message: Option<&str>) {
        at.unused::<Self>();
    }

    /// A task has ended.
    fn ended(&self, at: &Moment<'_>, task: ObservedTask<'_>, ending: TaskEnding) {
        at.unused::<Self>();
    }

    /// A callback, or the turn of a primitive, begins.
    fn callback_began(&self, at: &Moment<'_>) {
        at.unused::<Self>();
    }

    /// A callback, or the turn of a primitive, has ended.
    fn callback_ended(&self, at: &Moment<'_>) {
        at.unused::<Self>();
    }

    /// The entry of a timer was reached, `late` after its deadline. What it does comes next: it wakes a task or runs a
    /// callback.
    fn timer_fired(&self, at: &Moment<'_>, late: Duration) {
        at.unused::<Self>();
    }

    /// An iteration begins to wait for descriptors, timers and other threads, or looks at the descriptors without
    /// waiting.
    fn poll_began(&self, at: &Moment<'_>) {
        at.unused::<Self>();
    }

    /// The wait is over, and has found so many events of descriptors that something waits for.
    fn poll_ended(&self, at: &Moment<'_>, events: usize) {
        at.unused::<Self>();
    }

    /// The batch of an iteration begins: so many entries.
    fn batch_began(&self, at: &Moment<'_>, entries: usize) {
        at.unused::<Self>();
    }
}
