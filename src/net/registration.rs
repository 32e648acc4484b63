//! What is done with a registration, whatever is registered. Owns the calls of the reactor for a descriptor; must not
//! know the type of what is registered: all of this is compiled once.

use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::readiness_future::ReadinessFuture;
use super::wait_place::WaitPlace;
use crate::current;
use crate::error::WatchError;
use crate::node::{Loop, wake};
use crate::reactor::{Direction, NewSocket, ShortTransfer, SourceKey, Wanted};

/// The greatest number of bytes that one system call moves.
const MOST_BYTES_OF_A_CALL: usize = 0x7fff_f000;

/// A registration, as its owner names it.
#[derive(Clone, Copy)]
pub(super) struct Registration<'a> {
    pub(super) kernel: &'a Rc<Loop>,
    pub(super) key: SourceKey,
}

/// Registers a descriptor with this thread's loop, and returns that loop and the slot of the registration.
///
/// # Panics
/// If this thread is in no loop.
#[track_caller]
pub(super) fn register(fd: RawFd, what: NewSocket, short_transfer: ShortTransfer) -> io::Result<(Rc<Loop>, u32)> {
    let kernel = current::expect();
    let registered = kernel.with_reactor(|reactor| reactor.register(fd, what, short_transfer));
    let (key, stale) = registered.map_err(|error| match WatchError::of_registering(fd, error) {
        WatchError::Io(_, error) => error, // with its number
        refused => refused.into(),
    })?;
    // callbacks of a closed descriptor whose number the system has given to this one
    stale.into_iter().flatten().for_each(|handle| handle.cancel());
    Ok((kernel, key.slot()))
}

impl Registration<'_> {
    /// Whether it is known of the direction that it is so.
    pub(super) fn is(self, direction: Direction, wanted: Wanted) -> bool {
        self.kernel.with_registered(|reactor| reactor.is(self.key, direction, wanted))
    }

    /// Notes that an operation would block. The direction becomes ready again with the next event.
    pub(super) fn set_blocked(self, direction: Direction) {
        self.kernel.with_registered(|reactor| reactor.set_blocked(self.key, direction));
    }

    /// Whether an operation that has failed is to be tried again: at once if a signal has interrupted it, and after the
    /// next event if it would have blocked, which is noted.
    pub(super) fn is_to_be_tried_again(self, direction: Direction, error: &io::Error) -> bool {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.set_blocked(direction),
            io::ErrorKind::Interrupted => {}
            _ => return false,
        }
        true
    }

    pub(super) fn short_transfer(self) -> ShortTransfer {
        self.kernel.with_registered(|reactor| reactor.short_transfer(self.key))
    }

    pub(super) fn note_length(self, direction: Direction, moved: usize, requested: usize) {
        let is_short = 0 < moved && moved < requested.min(MOST_BYTES_OF_A_CALL);
        if is_short {
            self.kernel.with_registered(|reactor| reactor.note_short_transfer(self.key, direction));
        }
    }

    /// Whether the step that is on, if one is, has not done as many operations yet as it may; counts one more.
    pub(super) fn may_go_on(self) -> bool {
        let is_in_a_step = current::is_in(self.kernel) && self.kernel.running_task().is_some();
        !is_in_a_step || self.kernel.budget().may_go_on(self.kernel.step().number())
    }

    /// A wait that does not borrow the descriptor.
    pub(super) fn wait_for(self, direction: Direction, wanted: Wanted) -> ReadinessFuture {
        let key = self.kernel.with_registered(|reactor| reactor.key_of(self.key.slot()));
        ReadinessFuture::new(self.kernel, key, direction, wanted)
    }

    /// Whether the direction of the place, in which something polls that is no future, is ready as far as is known.
    pub(super) fn poll_ready(self, place: &WaitPlace, cx: &Context<'_>) -> Poll<()> {
        if let Some(what) = place.look(self.kernel, self.key, cx) {
            place.waiting.note_kept(self.kernel, cx, what);
            return Poll::Pending;
        }
        place.waiting.ready(self.kernel);
        Poll::Ready(())
    }

    /// Removes the registration. What has polled in the places has no use for a wake: it polls by the descriptor, which
    /// goes.
    pub(super) fn deregister(self, fd: RawFd, places: Option<&[WaitPlace; 2]>) {
        places.into_iter().flatten().for_each(|place| place.leave(self.kernel, self.key));
        for target in self.kernel.with_reactor(|reactor| reactor.deregister(self.key, fd)) {
            wake(self.kernel, target);
        }
    }
}
