//! A call that one thread sends to another. Owns the promise that its function runs at most once, and is dropped on the
//! thread that runs or discards the call; must not know loops.

use std::fmt;

use super::concurrency::Arc;

/// A function that can be called once, or discarded. It is shared with its sender, which may take it back.
pub(crate) trait RemoteFn: Send + Sync {
    /// Calls the function. Does nothing if it was called, discarded or taken back already.
    fn call(&self);
    /// Drops the function uncalled. Does nothing if it was called, discarded or taken back already.
    fn discard(&self);
}

/// A call on its way to another thread. Dropping it discards the function.
pub(crate) struct RemoteCall(Arc<dyn RemoteFn>);

impl RemoteCall {
    pub(crate) fn new(function: Arc<dyn RemoteFn>) -> Self {
        Self(function)
    }

    pub(crate) fn run(self) {
        self.0.call();
    }
}

/// After a call too, when there is nothing left to discard.
impl Drop for RemoteCall {
    fn drop(&mut self) {
        self.0.discard();
    }
}

impl fmt::Debug for RemoteCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteCall")
    }
}
