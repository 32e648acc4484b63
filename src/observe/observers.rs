//! The observers of one loop. Owns their list and the calls of their methods; must not know when they are called.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::observed_task::{ObservedTask, TaskEnding};
use super::observer::{Cause, Moment, Observer};
use crate::kernel::Note;
use crate::node::{IN_DESTRUCTOR, Loop, NodeRef, guarded};

/// Names an observer of a loop, for [`EventLoop::remove_observer`](crate::EventLoop::remove_observer).
///
/// # Examples
/// ```
/// use oneloop::observe::Counters;
/// use oneloop::EventLoop;
/// use std::rc::Rc;
///
/// let lp = EventLoop::new()?;
/// let id = lp.add_observer(Rc::new(Counters::default()));
/// assert!(lp.remove_observer(id));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObserverId(u64);

type List = Rc<[(ObserverId, Rc<dyn Observer>)]>;

/// The observers of a loop, kept with it.
pub(crate) struct Observers {
    list: RefCell<List>,
    last: Cell<u64>,
    iteration: Cell<u64>,
    /// The number of the last task that was made before the observers were told of tasks, or of which they were told.
    last_task: Cell<u64>,
    /// Whether the loop runs observed although it has no observer.
    is_kept: Cell<bool>,
    /// How many entries of the ready queue the observers know.
    known_entries: Cell<usize>,
}

impl Default for Observers {
    fn default() -> Self {
        Self {
            list: RefCell::new(Rc::new([])),
            last: Cell::new(0),
            iteration: Cell::new(0),
            last_task: Cell::new(0),
            is_kept: Cell::new(false),
            known_entries: Cell::new(0),
        }
    }
}

impl Observers {
    /// Adds an observer. The loop looks for it before its next iteration.
    pub(crate) fn add(&self, kernel: &Loop, observer: Rc<dyn Observer>) -> ObserverId {
        let before = self.list();
        if before.is_empty() {
            drop_notes(kernel); // it is not told of what was before it
            self.last_task.set(kernel.last_task_id());
            self.known_entries.set(kernel.ready().len());
        }
        self.last.set(self.last.get() + 1);
        let id = ObserverId(self.last.get());
        self.set(kernel, before.iter().cloned().chain([(id, observer)]).collect());
        id
    }

    /// Removes an observer, and returns whether it was there.
    pub(crate) fn remove(&self, kernel: &Loop, id: ObserverId) -> bool {
        let before = self.list();
        let after: List = before.iter().filter(|(other, _)| *other != id).cloned().collect();
        let was_there = after.len() != before.len();
        self.set(kernel, after);
        guarded(kernel, IN_DESTRUCTOR, || drop(before));
        was_there
    }

    /// Has the loop run observed from now on, also without an observer.
    pub(crate) fn keep(&self, kernel: &Loop) {
        self.is_kept.set(true);
        self.set(kernel, self.list());
    }

    fn list(&self) -> List {
        Rc::clone(&self.list.borrow())
    }

    fn set(&self, kernel: &Loop, list: List) {
        kernel.notes().set_taken(self.is_kept.get() || !list.is_empty());
        kernel.life().set_observers_changed(true);
        let before = self.list.replace(list);
        guarded(kernel, IN_DESTRUCTOR, || drop(before));
    }
}

/// Drops what observers were still to be told of. It holds tasks, and these their loop.
pub(crate) fn drop_notes(kernel: &Loop) {
    for note in kernel.notes().take() {
        guarded(kernel, IN_DESTRUCTOR, || drop(note));
    }
}

/// Some iterations, or what is between two, as it is told to the observers. They are those of the beginning.
pub(crate) struct Watching<'a> {
    kernel: &'a Loop,
    observers: &'a Observers,
    list: List,
}

impl<'a> Watching<'a> {
    /// What happens from now on.
    pub(crate) fn now(kernel: &'a Loop, observers: &'a Observers) -> Self {
        Self { kernel, observers, list: observers.list() }
    }

    pub(crate) fn begin_iteration(&self) {
        self.observers.iteration.set(self.observers.iteration.get() + 1);
    }

    /// Whether the loop runs observed for a reason of its own.
    pub(crate) fn is_kept(&self) -> bool {
        self.observers.is_kept.get()
    }

    /// Calls a method of each observer.
    #[inline]
    pub(crate) fn tell(&self, cause: Cause<'_>, call: impl Fn(&dyn Observer, &Moment<'_>)) {
        let moment = Moment { kernel: self.kernel, iteration: self.observers.iteration.get(), cause };
        for (_, observer) in &*self.list {
            guarded(self.kernel, "Exception in observer", || call(&**observer, &moment));
        }
    }

    /// Tells how a step of a task has ended.
    pub(crate) fn tell_after_step(&self, task: ObservedTask<'_>) {
        let cause = Cause::Task(task);
        self.tell(cause, |observer, at| observer.step_ended(at, task));
        match task.ending() {
            Some(ending) => self.tell_end(cause, task, ending),
            None => self.tell(cause, |observer, at| observer.parked(at, task)),
        }
    }

    pub(crate) fn tell_end(&self, cause: Cause<'_>, task: ObservedTask<'_>, ending: TaskEnding) {
        self.tell(cause, |observer, at| observer.ended(at, task, ending));
    }

    /// Tells what has happened inside the entry that has just run, and what that has queued.
    pub(crate) fn tell_consequences(&self, cause: Cause<'_>) {
        if !self.kernel.notes().is_empty() {
            self.tell_notes(cause);
        }
        let from = self.observers.known_entries.get();
        let to = self.kernel.ready().len();
        self.observers.known_entries.set(to);
        for place in from..to {
            if let Some(task) = self.kernel.ready().task_at(place) {
                self.tell_queued(cause, &task);
                guarded(self.kernel, IN_DESTRUCTOR, || drop(task));
            }
        }
    }

    fn tell_notes(&self, cause: Cause<'_>) {
        for note in self.kernel.notes().take() {
            self.tell_note(cause, &note);
            guarded(self.kernel, IN_DESTRUCTOR, || drop(note));
        }
    }

    /// The batch was taken off the queue, which is empty now.
    pub(crate) fn queue_is_empty(&self) {
        self.observers.known_entries.set(0);
    }

    fn tell_note(&self, cause: Cause<'_>, what: &Note<NodeRef>) {
        let (Note::Cancelled(node, _) | Note::Eager(node)) = what;
        let Some(task) = ObservedTask::new(node) else { return };
        match what {
            Note::Cancelled(_, message) => {
                self.tell(cause, |observer, at| observer.cancelled(at, task, message.as_deref()));
            }
            Note::Eager(_) => {
                self.tell_if_new(cause, task);
                self.tell(Cause::Task(task), |observer, at| observer.step_began(at, task));
                self.tell_after_step(task);
            }
        }
    }

    fn tell_queued(&self, cause: Cause<'_>, node: &NodeRef) {
        let Some(task) = ObservedTask::new(node) else { return };
        if !self.tell_if_new(cause, task) && task.is_ready() {
            self.tell(cause, |observer, at| observer.woken(at, task));
        }
    }

    fn tell_if_new(&self, cause: Cause<'_>, task: ObservedTask<'_>) -> bool {
        let is_new = task.id() > self.observers.last_task.get();
        if is_new {
            self.observers.last_task.set(task.id());
            self.tell(cause, |observer, at| observer.created(at, task));
        }
        is_new
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let list = std::mem::replace(&mut self.list, Rc::new([]));
        guarded(self.kernel, IN_DESTRUCTOR, || drop(list));
    }
}
