//! How an iteration waits for what is outside of the loop, and what it does with that. Owns the steps 2 to 4 of an
//! iteration; must not know what is run. It is apart from the batch, so that no wait keeps that from being in
//! registers.

use std::time::{Duration, Instant};

use super::deadlock::deadlock;
use crate::base::NEVER;
use crate::error::Error;
use crate::kernel::Handle;
use crate::node::{Loop, drop_guarded, wake};
use crate::reactor::ReadyEvent;

/// What is outside of the loop, as a run or turn sees it.
pub(super) struct Outside<'a> {
    kernel: &'a Loop,
    wait_limit: WaitLimit,
    /// What the poll of this iteration has found. Empty between iterations, and kept for its memory.
    events: Vec<ReadyEvent<Handle>>,
}

/// How long an iteration may wait if nothing is ready.
#[derive(Clone, Copy)]
pub(super) enum WaitLimit {
    /// In a run: until something happens. If nothing ever can, that is an error.
    Run,
    /// In a turn: until this time of the loop's clock, or without limit. If nothing ever can happen, it does not wait.
    Until(Option<u64>),
    /// In a turn: not at all.
    Nothing,
}

impl WaitLimit {
    /// The time at which the wait ends although nothing has happened.
    fn limit(self) -> Option<u64> {
        if let Self::Until(limit) = self { limit } else { None }
    }
}

/// How an iteration waits:
///
/// ```text
///                                                poll is due       poll is not due
///    work is ready                               PollNow           No
///    nothing is ready                            Sleep, or Jump if the clock is virtual
///    nothing is ready, but stop() was called     PollNow
///    nothing is ready, in a turn without a wait  PollNow
/// ```
///
/// If a poll could find nothing, `No` takes the place of `PollNow`.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    /// Descriptors are not looked at.
    No,
    /// Descriptors are polled without sleeping.
    PollNow,
    /// The poll sleeps until the next deadline, or without limit if there is none.
    Sleep(Option<u64>),
    /// The clock is virtual: it jumps to the next deadline, and the loop need not sleep.
    Jump,
}

impl<'a> Outside<'a> {
    pub(super) fn new(kernel: &'a Loop, wait_limit: WaitLimit) -> Self {
        Self { kernel, wait_limit, events: kernel.spare_events().take() }
    }

    // 2. How to wait. After the messages, because only now it is known whether work is ready.

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "turns call it too, and an iteration of a run must not pay for that: measured"
    )]
    pub(super) fn how_to_wait(&self) -> Wait {
        let kernel = self.kernel;
        let nothing_is_ready = kernel.ready().is_empty();
        if nothing_is_ready && !kernel.life().is_stopping() {
            return self.how_to_wait_for_work();
        }
        // a run that was told to stop takes one iteration, which finds what is ready and does not sleep
        let polls = (nothing_is_ready || kernel.budget().poll_is_due()) && kernel.has_to_poll();
        if polls { Wait::PollNow } else { Wait::No }
    }

    fn how_to_wait_for_work(&self) -> Wait {
        match self.wait_limit {
            WaitLimit::Nothing => Wait::PollNow,
            WaitLimit::Run | WaitLimit::Until(_) if self.kernel.clock().is_virtual() => Wait::Jump,
            WaitLimit::Run | WaitLimit::Until(_) => Wait::Sleep(self.end_of_wait()),
        }
    }

    /// The time at which the wait for work ends: when a timer may be due, or when the turn may wait no longer.
    fn end_of_wait(&self) -> Option<u64> {
        let end = |deadline| self.kernel.clock().end_of_wait(deadline);
        match self.wait_limit {
            // an iteration in which no timer is due after all costs less than a search for the exact deadline
            WaitLimit::Run | WaitLimit::Nothing => self.kernel.next_expiry().filter(|at| *at != NEVER).map(end),
            WaitLimit::Until(limit) => self.kernel.next_deadline().map(end).into_iter().chain(limit).min(),
        }
    }

    // 3. Wait. While the loop waits, time passes: so descriptors and timers are looked at afterwards.

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "turns call it too, and an iteration of a run must not pay for that: measured"
    )]
    pub(super) fn wait(&mut self, wait: Wait) -> Result<(), Error> {
        match wait {
            Wait::No => return Ok(()),
            Wait::PollNow => self.poll_now()?,
            Wait::Sleep(deadline) => self.sleep(deadline)?,
            Wait::Jump => self.jump()?,
        }
        // what was sent during the wait came before the poll returned, so it is queued before what the poll has found
        self.kernel.take_messages();
        Ok(())
    }

    fn poll_now(&mut self) -> Result<(), Error> {
        if self.kernel.has_to_poll() {
            self.poll(Some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// Polls, unless what would be polled is a parent's.
    fn poll(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        if self.kernel.was_forked() {
            return Err(Error::Forked);
        }
        Ok(self.kernel.poll(timeout, &mut self.events)?)
    }

    fn sleep(&mut self, deadline: Option<u64>) -> Result<(), Error> {
        loop {
            if self.kernel.was_forked() {
                return Err(Error::Forked);
            }
            self.kernel.poll_until(deadline, &mut self.events)?;
            if self.ends_sleep(deadline) {
                return Ok(());
            }
        }
    }

    /// Whether a sleep is over. A poll may end early: by less than a millisecond, which is its unit, or by a signal. In
    /// a run the next iteration sleeps again. A turn has one iteration, and its host is to be given the thread when
    /// something has happened or the time is up.
    fn ends_sleep(&self, deadline: Option<u64>) -> bool {
        match self.wait_limit {
            WaitLimit::Run | WaitLimit::Nothing => true,
            WaitLimit::Until(_) => {
                let is_up = deadline.is_none_or(|at| time_left(self.kernel, at).is_zero());
                is_up || !self.events.is_empty() || self.kernel.has_messages()
            }
        }
    }

    /// Moves a virtual clock to the next deadline. The clock stands still while anything else can happen: while a
    /// descriptor is ready, or while a result is expected from another thread, which knows only real time.
    fn jump(&mut self) -> Result<(), Error> {
        self.kernel.note_steps();
        self.poll_now()?;
        if !self.events.is_empty() || self.kernel.has_messages() {
            return Ok(());
        }
        if !self.kernel.expected().is_empty() {
            return self.wait_for_other_threads();
        }
        // the next expiry may lie before the next deadline, so one jump may find no timer that is due
        while let Some(at) = self.end_of_wait() {
            self.kernel.clock().jump_to(at);
            if self.kernel.expire_timers() || self.wait_limit.limit() == Some(at) {
                return Ok(());
            }
        }
        if self.kernel.awaits_descriptors() {
            return self.poll(None);
        }
        match self.wait_limit {
            WaitLimit::Run => Err(Error::Deadlock(deadlock(self.kernel))),
            WaitLimit::Until(_) | WaitLimit::Nothing => Ok(()),
        }
    }

    /// Sleeps until a message comes, or until the next deadline of a virtual clock has come by the real clock. The
    /// virtual clock moves only then, and by the whole distance. So what it shows when a thread has ended does not
    /// depend on how long the thread took.
    fn wait_for_other_threads(&mut self) -> Result<(), Error> {
        let kernel = self.kernel;
        let waited = kernel.expected().waited();
        let next = self.end_of_wait();
        let began = Instant::now();
        let timeout = next.map(|at| time_left(kernel, at).saturating_sub(waited.get()));
        self.poll(timeout)?;
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

    /// How many events the poll has found.
    pub(super) fn events(&self) -> usize {
        self.events.len()
    }

    // 4. Descriptors. Before the timers, as in asyncio, which processes the events of its selector first.

    #[inline]
    pub(super) fn queue_ready_descriptors(&mut self) {
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
                    drop_guarded(self.kernel, removed);
                }
                ReadyEvent::FdCallback(_, _, handle) => self.kernel.push_run(handle.run_ref()),
            }
        }
    }
}

impl Drop for Outside<'_> {
    fn drop(&mut self) {
        self.kernel.spare_events().set(std::mem::take(&mut self.events));
    }
}

fn time_left(kernel: &Loop, deadline: u64) -> Duration {
    Duration::from_nanos(deadline.saturating_sub(kernel.clock().now()))
}
