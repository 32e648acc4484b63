//! One iteration of the loop: asyncio's `_run_once`. Owns the order of its six steps; must not know when a run ends,
//! nor the purpose of any entry.
//!
//! The order in which everything in a program happens follows from this file, and from the points at which entries are
//! queued, which are those at which asyncio calls `call_soon`:
//!
//! - Entries run in the order in which they were queued.
//! - An entry that is queued while a batch runs waits for the next iteration.
//! - What other threads have sent is queued before what descriptors queue, and that before what timers queue.

use std::time::{Duration, Instant};

use super::deadlock::deadlock;
use crate::base::{Context, NEVER, WakeTarget};
use crate::current;
use crate::error::Error;
use crate::kernel::{Alarm, Batch, Entry, Handle, Queued};
use crate::node::{IN_DESTRUCTOR, Loop, NodeRef, guarded, wake, wake_task};
use crate::reactor::ReadyEvent;

/// What a run keeps from one iteration to the next, for its memory. Both vectors are empty between iterations.
pub(super) struct Iteration<'a> {
    kernel: &'a Loop,
    /// The entries that this iteration runs.
    batch: Batch<NodeRef>,
    /// The size of the largest batch since the loop had nothing to do.
    largest: usize,
    /// What the poll of this iteration has found.
    events: Vec<ReadyEvent<Handle>>,
}

/// How an iteration waits:
///
/// ```text
///                                            poll is due       poll is not due
///    work is ready                           PollNow           No
///    nothing is ready                        Sleep, or Jump if the clock is virtual
///    nothing is ready, but stop() was called PollNow
/// ```
#[derive(Clone, Copy)]
enum Wait {
    /// Descriptors are not looked at.
    No,
    /// Descriptors are polled without sleeping.
    PollNow,
    /// The poll sleeps until the next deadline, or without limit if there is none.
    Sleep(Option<u64>),
    /// The clock is virtual: it jumps to the next deadline, and the loop need not sleep.
    Jump,
}

impl<'a> Iteration<'a> {
    /// Prepares the iterations of a run.
    pub(super) fn first(kernel: &'a Loop) -> Self {
        Self { kernel, batch: kernel.ready().take_spare(), largest: 0, events: Vec::new() }
    }

    /// One iteration, in the steps of `docs/ARCHITECTURE.md`.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system fails, [`Error::Deadlock`] if nothing can ever happen again.
    pub(super) fn run_once(&mut self) -> Result<(), Error> {
        self.kernel.take_messages(); // 1. queue what other threads have sent
        let wait = self.how_to_wait(); // 2. decide whether to wait, and for how long
        self.wait(wait)?; // 3. wait, and poll descriptors
        self.queue_ready_descriptors(); // 4. queue what waits for descriptors that are ready
        self.kernel.queue_due_timers(); // 5. queue the timers that are due
        self.run_batch(); // 6. run what is queued by now, and nothing that is queued meanwhile
        Ok(())
    }

    // 1. Other threads: `Kernel::take_messages`. First, because a message makes waiting unnecessary.

    // 2. How to wait. After the messages, because only now it is known whether work is ready.

    #[inline]
    fn how_to_wait(&self) -> Wait {
        let kernel = self.kernel;
        let nothing_is_ready = kernel.ready().is_empty();
        if nothing_is_ready && !kernel.life().is_stopping() {
            return if kernel.clock().is_virtual() { Wait::Jump } else { Wait::Sleep(kernel.next_expiry()) };
        }
        // a run that was told to stop takes one iteration, which finds what is ready and does not sleep
        if nothing_is_ready || kernel.budget().poll_is_due() { Wait::PollNow } else { Wait::No }
    }

    // 3. Wait. While the loop waits, time passes: so descriptors and timers are looked at afterwards.

    #[inline]
    fn wait(&mut self, wait: Wait) -> Result<(), Error> {
        match wait {
            Wait::No => return Ok(()),
            Wait::PollNow => self.poll_now()?,
            Wait::Sleep(deadline) => {
                self.free_memory();
                self.sleep(deadline)?;
            }
            Wait::Jump => {
                self.free_memory();
                self.jump()?;
            }
        }
        // what was sent during the wait came before the poll returned, so it is queued before what the poll has found
        self.kernel.take_messages();
        Ok(())
    }

    /// Nothing is ready: gives back what the queue has needed once and has not needed since the last time. A loop that
    /// always has something to do keeps it.
    #[inline]
    fn free_memory(&mut self) {
        self.kernel.ready().shrink(&mut self.batch, self.largest);
        self.largest = 0;
    }

    fn poll_now(&mut self) -> Result<(), Error> {
        if self.kernel.watches_descriptors() {
            self.kernel.poll(Some(Duration::ZERO), &mut self.events)?;
        }
        Ok(())
    }

    fn sleep(&mut self, deadline: Option<u64>) -> Result<(), Error> {
        let timeout = deadline.map(|at| time_left(self.kernel, at));
        Ok(self.kernel.poll(timeout, &mut self.events)?)
    }

    /// Moves a virtual clock to the next deadline. The clock stands still while anything else can happen: while a
    /// descriptor is ready, or while a result is expected from another thread, which knows only real time.
    fn jump(&mut self) -> Result<(), Error> {
        self.poll_now()?;
        if !self.events.is_empty() || self.kernel.has_messages() {
            return Ok(());
        }
        if !self.kernel.expected().is_empty() {
            return self.wait_for_other_threads();
        }
        // the next expiry may lie before the next deadline, so one jump may find no timer that is due
        while let Some(at) = self.kernel.next_expiry().filter(|at| *at != NEVER) {
            self.kernel.clock().jump_to(at);
            if self.kernel.expire_timers() {
                return Ok(());
            }
        }
        if !self.kernel.watches_descriptors() {
            return Err(Error::Deadlock(deadlock(self.kernel)));
        }
        Ok(self.kernel.poll(None, &mut self.events)?)
    }

    /// Sleeps until a message comes, or until the next deadline of a virtual clock has come by the real clock. The
    /// virtual clock moves only then, and by the whole distance. So what it shows when a thread has ended does not
    /// depend on how long the thread took.
    fn wait_for_other_threads(&mut self) -> Result<(), Error> {
        let kernel = self.kernel;
        let waited = kernel.expected().waited();
        let next = kernel.next_expiry();
        let began = Instant::now();
        let timeout = next.map(|at| time_left(kernel, at).saturating_sub(waited.get()));
        kernel.poll(timeout, &mut self.events)?;
        waited.set(waited.get() + began.elapsed());
        if next.is_some_and(|at| waited.get() < time_left(kernel, at)) {
            return Ok(()); // a message or a descriptor has ended the sleep early
        }
        waited.set(Duration::ZERO);
        if let Some(at) = next {
            kernel.clock().jump_to(at);
        }
        Ok(())
    }

    // 4. Descriptors. Before the timers, as in asyncio, which processes the events of its selector first.

    #[inline]
    fn queue_ready_descriptors(&mut self) {
        if !self.events.is_empty() {
            self.queue_events();
        }
    }

    /// Queues in the order in which the system has reported the descriptors. (With `drain` instead of `pop`, the
    /// compiler spills registers of the batch loop, and each entry costs two instructions more: measured.)
    #[inline(never)] // so that an iteration in which no descriptor is ready is short
    fn queue_events(&mut self) {
        self.events.reverse();
        while let Some(event) = self.events.pop() {
            match event {
                ReadyEvent::Wake(target) => wake(self.kernel, target),
                ReadyEvent::FdCallback(fd, direction, handle) if handle.cancelled() => {
                    // `Handle::cancel` does not reach the reactor, so such a callback is removed here, as in asyncio;
                    // unless another callback has taken its place since the poll
                    let removed = self.kernel.with_reactor(|reactor| {
                        let cancelled = reactor.watch_of(fd, direction).is_some_and(Handle::cancelled);
                        if cancelled { reactor.unwatch(fd, direction) } else { None }
                    });
                    guarded(self.kernel, IN_DESTRUCTOR, || drop(removed));
                }
                ReadyEvent::FdCallback(_, _, handle) => self.kernel.push_run(handle.run_ref()),
            }
        }
    }

    // 5. Timers: `Kernel::queue_due_timers`. Last before the batch, so that a timer that came due during the wait runs
    // in this iteration.

    // 6. The batch. This is where all code of users runs, except for destructors and foreign wakers.

    fn run_batch(&mut self) {
        self.kernel.ready().swap(&mut self.batch);
        self.kernel.budget().count_entries(self.batch.len());
        self.largest = self.largest.max(self.batch.len());
        while !self.batch.is_empty() {
            // Polls and callbacks are guarded one by one. What else of a user's can panic is a destructor: that of a
            // value whose last pointer is dropped on the way. It is reported, and the rest of the batch runs.
            guarded(self.kernel, IN_DESTRUCTOR, || run_entries(self.kernel, &mut self.batch));
        }
    }
}

/// However the run ends, no entry is lost.
impl Drop for Iteration<'_> {
    fn drop(&mut self) {
        self.kernel.ready().give_back(std::mem::take(&mut self.batch));
    }
}

fn time_left(kernel: &Loop, deadline: u64) -> Duration {
    Duration::from_nanos(deadline.saturating_sub(kernel.clock().now()))
}

/// Runs entries until none is left.
#[inline]
fn run_entries(kernel: &Loop, batch: &mut Batch<NodeRef>) {
    while let Some(entry) = batch.pop_front() {
        run_entry(kernel, entry);
    }
}

/// Runs an entry, and drops it afterwards: not while a panic of it unwinds, since a second one would end the process.
#[inline]
fn run_entry(kernel: &Loop, entry: Entry<NodeRef>) {
    match entry {
        Entry::Task(task) => {
            // a task that has ended, or is held back by a gathering, has lost the mark
            if task.queued().replace(false) {
                kernel.step().begin();
                task.step(&task);
            }
        }
        Entry::Timer(key) => match kernel.remove_timer(key) {
            Some(Alarm::Task(key)) => wake_task(kernel, key),
            Some(Alarm::Foreign(waker)) => wake(kernel, WakeTarget::Foreign(waker)),
            Some(Alarm::Run(run)) => call(kernel, || run.run()),
            None => {} // cancelled after it was queued
        },
        Entry::Run(run) => call(kernel, || run.run()),
        Entry::Child(turn, number) => call(kernel, || turn.child_turn(&turn, number)),
    }
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
