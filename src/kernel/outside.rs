//! The waits for what is outside of the loop: in the loop, where it polls, and between turns, where a host waits in its
//! place. Owns who tells whom that something has come; must not know what an iteration does with it.
//!
//! Between turns a loop that a host watches is *asleep* if nothing is ready:
//!
//! ```text
//!                 the turn or run ends, nothing is ready
//!     awake ──────────────────────────────────────────────▶ asleep
//!       ▲          the next one begins, and polls first        │
//!       └──────────────────────────────────────────────────────┘
//! ```
//!
//! Asleep, everything that gives the loop something to do makes the poll's descriptor readable: an event by itself, a
//! message by the wake descriptor, the next deadline by the timer of [`OwnEvents`], and the first entry that the thread
//! queues by its byte. If something is ready already when a turn ends, the loop stays awake, and the byte is set. The
//! turn after a sleep polls first, as a run does that wakes, and so takes what has made the descriptor readable.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;

use super::handle::Handle;
use super::host::Pauses;
use super::inbox::Sleeper;
use super::kernel::Kernel;
use super::ready_queue::Queued;
use crate::base::concurrency::Arc;
use crate::reactor::{OwnEvents, Reactor, ReadyEvent};

impl<P: Queued> Kernel<P> {
    // In the loop.

    /// Shows the reactor to `f`, which may register or remove a descriptor.
    pub(crate) fn with_reactor<R>(&self, f: impl FnOnce(&mut Reactor<Handle>) -> R) -> R {
        let mut reactor = self.reactor.borrow_mut();
        let result = f(&mut reactor);
        self.budget.set_watching(reactor.is_watching());
        result
    }

    /// As `with_reactor`, of a descriptor that stays registered, or stays gone.
    #[inline]
    pub(crate) fn with_registered<R>(&self, f: impl FnOnce(&mut Reactor<Handle>) -> R) -> R {
        f(&mut self.reactor.borrow_mut())
    }

    /// Whether any descriptor is registered. If none is, a poll finds nothing.
    pub(crate) fn watches_descriptors(&self) -> bool {
        self.reactor.borrow().is_watching()
    }

    /// Whether a descriptor is registered that something in the program waits for. That by which Ctrl-C cancels the
    /// main task is none.
    pub(crate) fn awaits_descriptors(&self) -> bool {
        self.reactor.borrow().is_awaited()
    }

    /// Whether a poll may find something: also what has told a host of a turn.
    pub(crate) fn has_to_poll(&self) -> bool {
        self.reactor.borrow().may_report()
    }

    /// Whether this process was forked from the one that has made the loop. What the loop polls is the parent's, too,
    /// and is not to be touched.
    pub(crate) fn was_forked(&self) -> bool {
        self.reactor.borrow().was_forked()
    }

    /// Polls the descriptors, and adds to `events` what became ready. Sleeps until something is ready, a message comes,
    /// or `timeout` has passed (`None`: no limit).
    pub(crate) fn poll(&self, timeout: Option<Duration>, events: &mut Vec<ReadyEvent<Handle>>) -> io::Result<()> {
        self.note_steps();
        let sleeps = timeout != Some(Duration::ZERO);
        // a message that came before `asleep` was set has not written to the wake descriptor
        let timeout =
            if sleeps && !self.receiver.inbox().fall_asleep(Sleeper::Loop) { Some(Duration::ZERO) } else { timeout };
        let mut reactor = self.reactor.borrow_mut();
        let before = events.len();
        let polled = reactor.wait(timeout, events);
        self.tally.count_poll(events.len() - before);
        self.budget.polled();
        if reactor.has_fd_callbacks() {
            // as in asyncio, such a callback runs in every iteration in which its descriptor is ready
            self.budget.poll_soon();
        }
        if sleeps {
            self.receiver.inbox().wake_up();
        }
        polled
    }

    /// As `poll`, until a time of the loop's clock. With a timer of its own among what it polls, the loop needs no
    /// time-out, which the system would let pass by up to its slack.
    pub(crate) fn poll_until(&self, deadline: Option<u64>, events: &mut Vec<ReadyEvent<Handle>>) -> io::Result<()> {
        let Some(at) = deadline else { return self.poll(None, events) };
        let left = at.saturating_sub(self.clock.now());
        let own = self.host.own_events.get().filter(|_| left > 0);
        let is_set = own.zip(self.clock.system_time(at)).is_some_and(|(own, at)| own.set_deadline(Some(at)));
        self.poll((!is_set).then(|| Duration::from_nanos(left)), events)
    }

    pub(crate) fn spare_events(&self) -> &Cell<Vec<ReadyEvent<Handle>>> {
        &self.spare_events
    }

    // Between turns.

    /// Makes the timer for deadlines, unless there is one.
    pub(crate) fn keep_time_precisely(&self) -> io::Result<()> {
        self.own_events().map(drop)
    }

    fn own_events(&self) -> io::Result<&Rc<OwnEvents>> {
        if self.host.own_events.get().is_none() {
            let own = self.reactor.borrow_mut().own_events()?;
            return Ok(self.host.own_events.get_or_init(|| own));
        }
        Ok(self.host.own_events.get().expect("it was made"))
    }

    /// The descriptor that a host watches. The first call makes it.
    pub(crate) fn descriptor(&self) -> io::Result<BorrowedFd<'_>> {
        if self.host.descriptor.get().is_none() {
            self.own_events()?;
            let descriptor = self.reactor.borrow().descriptor()?;
            let _ = self.host.descriptor.set(descriptor);
            if !self.life.is_running() {
                self.end_turn();
            }
        }
        Ok(self.host.descriptor.get().expect("it was made").as_fd())
    }

    /// The pauses between turns, as the thread of a pender is to see them. The loop is between turns, or its turn will
    /// end.
    pub(crate) fn set_pauses(&self, pauses: Option<Arc<Pauses>>) {
        self.host.pauses.replace(pauses);
    }

    /// A turn or run begins.
    pub(crate) fn begin_turn(&self) {
        if let Some(pauses) = &*self.host.pauses.borrow() {
            pauses.end();
        }
        if self.life.set_asleep(false) {
            self.receiver.inbox().wake_up();
            self.ready.resume();
            self.budget.poll_soon();
        }
    }

    /// A turn or run has ended: if a host watches the loop, tells it what is ready, or falls asleep.
    pub(crate) fn end_turn(&self) {
        if self.was_forked() {
            return;
        }
        let (Some(own), Some(_)) = (self.host.own_events.get(), self.host.descriptor.get()) else { return };
        self.reactor.borrow_mut().register_reported_anew();
        if self.has_ready() {
            own.set_ready(true);
        } else if !self.receiver.inbox().fall_asleep(Sleeper::Host) {
            self.receiver.inbox().wake_up();
            own.set_ready(true);
        } else {
            own.set_ready(false);
            self.tell_deadline(own);
            self.ready.park(Rc::clone(own));
            self.life.set_asleep(true);
        }
        if let Some(pauses) = &*self.host.pauses.borrow() {
            pauses.begin();
        }
    }

    /// While the loop is asleep a timer was set or removed.
    pub(crate) fn tell_host_of_deadline(&self) {
        if let Some(own) = self.host.own_events.get().filter(|_| self.life.is_asleep()) {
            self.tell_deadline(own);
        }
    }

    /// Of a virtual clock no time of the system tells.
    fn tell_deadline(&self, own: &OwnEvents) {
        own.set_deadline(self.next_deadline().and_then(|at| self.clock.system_time(at)));
    }

    /// The loop is closed: nothing will ever be ready.
    pub(crate) fn end_last_turn(&self) {
        if let Some(own) = self.host.own_events.get().filter(|_| !self.was_forked()) {
            own.set_ready(false);
            own.set_deadline(None);
        }
    }
}
