//! Waiting for a descriptor: readiness as futures. Owns one registration with the reactor; must not know what is read or
//! written.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::task::{Context, Poll};

use mio::unix::SourceFd;

use crate::context;
use crate::node::Loop;
use crate::reactor::{Direction, SourceKey};
use crate::throw::{is_throwing, wait_for};

/// Anything with a non-blocking descriptor, registered with the loop: what sockets and pipes are built on.
///
/// It is registered once, for both directions. Try an operation first; wait only when it would block. One task at a time
/// may wait for each direction.
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
        let kernel = context::expect();
        let fd = inner.as_raw_fd();
        let key = kernel.with_reactor(|reactor| reactor.register(&mut SourceFd(&fd)))?;
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

    /// Calls `read` until it does not answer `WouldBlock`, and waits in between.
    ///
    /// # Errors
    /// What `read` answers.
    ///
    /// # Cancel safety
    /// Nothing is lost: while this waits, `read` has done nothing.
    pub async fn read_with<R>(&self, read: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.retry(Direction::Read, read).await
    }

    /// Calls `write` until it does not answer `WouldBlock`, and waits in between.
    ///
    /// # Errors
    /// What `write` answers.
    ///
    /// # Cancel safety
    /// Nothing is lost: while this waits, `write` has done nothing.
    pub async fn write_with<R>(&self, write: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.retry(Direction::Write, write).await
    }

    async fn retry<R>(&self, direction: Direction, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            match operation(self.get_ref()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.kernel.with_reactor(|reactor| reactor.clear_ready(self.key, direction));
                    self.ready(direction).await;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    async fn ready(&self, direction: Direction) {
        let waiting = Waiting { kernel: &self.kernel, key: self.key, direction };
        poll_fn(|cx| waiting.poll(cx)).await;
    }

    fn deregister(&self) {
        if let Some(inner) = &self.inner {
            let fd: RawFd = inner.as_raw_fd();
            let waiters = self.kernel.with_reactor(|reactor| reactor.deregister(self.key, &mut SourceFd(&fd)));
            drop(waiters);
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

/// One wait for one direction; its waker goes with it.
struct Waiting<'a> {
    kernel: &'a Loop,
    key: SourceKey,
    direction: Direction,
}

impl Waiting<'_> {
    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        let waker = cx.waker().clone();
        let (ready, spare) = self.kernel.with_reactor(|reactor| reactor.poll_ready(self.key, self.direction, waker));
        drop(spare);
        if ready {
            return Poll::Ready(());
        }
        wait_for(match self.direction {
            Direction::Read => &"a descriptor to be readable",
            Direction::Write => &"a descriptor to be writable",
        });
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        drop(self.kernel.with_reactor(|reactor| reactor.forget_waiter(self.key, self.direction)));
    }
}
