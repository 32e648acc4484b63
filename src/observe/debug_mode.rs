//! The observer of debug mode: asyncio's `set_debug`. Owns what is reported and its words; must not know how debug mode
//! is switched on.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::observed_task::{ObservedTask, TaskEnding};
use super::observer::{Moment, Observer};
use super::observers::{ObserverId, Observers};
use crate::awaitables::TaskHandle;
use crate::base::in_the_program;
use crate::error::{Exception, ExceptionContext};
use crate::node::{Loop, call_exception_handler};

/// asyncio's default of `slow_callback_duration`.
const SLOW: Duration = Duration::from_millis(100);

/// So many places of what is left when a loop closes are told. There are seldom more.
const PLACES_TOLD: usize = 5;

/// Debug mode of a loop, on or off, kept with the loop.
pub(crate) struct DebugMode {
    observer: Cell<Option<ObserverId>>,
    /// What takes longer is reported.
    limit: Rc<Cell<Duration>>,
    cancellations: Rc<Cancellations>,
    /// Whether the locks and permits were reported that are held while the loop closes.
    has_told_of_holds: Cell<bool>,
}

impl Default for DebugMode {
    fn default() -> Self {
        Self {
            observer: Cell::new(None),
            limit: Rc::new(Cell::new(SLOW)),
            cancellations: Rc::default(),
            has_told_of_holds: Cell::new(false),
        }
    }
}

/// The last cancellation of each task that has not ended, in words.
#[derive(Default)]
struct Cancellations(RefCell<HashMap<u64, String>>);

impl Cancellations {
    fn add(&self, at: &Moment<'_>, task: ObservedTask<'_>, message: Option<&str>) {
        let by = at.cause().in_words();
        let place = at.asked_at().map_or_else(String::new, |place| format!(" at {place}"));
        let message = message.map_or_else(String::new, |message| format!(" ({message})"));
        self.0.borrow_mut().insert(task.id(), format!("; its cancellation was asked for by {by}{place}{message}"));
    }

    fn forget(&self, task: ObservedTask<'_>) {
        self.0.borrow_mut().remove(&task.id());
    }

    /// What is added to a report of the task.
    fn of(&self, task: ObservedTask<'_>) -> String {
        self.0.borrow().get(&task.id()).cloned().unwrap_or_default()
    }
}

impl DebugMode {
    /// Debug mode of this loop.
    pub(crate) fn of(kernel: &Loop) -> Rc<Self> {
        // made first, since what was made last goes first when the loop closes
        kernel.extensions().get_or_default::<Observers>();
        kernel.extensions().get_or_default()
    }

    pub(crate) fn is_on(&self) -> bool {
        self.observer.get().is_some()
    }

    pub(crate) fn switch(&self, kernel: &Loop, on: bool) {
        kernel.holders().want_all(on);
        let observers = kernel.extensions().get_or_default::<Observers>();
        match self.observer.take() {
            None if on => {
                let (limit, cancellations) = (Rc::clone(&self.limit), Rc::clone(&self.cancellations));
                let reporter = Reporter { limit, cancellations, began: RefCell::default() };
                self.observer.set(Some(observers.add(kernel, Rc::new(reporter))));
            }
            Some(id) if !on => _ = observers.remove(kernel, id),
            unchanged => self.observer.set(unchanged),
        }
    }

    /// The loop closes, and will drop these tasks. Called before it drops any, as then they no longer wait.
    pub(crate) fn report_pending(kernel: &Loop, tasks: &[TaskHandle]) {
        let Some(mode) = kernel.extensions().get::<Self>().filter(|mode| mode.is_on()) else { return };
        for task in tasks.iter().filter_map(|task| ObservedTask::new(task.node())).filter(|task| !task.is_hidden()) {
            let waits = task.waits_in_detail();
            let what = match (task.is_ready(), waits.is_empty()) {
                (true, _) => "it was ready for its next step".to_owned(),
                (false, true) => "it waited for something outside the loop".to_owned(),
                (false, false) => format!("it waited for {}", waits.join(" and ")),
            };
            let what = what + &mode.cancellations.of(task);
            report(kernel, "Task was destroyed but it is pending", what, Some(task));
        }
    }

    /// The loop closes, has dropped its tasks, and will drop the timers and the callbacks of descriptors that are left,
    /// or has none.
    pub(crate) fn report_registrations(kernel: &Loop) {
        let Some(mode) = kernel.extensions().get::<Self>().filter(|mode| mode.is_on()) else { return };
        let left = [
            ("timers that were neither due nor cancelled", "set at", kernel.places_of_timers()),
            (
                "descriptors that callbacks watch, or handlers of signals, or that tell of child processes",
                "registered at",
                kernel.places_of_watches(),
            ),
        ];
        let left = left.into_iter().filter(|(.., places)| !places.is_empty());
        let mut told: Vec<_> = left
            .map(|(what, made, places)| format!("{what}: {}{}", places.len(), told_places(made, &places)))
            .collect();
        let held = [("locks", kernel.holders().held()), ("permits", kernel.holders().lent())];
        let held = held.into_iter().filter(|(_, held)| *held != 0 && !mode.has_told_of_holds.get());
        let held: Vec<_> = held.map(|(what, held)| format!("{what} that are held still: {held}")).collect();
        mode.has_told_of_holds.set(mode.has_told_of_holds.get() || !held.is_empty());
        told.extend(held);
        if !told.is_empty() {
            report(kernel, "Event loop closed with registrations left", told.join("; "), None);
        }
    }

    pub(crate) fn limit(&self) -> &Cell<Duration> {
        &self.limit
    }
}

/// Reports to the exception handler what a program should not do, though it is no error.
struct Reporter {
    limit: Rc<Cell<Duration>>,
    cancellations: Rc<Cancellations>,
    /// When what runs now has begun. Several, as an eager step is told inside the one that it was taken in.
    began: RefCell<Vec<Instant>>,
}

impl Reporter {
    /// The time of the machine, as a loop with a virtual clock can be blocked too.
    fn begin(&self) {
        self.began.borrow_mut().push(Instant::now());
    }

    /// The time since `begin`, if it is over the limit.
    fn end(&self) -> Option<Duration> {
        let began = self.began.borrow_mut().pop()?;
        Some(began.elapsed()).filter(|took| *took >= self.limit.get())
    }
}

impl Observer for Reporter {
    fn step_began(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
        self.begin();
    }

    fn step_ended(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        if let Some(took) = self.end() {
            let what = blocked_for(took) + &self.cancellations.of(task);
            report(at.kernel, "Step took too long", what, Some(task));
        }
    }

    fn cancelled(&self, at: &Moment<'_>, task: ObservedTask<'_>, message: Option<&str>) {
        self.cancellations.add(at, task, message);
    }

    fn ended(&self, _at: &Moment<'_>, task: ObservedTask<'_>, _ending: TaskEnding) {
        self.cancellations.forget(task);
    }

    fn callback_began(&self, _at: &Moment<'_>) {
        self.begin();
    }

    fn callback_ended(&self, at: &Moment<'_>) {
        if let Some(took) = self.end() {
            report(at.kernel, "Callback took too long", blocked_for(took), None);
        }
    }
}

/// In brackets, the places at which the program has made what is left: each once.
fn told_places(made: &str, places: &[Option<&'static Location<'static>>]) -> String {
    let mut told: Vec<String> = Vec::new();
    for place in places.iter().filter_map(|place| in_the_program((*place)?)) {
        let place = place.to_string();
        if !told.contains(&place) {
            told.push(place);
        }
    }
    let more = told.len().saturating_sub(PLACES_TOLD);
    told.truncate(PLACES_TOLD);
    if told.is_empty() {
        return String::new();
    }
    let more = if more > 0 { format!(" and {more} places more") } else { String::new() };
    format!(" ({made} {}{more})", told.join(", "))
}

fn blocked_for(took: Duration) -> String {
    let (seconds, millis) = (took.as_secs(), took.subsec_millis());
    format!("{seconds}.{millis:03} s, in which nothing else ran; call what blocks by to_thread")
}

fn report(kernel: &Loop, message: &'static str, text: String, task: Option<ObservedTask<'_>>) {
    let created: Option<&'static Location<'static>> = task.map(|task| task.created());
    let context =
        ExceptionContext { message, exception: Exception::Error(text), task: task.map(|task| task.name()), created };
    call_exception_handler(kernel, &context);
}
