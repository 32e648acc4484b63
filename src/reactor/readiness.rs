//! One half of a socket: whether it is ready as far as is known, and who waits for it. Owns that knowledge; must not know
//! how it comes.

use std::os::fd::RawFd;

use crate::base::WakeTarget;

/// Which half of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Direction {
    pub(super) const BOTH: [Self; 2] = [Self::Read, Self::Write];
}

/// What became ready: a task that waited, or a descriptor under the eyes of a callback `W`.
#[derive(Debug)]
pub(crate) enum ReadyEvent<W> {
    Wake(WakeTarget),
    FdCallback(RawFd, Direction, W),
}

/// What an event says of a half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Silent,
    Ready,
    /// At its end, hung up, in error, or with urgent bytes among the others.
    Over,
}

impl Sign {
    pub(super) fn is_ready(self) -> bool {
        self != Self::Silent
    }
}

/// What is known of a half.
///
/// `Blocked` → `Ready` with an event; back when an operation would block, or has used up what there was. `Over` is the
/// one that a stream's short read does not undo: the end may lie behind the bytes that were read, its event has come
/// with theirs, and there will be no other. Only an operation that would block proves that it was not the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Blocked,
    Ready,
    Over,
}

#[derive(Debug)]
pub(crate) struct Readiness {
    known: Known,
    /// Those who wait, in the order in which they came, each under its number.
    waiters: Vec<(u64, WakeTarget)>,
}

impl Readiness {
    pub(super) fn new(ready: bool) -> Self {
        Self { known: if ready { Known::Ready } else { Known::Blocked }, waiters: Vec::new() }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.known != Known::Blocked
    }

    pub(super) fn set_blocked(&mut self) {
        self.known = Known::Blocked;
    }

    pub(super) fn set_used_up(&mut self) {
        if self.known == Known::Ready {
            self.known = Known::Blocked;
        }
    }

    /// `target` waits in the place with the number `place`, or, if there is none, in a new one with the number `next`.
    /// The one that was there before comes back.
    pub(super) fn wait(&mut self, place: &mut u64, next: u64, target: WakeTarget) -> Option<WakeTarget> {
        if let Some((_, held)) = self.waiters.iter_mut().find(|(number, _)| number == place) {
            return Some(std::mem::replace(held, target));
        }
        *place = next;
        // nearly always one task reads, and one writes
        self.waiters.reserve_exact(1);
        self.waiters.push((next, target));
        None
    }

    pub(super) fn forget(&mut self, place: u64) -> Option<WakeTarget> {
        let at = self.waiters.iter().position(|(number, _)| *number == place)?;
        Some(self.waiters.remove(at).1)
    }

    /// Those who wait, when there is nothing left to wait for.
    pub(super) fn into_waiters(self) -> impl Iterator<Item = WakeTarget> {
        self.waiters.into_iter().map(|(_, target)| target)
    }

    /// Takes an event in: all who wait try again, the first of them first.
    pub(super) fn note<W>(&mut self, sign: Sign, woken: &mut Vec<ReadyEvent<W>>) {
        match sign {
            Sign::Silent => return,
            Sign::Ready if self.known == Known::Over => {}
            Sign::Ready => self.known = Known::Ready,
            Sign::Over => self.known = Known::Over,
        }
        woken.extend(self.waiters.drain(..).map(|(_, target)| ReadyEvent::Wake(target)));
    }
}
