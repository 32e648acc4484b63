//! One direction of a socket: whether it is ready, as far as is known, and what waits for it. Owns both; must not know
//! the poll.

use std::os::fd::RawFd;

use super::fd_waiters::FdWaiters;
use crate::base::WakeTarget;

/// One of the two directions of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::Read, Self::Write];
}

/// What a future waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// An operation may be tried.
    Ready,
    /// The direction is at its end, hung up or in error.
    Over,
}

/// What a poll has found.
#[derive(Debug)]
pub(crate) enum ReadyEvent<W> {
    /// A direction became ready that a future waits for.
    Wake(WakeTarget),
    /// A descriptor is ready that a callback watches.
    FdCallback(RawFd, Direction, W),
}

/// What an event says of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing.
    Silent,
    Ready,
    /// The direction is at its end, hung up or in error; or, on Linux, there are urgent bytes among the others.
    Over,
}

impl Sign {
    pub(super) fn is_ready(self) -> bool {
        self != Self::Silent
    }
}

/// What is known of the readiness of a direction. An operation is tried unless the direction is `Blocked`. These are
/// all moves:
///
/// ```text
///             event: Ready                          event: Over
///     ┌──────────────────────────▶ Ready ──────────────────────────────▶ Over
///     │                              │                                   ▲  │
///  Blocked ◀─────────────────────────┘                                   │  │
///     │ ▲     an operation would block,                                  │  │
///     │ │     or a TCP stream moved fewer bytes than it was asked to     │  │
///     │ │                                                                │  │
///     │ └───────────────── an operation would block ─────────────────────┼──┘
///     └─────────────────────────── event: Over ──────────────────────────┘
/// ```
///
/// - A reading direction begins as `Blocked`: if there is something to read already, an event tells at once. Only of a
///   connection that was accepted it begins as `Ready`, since a request often comes with it. A writing direction begins
///   as `Ready`, unless the socket is still connecting.
/// - Every event also wakes all waiters of the direction.
/// - `Over` differs from `Ready` in one point: fewer bytes than asked for do not undo it. The end may lie behind the
///   bytes that were read. Its event has come together with theirs, and there will be no other. Only an operation that
///   would block proves that this was not the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Blocked,
    Ready,
    Over,
}

/// One direction of a socket.
#[derive(Debug)]
pub(crate) struct Readiness {
    known: Known,
    waiters: FdWaiters,
}

impl Readiness {
    pub(super) fn new(ready: bool) -> Self {
        Self { known: if ready { Known::Ready } else { Known::Blocked }, waiters: FdWaiters::default() }
    }

    pub(super) fn is(&self, wanted: Wanted) -> bool {
        match wanted {
            Wanted::Ready => self.known != Known::Blocked,
            Wanted::Over => self.known == Known::Over,
        }
    }

    pub(super) fn set_blocked(&mut self) {
        self.known = Known::Blocked;
    }

    pub(super) fn set_used_up(&mut self) {
        if self.known == Known::Ready {
            self.known = Known::Blocked;
        }
    }

    pub(super) fn waiters(&mut self) -> &mut FdWaiters {
        &mut self.waiters
    }

    /// Takes an event in. All waiters are moved to `events`, in order: each tries its operation, and waits anew if that
    /// would block.
    pub(super) fn note<W>(&mut self, sign: Sign, events: &mut Vec<ReadyEvent<W>>) {
        match sign {
            Sign::Silent => return,
            Sign::Ready if self.known == Known::Over => {}
            Sign::Ready => self.known = Known::Ready,
            Sign::Over => self.known = Known::Over,
        }
        events.extend(self.waiters.take_all().map(ReadyEvent::Wake));
    }
}
