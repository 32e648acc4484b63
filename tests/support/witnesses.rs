//! Values whose drop can be observed: one panics, the other reports its thread. Must not know where they are dropped.

use std::sync::mpsc;
use std::thread::{self, ThreadId};

/// Panics when it is dropped, unless the thread is panicking already.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "the bomb went off");
    }
}

/// Sends the id of the thread on which it is dropped.
pub(crate) struct Witness(mpsc::Sender<ThreadId>);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

/// A `Witness`, and the receiver of what it sends.
pub(crate) fn witness() -> (Witness, mpsc::Receiver<ThreadId>) {
    let (sender, receiver) = mpsc::channel();
    (Witness(sender), receiver)
}
