//! Descriptors under the eyes of callbacks, told of for as long as they are ready. Owns that; must not know what the
//! callbacks are.
//!
//! The poll is edge-triggered: it tells of a descriptor once. Registering it anew, with what is there already, makes the
//! system look again, and the next poll tells of it if it is ready still. That is asyncio's level-triggered behaviour, at
//! the same place: whether a reader is called is decided when the loop polls, and not when the callback before it has
//! run, so what another callback took away meanwhile calls nobody. It costs one system call for each descriptor that was
//! told of, and none for those that are quiet. (Asking with `poll` after the callback would cost the same and answer too
//! early.)

use std::io;
use std::os::fd::RawFd;

use mio::Interest;
use mio::unix::SourceFd;

use super::reactor::{FdCallbacks, Reactor, Source, SourceKey, interest};
use super::readiness::Direction;

impl<W: Clone> Reactor<W> {
    /// From now on `watch` is told when `fd` is ready. What comes back was there before, and is to be cancelled outside
    /// the borrow.
    pub(crate) fn watch(&mut self, fd: RawFd, direction: Direction, watch: W) -> io::Result<FdCallbacks<W>> {
        let mut stale = [None, None];
        if let Some(key) = self.watched.get(&fd).copied() {
            let mut wanted = self.watches(key).clone();
            let replaced = wanted[direction as usize].replace(watch.clone());
            match self.register_anew(key, fd, &wanted) {
                Ok(()) => {
                    *self.watches(key) = wanted;
                    let mut before = [None, None];
                    before[direction as usize] = replaced;
                    return Ok(before);
                }
                // somebody has closed it, and the number belongs to another descriptor now
                Err(e) if e.kind() == io::ErrorKind::NotFound => stale = self.forget(key, fd),
                Err(e) => return Err(e),
            }
        }
        let mut wanted = [None, None];
        wanted[direction as usize] = Some(watch);
        let interest = interest(&wanted).unwrap_or(Interest::READABLE);
        let key = self.enter(fd, interest, Source::Watched(fd, wanted))?;
        self.watched.insert(fd, key);
        Ok(stale)
    }

    /// Nobody is told any more when `fd` is ready; what was told comes back, to be cancelled outside the borrow.
    pub(crate) fn unwatch(&mut self, fd: RawFd, direction: Direction) -> Option<W> {
        let key = *self.watched.get(&fd)?;
        let watches = self.watches(key);
        let taken = watches[direction as usize].take()?;
        let left = watches.clone();
        if left.iter().all(Option::is_none) {
            // one that was closed already has left the poll by itself, or will not be found
            let _ = self.poll.registry().deregister(&mut SourceFd(&fd));
            self.forget(key, fd);
        } else {
            let _ = self.register_anew(key, fd, &left);
        }
        Some(taken)
    }

    /// What is told when `fd` is ready.
    pub(crate) fn watch_of(&self, fd: RawFd, direction: Direction) -> Option<&W> {
        let key = *self.watched.get(&fd)?;
        match &self.registrations.get(key.slot as usize)?.source {
            Source::Watched(_, watches) => watches[direction as usize].as_ref(),
            Source::Owned(_) => None,
        }
    }

    /// All callbacks, to be dropped outside the borrow: the loop closes.
    pub(crate) fn take_watches(&mut self) -> Vec<W> {
        let mut taken = Vec::new();
        for fd in self.watched.keys().copied().collect::<Vec<_>>() {
            taken.extend(Direction::BOTH.into_iter().filter_map(|direction| self.unwatch(fd, direction)));
        }
        taken
    }

    pub(crate) fn has_fd_callbacks(&self) -> bool {
        !self.watched.is_empty()
    }

    fn forget(&mut self, key: SourceKey, fd: RawFd) -> FdCallbacks<W> {
        self.watched.remove(&fd);
        match self.leave(key) {
            Some(Source::Watched(_, watches)) => watches,
            Some(Source::Owned(_)) | None => [None, None],
        }
    }

    fn watches(&mut self, key: SourceKey) -> &mut FdCallbacks<W> {
        match self.registrations.get_mut(key.slot as usize).map(|registration| &mut registration.source) {
            Some(Source::Watched(_, watches)) => watches,
            Some(Source::Owned(_)) | None => unreachable!("a watched descriptor is in the table until it is forgotten"),
        }
    }
}
