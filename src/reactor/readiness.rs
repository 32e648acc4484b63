//! A socket: whether each direction is ready, as far as is known, and what waits for it. Owns both; must not know the
//! poll.

use std::os::fd::{AsRawFd, RawFd};

use super::fd_waiters::FdWaiters;
use crate::base::WakeTarget;
use crate::sys::socket_options;

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
enum Readiness {
    Blocked,
    Ready,
    Over,
}

/// What it says of a direction if a call has moved fewer bytes than it was asked to.
///
/// It says something only of TCP, where a call stops for two reasons: there are no more bytes or no more room, of which
/// the next event will tell, or there are urgent bytes, of which an event of their own tells. Everything else may stop
/// at a boundary that no event tells of: of a packet or datagram, of a line of a terminal, of bytes that came with
/// descriptors or from another sender. A pipe has packets as soon as the other end, which may be a child's, is switched
/// to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShortTransfer {
    /// The direction is blocked now.
    Blocked,
    /// Nothing.
    Unknown,
}

impl ShortTransfer {
    /// For a socket that certainly speaks TCP, and nothing above it. Only Linux tells of urgent bytes.
    pub(crate) const TCP: Self =
        if cfg!(any(target_os = "linux", target_os = "android")) { Self::Blocked } else { Self::Unknown };

    /// For a socket of which the program says that it is a TCP socket.
    pub(crate) fn of_socket(socket: &impl AsRawFd) -> Self {
        if socket_options::is_tcp(socket) { Self::TCP } else { Self::Unknown }
    }
}

/// What a socket is when it is registered: it says what each direction counts as until the system reports.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NewSocket {
    /// Open: there is room to write, and an event will tell of something to read.
    Open,
    /// A connection that was accepted: what the peer has sent may have come with it.
    Accepted,
    /// A connection that is being made.
    Connecting,
}

impl NewSocket {
    fn known(self) -> [Readiness; 2] {
        match self {
            Self::Open => [Readiness::Blocked, Readiness::Ready],
            Self::Accepted => [Readiness::Ready; 2],
            Self::Connecting => [Readiness::Blocked; 2],
        }
    }
}

/// A registered socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(super) fd: RawFd,
    pub(super) short_transfer: ShortTransfer,
    // for both directions, side by side: that takes less than a pair of each direction would
    known: [Readiness; 2],
    waiters: [FdWaiters; 2],
}

impl Socket {
    pub(super) fn new(fd: RawFd, what: NewSocket, short_transfer: ShortTransfer) -> Self {
        Self { fd, short_transfer, known: what.known(), waiters: [FdWaiters::NONE; 2] }
    }

    pub(super) fn is(&self, direction: Direction, wanted: Wanted) -> bool {
        let known = self.known[direction as usize];
        match wanted {
            Wanted::Ready => known != Readiness::Blocked,
            Wanted::Over => known == Readiness::Over,
        }
    }

    pub(super) fn set_blocked(&mut self, direction: Direction) {
        self.known[direction as usize] = Readiness::Blocked;
    }

    /// A call has moved fewer bytes than it was asked to.
    pub(super) fn note_short_transfer(&mut self, direction: Direction) {
        let known = &mut self.known[direction as usize];
        if self.short_transfer == ShortTransfer::Blocked && *known == Readiness::Ready {
            *known = Readiness::Blocked;
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
            Sign::Ready if *known == Readiness::Over => {}
            Sign::Ready => *known = Readiness::Ready,
            Sign::Over => *known = Readiness::Over,
        }
        self.waiters(direction).take_all(|target| events.push(ReadyEvent::Wake(target)));
    }
}
