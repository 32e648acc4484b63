//! Casts of pointers to nodes. Owns these casts; must not know the kinds of node.
#![expect(unsafe_code, reason = "the promise that a pointer's count and mark run no code of a user")]

use std::cell::Cell;

use super::node::{Node, NodeRef, Promise, PromiseRef, WatchRef};
use crate::base::{PooledRc, unsize};
use crate::kernel::{ChildTurn, ChildTurnRef, Queued};

// SAFETY: to clone the pointer changes its count, and the mark is read where the count is.
unsafe impl Queued for NodeRef {
    #[inline]
    fn queued(&self) -> &Cell<bool> {
        self.mark()
    }
}

/// `node` without its type.
pub(crate) fn as_node<N: Node + 'static>(node: PooledRc<N>) -> NodeRef {
    unsize!(node => dyn Node)
}

/// `node` with no more of its type than its value's.
pub(crate) fn as_promise<T, N: Promise<T> + 'static>(node: PooledRc<N>) -> PromiseRef<T> {
    unsize!(node => dyn Promise<T>)
}

impl<T> PromiseRef<T> {
    /// `self` without its value's type.
    pub(crate) fn into_node(self) -> NodeRef {
        unsize!(self => dyn Node)
    }
}

impl NodeRef {
    /// The node with its type, if that is `N`; otherwise it comes back.
    pub(crate) fn typed<N: Node + 'static>(self) -> Result<PooledRc<N>, Self> {
        self.downcast()
    }
}

impl WatchRef {
    /// The watcher as what takes the turns of its children.
    pub(crate) fn into_turn(self) -> ChildTurnRef {
        unsize!(self => dyn ChildTurn)
    }
}

impl ChildTurnRef {
    /// What takes the turn, as the node that it is too.
    ///
    /// # Panics
    /// If it is no `N`.
    pub(crate) fn into_node<N: Node + ChildTurn + 'static>(self) -> NodeRef {
        let node = self.downcast::<N>();
        as_node(node.unwrap_or_else(|_| unreachable!("a primitive is handed the pointer to itself")))
    }
}
