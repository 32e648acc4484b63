//! Readiness of a descriptor, as futures. Owns one registration with the reactor; must not know what is read or
//! written.

use std::cell::OnceCell;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::{fmt, io, mem};

use super::readiness_future::ReadinessFuture;
use super::registration::{self, Registration};
use super::wait_place::WaitPlace;
use crate::kernel::{Leaf, What};
use crate::node::Loop;
use crate::reactor::{Direction, NewSocket, ShortTransfer, SourceKey, Wanted};
use crate::sys::socket;

/// A non-blocking descriptor that is registered with the loop. Sockets and pipes are built on it.
///
/// The descriptor is registered once, for both directions. The system reports when a direction becomes ready, and the
/// loop remembers that until an operation would block. So waiting takes no system call, and no operation is tried
/// before its direction is ready. Any number of tasks may wait for a direction. When it becomes ready, all of them try,
/// in the order in which they began to wait.
///
/// A descriptor that is always ready does not starve other tasks: after 64 operations in one step of a task, the next
/// operation waits for the next iteration, and one that does not wait returns `WouldBlock`.
///
/// # Examples
/// ```
/// use oneloop::{Descriptor, create_task, run};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// run(async {
///     let (left, right) = UnixStream::pair()?;
///     left.set_nonblocking(true)?;
///     right.set_nonblocking(true)?;
///     let (left, right) = (Descriptor::new(left)?, Descriptor::new(right)?);
///     let reader = create_task(async move {
///         let mut word = [0; 5];
///         right.read_with(|mut socket| socket.read(&mut word)).await.map(|n| word[..n].to_vec())
///     });
///     left.write_with(|mut socket| socket.write(b"hello")).await?;
///     assert_eq!(reader.await?, b"hello");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "AsyncFd")]
pub struct Descriptor<T: AsRawFd> {
    /// `None` only in a `Descriptor` that `into_inner` or `map` has emptied and is about to drop.
    inner: Option<T>,
    /// The slot of its registration, which is its own until it is deregistered.
    slot: u32,
    kernel: Rc<Loop>,
    /// For what polls and is no future, which could keep its place itself: one place for each direction, once something
    /// has polled.
    polled: OnceCell<Box<[WaitPlace; 2]>>,
}

impl<T: AsRawFd> Descriptor<T> {
    /// Registers a descriptor with this thread's loop. The descriptor must be non-blocking.
    ///
    /// # Errors
    /// If the system cannot watch the descriptor (a regular file, for example), or it is registered already.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn new(inner: T) -> io::Result<Self> {
        Self::register(inner, NewSocket::Open, ShortTransfer::Unknown)
    }

    /// As `new`, for a socket of which it is known what a short transfer says.
    #[track_caller]
    pub(super) fn of_stream(inner: T, short_transfer: ShortTransfer) -> io::Result<Self> {
        Self::register(inner, NewSocket::Open, short_transfer)
    }

    /// As `of_stream`, for a connection that a program has accepted. Its first read is tried at once, as by asyncio's
    /// `sock_recv`, and needs no event if the request has come with the connection.
    #[track_caller]
    pub(super) fn accepted(inner: T, short_transfer: ShortTransfer) -> io::Result<Self> {
        Self::register(inner, NewSocket::Accepted, short_transfer)
    }

    /// Registers a TCP socket that is still connecting. It counts as writable once the connection is made or has
    /// failed.
    #[track_caller]
    pub(super) fn connecting(inner: T) -> io::Result<Self> {
        Self::register(inner, NewSocket::Connecting, ShortTransfer::TCP)
    }

    #[track_caller]
    fn register(inner: T, what: NewSocket, short_transfer: ShortTransfer) -> io::Result<Self> {
        let (kernel, slot) = registration::register(inner.as_raw_fd(), what, short_transfer)?;
        Ok(Self { inner: Some(inner), slot, kernel, polled: OnceCell::new() })
    }

    /// The registered object.
    pub fn get_ref(&self) -> &T {
        match &self.inner {
            Some(inner) => inner,
            None => unreachable!("`inner` is there until `into_inner`, which takes the descriptor"),
        }
    }

    /// Removes the object from the loop and returns it.
    pub fn into_inner(mut self) -> T {
        self.deregister();
        match self.inner.take() {
            Some(inner) => inner,
            None => unreachable!("`inner` is there until `into_inner`, which takes the descriptor"),
        }
    }

    /// Waits until a read would not block: there are bytes, the end, or an error. It is what the callback of
    /// [`add_reader`](crate::EventLoop::add_reader) is called for, once: when this returns, the system has just said
    /// so. Another task may read first.
    ///
    /// Asking the system is a call of its own, which [`read_with`](Self::read_with) does without.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readable(&self) {
        self.until(Direction::Read, socket::is_readable).await;
    }

    /// Waits until a write would not block: there is room, or an error. As [`readable`](Self::readable), of writing.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn writable(&self) {
        self.until(Direction::Write, socket::is_writable).await;
    }

    async fn until(&self, direction: Direction, is_ready: impl Fn(&T) -> bool) {
        loop {
            self.wait(direction).await;
            // what is known may be out of date: the program reads and writes by calls of its own too
            if is_ready(self.get_ref()) {
                return;
            }
            self.set_blocked(direction);
        }
    }

    /// Calls `read` without waiting, unless it is known that it would block. If it returns `WouldBlock`, that is known
    /// until the next event, so a loop around this and [`readable`](Self::readable) waits.
    ///
    /// It counts as one of the 64 operations that a step of a task may do: after these it returns `WouldBlock`, and
    /// `readable` waits for the next iteration. So what is made of the two starves no other task. A callback may do as
    /// many as it likes.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Descriptor, run};
    /// use std::io::{ErrorKind, Write};
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// run(async {
    ///     let listener = TcpListener::bind(("127.0.0.1", 0))?;
    ///     let mut peer = TcpStream::connect(listener.local_addr()?)?;
    ///     let stream = listener.accept()?.0;
    ///     stream.set_nonblocking(true)?;
    ///     let stream = Descriptor::new(stream)?;
    ///     peer.write_all(b"hello")?;
    ///     let mut bytes = [0; 100];
    ///     let count = loop {
    ///         stream.readable().await;
    ///         match stream.try_read_with(|stream| stream.peek(&mut bytes)) {
    ///             Err(e) if e.kind() == ErrorKind::WouldBlock => {}
    ///             other => break other?,
    ///         }
    ///     };
    ///     assert_eq!(count, 5);
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The errors of `read`, except `Interrupted`; and `WouldBlock` if `read` was not called, because the loop has not
    /// learned yet that it would not block, or the step has done enough.
    #[doc(alias = "try_io")]
    pub fn try_read_with<R>(&self, read: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.try_once(Direction::Read, read)
    }

    /// Calls `write` without waiting, unless it is known that it would block. As
    /// [`try_read_with`](Self::try_read_with), of writing.
    ///
    /// # Errors
    /// The errors of `write`, except `Interrupted`; and `WouldBlock` if `write` was not called, because the loop has
    /// not learned yet that it would not block, or the step has done enough.
    #[doc(alias = "try_io")]
    pub fn try_write_with<R>(&self, write: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.try_once(Direction::Write, write)
    }

    /// One transfer without waiting, of which it is noted what a short one says: `WouldBlock` if the direction is not
    /// known to be ready. The caller has waited for it, or counts its operations itself.
    pub(crate) fn try_transfer(
        &self,
        direction: Direction,
        requested: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.attempt(direction, operation).inspect(|moved| self.note_length(direction, *moved, requested))
    }

    /// As `try_transfer`, for the program, whose task may not do it without end.
    pub(super) fn try_transfer_once(
        &self,
        direction: Direction,
        requested: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.try_once(direction, operation).inspect(|moved| self.note_length(direction, *moved, requested))
    }

    /// As `attempt`, for the program. After as many operations as a step may do, this returns `WouldBlock`.
    fn try_once<R>(&self, direction: Direction, operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        if !self.registration().may_go_on() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.attempt(direction, operation)
    }

    /// Calls `operation` without waiting: `WouldBlock` if the direction is not known to be ready.
    pub(crate) fn attempt<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        while self.registration().is(direction, Wanted::Ready) {
            match operation(self.get_ref()) {
                Err(e) if self.registration().is_to_be_tried_again(direction, &e) => {}
                other => return other,
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    pub(super) fn note_length(&self, direction: Direction, moved: usize, requested: usize) {
        self.registration().note_length(direction, moved, requested);
    }

    /// A wait for a direction. It does not borrow the descriptor, and ends when the descriptor is dropped.
    pub(crate) fn wait(&self, direction: Direction) -> ReadinessFuture {
        self.registration().wait_for(direction, Wanted::Ready)
    }

    /// The place for what polls the direction and is no future.
    pub(super) fn place(&self, direction: Direction) -> &WaitPlace {
        let places = self.polled.get_or_init(|| Box::new(WaitPlace::both()));
        &places[direction as usize]
    }

    /// As `wait`, until an event tells that the direction is hung up or in error.
    pub(crate) fn wait_for_end(&self, direction: Direction) -> ReadinessFuture {
        self.registration().wait_for(direction, Wanted::Over)
    }

    /// Whether an event has told that the direction is hung up or in error.
    pub(crate) fn has_ended(&self, direction: Direction) -> bool {
        self.registration().is(direction, Wanted::Over)
    }

    pub(super) fn short_transfer(&self) -> ShortTransfer {
        self.registration().short_transfer()
    }

    /// What a leaf waits for of this descriptor.
    pub(crate) fn awaited(&self, what: What) -> Leaf {
        Leaf::numbered(what, self.key().label())
    }

    /// The registration, as its owner names it.
    #[inline]
    pub(super) fn key(&self) -> SourceKey {
        SourceKey::of_owner(self.slot)
    }

    #[inline]
    pub(super) fn registration(&self) -> Registration<'_> {
        Registration { kernel: &self.kernel, key: self.key() }
    }

    /// The loop that the descriptor is registered with.
    pub(crate) fn kernel(&self) -> &Rc<Loop> {
        &self.kernel
    }

    /// The same registration, with the object wrapped in another type.
    pub(crate) fn map<U: AsRawFd>(mut self, wrap: impl FnOnce(T) -> U) -> Descriptor<U> {
        let (inner, polled) = (self.inner.take().map(wrap), mem::take(&mut self.polled));
        Descriptor { inner, slot: self.slot, kernel: Rc::clone(&self.kernel), polled }
    }

    /// Notes that an operation would block. The direction becomes ready again with the next event.
    pub(crate) fn set_blocked(&self, direction: Direction) {
        self.registration().set_blocked(direction);
    }

    fn deregister(&self) {
        if let Some(inner) = &self.inner {
            self.registration().deregister(inner.as_raw_fd(), self.polled.get().map(|places| &**places));
        }
    }
}

impl<T: AsRawFd> Drop for Descriptor<T> {
    fn drop(&mut self) {
        self.deregister();
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for Descriptor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Descriptor").field(&self.inner).finish()
    }
}
