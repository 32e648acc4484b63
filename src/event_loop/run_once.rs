//! One iteration of the loop: asyncio's `_run_once`. Owns the order of its six steps; must not know when a run ends,
//! nor the purpose of any entry.
//!
//! The order in which everything in a program happens follows from this file, and from the points at which entries are
//! queued, which are those at which asyncio calls `call_soon`:
//!
//! - Entries run in the order in which they were queued.
//! - An entry that is queued while a batch runs waits for the next iteration.
//! - What other threads have sent is queued before what descriptors queue, and that before what timers queue.

use super::outside::{Outside, Wait};
use crate::base::{Context, WakeTarget};
use crate::current;
use crate::error::Error;
use crate::kernel::{Alarm, Batch, Entry, Queued};
use crate::node::{IN_DESTRUCTOR, Loop, NodeRef, guarded, wake, wake_task};
use crate::observe::{Cause, Methods};

/// What a run or turn keeps from one iteration to the next, for its memory. The batch is empty between iterations.
pub(super) struct Iteration<'a> {
    pub(super) kernel: &'a Loop,
    /// The entries that this iteration runs. It begins with what an unfinished iteration has left: see
    /// [`has_rest`](Self::has_rest).
    pub(super) batch: Batch<NodeRef>,
    /// The size of the largest batch since the loop had nothing to do.
    largest: usize,
}

impl<'a> Iteration<'a> {
    /// Prepares the iterations of a run or turn.
    pub(super) fn first(kernel: &'a Loop) -> Self {
        Self { kernel, batch: kernel.ready().take_rest(), largest: 0 }
    }

    /// Whether an iteration is unfinished, because the budget of a turn was spent in the middle of its batch. The rest
    /// has to be run before the next iteration.
    pub(super) fn has_rest(&self) -> bool {
        !self.batch.is_empty()
    }

    /// One iteration, in the steps of `docs/ARCHITECTURE.md`.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system fails, [`Error::Deadlock`] if nothing can ever happen again.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "turns call it too, and an iteration of a run must not pay for that: measured"
    )]
    pub(super) fn run_once(&mut self, outside: &mut Outside<'_>) -> Result<(), Error> {
        self.begin(outside)?;
        self.run_batch();
        Ok(())
    }

    /// All of an iteration but the running of its batch.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "turns call it too, and an iteration of a run must not pay for that: measured"
    )]
    pub(super) fn begin(&mut self, outside: &mut Outside<'_>) -> Result<(), Error> {
        self.kernel.tally().count_iteration();
        self.kernel.take_messages(); // 1. queue what other threads have sent
        let wait = outside.how_to_wait(); // 2. decide whether to wait, and for how long
        if !matches!(wait, Wait::No) {
            self.free_memory_if_idle();
            outside.wait(wait)?; // 3. wait, and poll descriptors
            outside.queue_ready_descriptors(); // 4. queue what waits for descriptors that are ready
        }
        self.kernel.queue_due_timers(); // 5. queue the timers that are due
        self.take_batch(); // 6. run what is queued by now, and nothing that is queued meanwhile
        Ok(())
    }

    // 1. Other threads: `Kernel::take_messages`. First, because a message makes waiting unnecessary.

    // 2. to 4. What is outside of the loop: `Outside`.

    /// If nothing is ready, gives back what the queue has needed once and has not needed since the last time. A loop
    /// that always has something to do keeps it.
    #[inline]
    pub(super) fn free_memory_if_idle(&mut self) {
        if self.kernel.ready().is_empty() {
            self.kernel.ready().shrink(&mut self.batch, self.largest);
            self.largest = 0;
        }
    }

    // 5. Timers: `Kernel::queue_due_timers`. Last before the batch, so that a timer that came due during the wait runs
    // in this iteration.

    // 6. The batch. This is where all code of users runs, except for destructors and foreign wakers.

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "turns call it too, and an iteration of a run must not pay for that: measured"
    )]
    pub(super) fn take_batch(&mut self) {
        self.kernel.ready().take_all(&mut self.batch);
        self.kernel.budget().count_entries(self.batch.len());
        if self.batch.len() > self.largest {
            self.largest = self.batch.len();
            self.kernel.tally().note_batch(self.largest);
        }
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "called once, and an iteration of a run must not pay for a call: measured"
    )]
    fn run_batch(&mut self) {
        loop {
            // Polls and callbacks are guarded one by one. What else of a user's can panic is a destructor: that of a
            // value whose last pointer is dropped on the way. It is reported, and the rest of the batch runs.
            guarded(self.kernel, IN_DESTRUCTOR, || {
                while let Some(entry) = self.batch.pop() {
                    run_entry(self.kernel, entry, &Unobserved);
                }
            });
            if self.batch.is_empty() {
                return;
            }
        }
    }

    /// Runs the batch, or as much of it as `may_go_on` allows, which is asked before each entry.
    #[inline(never)] // it must not make a run's loop over its batch longer
    pub(super) fn run_batch_while(&mut self, mut may_go_on: impl FnMut() -> bool) {
        while !self.batch.is_empty() && may_go_on() {
            let entry = self.batch.pop();
            guarded(self.kernel, IN_DESTRUCTOR, || {
                if let Some(entry) = entry {
                    run_entry(self.kernel, entry, &Unobserved);
                }
            });
        }
    }
}

/// However the run or turn ends, no entry is lost.
impl Drop for Iteration<'_> {
    fn drop(&mut self) {
        self.kernel.ready().give_back(std::mem::take(&mut self.batch));
    }
}

/// Whether and how it is observed what entries do. Each way is compiled for itself, so a loop that is not observed has
/// nothing of it.
pub(super) trait Observation {
    /// Whether any of this is to be told, so that [`run`](Self::run) is to run the entry.
    fn wants(&self, any_of: Methods) -> bool;
    /// Runs an entry and tells of it.
    fn run(&self, kernel: &Loop, entry: Entry<NodeRef>);
    /// A task has taken a step of which nothing was told.
    fn after_step(&self, task: &NodeRef);
    /// Something else has run of which nothing was told.
    fn after(&self, cause: Cause<'_>);
}

/// The loop has no observer: nothing is told.
pub(super) struct Unobserved;

impl Observation for Unobserved {
    #[inline]
    fn wants(&self, _any_of: Methods) -> bool {
        false
    }
    fn run(&self, kernel: &Loop, entry: Entry<NodeRef>) {
        run_entry(kernel, entry, self);
    }
    #[inline]
    fn after_step(&self, _task: &NodeRef) {}
    #[inline]
    fn after(&self, _cause: Cause<'_>) {}
}

/// Runs an entry, and drops it afterwards: not while a panic of it unwinds, since a second one would end the process.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the loop over a batch costs a tenth more without: measured")]
pub(super) fn run_entry(kernel: &Loop, entry: Entry<NodeRef>, observation: &impl Observation) {
    match entry {
        Entry::Task(task) if observation.wants(Methods::OF_A_STEP) => observation.run(kernel, Entry::Task(task)),
        Entry::Task(task) => {
            // a task that has ended, or is held back by a gathering, has lost the mark
            if task.queued().replace(false) {
                step(kernel, &task);
                observation.after_step(&task);
            }
        }
        Entry::Timer(key) if observation.wants(Methods::OF_A_TIMER) => observation.run(kernel, Entry::Timer(key)),
        Entry::Timer(key) => match kernel.remove_timer(key) {
            Some(Alarm::Task(key)) => {
                wake_task(kernel, key);
                observation.after(Cause::Timer);
            }
            Some(Alarm::Foreign(waker)) => {
                wake(kernel, WakeTarget::Foreign(waker));
                observation.after(Cause::Timer);
            }
            Some(Alarm::Run(run)) => {
                call(kernel, || run.run());
                drop(run);
                observation.after(Cause::Callback);
            }
            None => {} // cancelled after it was queued
        },
        Entry::Run(run) if observation.wants(Methods::OF_A_CALLBACK) => observation.run(kernel, Entry::Run(run)),
        Entry::Run(run) => {
            call(kernel, || run.run());
            drop(run);
            observation.after(Cause::Callback);
        }
        Entry::Child(turn, number) if observation.wants(Methods::OF_A_CALLBACK) => {
            observation.run(kernel, Entry::Child(turn, number));
        }
        Entry::Child(turn, number) => {
            call(kernel, || turn.child_turn(&turn, number));
            drop(turn);
            observation.after(Cause::Primitive);
        }
    }
}

/// Has a task take a step.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as `run_entry`")]
pub(super) fn step(kernel: &Loop, task: &NodeRef) {
    kernel.step().begin();
    task.step(task);
}

/// Runs a callback. If it has a context, it enters that itself; here the thread leaves it again. So what a callback
/// sets of its variables, the next one does not see.
#[inline]
fn call(kernel: &Loop, callback: impl FnOnce()) {
    if current::uses_contexts() {
        return call_in_context(kernel, callback);
    }
    guarded(kernel, "Exception in callback", callback);
    // it may have been the first to set a variable
    if current::uses_contexts() {
        leave_context(kernel, None);
    }
}

#[cold]
fn call_in_context(kernel: &Loop, callback: impl FnOnce()) {
    let outside = current::swap_context(None);
    guarded(kernel, "Exception in callback", callback);
    leave_context(kernel, outside);
}

#[cold]
fn leave_context(kernel: &Loop, outside: Option<Context>) {
    let own = current::swap_context(outside);
    guarded(kernel, IN_DESTRUCTOR, || drop(own));
}
