//! Readiness of descriptors, as the operating system reports it, and the wake from another thread. Owns mio's `Poll`
//! and the table of registrations; must not know timers, the ready queue or tasks.
//!
//! A socket is registered once, for both directions, and edge-triggered: the system reports a direction when it becomes
//! ready, and not again while it stays so. What was reported is kept beside the registration (`readiness.rs`). For a
//! descriptor that callbacks watch, the system is made to report again and again (`fd_callbacks.rs`). Wakers and
//! callbacks are returned, and never called here.

use std::os::fd::{OwnedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;
use std::{io, mem};

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::fd_waiters::WaiterNumber;
use super::own_events::OwnEvents;
use super::permute::permute;
use super::readiness::{Direction, NewSocket, ReadyEvent, ShortTransfer, Sign, Socket, Wanted};
use super::source_key::SourceKey;
use super::watched::Watched;
use crate::base::{Random, WakeTarget};
use crate::sys::{count_forks, duplicate, forks};

/// The number of events that one poll returns at most.
const MOST_EVENTS: usize = 1024;

/// A new reactor has memory for so many events. It takes more when more descriptors are registered: a loop without any
/// is made in less time (the memory for all events is three pages that the system has to find).
const FEW_EVENTS: usize = 16;

/// What a poll reports for the loop's own sake: the wake from another thread, and the parts of `OwnEvents`.
const OWN_EVENTS: usize = 3;
/// The token of the wake from another thread. Those of `OwnEvents` are next to it.
const WAKE: Token = Token(usize::MAX);

/// The events that the system reports for a socket. Urgent bytes are among them because a read stops in front of them:
/// it returns fewer bytes than asked for, and there are more all the same.
#[cfg(any(target_os = "linux", target_os = "android"))]
const ALL: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const ALL: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The callbacks that watch a descriptor: that for reading, and that for writing.
pub(super) type FdCallbacks<W> = [Option<W>; 2];

/// A registered descriptor.
#[derive(Debug)]
pub(crate) enum Source<W> {
    /// A socket of this crate.
    Owned(Socket),
    /// A descriptor of the program that callbacks watch. Its number is all that is known of it.
    Watched(RawFd, FdCallbacks<W>),
}

#[derive(Debug)]
pub(super) struct Registration<W> {
    pub(super) generation: u32,
    pub(super) source: Source<W>,
}

/// One for each connection that is idle, in a slot of the table.
const _: () = assert!(size_of::<Option<Registration<Rc<()>>>>() == 48);

#[derive(Debug)]
pub(crate) struct Reactor<W> {
    pub(super) poll: Poll,
    pub(super) events: Events,
    pub(super) registrations: Slab<Registration<W>>,
    pub(super) next_generation: u32,
    /// The number of the last waiter of any socket.
    pub(super) last_waiter: WaiterNumber,
    /// The descriptors that callbacks watch.
    pub(super) watched: Watched,
    /// Those of them that the last poll has reported, and that must be registered anew before the next one.
    pub(super) reported: Vec<SourceKey>,
    /// How many descriptors are registered that nothing in the program waits for.
    in_background: usize,
    /// What the poll reports for the loop's own sake, if anything.
    own_events: Option<Rc<OwnEvents>>,
    /// What permutes the descriptors that a poll has found, in a loop that explores.
    permuter: Option<Random>,
    /// How often the process had been forked when this was made.
    forks: u32,
}

impl<W: Clone> Reactor<W> {
    /// A reactor, and the waker by which another thread ends its sleep. (It is registered here, though no sleep needs
    /// it yet: a system that refuses it says so where the loop is made, and not in the middle of a run.)
    pub(crate) fn new() -> io::Result<(Self, mio::Waker)> {
        count_forks();
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKE)?;
        let events = Events::with_capacity(FEW_EVENTS);
        let reactor = Self {
            poll,
            events,
            registrations: Slab::new(),
            next_generation: 0,
            last_waiter: WaiterNumber::MIN,
            watched: Watched::default(),
            reported: Vec::new(),
            in_background: 0,
            own_events: None,
            permuter: None,
            forks: forks(),
        };
        Ok((reactor, waker))
    }

    /// Has each poll report the descriptors in an order of its own.
    pub(crate) fn permute(&mut self, random: Random) {
        self.permuter = Some(random);
    }

    /// What the poll reports for the loop's own sake. It is made by the first call.
    pub(crate) fn own_events(&mut self) -> io::Result<Rc<OwnEvents>> {
        if let Some(own) = &self.own_events {
            return Ok(Rc::clone(own));
        }
        let own = Rc::new(OwnEvents::new(self.poll.registry())?);
        self.own_events = Some(Rc::clone(&own));
        Ok(own)
    }

    /// The poll's own descriptor, once more. It is readable while the poll has something to report.
    pub(crate) fn descriptor(&self) -> io::Result<OwnedFd> {
        duplicate(&self.poll)
    }

    /// Whether any descriptor is registered. If none is, a poll finds nothing.
    pub(crate) fn is_watching(&self) -> bool {
        !self.registrations.is_empty()
    }

    /// Whether a descriptor is registered that something in the program waits for.
    pub(crate) fn is_awaited(&self) -> bool {
        self.registrations.len() > self.in_background
    }

    /// Says how many of the registered descriptors keep no program going, so that it is a deadlock if there are no
    /// others.
    #[cfg(feature = "signal")]
    pub(crate) fn set_in_background(&mut self, count: usize) {
        self.in_background = count;
    }

    /// Whether a poll may report anything, for the loop's own sake too.
    pub(crate) fn may_report(&self) -> bool {
        !self.registrations.is_empty() || self.own_events.is_some()
    }

    /// Registers a socket for both directions. What counts as blocked does so until the system reports otherwise, which
    /// it does at once if there is something to read.
    ///
    /// Also returns the callbacks that still watch an earlier descriptor with this number, which was closed before they
    /// were removed. The caller cancels them, outside the borrow.
    pub(crate) fn register(
        &mut self,
        fd: RawFd,
        what: NewSocket,
        short_transfer: ShortTransfer,
    ) -> io::Result<(SourceKey, FdCallbacks<W>)> {
        let key = self.insert(fd, ALL, Source::Owned(Socket::new(fd, what, short_transfer)))?;
        let stale = match self.watched.remove(fd).and_then(|stale| self.remove(stale)) {
            Some(Source::Watched(_, callbacks)) => callbacks,
            Some(Source::Owned(..)) | None => [None, None],
        };
        Ok((key, stale))
    }

    /// Registers a descriptor with the system, and inserts it into the table.
    pub(super) fn insert(&mut self, fd: RawFd, interest: Interest, source: Source<W>) -> io::Result<SourceKey> {
        if self.was_forked() {
            return Err(io::Error::other("the event loop belongs to the process from which this one was forked"));
        }
        // the highest bit stays 0, so that no token is `WAKE`
        let generation = self.next_generation & (u32::MAX >> 1);
        let vacant = self.registrations.vacant_entry();
        let key = SourceKey { slot: u32::try_from(vacant.key()).map_err(io::Error::other)?, generation };
        self.poll.registry().register(&mut SourceFd(&fd), key.token(), interest)?;
        self.next_generation = generation + 1;
        vacant.insert(Registration { generation, source });
        self.make_room_for_events();
        Ok(key)
    }

    /// A poll has room for an event of each descriptor, up to a limit. So where polls end is the same whatever was
    /// registered before.
    fn make_room_for_events(&mut self) {
        let needed = MOST_EVENTS.min(self.registrations.len() + OWN_EVENTS);
        if self.events.capacity() < needed {
            self.events = Events::with_capacity(MOST_EVENTS.min(needed.next_power_of_two()));
        }
    }

    /// The number of the descriptor with this name for those who look inside: see `SourceKey::label`.
    pub(crate) fn fd_of(&self, label: u32) -> Option<RawFd> {
        match self.registrations.get((label as usize).checked_sub(1)?)?.source {
            Source::Owned(Socket { fd, .. }) | Source::Watched(fd, _) => Some(fd),
        }
    }

    /// Removes a descriptor from the table, but not from the system's list.
    pub(super) fn remove(&mut self, key: SourceKey) -> Option<Source<W>> {
        let slot = key.slot as usize;
        let live = self.registrations.get(slot).is_some_and(|r| key.names(r.generation));
        live.then(|| self.registrations.remove(slot).source)
    }

    /// Removes a descriptor. Its events that are still under way will find nothing. Returns what still waits for it;
    /// the caller wakes that, outside the borrow.
    pub(crate) fn deregister(&mut self, key: SourceKey, fd: RawFd) -> Vec<WakeTarget> {
        let mut waiting = Vec::new();
        if let Some(source) = self.remove(key) {
            self.deregister_from_poll(fd);
            if let Source::Owned(mut socket) = source {
                for direction in Direction::BOTH {
                    socket.waiters(direction).take_all(|target| waiting.push(target));
                }
            }
        }
        waiting
    }

    /// Takes a descriptor off the system's list. In a process that was forked that list is the parent's, too, and stays
    /// as it is.
    pub(super) fn deregister_from_poll(&self, fd: RawFd) {
        if !self.was_forked() {
            // this fails if the descriptor was closed already, which has removed it from the list
            let _ = self.poll.registry().deregister(&mut SourceFd(&fd));
        }
    }

    /// Whether this process was forked from the one that has made the poll.
    pub(crate) fn was_forked(&self) -> bool {
        self.forks != forks()
    }

    /// Whether the direction is as `wanted`, as far as is known. If it is, nothing waits for that: an event has taken
    /// all that did. It is for a descriptor that was deregistered, so that all waits for that end.
    #[inline]
    pub(crate) fn is(&mut self, key: SourceKey, direction: Direction, wanted: Wanted) -> bool {
        self.socket(key).is_none_or(|socket| socket.is(direction, wanted))
    }

    /// `target` waits for the next event of the direction, unless that is as `wanted` already: the target may have been
    /// made by code of a user, meanwhile. `number` is that of the waiter, and `None` before the first call. Returns the
    /// target that is not needed, for the caller to drop outside the borrow.
    ///
    /// # Errors
    /// `target`, if there is nothing to wait for, as [`is`](Self::is) says.
    pub(crate) fn wait_for_event(
        &mut self,
        key: SourceKey,
        (direction, wanted): (Direction, Wanted),
        number: &mut Option<WaiterNumber>,
        target: WakeTarget,
    ) -> Result<Option<WakeTarget>, WakeTarget> {
        let next = self.last_waiter.saturating_add(1);
        let Some(socket) = self.socket(key).filter(|socket| !socket.is(direction, wanted)) else { return Err(target) };
        let spare = socket.waiters(direction).wait(number, next, target);
        self.last_waiter = next;
        Ok(spare)
    }

    /// Notes that an operation would have blocked.
    pub(crate) fn set_blocked(&mut self, key: SourceKey, direction: Direction) {
        if let Some(socket) = self.socket(key) {
            socket.set_blocked(direction);
        }
    }

    /// Notes that a call has moved fewer bytes than it was asked to.
    pub(crate) fn note_short_transfer(&mut self, key: SourceKey, direction: Direction) {
        if let Some(socket) = self.socket(key) {
            socket.note_short_transfer(direction);
        }
    }

    /// What that says of a descriptor.
    pub(crate) fn short_transfer(&mut self, key: SourceKey) -> ShortTransfer {
        self.socket(key).map_or(ShortTransfer::Unknown, |socket| socket.short_transfer)
    }

    /// The key of the registration in a slot, for what may outlive it.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub(crate) fn key_of(&self, slot: u32) -> SourceKey {
        SourceKey { slot, generation: self.registrations[slot as usize].generation }
    }

    /// Removes a waiter, because its future was dropped. The caller drops the target, outside the borrow.
    pub(crate) fn forget_waiter(
        &mut self,
        key: SourceKey,
        direction: Direction,
        number: WaiterNumber,
    ) -> Option<WakeTarget> {
        self.socket(key)?.waiters(direction).forget(number)
    }

    #[inline]
    fn socket(&mut self, key: SourceKey) -> Option<&mut Socket> {
        let registration = self.registrations.get_mut(key.slot as usize)?;
        match &mut registration.source {
            Source::Owned(socket) if key.names(registration.generation) => Some(socket),
            Source::Owned(..) | Source::Watched(..) => None,
        }
    }

    /// Polls, and adds what became ready to `events`: in the system's order, and of one descriptor reading before
    /// writing. Sleeps until there is an event, or `timeout` has passed (`None`: no limit). A signal ends the sleep
    /// early.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<ReadyEvent<W>>) -> io::Result<()> {
        self.register_reported_anew();
        let Some(timeout) = self.sleep_below_poll_resolution(timeout)? else { return Ok(()) };
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let start = events.len();
        let mut ends = Vec::new(); // it takes no memory unless the descriptors are permuted
        for event in &self.events {
            if OwnEvents::has(event.token()) {
                self.own_events.iter().for_each(|own| own.note(event.token()));
                continue;
            }
            let key = SourceKey::of(event.token());
            let registration = self.registrations.get_mut(key.slot as usize);
            let Some(registration) = registration.filter(|r| r.generation == key.generation) else { continue };
            let signs = signs(event);
            match &mut registration.source {
                Source::Owned(socket) => {
                    for (direction, sign) in Direction::BOTH.into_iter().zip(signs) {
                        socket.note(direction, sign, events);
                    }
                }
                Source::Watched(fd, callbacks) => {
                    for (direction, sign) in Direction::BOTH.into_iter().zip(signs) {
                        let callback = callbacks[direction as usize].clone().filter(|_| sign.is_ready());
                        events.extend(callback.map(|callback| ReadyEvent::FdCallback(*fd, direction, callback)));
                    }
                    self.reported.push(key);
                }
            }
            ends.extend(self.permuter.is_some().then_some(events.len()));
        }
        if let Some(random) = &self.permuter {
            permute(random, events, start, &ends);
        }
        Ok(())
    }

    /// Makes the system look again at the watched descriptors that the last poll has reported: see `fd_callbacks.rs`.
    #[inline]
    pub(crate) fn register_reported_anew(&mut self) {
        if !self.reported.is_empty() {
            self.register_anew_all();
        }
    }

    fn register_anew_all(&mut self) {
        let mut reported = mem::take(&mut self.reported);
        for key in reported.drain(..) {
            let registration = self.registrations.get(key.slot as usize).filter(|r| r.generation == key.generation);
            if let Some(Source::Watched(fd, callbacks)) = registration.map(|registration| &registration.source) {
                // this fails if the program has closed the descriptor, and then there is nothing to report any more
                let _ = self.register_anew(key, *fd, callbacks);
            }
        }
        self.reported = reported;
    }

    pub(super) fn register_anew(&self, key: SourceKey, fd: RawFd, callbacks: &FdCallbacks<W>) -> io::Result<()> {
        let Some(interest) = interest(callbacks).filter(|_| !self.was_forked()) else { return Ok(()) };
        self.poll.registry().reregister(&mut SourceFd(&fd), key.token(), interest)
    }

    /// Sleeps for a time-out below a millisecond, which is the unit of the poll: the poll would oversleep. It sleeps on
    /// the poll's own descriptor, with a time-out in nanoseconds. Longer time-outs are left to the poll, which needs
    /// one system call where this needs two.
    ///
    /// Returns the time-out for the poll, or `None` if the time has passed without an event.
    #[cfg(target_os = "linux")]
    #[expect(clippy::option_option, reason = "no poll, a poll without time-out, a poll with one")]
    fn sleep_below_poll_resolution(&self, timeout: Option<Duration>) -> io::Result<Option<Option<Duration>>> {
        let Some(limit) = timeout else { return Ok(Some(None)) };
        let whole = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        if whole > 0 || limit.is_zero() {
            return Ok(Some(Some(Duration::from_millis(whole))));
        }
        let came = crate::sys::wait_readable(&self.poll, limit)?;
        Ok(came.then_some(Some(Duration::ZERO)))
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(
        clippy::option_option,
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the signature of the function for Linux"
    )]
    fn sleep_below_poll_resolution(&self, timeout: Option<Duration>) -> io::Result<Option<Option<Duration>>> {
        Ok(Some(timeout))
    }
}

/// What an event says of reading and of writing. An error or a hang-up counts for both, so that the next operation
/// returns the error.
fn signs(event: &Event) -> [Sign; 2] {
    let of = |ready, closed| match (ready, closed || event.is_error()) {
        (_, true) => Sign::Over,
        (true, false) => Sign::Ready,
        (false, false) => Sign::Silent,
    };
    // behind the bytes that are there now come the end or the urgent bytes: see `Readiness::Over`
    let reading_over = event.is_read_closed() || event.is_priority();
    [of(event.is_readable(), reading_over), of(event.is_writable(), event.is_write_closed())]
}

/// The events that the system reports for callbacks. `None` if there is no callback.
pub(super) fn interest<W>(callbacks: &FdCallbacks<W>) -> Option<Interest> {
    match callbacks {
        [Some(_), Some(_)] => Some(Interest::READABLE | Interest::WRITABLE),
        [Some(_), None] => Some(Interest::READABLE),
        [None, Some(_)] => Some(Interest::WRITABLE),
        [None, None] => None,
    }
}
