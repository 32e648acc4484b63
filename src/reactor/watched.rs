//! The descriptors that callbacks watch. Owns which registration each of them has; must not know the callbacks.

use std::os::fd::RawFd;

use super::source_key::SourceKey;

/// A table by the number of the descriptor, as the system's own is: it gives a descriptor the lowest number that is
/// free, so the table is short.
#[derive(Debug, Default)]
pub(super) struct Watched {
    keys: Vec<Option<SourceKey>>,
    /// The number of descriptors that are watched.
    count: usize,
}

impl Watched {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn get(&self, fd: RawFd) -> Option<SourceKey> {
        self.keys.get(usize::try_from(fd).ok()?).copied().flatten()
    }

    /// Inserts an open descriptor, which is not watched yet.
    pub(super) fn insert(&mut self, fd: RawFd, key: SourceKey) {
        let place = usize::try_from(fd).expect("an open descriptor has a number");
        if self.keys.len() <= place {
            self.keys.resize(place + 1, None);
        }
        let before = self.keys[place].replace(key);
        debug_assert!(before.is_none(), "a descriptor is registered once");
        self.count += 1;
    }

    pub(super) fn remove(&mut self, fd: RawFd) -> Option<SourceKey> {
        let removed = self.keys.get_mut(usize::try_from(fd).ok()?)?.take()?;
        self.count -= 1;
        Some(removed)
    }

    /// The descriptors in order.
    pub(super) fn descriptors(&self) -> Vec<RawFd> {
        (0..).zip(&self.keys).filter_map(|(fd, key)| key.map(|_| fd)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_found_until_it_is_removed() {
        let mut watched = Watched::default();
        for fd in [7, 3] {
            watched.insert(fd, SourceKey { slot: fd.cast_unsigned(), generation: 1 });
        }
        assert_eq!((watched.descriptors(), watched.is_empty()), (vec![3, 7], false));
        assert_eq!(watched.get(3).map(SourceKey::slot), Some(3));
        assert!([-1, 0, 4, 8].into_iter().all(|fd| watched.get(fd).is_none()));
        assert_eq!(watched.remove(3).map(SourceKey::slot), Some(3));
        assert_eq!((watched.remove(3), watched.remove(-1), watched.remove(90)), (None, None, None));
        assert!(watched.remove(7).is_some() && watched.is_empty());
    }
}
