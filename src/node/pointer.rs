//! Casts of pointers to nodes, and their mark in the ready queue. Owns both; must not know the kinds of node.
#![expect(unsafe_code, reason = "the promise that the count and the mark of a pointer run no code of a user")]

use std::cell::Cell;

use super::node::{Node, NodeRef, Promise, PromiseRef, TaskState, WatchRef};
use crate::base::{PooledRc, unsize};
use crate::kernel::{ChildTurn, ChildTurnRef, Queued};

// SAFETY: cloning the pointer changes its count, and `mark` reads a flag beside the count. Neither calls anything.
unsafe impl Queued for NodeRef {
    type State = TaskState;

    #[inline]
    fn queued(&self) -> &Cell<bool> {
        self.mark()
    }
}

/// Erases the type of a node.
pub(crate) fn as_node<N: Node + 'static>(node: PooledRc<N>) -> NodeRef {
    unsize!(node => dyn Node)
}

/// Erases the type of a node, except for the type of its value.
pub(crate) fn as_promise<T, N: Promise<T> + 'static>(node: PooledRc<N>) -> PromiseRef<T> {
    unsize!(node => dyn Promise<T>)
}

impl<T> PromiseRef<T> {
    /// Erases the type of the value.
    pub(crate) fn into_node(self) -> NodeRef {
        unsize!(self => dyn Node)
    }
}

impl NodeRef {
    /// The node as an `N`. If it is of another type, the pointer comes back.
    pub(crate) fn typed<N: Node + 'static>(self) -> Result<PooledRc<N>, Self> {
        self.downcast()
    }
}

impl WatchRef {
    /// The same primitive, for the entry of a child.
    pub(crate) fn into_turn(self) -> ChildTurnRef {
        unsize!(self => dyn ChildTurn)
    }
}

impl ChildTurnRef {
    /// The same primitive as a node.
    ///
    /// # Panics
    /// If it is not of type `N`.
    pub(crate) fn into_node<N: Node + ChildTurn + 'static>(self) -> NodeRef {
        let node = self.downcast::<N>();
        as_node(node.unwrap_or_else(|_| unreachable!("a primitive is given the pointer to itself")))
    }
}
