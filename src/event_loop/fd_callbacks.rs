//! Callbacks that watch descriptors: asyncio's `add_reader` and `add_writer`. Owns the four methods; must not know the
//! poll.

use std::os::fd::{AsRawFd, RawFd};
use std::panic::Location;

use super::event_loop::EventLoop;
use crate::base::Context;
use crate::current;
use crate::error::WatchError;
use crate::kernel::Handle;
use crate::reactor::Direction;

impl EventLoop {
    /// Calls `f` in every iteration in which `descriptor` is readable, at its end, or in error: asyncio's `add_reader`.
    /// If `f` does not read everything, it is called again in the next iteration, after what is ready and before the
    /// timers. `f` must not block, so the descriptor should be non-blocking. While a callback watches a descriptor, the
    /// loop polls in every iteration; it need not for a [`Descriptor`](crate::Descriptor).
    ///
    /// An earlier reader of the descriptor is cancelled and replaced. The handle cancels the new one, as
    /// [`remove_reader`](Self::remove_reader) does. Remove the reader before the descriptor is closed, because the loop
    /// knows no more than the number of the descriptor.
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
    ///
    /// # Errors
    /// [`WatchError`] for a regular file, for a descriptor of a socket of this crate, and for a closed descriptor.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and `f` stays.
    #[track_caller]
    pub fn add_reader(&self, descriptor: &impl AsRawFd, f: impl FnMut() + 'static) -> Result<Handle, WatchError> {
        self.watch(descriptor.as_raw_fd(), Direction::Read, repeating(f, Location::caller()))
    }

    /// Calls `f` in every iteration in which `descriptor` is writable or in error: asyncio's `add_writer`. In
    /// everything else it is as [`add_reader`](Self::add_reader).
    ///
    /// # Errors
    /// [`WatchError`] for a regular file, for a descriptor of a socket of this crate, and for a closed descriptor.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and `f` stays.
    #[track_caller]
    pub fn add_writer(&self, descriptor: &impl AsRawFd, f: impl FnMut() + 'static) -> Result<Handle, WatchError> {
        self.watch(descriptor.as_raw_fd(), Direction::Write, repeating(f, Location::caller()))
    }

    /// Cancels the reader of a descriptor, even if it is queued already, and returns whether there was one: asyncio's
    /// `remove_reader`.
    pub fn remove_reader(&self, descriptor: &impl AsRawFd) -> bool {
        self.unwatch(descriptor.as_raw_fd(), Direction::Read)
    }

    /// Cancels the writer of a descriptor, even if it is queued already, and returns whether there was one: asyncio's
    /// `remove_writer`.
    pub fn remove_writer(&self, descriptor: &impl AsRawFd) -> bool {
        self.unwatch(descriptor.as_raw_fd(), Direction::Write)
    }

    /// As `add_reader` and `add_writer`, with a callback that is in a handle already.
    #[track_caller]
    pub(crate) fn watch(&self, fd: RawFd, direction: Direction, handle: Handle) -> Result<Handle, WatchError> {
        self.refuse_if_closed();
        let (watched, unused) = self.kernel().with_reactor(|reactor| reactor.watch(fd, direction, handle.clone()));
        unused.into_iter().flatten().for_each(|handle| handle.cancel());
        watched.map_err(|error| WatchError::of_registering(fd, error))?;
        // the descriptor may be ready already, so it has to be polled although work may be ready
        self.kernel().budget().poll_soon();
        Ok(handle)
    }

    fn unwatch(&self, fd: RawFd, direction: Direction) -> bool {
        let taken = self.kernel().with_reactor(|reactor| reactor.unwatch(fd, direction));
        taken.inspect(Handle::cancel).is_some()
    }
}

/// Makes a callback of `f`, which runs in a copy of the current context: in the same copy each time, so that it finds
/// what it has set itself.
pub(crate) fn repeating(mut f: impl FnMut() + 'static, created: &'static Location<'static>) -> Handle {
    let in_own_context = move |own: &mut Option<Context>| {
        let Some(context) = own else {
            let _kept = KeptContext { own };
            return f();
        };
        // the iteration leaves the context afterwards
        drop(current::swap_context(Some(context.clone())));
        f();
    };
    Handle::repeating(in_own_context, current::copy_thread_context(), created)
}

/// A callback runs in an empty context. When this is dropped, also after a panic, the context is kept if the callback
/// has set a variable in it.
struct KeptContext<'a> {
    own: &'a mut Option<Context>,
}

impl Drop for KeptContext<'_> {
    fn drop(&mut self) {
        *self.own = current::thread_context();
    }
}
