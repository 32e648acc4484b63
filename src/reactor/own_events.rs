//! What makes the poll report for the loop's own sake: that something is ready, and that a deadline has come. Owns the
//! two descriptors; must not know what is ready, nor what is due.
//!
//! It is made only for a loop whose own descriptor a host watches, or whose timers are to be precise. Both descriptors
//! are edge-triggered, as all others.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::sys::DeadlineTimer;

const READY: Token = Token(usize::MAX - 1);
const DEADLINE: Token = Token(usize::MAX - 2);

/// A byte in the pair of sockets.
///
/// ```text
///           set_ready(true)             a poll reports it
///    None ──────────────────▶ Pending ───────────────────▶ Seen ── set_ready(true) ──▶ Pending
///      ▲                         │                           │
///      └── set_ready(false) ─────┴───────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Byte {
    None,
    /// It is there, and the poll's own descriptor is readable because of it.
    Pending,
    /// It is there, and the poll will not report it again.
    Seen,
}

/// What a loop tells through its own poll.
#[derive(Debug)]
pub(crate) struct OwnEvents {
    /// The ends of the pair: the byte is written to one and read from the other.
    ends: [UnixStream; 2],
    byte: Cell<Byte>,
    timer: DeadlineTimer,
    /// The deadline that the timer is set to.
    deadline: Cell<Option<u64>>,
}

impl OwnEvents {
    pub(super) fn new(registry: &Registry) -> io::Result<Self> {
        let (writer, reader) = UnixStream::pair()?;
        for end in [&writer, &reader] {
            end.set_nonblocking(true)?;
        }
        let timer = DeadlineTimer::new()?;
        registry.register(&mut SourceFd(&reader.as_raw_fd()), READY, Interest::READABLE)?;
        if let Some(descriptor) = timer.descriptor() {
            registry.register(&mut SourceFd(&descriptor), DEADLINE, Interest::READABLE)?;
        }
        Ok(Self { ends: [writer, reader], byte: Cell::new(Byte::None), timer, deadline: Cell::new(None) })
    }

    /// Makes the poll report, or takes that back if it has not reported yet.
    pub(crate) fn set_ready(&self, ready: bool) {
        let [mut writer, mut reader] = [&self.ends[0], &self.ends[1]];
        let (byte, wanted) = (self.byte.get(), if ready { Byte::Pending } else { Byte::None });
        if byte == wanted {
            return;
        }
        // neither call fails: there is one byte at most
        if byte != Byte::None {
            let _ = reader.read(&mut [0]);
        }
        if ready {
            let _ = writer.write(&[0]);
        }
        self.byte.set(wanted);
    }

    /// Makes the poll report at a time of the system's monotonic clock, and then only. Returns false if the system
    /// cannot.
    pub(crate) fn set_deadline(&self, at: Option<u64>) -> bool {
        if self.deadline.get() == at {
            return true;
        }
        let is_set = self.timer.set(at);
        self.deadline.set(if is_set { at } else { None });
        is_set
    }

    /// Whether an event is one of these. The poll has reported it then.
    pub(super) fn note(&self, token: Token) {
        match token {
            READY => self.byte.set(Byte::Seen),
            DEADLINE => self.deadline.set(None),
            _ => {}
        }
    }

    /// Whether a token is of this kind. No registration has one that is so high.
    pub(super) fn has(token: Token) -> bool {
        token.0 >= DEADLINE.0
    }
}
