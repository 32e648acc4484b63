//! Callbacks that watch descriptors: asyncio's `add_reader` and `add_writer`. Owns the four methods; must not know how the
//! system is asked.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::Location;

use super::event_loop::EventLoop;
use crate::current;
use crate::error::WatchError;
use crate::kernel::Handle;
use crate::reactor::Direction;

impl EventLoop {
    /// Calls `f` in every iteration in which `descriptor` is readable, at its end or broken: asyncio's `add_reader`. A
    /// reader that leaves something behind is called again in the next iteration, after what is ready and before the
    /// timers. `f` should not block; the descriptor should be non-blocking. While callbacks watch, the system is asked in
    /// every iteration, which a [`Descriptor`](crate::Descriptor) does not take.
    ///
    /// It takes the place of an earlier reader of the descriptor, which is cancelled. The handle that comes back cancels
    /// this one, as [`remove_reader`](Self::remove_reader) does. Remove it before the descriptor is closed: the
    /// descriptor's number is all that the loop knows.
    ///
    /// # Errors
    /// [`WatchError`] for a regular file, for a descriptor of the loop's own sockets, and for what is no descriptor.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and `f` stays.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    ///
    /// let lp = EventLoop::new()?;
    /// let (mut left, mut right) = UnixStream::pair()?;
    /// left.write_all(b"bye")?;
    /// let (stopper, fd) = (lp.clone(), right.try_clone()?);
    /// let mut heard = String::new();
    /// lp.add_reader(&fd, move || {
    ///     let mut byte = [0];
    ///     right.read_exact(&mut byte).expect("it is readable");
    ///     heard.push(byte[0] as char); // called three times, once for each byte
    ///     if heard == "bye" {
    ///         stopper.stop();
    ///     }
    /// })?;
    /// lp.run_forever()?;
    /// assert!(lp.remove_reader(&fd));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn add_reader(&self, descriptor: &impl AsRawFd, f: impl FnMut() + 'static) -> Result<Handle, WatchError> {
        self.watch(descriptor.as_raw_fd(), Direction::Read, Handle::repeating(in_context(f), Location::caller()))
    }

    /// Calls `f` in every iteration in which `descriptor` is writable or broken: asyncio's `add_writer`. As
    /// [`add_reader`](Self::add_reader) in everything else.
    ///
    /// # Errors
    /// [`WatchError`] for a regular file, for a descriptor of the loop's own sockets, and for what is no descriptor.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and `f` stays.
    #[track_caller]
    pub fn add_writer(&self, descriptor: &impl AsRawFd, f: impl FnMut() + 'static) -> Result<Handle, WatchError> {
        self.watch(descriptor.as_raw_fd(), Direction::Write, Handle::repeating(in_context(f), Location::caller()))
    }

    /// Cancels the reader of a descriptor, also if it is queued already. Whether there was one: asyncio's
    /// `remove_reader`.
    pub fn remove_reader(&self, descriptor: &impl AsRawFd) -> bool {
        self.unwatch(descriptor.as_raw_fd(), Direction::Read)
    }

    /// Cancels the writer of a descriptor, also if it is queued already. Whether there was one: asyncio's
    /// `remove_writer`.
    pub fn remove_writer(&self, descriptor: &impl AsRawFd) -> bool {
        self.unwatch(descriptor.as_raw_fd(), Direction::Write)
    }

    #[track_caller]
    fn watch(&self, fd: RawFd, direction: Direction, handle: Handle) -> Result<Handle, WatchError> {
        self.refuse_if_closed();
        let watched = self.kernel().with_reactor(|reactor| reactor.watch(fd, direction, handle.clone()));
        let replaced = watched.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => WatchError::InUse(fd),
            io::ErrorKind::PermissionDenied => WatchError::NotPollable(fd),
            _ => WatchError::Io(fd, error),
        })?;
        replaced.into_iter().flatten().for_each(|handle| handle.cancel());
        // it may be ready as it is
        self.kernel().budget().poll_soon();
        Ok(handle)
    }

    fn unwatch(&self, fd: RawFd, direction: Direction) -> bool {
        let taken = self.kernel().with_reactor(|reactor| reactor.unwatch(fd, direction));
        taken.inspect(Handle::cancel).is_some()
    }
}

/// `f` as a callback that runs in a copy of the context of this moment, the same one each time.
fn in_context(mut f: impl FnMut() + 'static) -> impl FnMut() + 'static {
    let own = current::copy_thread_context();
    move || {
        // the loop takes it out of the context again
        if own.is_some() {
            drop(current::swap_context(own.clone()));
        }
        f();
    }
}
