//! Waiting for a descriptor: readiness as futures. Owns one registration with the reactor; must not know what is read or
//! written.

use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::{fmt, io};

use crate::cancel::{is_throwing, wait_for};
use crate::current::{self, wake_target};
use crate::node::{Loop, wake};
use crate::reactor::{Direction, SourceKey};

/// Anything with a non-blocking descriptor, registered with the loop: what sockets and pipes are built on.
///
/// It is registered once, for both directions. The system tells when it becomes ready, and that is remembered until an
/// operation finds it used up, so no operation is tried in vain, and none needs a system call to wait. Any number of
/// tasks may wait for a direction; all of them try when it becomes ready, the first of them first.
///
/// One that is always ready lets others have their turn: after 64 operations in one step of a task the next waits for
/// the next iteration.
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
pub struct Descriptor<T: AsRawFd> {
    /// There until `into_inner`.
    inner: Option<T>,
    kernel: Rc<Loop>,
    key: SourceKey,
}

impl<T: AsRawFd> Descriptor<T> {
    /// Registers a descriptor, which must be non-blocking, with this thread's loop.
    ///
    /// # Errors
    /// If the system cannot watch it (a regular file, say), or it is registered already.
    ///
    /// # Panics
    /// If this thread is in no loop.
    pub fn new(inner: T) -> io::Result<Self> {
        Self::register(inner, true)
    }

    /// The same for a socket that connects, and is writable when it has.
    pub(crate) fn connecting(inner: T) -> io::Result<Self> {
        Self::register(inner, false)
    }

    fn register(inner: T, writable: bool) -> io::Result<Self> {
        let kernel = current::expect();
        let fd = inner.as_raw_fd();
        let (key, stale) = kernel.with_reactor(|reactor| reactor.register(fd, writable))?;
        stale.into_iter().flatten().for_each(|handle| handle.cancel());
        Ok(Self { inner: Some(inner), kernel, key })
    }

    /// What is registered.
    pub fn get_ref(&self) -> &T {
        match &self.inner {
            Some(inner) => inner,
            None => unreachable!("it is there until into_inner, which takes the descriptor"),
        }
    }

    /// What was registered, registered no more.
    pub fn into_inner(mut self) -> T {
        self.deregister();
        match self.inner.take() {
            Some(inner) => inner,
            None => unreachable!("it is there until now"),
        }
    }

    /// Waits until it may be readable, at its end, or broken: until a read would not block.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readable(&self) {
        self.ready(Direction::Read).await;
    }

    /// Waits until it may be writable or broken: until a write would not block.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn writable(&self) {
        self.ready(Direction::Write).await;
    }

    /// Waits until it may be readable and calls `read`, until that does not answer `WouldBlock`.
    ///
    /// # Errors
    /// What `read` answers.
    ///
    /// # Cancel safety
    /// Nothing is lost: while this waits, `read` has done nothing.
    pub async fn read_with<R>(&self, read: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.retry(Direction::Read, read).await
    }

    /// Waits until it may be writable and calls `write`, until that does not answer `WouldBlock`.
    ///
    /// # Errors
    /// What `write` answers.
    ///
    /// # Cancel safety
    /// Nothing is lost: while this waits, `write` has done nothing.
    pub async fn write_with<R>(&self, write: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.retry(Direction::Write, write).await
    }

    /// Moves up to `most` bytes of a stream. Moving fewer has used up what there was, which saves the operation that
    /// would find that out. It is true of stream sockets and pipes, and not of terminals or datagrams.
    pub(crate) async fn transfer(
        &self,
        direction: Direction,
        most: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let moved = self.retry(direction, operation).await?;
        self.note_moved(direction, moved, most);
        Ok(moved)
    }

    /// The same without waiting: `WouldBlock` if the system has not said that it is ready.
    pub(crate) fn try_transfer(
        &self,
        direction: Direction,
        most: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.attempt(direction, operation).inspect(|moved| self.note_moved(direction, *moved, most))
    }

    /// An operation without waiting: `WouldBlock` if the system has not said that it is ready.
    pub(crate) fn attempt<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        while self.kernel.with_reactor(|reactor| reactor.is_ready(self.key, direction)) {
            match operation(self.get_ref()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.set_blocked(direction),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn note_moved(&self, direction: Direction, moved: usize, most: usize) {
        if 0 < moved && moved < most {
            self.kernel.with_reactor(|reactor| reactor.set_used_up(self.key, direction));
        }
    }

    /// A wait for a direction that does not borrow the descriptor, and is over when that is dropped.
    pub(crate) fn wait(&self, direction: Direction) -> Waiting {
        Waiting { kernel: Rc::clone(&self.kernel), key: self.key, direction, place: 0, yielded: false }
    }

    /// The loop it is registered with.
    pub(crate) fn kernel(&self) -> &Rc<Loop> {
        &self.kernel
    }

    /// The same descriptor, still registered, as part of something else.
    pub(crate) fn map<U: AsRawFd>(mut self, wrap: impl FnOnce(T) -> U) -> Descriptor<U> {
        let inner = self.inner.take().map(wrap);
        Descriptor { inner, kernel: Rc::clone(&self.kernel), key: self.key }
    }

    /// It would block although it was said to be ready: wait for the next event.
    pub(crate) fn set_blocked(&self, direction: Direction) {
        self.kernel.with_reactor(|reactor| reactor.set_blocked(self.key, direction));
    }

    async fn retry<R>(&self, direction: Direction, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            self.ready(direction).await;
            match operation(self.get_ref()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.set_blocked(direction),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    async fn ready(&self, direction: Direction) {
        self.wait(direction).await;
    }

    fn deregister(&self) {
        if let Some(inner) = &self.inner {
            let fd = inner.as_raw_fd();
            for target in self.kernel.with_reactor(|reactor| reactor.deregister(self.key, fd)) {
                wake(&self.kernel, target);
            }
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

/// One wait for one direction; its waker goes with it. Of a descriptor that is gone it says that it is ready.
pub(crate) struct Waiting {
    kernel: Rc<Loop>,
    key: SourceKey,
    direction: Direction,
    /// The number of its place among those who wait; 0 while it has none.
    place: u64,
    /// It has let others go first, and does so once.
    yielded: bool,
}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        let target = wake_target(cx);
        let this = &mut *self;
        let (ready, spare) =
            this.kernel.with_reactor(|reactor| reactor.poll_ready(this.key, this.direction, &mut this.place, target));
        drop(spare);
        if !ready {
            wait_for(match this.direction {
                Direction::Read => &"a descriptor to be readable",
                Direction::Write => &"a descriptor to be writable",
            });
            return Poll::Pending;
        }
        if this.kernel.budget().may_go_on() || this.yielded {
            return Poll::Ready(());
        }
        this.yielded = true;
        wait_for(&"its next turn");
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.place != 0 {
            drop(self.kernel.with_reactor(|reactor| reactor.forget_waiter(self.key, self.direction, self.place)));
        }
    }
}
