//! The observers of one loop. Owns their list and the calls of their methods; must not know when they are called.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::observed_task::{ObservedTask, TaskEnding};
use super::observer::{Cause, Moment, Observer};
use super::wanted::Methods;
use crate::kernel::{Note, Queued as _, WantedNotes};
use crate::node::{Loop, NodeRef, drop_guarded, guarded};

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

/// An observer with its name, and the methods that are called: all, but those of which it is known that it has left
/// them as they are.
#[derive(Clone)]
struct Listed {
    id: ObserverId,
    observer: Rc<dyn Observer>,
    wants: Cell<Methods>,
}

type List = Rc<[Listed]>;

/// The observers of a loop, kept with it.
pub(crate) struct Observers {
    list: RefCell<List>,
    last: Cell<u64>,
    /// The iterations that had begun when the first observer was added.
    iterations_before: Cell<u64>,
    /// Whether the loop runs observed although it has no observer.
    is_kept: Cell<bool>,
    queue: KnownQueue,
}

impl Default for Observers {
    fn default() -> Self {
        Self {
            list: RefCell::new(Rc::new([])),
            last: Cell::new(0),
            iterations_before: Cell::new(0),
            is_kept: Cell::new(false),
            queue: KnownQueue::default(),
        }
    }
}

/// What is known of the ready queue, while it is looked at.
#[derive(Default)]
struct KnownQueue {
    is_followed: Cell<bool>,
    /// How many entries are known.
    known_entries: Cell<usize>,
    /// The number of the last task that was made before the queue was looked at, or that was found in it before the
    /// entry that is told now.
    last_task: Cell<u64>,
    /// The same, with the tasks of this entry.
    newest: Cell<u64>,
    /// The eager tasks of this entry, by number.
    eager: RefCell<Vec<u64>>,
}

impl KnownQueue {
    /// Has the queue be looked at from now on, or not. What is in it is not told.
    fn follow(&self, kernel: &Loop, is_followed: bool) {
        if is_followed && !self.is_followed.get() {
            self.newest.set(kernel.last_task_id());
            self.entry_was_told();
            self.known_entries.set(kernel.ready().len());
        }
        self.is_followed.set(is_followed);
    }

    fn add_eager(&self, id: u64) {
        let eager = &mut *self.eager.borrow_mut();
        if let Err(place) = eager.binary_search(&id) {
            eager.insert(place, id); // nearly always the last place
        }
    }

    /// Whether the task with this number was made by the entry, and not told of yet.
    fn is_new(&self, id: u64) -> bool {
        id > self.last_task.get() && self.eager.borrow().binary_search(&id).is_err()
    }

    /// All that an entry has made was told.
    fn entry_was_told(&self) {
        self.last_task.set(self.newest.get());
        self.eager.borrow_mut().clear();
    }
}

impl Observers {
    /// Adds an observer. The loop looks for it before its next iteration.
    pub(crate) fn add(&self, kernel: &Loop, observer: Rc<dyn Observer>) -> ObserverId {
        let before = self.list();
        if before.is_empty() {
            drop_notes(kernel); // it is not told of what was before it
        }
        if self.last.get() == 0 {
            self.iterations_before.set(kernel.tally().iterations());
        }
        self.queue.follow(kernel, true);
        self.last.set(self.last.get() + 1);
        let id = ObserverId(self.last.get());
        let added = Listed { id, observer, wants: Cell::new(Methods::ALL) };
        self.set(kernel, before.iter().cloned().chain([added]).collect());
        id
    }

    /// Removes an observer, and returns whether it was there.
    pub(crate) fn remove(&self, kernel: &Loop, id: ObserverId) -> bool {
        let before = self.list();
        let after: List = before.iter().filter(|listed| listed.id != id).cloned().collect();
        let was_there = after.len() != before.len();
        self.set(kernel, after);
        drop_guarded(kernel, before);
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
        kernel.notes().set_observed(self.is_kept.get() || !list.is_empty());
        kernel.life().set_observers_changed(true);
        self.prepare_for(kernel, self.wanted(&list));
        let before = self.list.replace(list);
        drop_guarded(kernel, before);
    }

    /// What any of these observers wants to be told.
    fn wanted(&self, list: &[Listed]) -> Methods {
        let of_the_loop = if self.is_kept.get() { Methods::OF_THE_LOOP } else { Methods::NONE };
        list.iter().fold(of_the_loop, |wanted, listed| wanted.union(listed.wants.get()))
    }

    /// Only this is to be told from now on.
    fn prepare_for(&self, kernel: &Loop, wanted: Methods) {
        let wants = |any_of| wanted.has_any_of(any_of);
        kernel.notes().set_wanted(WantedNotes {
            cancellations: wants(Methods::CANCELLED),
            eager_ended: wants(Methods::OF_EAGER_ENDED),
            eager_parked: wants(Methods::OF_EAGER_PARKED),
        });
        self.queue.follow(kernel, wants(Methods::OF_QUEUED));
    }
}

/// Drops what observers were still to be told of. It holds tasks, and these their loop.
pub(crate) fn drop_notes(kernel: &Loop) {
    for note in kernel.notes().take() {
        drop_guarded(kernel, note);
    }
}

/// Some iterations, or what is between two, as it is told to the observers. They are those of the beginning.
pub(crate) struct Watching<'a> {
    kernel: &'a Loop,
    observers: &'a Observers,
    list: List,
    wanted: Cell<Methods>,
    /// How many entries of the batch come behind the running one, if anything is told of it.
    rest: Cell<usize>,
}

impl<'a> Watching<'a> {
    /// What happens from now on.
    pub(crate) fn now(kernel: &'a Loop, observers: &'a Observers) -> Self {
        let list = observers.list();
        let wanted = Cell::new(observers.wanted(&list));
        Self { kernel, observers, list, wanted, rest: Cell::new(0) }
    }

    /// So many entries come behind the one that runs next.
    pub(crate) fn set_rest(&self, entries: usize) {
        self.rest.set(entries);
    }

    /// Whether anything is to be done before an iteration or its batch, or may be to be told.
    #[inline]
    pub(crate) fn has_to_tell_of_iteration(&self) -> bool {
        !self.kernel.notes().is_empty() || self.wants(Methods::OF_AN_ITERATION)
    }

    /// Whether an observer wants any of this to be told.
    #[inline]
    pub(crate) fn wants(&self, any_of: Methods) -> bool {
        self.wanted.get().has_any_of(any_of)
    }

    /// Calls a method of each observer that wants it.
    #[inline]
    pub(crate) fn tell(&self, method: Methods, cause: Cause<'_>, call: impl Fn(&dyn Observer, &Moment<'_>)) {
        if self.wants(method) {
            self.call_each(method, cause, &call);
        }
    }

    #[inline(never)]
    fn call_each(&self, method: Methods, cause: Cause<'_>, call: &dyn Fn(&dyn Observer, &Moment<'_>)) {
        for listed in self.list.iter().filter(|listed| listed.wants.get().has_any_of(method)) {
            let unused_by = Cell::new(None);
            let iteration = self.kernel.tally().iterations() - self.observers.iterations_before.get();
            let (kernel, rest) = (self.kernel, self.rest.get());
            let moment = Moment { kernel, iteration, cause, asked_at: None, rest, unused_by: &unused_by };
            let observer = &*listed.observer;
            guarded(self.kernel, "Exception in observer", || call(observer, &moment));
            let whole: &dyn Any = observer;
            if unused_by.get() == Some(whole.type_id()) {
                self.forget(listed, method);
            }
        }
    }

    /// The observer has left this method as it is.
    #[cold]
    fn forget(&self, listed: &Listed, method: Methods) {
        listed.wants.set(listed.wants.get().without(method));
        self.wanted.set(self.observers.wanted(&self.list));
        // one that was added or removed meanwhile is looked for before the next iteration
        if Rc::ptr_eq(&self.list, &self.observers.list()) {
            self.observers.prepare_for(self.kernel, self.wanted.get());
        }
    }

    /// Tells how a step of a task has ended.
    pub(crate) fn tell_after_step(&self, task: ObservedTask<'_>) {
        let cause = Cause::Task(task);
        self.tell(Methods::STEP_ENDED, cause, |observer, at| observer.step_ended(at, task));
        match task.ending() {
            Some(ending) => self.tell_end(cause, task, ending),
            None => self.tell(Methods::PARKED, cause, |observer, at| observer.parked(at, task)),
        }
    }

    pub(crate) fn tell_end(&self, cause: Cause<'_>, task: ObservedTask<'_>, ending: TaskEnding) {
        self.tell(Methods::ENDED, cause, |observer, at| observer.ended(at, task, ending));
    }

    /// Tells what has happened inside the entry that has just run, and what that has queued.
    #[inline]
    pub(crate) fn tell_consequences(&self, cause: Cause<'_>) {
        if !self.kernel.notes().is_empty() || self.wants(Methods::OF_QUEUED) {
            self.tell_all_consequences(cause);
        }
    }

    /// After a step of which nothing is told but that it has cancelled a task, or was the last one.
    #[inline]
    pub(crate) fn tell_after_untold_step(&self, node: &NodeRef) {
        // one that is queued again has not ended, which is seen without a look at the task itself
        let may_have_ended = !node.queued().get() && self.wants(Methods::ENDED);
        if !self.kernel.notes().is_empty() || (may_have_ended && node.core().is_done()) {
            self.tell_cancelled_and_ended(node);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_cancelled_and_ended(&self, node: &NodeRef) {
        let Some(task) = ObservedTask::new(node) else { return };
        self.tell_consequences(Cause::Task(task));
        if let Some(ending) = task.ending() {
            self.tell_end(Cause::Task(task), task, ending);
        }
    }

    /// After something else of which nothing is told but that it has cancelled a task.
    #[inline]
    pub(crate) fn tell_after_untold(&self, cause: Cause<'_>) {
        if !self.kernel.notes().is_empty() {
            self.tell_all_consequences(cause);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_all_consequences(&self, cause: Cause<'_>) {
        if !self.kernel.notes().is_empty() {
            self.tell_notes(cause);
        }
        if self.wants(Methods::OF_QUEUED) {
            self.tell_of_queue(cause);
        }
        self.observers.queue.entry_was_told();
    }

    fn tell_of_queue(&self, cause: Cause<'_>) {
        let to = self.kernel.ready().len();
        let from = self.observers.queue.known_entries.replace(to);
        for place in from..to {
            if let Some(task) = self.kernel.ready().task_at(place) {
                self.tell_queued(cause, &task);
                drop_guarded(self.kernel, task);
            }
        }
    }

    fn tell_notes(&self, cause: Cause<'_>) {
        for note in self.kernel.notes().take() {
            self.tell_note(cause, &note);
            drop_guarded(self.kernel, note);
        }
    }

    /// The batch was taken off the queue, which is empty now.
    #[inline]
    pub(crate) fn queue_is_empty(&self) {
        self.observers.queue.known_entries.set(0);
    }

    fn tell_note(&self, cause: Cause<'_>, what: &Note<NodeRef>) {
        let (Note::Cancelled(node, ..) | Note::Eager(node)) = what;
        let Some(task) = ObservedTask::new(node) else { return };
        match what {
            Note::Cancelled(_, message, asked_at) => {
                self.tell(Methods::CANCELLED, cause, |observer, at| {
                    observer.cancelled(&Moment { asked_at: *asked_at, ..*at }, task, message.as_deref());
                });
            }
            Note::Eager(_) => {
                if self.tell_if_new(cause, task) {
                    self.observers.queue.add_eager(task.id());
                }
                self.tell(Methods::STEP_BEGAN, Cause::Task(task), |observer, at| observer.step_began(at, task));
                self.tell_after_step(task);
            }
        }
    }

    fn tell_queued(&self, cause: Cause<'_>, node: &NodeRef) {
        let Some(task) = ObservedTask::new(node) else { return };
        if !self.tell_if_new(cause, task) && task.is_ready() {
            self.tell(Methods::WOKEN, cause, |observer, at| observer.woken(at, task));
        }
    }

    /// Tells of the task as created if it was not there when the entry began. The number of an eager task is larger
    /// than those of tasks which the entry has made before, and which are told of later.
    fn tell_if_new(&self, cause: Cause<'_>, task: ObservedTask<'_>) -> bool {
        let queue = &self.observers.queue;
        let is_new = queue.is_new(task.id());
        if is_new {
            queue.newest.set(queue.newest.get().max(task.id()));
            self.tell(Methods::CREATED, cause, |observer, at| observer.created(at, task));
        }
        is_new
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let list = std::mem::replace(&mut self.list, Rc::new([]));
        drop_guarded(self.kernel, list);
    }
}
