//! Operations of a descriptor as polls, for futures that are written by hand and for the traits of other crates. Owns
//! the waits that no future stands for; must not know what is read or written.
//!
//! Such a wait has nothing that could be dropped when it is given up. So the descriptor has one place for each
//! direction (`WaitPlace`), beside those of the futures that wait for it, and the place keeps the waker of the last
//! poll until the next event, or until the descriptor goes. A waker that comes too late wakes a task that looks again,
//! or none. For its task the wait is a future of another crate: counted in the step in which it is polled, and no more.

use std::io;
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};

use super::descriptor::Descriptor;
use crate::reactor::Direction;
use crate::sys::socket;

impl<T: AsRawFd> Descriptor<T> {
    /// [`readable`](Self::readable) as a poll, for a future that is written by hand.
    ///
    /// The descriptor keeps the waker of the last poll for reading, of this and the other methods with `poll_read` in
    /// their names. So one task at a time may poll for reading, and one for writing; futures of this crate may wait
    /// beside them. To stop polling costs nothing: at worst, the waker that is kept wakes its task once more.
    ///
    /// # Panics
    /// If it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(Direction::Read, cx, socket::is_readable)
    }

    /// [`writable`](Self::writable) as a poll. As [`poll_read_ready`](Self::poll_read_ready), of writing.
    ///
    /// # Panics
    /// If it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(Direction::Write, cx, socket::is_writable)
    }

    /// [`read_with`](Self::read_with) as a poll, for a future that is written by hand: calls `read` if it may not
    /// block. `Pending` if it would, and the task is woken when it may not any more.
    ///
    /// It keeps the waker as [`poll_read_ready`](Self::poll_read_ready) does. It counts as one of the 64 operations
    /// that a step of a task may do: after these it is `Pending`, and the task goes on in the next iteration.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Descriptor, run};
    /// use std::future::poll_fn;
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    ///
    /// run(async {
    ///     let (mut left, right) = UnixStream::pair()?;
    ///     right.set_nonblocking(true)?;
    ///     let right = Descriptor::new(right)?;
    ///     left.write_all(b"hello")?;
    ///     let mut word = [0; 5];
    ///     let count = poll_fn(|cx| right.poll_read_with(cx, |mut socket| socket.read(&mut word))).await?;
    ///     assert_eq!(&word[..count], b"hello");
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The errors of `read`, except `WouldBlock` and `Interrupted`.
    ///
    /// # Panics
    /// If it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        read: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_retry(Direction::Read, cx, read)
    }

    /// [`write_with`](Self::write_with) as a poll. As [`poll_read_with`](Self::poll_read_with), of writing.
    ///
    /// # Errors
    /// The errors of `write`, except `WouldBlock` and `Interrupted`.
    ///
    /// # Panics
    /// If it has to wait in a task of another loop, or after its loop has closed.
    pub fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        write: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_retry(Direction::Write, cx, write)
    }

    /// [`Operation::poll_transfer`](super::operation::Operation::poll_transfer) of what is no future.
    pub(super) fn poll_transfer(
        &self,
        direction: Direction,
        cx: &Context<'_>,
        requested: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let polled = self.poll_retry(direction, cx, operation);
        polled.map_ok(|moved| {
            self.note_length(direction, moved, requested);
            moved
        })
    }

    /// Whether the direction is ready, as far as is known.
    pub(crate) fn poll_ready(&self, direction: Direction, cx: &Context<'_>) -> Poll<()> {
        self.registration().poll_ready(self.place(direction), cx)
    }

    fn poll_until(&self, direction: Direction, cx: &Context<'_>, is_ready: impl Fn(&T) -> bool) -> Poll<()> {
        loop {
            ready!(self.poll_ready(direction, cx));
            if is_ready(self.get_ref()) {
                return Poll::Ready(());
            }
            self.set_blocked(direction);
        }
    }

    fn poll_retry<R>(
        &self,
        direction: Direction,
        cx: &Context<'_>,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            ready!(self.poll_ready(direction, cx));
            match operation(self.get_ref()) {
                Err(e) if self.registration().is_to_be_tried_again(direction, &e) => {}
                other => return Poll::Ready(other),
            }
        }
    }
}
