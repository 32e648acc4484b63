//! An iteration of a loop that is observed: the same steps as those of `run_once.rs`, and what is told in between. Owns
//! when observers are told of what; must not know what they do. It is apart, so that a loop without observers has
//! nothing of it on its way.

use std::rc::Rc;
use std::time::Duration;

use super::event_loop::EventLoop;
use super::exploration::disturb;
use super::outside::{Outside, Wait};
use super::run_once::{Iteration, Observation, Unobserved, run_entry, step};
use crate::error::Error;
use crate::kernel::{Batch, Entry, Queued};
use crate::node::{IN_DESTRUCTOR, Loop, NodeRef, drop_guarded, guarded};
use crate::observe::{
    Cause, LoopMetrics, Methods, ObservedTask, Observer, ObserverId, Observers, TaskEnding, Watching,
};
use crate::timer_wheel::TimerKey;

impl EventLoop {
    /// Has an [`Observer`] told of all that this loop does, from its next iteration on. A loop may have several, which
    /// are called in the order in which they were added. A loop that closes drops its observers last.
    ///
    /// # Examples
    /// ```
    /// use oneloop::observe::TaskEnding;
    /// use oneloop::{EventLoop, Moment, ObservedTask, Observer, create_task};
    /// use std::rc::Rc;
    ///
    /// struct Ends;
    ///
    /// impl Observer for Ends {
    ///     fn ended(&self, _at: &Moment<'_>, task: ObservedTask<'_>, ending: TaskEnding) {
    ///         println!("{} ended: {ending:?}", task.name());
    ///     }
    /// }
    ///
    /// let lp = EventLoop::new()?;
    /// let id = lp.add_observer(Rc::new(Ends));
    /// lp.run_until_complete(async { create_task(async {}).named("quick").await })?;
    /// assert!(lp.remove_observer(id));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn add_observer(&self, observer: Rc<dyn Observer>) -> ObserverId {
        self.kernel().extensions().get_or_default::<Observers>().add(self.kernel(), observer)
    }

    /// Removes an observer, which is told of nothing after this iteration. Returns whether the loop had it.
    pub fn remove_observer(&self, id: ObserverId) -> bool {
        let observers = self.kernel().extensions().get::<Observers>();
        observers.is_some_and(|observers| observers.remove(self.kernel(), id))
    }

    /// What the loop has counted since it was made: iterations, entries, polls, timers, tasks. It costs nothing until
    /// it is asked for, and may be asked for at any time, also in a step, or after the loop was closed. asyncio has
    /// nothing like it.
    ///
    /// Another thread asks for it by [`LoopHandle::metrics`](crate::LoopHandle::metrics).
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, create_task};
    ///
    /// let lp = EventLoop::new()?;
    /// lp.run_until_complete(async { create_task(async {}).await })?;
    /// let metrics = lp.metrics();
    /// assert_eq!((metrics.tasks, metrics.tasks_created), (0, 2)); // the main future is a task too
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn metrics(&self) -> LoopMetrics {
        LoopMetrics::of(self.kernel().numbers())
    }

    /// Runs iterations of an observed loop until it is stopped, or has no observer any more. Returns whether it is
    /// stopped.
    #[cold]
    #[inline(never)]
    pub(super) fn iterate_observed(
        &self,
        iteration: &mut Iteration<'_>,
        outside: &mut Outside<'_>,
    ) -> Result<bool, Error> {
        let kernel = &**self.kernel();
        while let Some(observers) = observers_of(kernel) {
            kernel.life().set_observers_changed(false);
            let watching = Watching::now(kernel, &observers);
            loop {
                iteration.begin_observed(outside, &watching)?;
                iteration.run_batch_observed(&watching, || true);
                if kernel.life().is_stopping_or_observers_changed() {
                    break;
                }
            }
            if kernel.life().is_stopping() {
                return Ok(true);
            }
        }
        kernel.life().set_observers_changed(false);
        Ok(kernel.life().is_stopping())
    }
}

/// The observers of the loop, if it has any.
#[inline]
pub(super) fn observers_of(kernel: &Loop) -> Option<Rc<Observers>> {
    if kernel.notes().is_observed() { kernel.extensions().get() } else { None }
}

impl Iteration<'_> {
    /// [`begin`](Self::begin) in a turn, observed or not.
    pub(super) fn begin_turn(&mut self, outside: &mut Outside<'_>) -> Result<(), Error> {
        match observers_of(self.kernel) {
            None => self.begin(outside),
            Some(observers) => self.begin_observed(outside, &Watching::now(self.kernel, &observers)),
        }
    }

    /// Runs the batch in a turn, observed or not, or as much of it as `may_go_on` allows, which is asked before each
    /// entry.
    pub(super) fn run_batch_of_turn(&mut self, may_go_on: impl FnMut() -> bool) {
        match observers_of(self.kernel) {
            None => self.run_batch_while(may_go_on),
            Some(observers) => self.run_batch_observed(&Watching::now(self.kernel, &observers), may_go_on),
        }
    }

    /// [`begin`](Self::begin), observed.
    fn begin_observed(&mut self, outside: &mut Outside<'_>, watching: &Watching<'_>) -> Result<(), Error> {
        self.kernel.tally().count_iteration();
        let tells = watching.has_to_tell_of_iteration();
        if tells {
            self.begin_telling(watching);
        } else {
            self.kernel.take_messages();
        }
        let wait = outside.how_to_wait();
        if !matches!(wait, Wait::No) {
            self.free_memory_if_idle();
            wait_observed(outside, wait, watching)?;
        }
        self.kernel.queue_due_timers();
        self.take_batch();
        if tells {
            self.tell_of_batch(watching);
        }
        Ok(())
    }

    #[inline(never)]
    fn tell_of_batch(&self, watching: &Watching<'_>) {
        watching.queue_is_empty();
        let entries = self.batch.len();
        watching.tell(Methods::BATCH_BEGAN, Cause::Program, |observer, at| observer.batch_began(at, entries));
    }

    #[inline(never)]
    fn begin_telling(&self, watching: &Watching<'_>) {
        watching.tell_consequences(Cause::Program);
        if watching.wants(Methods::OF_THE_LOOP) {
            disturb(self.kernel);
        }
        self.kernel.take_messages();
        watching.tell_consequences(Cause::Thread);
    }

    /// Runs the batch, or as much of it as `may_go_on` allows.
    fn run_batch_observed(&mut self, watching: &Watching<'_>, mut may_go_on: impl FnMut() -> bool) {
        let mut goes_on = true;
        while goes_on {
            // as in `run_batch`: what panics is a destructor
            guarded(self.kernel, IN_DESTRUCTOR, || {
                while !self.batch.is_empty() && may_go_on() {
                    if let Some(entry) = self.batch.pop() {
                        run_entry(self.kernel, entry, &Observed { watching, behind: &self.batch });
                    }
                }
                goes_on = false;
            });
            if goes_on {
                watching.tell_consequences(Cause::Program); // of the entry that has panicked
            }
        }
    }
}

#[inline(never)]
fn wait_observed(outside: &mut Outside<'_>, wait: Wait, watching: &Watching<'_>) -> Result<(), Error> {
    watching.tell(Methods::POLL_BEGAN, Cause::Program, <dyn Observer>::poll_began);
    outside.wait(wait)?;
    let events = outside.events();
    watching.tell(Methods::POLL_ENDED, Cause::Program, |observer, at| observer.poll_ended(at, events));
    watching.tell_consequences(Cause::Thread);
    outside.queue_ready_descriptors();
    watching.tell_consequences(Cause::Descriptor);
    Ok(())
}

/// An entry that is told, with what comes behind it in its batch.
struct Observed<'a> {
    watching: &'a Watching<'a>,
    behind: &'a Batch<NodeRef>,
}

impl Observation for Observed<'_> {
    #[inline]
    fn wants(&self, any_of: Methods) -> bool {
        self.watching.wants(any_of)
    }

    #[inline]
    fn run(&self, kernel: &Loop, entry: Entry<NodeRef>) {
        self.watching.set_rest(self.behind.len());
        run_told(kernel, entry, self.watching);
    }

    #[inline]
    fn after_step(&self, task: &NodeRef) {
        self.watching.tell_after_untold_step(task);
    }

    #[inline]
    fn after(&self, cause: Cause<'_>) {
        self.watching.tell_after_untold(cause);
    }
}

/// Runs an entry, and tells what it is, what it does to other tasks, and how it ends, as far as that is wanted.
#[inline(never)] // it must not make the loop over a batch longer
fn run_told(kernel: &Loop, entry: Entry<NodeRef>, watching: &Watching<'_>) {
    match entry {
        Entry::Task(node) => run_step(kernel, node, watching),
        Entry::Timer(key) => run_timer(kernel, key, watching),
        Entry::Run(_) => run_callback(kernel, Cause::Callback, watching, entry),
        Entry::Child(..) => run_callback(kernel, Cause::Primitive, watching, entry),
    }
}

fn run_step(kernel: &Loop, node: NodeRef, watching: &Watching<'_>) {
    if node.queued().replace(false)
        && let Some(task) = ObservedTask::new(&node)
    {
        watching.tell(Methods::STEP_BEGAN, Cause::Task(task), |observer, at| observer.step_began(at, task));
        guarded(kernel, IN_DESTRUCTOR, || step(kernel, &node));
        watching.tell_consequences(Cause::Task(task));
        watching.tell_after_step(task);
    }
    drop_guarded(kernel, node);
}

fn run_timer(kernel: &Loop, key: TimerKey, watching: &Watching<'_>) {
    let Some((deadline, runs_callback)) = kernel.timer(key) else { return };
    let late = Duration::from_nanos(kernel.clock().now().saturating_sub(deadline));
    watching.tell(Methods::TIMER_FIRED, Cause::Timer, |observer, at| observer.timer_fired(at, late));
    if runs_callback {
        run_callback(kernel, Cause::Callback, watching, Entry::Timer(key));
    } else {
        guarded(kernel, IN_DESTRUCTOR, || run_entry(kernel, Entry::Timer(key), &Unobserved));
        watching.tell_consequences(Cause::Timer);
    }
}

fn run_callback(kernel: &Loop, cause: Cause<'_>, watching: &Watching<'_>, entry: Entry<NodeRef>) {
    watching.tell(Methods::CALLBACK_BEGAN, cause, <dyn Observer>::callback_began);
    guarded(kernel, IN_DESTRUCTOR, || run_entry(kernel, entry, &Unobserved));
    watching.tell_consequences(cause);
    watching.tell(Methods::CALLBACK_ENDED, cause, <dyn Observer>::callback_ended);
}

/// A task was dropped, because the loop closes.
pub(super) fn tell_of_abandoned(kernel: &Loop, node: &NodeRef) {
    if let (Some(observers), Some(task)) = (observers_of(kernel), ObservedTask::new(node)) {
        Watching::now(kernel, &observers).tell_end(Cause::Program, task, TaskEnding::Cancelled);
    }
}
