//! What one thread asks another to run for it. Owns the promise that it is run once or dropped unrun, on the thread that
//! gives it up; must not know who runs it, or why.

use std::fmt;
use std::sync::Arc;

/// Something to be run once, which others may hold as well: who asked for it can take it back.
pub(crate) trait RemoteCall: Send + Sync {
    /// Runs it, unless it was taken back.
    fn run(&self);
    /// Drops what it holds: it will not be run. Does nothing once it has been.
    fn give_up(&self);
}

/// An errand on its way. Dropped on the way, it is given up.
pub(crate) struct SentCall(Arc<dyn RemoteCall>);

impl SentCall {
    pub(crate) fn new(errand: Arc<dyn RemoteCall>) -> Self {
        Self(errand)
    }

    pub(crate) fn run(self) {
        self.0.run();
    }
}

impl Drop for SentCall {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl fmt::Debug for SentCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SentCall")
    }
}
