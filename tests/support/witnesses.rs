//! Things whose drop is seen from outside, or felt. Must not know who drops them.

use std::sync::mpsc;
use std::thread::{self, ThreadId};

/// Panics when it is dropped, but not on top of another panic.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "the bomb went off");
    }
}

/// Says on which thread it was dropped.
pub(crate) struct Tells(mpsc::Sender<ThreadId>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

/// Such a thing, and where it says so.
pub(crate) fn tells() -> (Tells, mpsc::Receiver<ThreadId>) {
    let (sender, receiver) = mpsc::channel();
    (Tells(sender), receiver)
}
