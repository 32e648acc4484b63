//! One iteration of the loop: asyncio's `_run_once`. Owns the order of its six steps, by which everything in a program is
//! ordered; must not know what becomes of a run, nor what any entry is for.

use std::time::{Duration, Instant};

use super::deadlock::deadlock;
use crate::base::WakeTarget;
use crate::current;
use crate::error::Error;
use crate::kernel::{Alarm, Batch, Entry, Handle, Queued};
use crate::node::{Loop, NodeRef, guarded, wake, wake_task};
use crate::reactor::ReadyEvent;

/// What a run carries from one iteration to the next.
pub(super) struct Iteration<'a> {
    kernel: &'a Loop,
    /// What is run in this iteration.
    batch: Batch<NodeRef>,
    /// What the poll found ready.
    events: Vec<ReadyEvent<Handle>>,
}

/// How an iteration waits for something to happen.
enum Wait {
    /// Not at all: work is ready.
    No,
    /// It polls without waiting: work is ready, but descriptors have their turn.
    Look,
    /// Nothing is ready: it polls until a deadline, if there is one.
    Until(Option<u64>),
    /// Nothing is ready, and the clock is virtual: time jumps to the next deadline.
    Jump,
}

impl<'a> Iteration<'a> {
    pub(super) fn first(kernel: &'a Loop) -> Self {
        Self { kernel, batch: kernel.ready().take_spare(), events: Vec::new() }
    }

    /// One iteration, in the steps of `docs/ARCHITECTURE.md`.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system fails, [`Error::Deadlock`] if nothing can ever happen again.
    pub(super) fn run_once(&mut self) -> Result<(), Error> {
        self.kernel.take_messages(); // 1. what other threads have sent is queued
        let wait = self.how_to_wait(); // 2. whether to wait, and how long
        self.wait(wait)?; // 3. wait
        self.queue_ready_descriptors(); // 4. what waits for descriptors that are ready is queued
        self.kernel.queue_due_timers(); // 5. timers that are due are queued
        self.run_batch(); // 6. what is queued by now is run; what that queues waits for the next iteration
        Ok(())
    }

    /// The run is over.
    pub(super) fn end(self) {
        self.kernel.ready().keep_spare(self.batch);
    }

    #[inline]
    fn how_to_wait(&self) -> Wait {
        let kernel = self.kernel;
        // a run that was told to stop before it began only looks
        match kernel.ready().is_empty() && !kernel.life().is_stopping() {
            false if kernel.ready().is_empty() || kernel.budget().poll_is_due() => Wait::Look,
            false => Wait::No,
            true if kernel.clock().is_virtual() => Wait::Jump,
            true => Wait::Until(kernel.next_expiry()),
        }
    }

    #[inline]
    fn wait(&mut self, wait: Wait) -> Result<(), Error> {
        if matches!(wait, Wait::No) { Ok(()) } else { self.poll(&wait) }
    }

    fn poll(&mut self, wait: &Wait) -> Result<(), Error> {
        match wait {
            Wait::No => {}
            Wait::Look => self.look()?,
            Wait::Until(deadline) => {
                self.kernel.poll(deadline.map(|at| time_left(self.kernel, at)), &mut self.events)?
            }
            Wait::Jump => self.jump()?,
        }
        // what was sent during the wait comes before what the wait has found
        self.kernel.take_messages();
        Ok(())
    }

    fn look(&mut self) -> Result<(), Error> {
        if self.kernel.watches_descriptors() {
            self.kernel.poll(Some(Duration::ZERO), &mut self.events)?;
        }
        Ok(())
    }

    /// Time stands still while a descriptor is ready. Otherwise it jumps to the next deadline, unless a result is expected
    /// from another thread, which knows real time only.
    fn jump(&mut self) -> Result<(), Error> {
        self.look()?;
        if !self.events.is_empty() || self.kernel.has_messages() {
            return Ok(());
        }
        if !self.kernel.expected().is_empty() {
            return self.wait_for_other_threads();
        }
        // the wheel returns a lower bound of the next deadline: go on until a timer is due
        while let Some(at) = self.kernel.next_expiry() {
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

    /// Waits until a message comes, or until the next deadline of a virtual clock has come in real time. Only then does the
    /// clock move, so that what it shows when a thread has ended does not depend on how long that took.
    fn wait_for_other_threads(&mut self) -> Result<(), Error> {
        let kernel = self.kernel;
        let waited = kernel.expected().waited();
        let next = kernel.next_expiry();
        let began = Instant::now();
        let timeout = next.map(|at| time_left(kernel, at).saturating_sub(waited.get()));
        kernel.poll(timeout, &mut self.events)?;
        waited.set(waited.get() + began.elapsed());
        let moves = next.is_none_or(|at| waited.get() >= time_left(kernel, at));
        if moves {
            waited.set(Duration::ZERO);
            next.into_iter().for_each(|at| kernel.clock().jump_to(at));
        }
        Ok(())
    }

    #[inline]
    fn queue_ready_descriptors(&mut self) {
        if !self.events.is_empty() {
            self.queue_events();
        }
    }

    /// In the system's order. They are taken out one by one, since to wake one may run code of a user that panics.
    #[inline(never)] // an iteration in which no descriptor is ready is short
    fn queue_events(&mut self) {
        self.events.reverse();
        while let Some(event) = self.events.pop() {
            match event {
                ReadyEvent::Wake(target) => wake(self.kernel, target),
                ReadyEvent::FdCallback(fd, direction, handle) if handle.cancelled() => {
                    // it was cancelled by its handle, which is found out here, as in asyncio
                    let taken = self.kernel.with_reactor(|reactor| {
                        let cancelled = reactor.watch_of(fd, direction).is_some_and(Handle::cancelled);
                        if cancelled { reactor.unwatch(fd, direction) } else { None }
                    });
                    drop(taken);
                }
                ReadyEvent::FdCallback(_, _, handle) => self.kernel.push_run(handle.run_ref()),
            }
        }
    }

    /// This is where all code of users is called, but for destructors and foreign wakers.
    fn run_batch(&mut self) {
        self.kernel.ready().swap(&mut self.batch);
        self.kernel.budget().count_entries(self.batch.len());
        while let Some(entry) = self.batch.pop_front() {
            run_entry(self.kernel, entry);
        }
    }
}

fn time_left(kernel: &Loop, deadline: u64) -> Duration {
    Duration::from_nanos(deadline.saturating_sub(kernel.clock().now()))
}

#[inline]
fn run_entry(kernel: &Loop, entry: Entry<NodeRef>) {
    match entry {
        Entry::Task(task) => {
            if task.queued().replace(false) {
                kernel.budget().start_step();
                task.step(&task);
            }
        }
        Entry::Timer(key) => match kernel.remove_timer(key) {
            Some(Alarm::Task(key)) => wake_task(kernel, key),
            Some(Alarm::Foreign(waker)) => wake(kernel, WakeTarget::Foreign(waker)),
            Some(Alarm::Run(run)) => call(kernel, move || run.run()),
            None => {}
        },
        Entry::Run(run) => call(kernel, move || run.run()),
        Entry::Child(turn, number) => call(kernel, move || turn.child_turn(&turn, number)),
    }
}

/// Runs a callback. What it sets of its context's variables it sets for itself alone: it enters its own context, if it has
/// one, and is taken out of it here.
#[inline]
fn call(kernel: &Loop, callback: impl FnOnce()) {
    if current::uses_contexts() {
        return call_in_context(kernel, callback);
    }
    guarded(kernel, "Exception in callback", callback);
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
fn leave_context(kernel: &Loop, outside: Option<crate::base::Context>) {
    let own = current::swap_context(outside);
    guarded(kernel, "Exception in destructor", || drop(own));
}
