//! The observer that tells other threads which step a loop is in: what a stuck loop cannot tell itself. Owns what it has
//! written down of the step; must not know who asks.

use std::fmt;
use std::panic::Location;
use std::time::Instant;

use super::observed_task::ObservedTask;
use super::observer::{Moment, Observer};
use crate::base::concurrency::{Arc, Mutex, lock};

/// An [`Observer`] that another thread can ask which step its loop is in, and since when: so a watchdog tells which task
/// blocks the loop, while it does. asyncio has none; its debug mode tells when the step has ended.
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
#[derive(Clone, Default)]
pub struct Activity {
    now: Arc<Mutex<Now>>,
}

#[derive(Default)]
struct Now {
    /// `None` between two entries, and while the loop waits.
    began: Option<Instant>,
    /// `None` for a callback.
    created: Option<&'static Location<'static>>,
    name: String, // its memory stays, so that a step allocates nothing
}

/// A step or a callback that a loop is in, from [`Activity::current_step`]. Printed, it says how long it runs:
/// `step of Task-7 (created at src/main.rs:10) runs for 3.0 s`.
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
/// assert!(step.to_string().ends_with(" runs for 0.0 s"), "{step}");
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
}

impl Activity {
    /// The step or callback that the loop is in. `None` if it is in none: it waits, is between two steps, or does not
    /// run. It may be asked on any thread.
    pub fn current_step(&self) -> Option<CurrentStep> {
        let now = lock(&self.now);
        let task = now.created.is_some().then(|| now.name.clone());
        Some(CurrentStep { task, created: now.created, began: now.began? })
    }

    fn begin(&self, task: Option<ObservedTask<'_>>) {
        let mut now = lock(&self.now);
        now.created = task.map(|task| task.created());
        now.name.clear();
        if let Some(task) = task {
            task.append_name(&mut now.name);
        }
        now.began = Some(Instant::now());
    }

    fn end(&self) {
        lock(&self.now).began = None;
    }
}

impl Observer for Activity {
    fn step_began(&self, _at: &Moment<'_>, task: ObservedTask<'_>) {
        self.begin(Some(task));
    }

    fn step_ended(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
        self.end();
    }

    fn callback_began(&self, _at: &Moment<'_>) {
        self.begin(None);
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
        write!(f, " runs for {:.1} s", self.began.elapsed().as_secs_f64())
    }
}
