//! What the operating system has to say: readiness of descriptors, and the wake from another thread. Owns mio's `Poll`
//! and the table of registrations; must not know timers, the ready queue or tasks.
//!
//! A socket is registered once, for both directions and edge-triggered; what is ready is kept beside it until an
//! operation finds it used up. A descriptor that callbacks watch is told of again and again (`watches.rs`). Wakers and
//! callbacks are handed back, never called here.

use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::time::Duration;
use std::{io, mem};

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::readiness::{Direction, Readiness, ReadyEvent, Sign};
use crate::base::WakeTarget;

/// How many events one poll takes.
const EVENTS: usize = 1024;
const WAKE: Token = Token(usize::MAX);

/// What is asked of the system for a socket. Urgent bytes are of interest because a read stops in front of them, short
/// though it is.
#[cfg(any(target_os = "linux", target_os = "android"))]
const ALL: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const ALL: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Names one registration; a stale one finds nothing, also when its slot or its descriptor's number is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl SourceKey {
    pub(super) fn token(self) -> Token {
        Token((self.generation as usize) << 32 | self.slot as usize)
    }

    #[expect(clippy::cast_possible_truncation, reason = "taken apart as it was put together")]
    fn of(token: Token) -> Self {
        Self { slot: token.0 as u32, generation: (token.0 >> 32) as u32 }
    }
}

/// The callbacks of a watched descriptor, for reading and for writing.
pub(super) type FdCallbacks<W> = [Option<W>; 2];

#[derive(Debug)]
pub(crate) enum Source<W> {
    /// A socket of the loop.
    Owned([Readiness; 2]),
    /// Somebody else's descriptor, under its number.
    Watched(RawFd, FdCallbacks<W>),
}

#[derive(Debug)]
pub(super) struct Registration<W> {
    pub(super) generation: u32,
    pub(super) source: Source<W>,
}

#[derive(Debug)]
pub(crate) struct Reactor<W> {
    pub(super) poll: Poll,
    pub(super) events: Events,
    pub(super) registrations: Slab<Registration<W>>,
    pub(super) next_generation: u32,
    pub(super) last_waiter: u64,
    /// The descriptors under the eyes of callbacks.
    pub(super) watched: BTreeMap<RawFd, SourceKey>,
    /// Those of them that the last wait has told of: the system is to be asked again.
    pub(super) told: Vec<SourceKey>,
}

impl<W: Clone> Reactor<W> {
    /// A reactor and the waker by which another thread ends its wait.
    pub(crate) fn new() -> io::Result<(Self, mio::Waker)> {
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKE)?;
        let events = Events::with_capacity(EVENTS);
        let reactor = Self {
            poll,
            events,
            registrations: Slab::new(),
            next_generation: 0,
            last_waiter: 0,
            watched: BTreeMap::new(),
            told: Vec::new(),
        };
        Ok((reactor, waker))
    }

    /// Whether any descriptor is registered, so that a poll may find something.
    pub(crate) fn is_watching(&self) -> bool {
        !self.registrations.is_empty()
    }

    /// Registers a descriptor for both directions. It counts as unreadable until the system says otherwise, which it
    /// does at once if there is something to read, and as writable if `writable`. What comes back are the callbacks of
    /// an earlier descriptor with this number, which somebody has closed under their eyes: to be cancelled outside the
    /// borrow.
    pub(crate) fn register(&mut self, fd: RawFd, writable: bool) -> io::Result<(SourceKey, FdCallbacks<W>)> {
        let halves = [Readiness::new(false), Readiness::new(writable)];
        let key = self.enter(fd, ALL, Source::Owned(halves))?;
        let stale = match self.watched.remove(&fd).and_then(|stale| self.leave(stale)) {
            Some(Source::Watched(_, watch)) => watch,
            Some(Source::Owned(_)) | None => [None, None],
        };
        Ok((key, stale))
    }

    pub(super) fn enter(&mut self, fd: RawFd, interest: Interest, source: Source<W>) -> io::Result<SourceKey> {
        // half of the generations are left out, so that no token is WAKE's
        let generation = self.next_generation & (u32::MAX >> 1);
        let vacant = self.registrations.vacant_entry();
        let key = SourceKey { slot: u32::try_from(vacant.key()).map_err(io::Error::other)?, generation };
        self.poll.registry().register(&mut SourceFd(&fd), key.token(), interest)?;
        self.next_generation = generation + 1;
        vacant.insert(Registration { generation, source });
        Ok(key)
    }

    pub(super) fn leave(&mut self, key: SourceKey) -> Option<Source<W>> {
        let slot = key.slot as usize;
        let live = self.registrations.get(slot).is_some_and(|r| r.generation == key.generation);
        live.then(|| self.registrations.remove(slot).source)
    }

    /// Forgets a descriptor. Events of it that are still under way find nothing. Who waits for it all the same is handed
    /// back, to be woken outside the borrow.
    pub(crate) fn deregister(&mut self, key: SourceKey, fd: RawFd) -> Vec<WakeTarget> {
        let mut waiting = Vec::new();
        if let Some(source) = self.leave(key) {
            // A descriptor that was closed already has left the poll by itself.
            let _ = self.poll.registry().deregister(&mut SourceFd(&fd));
            if let Source::Owned(halves) = source {
                waiting.extend(halves.into_iter().flat_map(Readiness::into_waiters));
            }
        }
        waiting
    }

    /// Whether the half is ready as far as is known; if not, `target` waits for it, in the place with the number
    /// `place`, or in a new one, whose number is put there. The waker that is not needed comes back.
    pub(crate) fn poll_ready(
        &mut self,
        key: SourceKey,
        direction: Direction,
        place: &mut u64,
        target: WakeTarget,
    ) -> (bool, Option<WakeTarget>) {
        let next = self.last_waiter + 1;
        match self.half(key, direction) {
            Some(half) if !half.is_ready() => {
                let spare = half.wait(place, next, target);
                self.last_waiter = next;
                (false, spare)
            }
            Some(_) | None => (true, Some(target)),
        }
    }

    /// Whether the half is ready as far as is known.
    pub(crate) fn is_ready(&mut self, key: SourceKey, direction: Direction) -> bool {
        self.half(key, direction).is_none_or(|half| half.is_ready())
    }

    /// An operation found the half blocked: wait for the next event.
    pub(crate) fn set_blocked(&mut self, key: SourceKey, direction: Direction) {
        if let Some(half) = self.half(key, direction) {
            half.set_blocked();
        }
    }

    /// An operation on a stream has moved fewer bytes than it was asked to: the next event will tell of more.
    pub(crate) fn set_used_up(&mut self, key: SourceKey, direction: Direction) {
        if let Some(half) = self.half(key, direction) {
            half.set_used_up();
        }
    }

    /// A wait was given up; its waker comes back, to be dropped outside the borrow.
    pub(crate) fn forget_waiter(&mut self, key: SourceKey, direction: Direction, place: u64) -> Option<WakeTarget> {
        self.half(key, direction)?.forget(place)
    }

    fn half(&mut self, key: SourceKey, direction: Direction) -> Option<&mut Readiness> {
        let registration = self.registrations.get_mut(key.slot as usize)?;
        match &mut registration.source {
            Source::Owned(halves) if registration.generation == key.generation => Some(&mut halves[direction as usize]),
            Source::Owned(_) | Source::Watched(..) => None,
        }
    }

    /// Waits for events, for `timeout` at the most (`None`: for ever), and hands what became ready to `woken`, in the
    /// system's order, reader before writer. A signal ends the wait early.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>, woken: &mut Vec<ReadyEvent<W>>) -> io::Result<()> {
        self.ask_again();
        let Some(timeout) = self.park(timeout)? else { return Ok(()) };
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &self.events {
            if event.token() == WAKE {
                continue;
            }
            let key = SourceKey::of(event.token());
            let registration = self.registrations.get_mut(key.slot as usize);
            let Some(registration) = registration.filter(|r| r.generation == key.generation) else { continue };
            let signs = signs(event);
            match &mut registration.source {
                Source::Owned(halves) => {
                    halves.iter_mut().zip(signs).for_each(|(half, sign)| half.note(sign, woken));
                }
                Source::Watched(fd, watch) => {
                    for (direction, sign) in Direction::BOTH.into_iter().zip(signs) {
                        let watch = watch[direction as usize].clone().filter(|_| sign.is_ready());
                        woken.extend(watch.map(|watch| ReadyEvent::FdCallback(*fd, direction, watch)));
                    }
                    self.told.push(key);
                }
            }
        }
        Ok(())
    }

    /// Has the system look again at what the last wait has told of.
    fn ask_again(&mut self) {
        let mut told = mem::take(&mut self.told);
        for key in told.drain(..) {
            let registration = self.registrations.get(key.slot as usize).filter(|r| r.generation == key.generation);
            if let Some(Source::Watched(fd, watches)) = registration.map(|registration| &registration.source) {
                // closed without a word: the system tells of it no more
                let _ = self.register_anew(key, *fd, watches);
            }
        }
        self.told = told;
    }

    pub(super) fn register_anew(&self, key: SourceKey, fd: RawFd, watches: &FdCallbacks<W>) -> io::Result<()> {
        let Some(interest) = interest(watches) else { return Ok(()) };
        self.poll.registry().reregister(&mut SourceFd(&fd), key.token(), interest)
    }

    /// Sleeps the part of the time-out that is finer than the poll's whole milliseconds, by which the poll would
    /// oversleep: on the poll's own descriptor, with the system's finest timeout. Whole milliseconds are left to the
    /// poll, which needs one system call where this needs two. Answers the time-out left for the poll, or `None` if the
    /// time passed without an event.
    #[cfg(target_os = "linux")]
    #[expect(clippy::option_option, reason = "no poll at all, a poll without limit, a poll with one")]
    fn park(&self, timeout: Option<Duration>) -> io::Result<Option<Option<Duration>>> {
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
        reason = "the shape it has on Linux"
    )]
    fn park(&self, timeout: Option<Duration>) -> io::Result<Option<Option<Duration>>> {
        Ok(Some(timeout))
    }
}

/// What an event says of reader and writer; an error or a hang-up is news for both, so that the operation meets it.
fn signs(event: &Event) -> [Sign; 2] {
    let of = |ready, closed| match (ready, closed || event.is_error()) {
        (_, true) => Sign::Over,
        (true, false) => Sign::Ready,
        (false, false) => Sign::Silent,
    };
    let short_tells_nothing = event.is_read_closed() || event.is_priority();
    [of(event.is_readable(), short_tells_nothing), of(event.is_writable(), event.is_write_closed())]
}

/// What is asked of the system for callbacks.
pub(super) fn interest<W>(watches: &FdCallbacks<W>) -> Option<Interest> {
    match watches {
        [Some(_), Some(_)] => Some(Interest::READABLE | Interest::WRITABLE),
        [Some(_), None] => Some(Interest::READABLE),
        [None, Some(_)] => Some(Interest::WRITABLE),
        [None, None] => None,
    }
}
