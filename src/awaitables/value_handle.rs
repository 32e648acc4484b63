//! A handle on a node with a value, and nothing else: what a `JoinHandle` and a gathering are made of. Owns one counted
//! handle; must not know awaits.

use crate::error::TaskError;
use crate::node::{Core, NodeRef, PromiseRef, outcome, release};

/// One counted handle on a node with a value of type `T`. It awaits nothing.
pub(crate) struct ValueHandle<T> {
    promise: PromiseRef<T>,
}

impl<T> ValueHandle<T> {
    /// Takes over a handle that the node counts already.
    #[inline]
    pub(crate) fn adopt(promise: PromiseRef<T>) -> Self {
        Self { promise }
    }

    /// A new handle on the node that `promise` is a view of.
    pub(crate) fn view(promise: PromiseRef<T>) -> Self {
        promise.core().add_handle();
        Self::adopt(promise)
    }

    #[inline]
    pub(crate) fn promise(&self) -> &PromiseRef<T> {
        &self.promise
    }

    #[inline]
    pub(crate) fn core(&self) -> &Core {
        self.promise.core()
    }

    pub(crate) fn node(&self) -> NodeRef {
        self.promise.clone().into_node()
    }

    /// The node, if its value may have parts: see `make_parts`.
    pub(crate) fn part(&self) -> Option<NodeRef> {
        self.promise.has_parts().then(|| self.node())
    }

    /// How the node ended, with the value moved out.
    pub(crate) fn take_result(&self) -> Result<T, TaskError> {
        outcome(&*self.promise)
    }
}

impl<T> Drop for ValueHandle<T> {
    #[inline]
    fn drop(&mut self) {
        release(&*self.promise);
    }
}
