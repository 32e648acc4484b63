//! The observer that tells other threads which step a loop is in: what a stuck loop cannot tell itself. Owns what it
//! has written down of the step; must not know who asks.

use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::time::Instant;

use super::observed_task::ObservedTask;
use super::observer::{Moment, Observer};
use crate::awaitables::in_words;
use crate::base::concurrency::{Arc, AtomicBool, Mutex, Ordering, lock};
use crate::node::default_name;

/// An [`Observer`] that another thread can ask which step its loop is in, and since when: so a watchdog tells which
/// task blocks the loop, while it does. asyncio has none; its debug mode tells when the step has ended.
///
/// Clones are the same: one is given to the loop, the others go to threads.
///
/// # Examples
/// ```
/// use oneloop::EventLoop;
/// use oneloop::observe::Activity;
/// use std::rc::Rc;
/// use std::thread;
/// use std::time::Duration;
///
/// let lp = EventLoop::new()?;
/// let activity = Activity::default();
/// lp.add_observer(Rc::new(activity.clone()));
/// let watchdog = thread::spawn(move || {
///     loop {
///         match activity.current_step() {
///             Some(step) if step.began.elapsed() > Duration::from_millis(20) => return step,
///             _ => thread::sleep(Duration::from_millis(1)),
///         }
///     }
/// });
/// let task = lp.create_task(async { thread::sleep(Duration::from_millis(500)) }).named("careless");
/// lp.run_until_complete(task)?;
/// let step = watchdog.join().expect("it does not panic");
/// assert_eq!(step.task.as_deref(), Some("careless"));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct Activity {
    shared: Arc<SharedStep>,
}

struct SharedStep {
    /// Whether a step or callback is running: false between two entries, and while the loop waits. It is set under the
    /// lock, so that who has the lock and finds it set reads of one step; and cleared without it.
    is_on: AtomicBool,
    step: Mutex<Step>,
    /// What has woken each task that was woken and has taken no step since, by its number; `None` if not wanted.
    wakes: Option<Mutex<HashMap<u64, String>>>,
}

/// The running step, or the last one.
#[derive(Default)]
struct Step {
    began: Option<Instant>,
    queued: usize,
    task: Option<Task>,
    /// The name that the task was given. Its memory stays, so that a step allocates nothing.
    name: String,
}

struct Task {
    id: u64,
    has_name: bool,
    created: &'static Location<'static>,
    woken_by: Option<String>,
}

/// A step or a callback that a loop is in, from [`Activity::current_step`]. Printed, it says how long it runs:
/// `step of Task-7 (created at src/main.rs:10) runs for 3 s, with 12 entries queued behind it`.
///
/// # Examples
/// ```
/// use oneloop::EventLoop;
/// use oneloop::observe::Activity;
/// use std::rc::Rc;
///
/// let lp = EventLoop::new()?;
/// let activity = Activity::default();
/// lp.add_observer(Rc::new(activity.clone()));
/// assert_eq!(activity.current_step(), None); // it does not run
/// let step = lp.run_until_complete(async move { activity.current_step() })?.expect("this one");
/// assert_eq!(step.task.as_deref(), Some("Task-1"));
/// assert!(step.to_string().ends_with(" runs for 0 ms"), "{step}");
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CurrentStep {
    /// The name of the task; `None` for a callback, or the turn of a primitive.
    pub task: Option<String>,
    /// Where the task was created.
    pub created: Option<&'static Location<'static>>,
    /// When the step began, on the clock of the machine.
    pub began: Instant,
    /// How many entries were queued behind it when it began: steps and callbacks that could run, and wait for its end.
    pub queued: usize,
    /// What has woken the task for this step: the name of a task, `a timer`, `a descriptor`, `another thread`, …
    /// `None` if the [`Activity`] does not note it, if it is the first step, or if it is of no task.
    pub woken_by: Option<String>,
}

impl Default for Activity {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Activity {
    fn new(wakes: Option<Mutex<HashMap<u64, String>>>) -> Self {
        let shared = SharedStep { is_on: AtomicBool::new(false), step: Mutex::new(Step::default()), wakes };
        Self { shared: Arc::new(shared) }
    }

    /// One that also notes what wakes each task, and so can tell what has woken the running one. Every wake costs an
    /// allocation then. (By default, a step costs none.)
    ///
    /// # Examples
    /// ```
    /// use oneloop::observe::Activity;
    /// use oneloop::{EventLoop, sleep};
    /// use std::rc::Rc;
    /// use std::time::Duration;
    ///
    /// let lp = EventLoop::new()?;
    /// let activity = Activity::with_wakes();
    /// lp.add_observer(Rc::new(activity.clone()));
    /// let step = lp.run_until_complete(async move {
    ///     sleep(Duration::from_millis(1)).await;
    ///     activity.current_step() // a thread that watches asks it
    /// })?;
    /// assert_eq!(step.expect("this one").woken_by.as_deref(), Some("a timer"));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn with_wakes() -> Self {
        Self::new(Some(Mutex::new(HashMap::new())))
    }

    /// The step or callback that the loop is in. `None` if it is in none: it waits, is between two steps, or does not
    /// run. It may be asked on any thread.
    pub fn current_step(&self) -> Option<CurrentStep> {
        let step = lock(&self.shared.step);
        let began = step.began.filter(|_| self.shared.is_on.load(Ordering::Acquire))?;
        let name = |task: &Task| if task.has_name { step.name.clone() } else { default_name(task.id) };
        Some(CurrentStep {
            task: step.task.as_ref().map(name),
            created: step.task.as_ref().map(|task| task.created),
            began,
            queued: step.queued,
            woken_by: step.task.as_ref().and_then(|task| task.woken_by.clone()),
        })
    }

    fn begin(&self, at: &Moment<'_>, task: Option<ObservedTask<'_>>) {
        let began = Instant::now();
        let woken_by = task.and_then(|task| lock(self.shared.wakes.as_ref()?).remove(&task.id()));
        let mut step = lock(&self.shared.step);
        (step.began, step.queued) = (Some(began), at.queued());
        step.name.clear();
        step.task = task.map(|task| Task {
            id: task.id(),
            has_name: task.append_own_name(&mut step.name),
            created: task.created(),
            woken_by,
        });
        self.shared.is_on.store(true, Ordering::Release);
    }

    fn end(&self) {
        self.shared.is_on.store(false, Ordering::Release);
    }
}

impl Observer for Activity {
    fn step_began(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        self.begin(at, Some(task));
    }

    fn step_ended(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
        self.end();
    }

    fn woken(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        match &self.shared.wakes {
            Some(wakes) => _ = lock(wakes).insert(task.id(), at.cause().in_words()),
            None => at.unused::<Self>(),
        }
    }

    fn callback_began(&self, at: &Moment<'_>) {
        self.begin(at, None);
    }

    fn callback_ended(&self, _at: &Moment<'_>) {
        self.end();
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activity").field("current_step", &self.current_step()).finish_non_exhaustive()
    }
}

impl fmt::Display for CurrentStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.task, self.created) {
            (Some(task), Some(place)) => {
                write!(f, "step of {task} (created at {}:{})", place.file(), place.line())?;
            }
            _ => f.write_str("a callback")?,
        }
        write!(f, " runs for {}", in_words(self.began.elapsed()))?;
        if let Some(by) = &self.woken_by {
            write!(f, ", woken by {by}")?;
        }
        match self.queued {
            0 => Ok(()),
            1 => f.write_str(", with 1 entry queued behind it"),
            queued => write!(f, ", with {queued} entries queued behind it"),
        }
    }
}
