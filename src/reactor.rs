//! What the operating system has to say: readiness of descriptors, and the wake from another thread. Owns mio's `Poll`
//! and the table of registrations; must not know timers, the ready queue or tasks.
//!
//! A descriptor is registered once, for both directions and edge-triggered; what is ready is kept beside it until an
//! operation finds it used up. Wakers are handed back, never called here.

use std::io;
use std::task::Waker;
use std::time::Duration;

use mio::event::{Event, Source};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

/// How many events one poll takes.
const EVENTS: usize = 1024;
const WAKE: Token = Token(usize::MAX);

/// Names one registration; a stale one finds nothing, also when its slot or its descriptor's number is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey {
    slot: u32,
    generation: u32,
}

impl SourceKey {
    fn token(self) -> Token {
        Token((self.generation as usize) << 32 | self.slot as usize)
    }

    #[expect(clippy::cast_possible_truncation, reason = "taken apart as it was put together")]
    fn of(token: Token) -> Self {
        Self { slot: token.0 as u32, generation: (token.0 >> 32) as u32 }
    }
}

/// Which half of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// One half of a registered descriptor.
#[derive(Debug, Default)]
struct Half {
    ready: bool,
    waiter: Option<Waker>,
}

#[derive(Debug)]
struct Registration {
    generation: u32,
    halves: [Half; 2],
}

#[derive(Debug)]
pub(crate) struct Reactor {
    poll: Poll,
    events: Events,
    registrations: Slab<Registration>,
    next_generation: u32,
}

impl Reactor {
    /// A reactor and the waker by which another thread ends its wait.
    pub(crate) fn new() -> io::Result<(Self, mio::Waker)> {
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKE)?;
        let events = Events::with_capacity(EVENTS);
        Ok((Self { poll, events, registrations: Slab::new(), next_generation: 0 }, waker))
    }

    /// Whether any descriptor is registered, so that a poll may find something.
    pub(crate) fn is_watching(&self) -> bool {
        !self.registrations.is_empty()
    }

    /// Registers a descriptor for both directions.
    pub(crate) fn register(&mut self, source: &mut impl Source) -> io::Result<SourceKey> {
        // half of the generations are left out, so that no token is WAKE's
        let generation = self.next_generation & (u32::MAX >> 1);
        self.next_generation = generation + 1;
        let vacant = self.registrations.vacant_entry();
        let key = SourceKey { slot: u32::try_from(vacant.key()).map_err(io::Error::other)?, generation };
        self.poll.registry().register(source, key.token(), Interest::READABLE | Interest::WRITABLE)?;
        vacant.insert(Registration { generation, halves: Default::default() });
        Ok(key)
    }

    /// Forgets a descriptor. Events of it that are still under way find nothing. Its waiters come back, to be woken or
    /// dropped outside the borrow.
    pub(crate) fn deregister(&mut self, key: SourceKey, source: &mut impl Source) -> [Option<Waker>; 2] {
        let live = self.registrations.get(key.slot as usize).is_some_and(|r| r.generation == key.generation);
        if !live {
            return [None, None];
        }
        // A descriptor that was closed already has left the poll by itself.
        let _ = self.poll.registry().deregister(source);
        self.registrations.remove(key.slot as usize).halves.map(|half| half.waiter)
    }

    /// Whether the half is ready as far as is known; if not, `waker` waits for it. The waker that is not needed comes
    /// back.
    pub(crate) fn poll_ready(&mut self, key: SourceKey, direction: Direction, waker: Waker) -> (bool, Option<Waker>) {
        match self.half(key, direction) {
            Some(half) if !half.ready => (false, half.waiter.replace(waker)),
            Some(_) | None => (true, Some(waker)),
        }
    }

    /// An operation found the half used up: wait for the next event.
    pub(crate) fn clear_ready(&mut self, key: SourceKey, direction: Direction) {
        if let Some(half) = self.half(key, direction) {
            half.ready = false;
        }
    }

    /// Nobody waits for the half any more; the waker comes back, to be dropped outside the borrow.
    pub(crate) fn forget_waiter(&mut self, key: SourceKey, direction: Direction) -> Option<Waker> {
        self.half(key, direction)?.waiter.take()
    }

    fn half(&mut self, key: SourceKey, direction: Direction) -> Option<&mut Half> {
        let registration = self.registrations.get_mut(key.slot as usize)?;
        (registration.generation == key.generation).then(|| &mut registration.halves[direction as usize])
    }

    /// Waits for events, for `timeout` at the most (`None`: for ever), and hands the wakers of what became ready to
    /// `woken`, in the system's order, reader before writer. A signal ends the wait early.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>, woken: &mut Vec<Waker>) -> io::Result<()> {
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
            let Some(registration) = self.registrations.get_mut(key.slot as usize) else { continue };
            if registration.generation == key.generation {
                registration.halves.iter_mut().zip(ready_halves(event)).for_each(|(half, ready)| {
                    half.ready |= ready;
                    woken.extend(half.waiter.take_if(|_| ready));
                });
            }
        }
        Ok(())
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

/// Reader and writer; an error or a hang-up makes both ready, so that the operation meets it.
fn ready_halves(event: &Event) -> [bool; 2] {
    let error = event.is_error();
    [event.is_readable() || event.is_read_closed() || error, event.is_writable() || event.is_write_closed() || error]
}
