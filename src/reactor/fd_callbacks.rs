//! Descriptors that callbacks watch (`add_reader`, `add_writer`): level-triggered callbacks on top of the
//! edge-triggered poll. Owns which callback watches which descriptor; must not know what a callback is.
//!
//! An edge-triggered poll reports a descriptor once. If the descriptor is registered anew, the system looks at its
//! state again, and the next poll reports it if it is still ready. That is what asyncio's level-triggered poll does,
//! and at the same point: whether a callback runs is decided when the loop polls. So if the callback before it has read
//! the bytes, it does not run. The price is one system call for each descriptor that was reported, and none for a quiet
//! one. (To ask the system after each callback would cost the same, and would decide too early.)

use std::io;
use std::os::fd::RawFd;

use mio::Interest;

use super::reactor::{FdCallbacks, Reactor, Source, interest};
use super::readiness::Direction;
use super::source_key::SourceKey;

/// Whether the error says that a descriptor that was registered was closed meanwhile. Its number is that of no
/// descriptor, of one that is not registered, or of a file, which cannot be.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
        || error.raw_os_error() == Some(libc::EBADF)
}

impl<W: Clone> Reactor<W> {
    /// Watches `fd` with a callback, in place of an earlier callback for this direction. Also returns the callbacks
    /// that do not watch any more, whether this succeeds or not. The caller cancels them, outside the borrow:
    /// `callback` must not be the last pointer to it.
    pub(crate) fn watch(&mut self, fd: RawFd, direction: Direction, callback: W) -> (io::Result<()>, FdCallbacks<W>) {
        let mut stale = [None, None];
        if let Some(key) = self.watched.get(fd) {
            let mut wanted = self.callbacks(key).clone();
            let replaced = wanted[direction as usize].replace(callback.clone());
            match self.register_anew(key, fd, &wanted) {
                Ok(()) => {
                    *self.callbacks(key) = wanted;
                    let mut unused = [None, None];
                    unused[direction as usize] = replaced;
                    return (Ok(()), unused);
                }
                Err(e) if is_gone(&e) => stale = self.forget(key, fd),
                Err(e) => return (Err(e), stale),
            }
        }
        let mut wanted = [None, None];
        wanted[direction as usize] = Some(callback);
        let interest = interest(&wanted).unwrap_or(Interest::READABLE); // never `None`: `callback` is in `wanted`
        let inserted = self.insert(fd, interest, Source::Watched(fd, wanted));
        let watched = inserted.map(|key| {
            self.watched.insert(fd, key);
        });
        (watched, stale)
    }

    /// Removes the callback that watches `fd` in this direction. The caller cancels it, outside the borrow.
    pub(crate) fn unwatch(&mut self, fd: RawFd, direction: Direction) -> Option<W> {
        let key = self.watched.get(fd)?;
        let callbacks = self.callbacks(key);
        let removed = callbacks[direction as usize].take()?;
        let left = callbacks.clone();
        if left.iter().all(Option::is_none) {
            self.deregister_from_poll(fd);
            self.forget(key, fd);
        } else {
            // this fails if the descriptor was closed already, and then there is nothing to report
            let _ = self.register_anew(key, fd, &left);
        }
        Some(removed)
    }

    /// The callback that watches `fd` in this direction.
    pub(crate) fn watch_of(&self, fd: RawFd, direction: Direction) -> Option<&W> {
        let key = self.watched.get(fd)?;
        match &self.registrations.get(key.slot as usize)?.source {
            Source::Watched(_, callbacks) => callbacks[direction as usize].as_ref(),
            Source::Owned(..) => None,
        }
    }

    /// Removes all callbacks, because the loop closes. The caller drops them, outside the borrow.
    pub(crate) fn take_watches(&mut self) -> Vec<W> {
        let mut taken = Vec::new();
        for fd in self.watched.descriptors() {
            taken.extend(self.unwatch(fd, Direction::Read));
            taken.extend(self.unwatch(fd, Direction::Write));
        }
        taken
    }

    /// The descriptors that callbacks watch, in order, each with one of its callbacks.
    pub(crate) fn watches(&self) -> Vec<(RawFd, &W)> {
        let callback = |fd| self.watch_of(fd, Direction::Read).or_else(|| self.watch_of(fd, Direction::Write));
        self.watched.descriptors().into_iter().filter_map(|fd| Some((fd, callback(fd)?))).collect()
    }

    pub(crate) fn has_fd_callbacks(&self) -> bool {
        !self.watched.is_empty()
    }

    /// Removes a watched descriptor from the tables, and returns its callbacks.
    fn forget(&mut self, key: SourceKey, fd: RawFd) -> FdCallbacks<W> {
        self.watched.remove(fd);
        match self.remove(key) {
            Some(Source::Watched(_, callbacks)) => callbacks,
            Some(Source::Owned(..)) | None => [None, None],
        }
    }

    fn callbacks(&mut self, key: SourceKey) -> &mut FdCallbacks<W> {
        match self.registrations.get_mut(key.slot as usize).map(|registration| &mut registration.source) {
            Some(Source::Watched(_, callbacks)) => callbacks,
            Some(Source::Owned(..)) | None => {
                unreachable!("a watched descriptor is in the table until it is forgotten")
            }
        }
    }
}
