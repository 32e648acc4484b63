//! Operations of a descriptor as futures. Owns the wait for a direction that borrows the descriptor; must not know what
//! is read or written.

use std::future::poll_fn;
use std::io;
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};

use super::descriptor::Descriptor;
use super::wait_place::WaitPlace;
use crate::reactor::{Direction, Wanted};

impl<T: AsRawFd> Descriptor<T> {
    /// Waits until the descriptor may be readable and calls `read`, again and again until that returns something else
    /// than `WouldBlock`.
    ///
    /// # Errors
    /// The errors of `read`, except `WouldBlock` and `Interrupted`.
    ///
    /// # Cancel safety
    /// Nothing is lost: while this waits, `read` has done nothing.
    pub fn read_with<R>(&self, read: impl FnMut(&T) -> io::Result<R>) -> impl Future<Output = io::Result<R>> {
        self.retry(Direction::Read, read)
    }

    /// Waits until the descriptor may be writable and calls `write`, again and again until that returns something else
    /// than `WouldBlock`.
    ///
    /// # Errors
    /// The errors of `write`, except `WouldBlock` and `Interrupted`.
    ///
    /// # Cancel safety
    /// Nothing is lost: while this waits, `write` has done nothing.
    pub fn write_with<R>(&self, write: impl FnMut(&T) -> io::Result<R>) -> impl Future<Output = io::Result<R>> {
        self.retry(Direction::Write, write)
    }

    /// Calls `operation` whenever the direction is ready, until that returns something else than `WouldBlock`.
    fn retry<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        let wait = self.operation(direction);
        poll_fn(move |cx| wait.poll(cx, &mut operation))
    }

    /// An operation that is to be done in this direction.
    pub(super) fn operation(&self, direction: Direction) -> Operation<'_, T> {
        Operation { descriptor: self, place: WaitPlace::new(direction, Wanted::Ready) }
    }
}

/// An operation that waits until it would not block. What it calls is given to each poll, and not kept: an idle
/// connection waits in a future that is made of this, by hand, because an `async fn` around a future keeps its
/// arguments once more.
pub(super) struct Operation<'a, T: AsRawFd> {
    descriptor: &'a Descriptor<T>,
    place: WaitPlace,
}

impl<T: AsRawFd> Operation<'_, T> {
    /// Calls `operation` whenever the direction is ready, until that returns something else than `WouldBlock`.
    pub(super) fn poll<R>(
        &self,
        cx: &Context<'_>,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            ready!(self.place.poll(self.descriptor.kernel(), self.descriptor.key(), cx));
            match operation(self.descriptor.get_ref()) {
                Err(e) if self.descriptor.registration().is_to_be_tried_again(self.place.direction, &e) => {}
                other => return Poll::Ready(other),
            }
            self.leave(); // another wait begins
        }
    }

    /// As `poll`, of an operation that asks for `requested` bytes. If that is 0, none is moved, and there is nothing to
    /// wait for.
    ///
    /// If that moves fewer, and it is known what that says, the direction counts as blocked, which saves the system
    /// call that would find that out.
    pub(super) fn poll_transfer(
        &self,
        cx: &Context<'_>,
        requested: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if requested == 0 {
            return Poll::Ready(Ok(0));
        }
        let moved = ready!(self.poll(cx, operation))?;
        self.descriptor.note_length(self.place.direction, moved, requested);
        Poll::Ready(Ok(moved))
    }

    fn leave(&self) {
        self.place.leave(self.descriptor.kernel(), self.descriptor.key());
    }
}

impl<T: AsRawFd> Drop for Operation<'_, T> {
    fn drop(&mut self) {
        self.leave();
    }
}
