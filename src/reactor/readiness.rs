//! A socket: whether each direction is ready, as far as is known, and what waits for it. Owns both; must not know the
//! poll.

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

/// A registered socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(super) fd: RawFd,
    // for both directions, side by side: that takes less than a pair of each direction would
    known: [Known; 2],
    waiters: [FdWaiters; 2],
}

impl Socket {
    /// A socket of which each direction is ready, or blocked.
    pub(super) fn new(fd: RawFd, ready: [bool; 2]) -> Self {
        let known = ready.map(|ready| if ready { Known::Ready } else { Known::Blocked });
        Self { fd, known, waiters: [FdWaiters::NONE; 2] }
    }

    pub(super) fn is(&self, direction: Direction, wanted: Wanted) -> bool {
        let known = self.known[direction as usize];
        match wanted {
            Wanted::Ready => known != Known::Blocked,
            Wanted::Over => known == Known::Over,
        }
    }

    pub(super) fn set_blocked(&mut self, direction: Direction) {
        self.known[direction as usize] = Known::Blocked;
    }

    pub(super) fn set_used_up(&mut self, direction: Direction) {
        let known = &mut self.known[direction as usize];
        if *known == Known::Ready {
            *known = Known::Blocked;
        }
    }

    pub(super) fn waiters(&mut self, direction: Direction) -> &mut FdWaiters {
        &mut self.waiters[direction as usize]
    }

    /// Takes in what an event says of a direction. All waiters of that are moved to `events`, in order: each tries its
    /// operation, and waits anew if that would block.
    pub(super) fn note<W>(&mut self, direction: Direction, sign: Sign, events: &mut Vec<ReadyEvent<W>>) {
        let known = &mut self.known[direction as usize];
        match sign {
            Sign::Silent => return,
            Sign::Ready if *known == Known::Over => {}
            Sign::Ready => *known = Known::Ready,
            Sign::Over => *known = Known::Over,
        }
        events.extend(self.waiters(direction).take_all().map(ReadyEvent::Wake));
    }
}
