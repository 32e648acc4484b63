//! Pointers to nodes. Owns the casts between them; must not know the kinds of node.
#![expect(unsafe_code, reason = "a pointer of our own can be cast to a trait object by hand only")]

use std::cell::Cell;

use super::node::{Node, Promise};
use crate::base::PooledRc;
use crate::kernel::Queued;

/// A share of any node.
pub(crate) type NodeRef = PooledRc<dyn Node>;

/// A share of a node with a value, or of a view of one.
pub(crate) type PromiseRef<T> = PooledRc<dyn Promise<T>>;

impl Queued for NodeRef {
    #[inline]
    fn queued(&self) -> &Cell<bool> {
        self.mark()
    }
}

/// `node` without its type.
pub(crate) fn as_node<N: Node + 'static>(node: PooledRc<N>) -> NodeRef {
    // SAFETY: a cast to a trait object.
    unsafe { node.unsize(|p| p as *mut dyn Node) }
}

/// `node` with no more of its type than its value's.
pub(crate) fn as_promise<T, N: Promise<T> + 'static>(node: PooledRc<N>) -> PromiseRef<T> {
    // SAFETY: a cast to a trait object.
    unsafe { node.unsize(|p| p as *mut dyn Promise<T>) }
}

impl<T> PromiseRef<T> {
    /// `self` without its value's type.
    pub(crate) fn into_node(self) -> NodeRef {
        // SAFETY: a cast to a supertrait.
        unsafe { self.unsize(|p| p as *mut dyn Node) }
    }
}

/// Whether two nodes, or views of nodes, are one.
pub(crate) fn same(one: &dyn Node, other: &dyn Node) -> bool {
    std::ptr::eq(one.core(), other.core())
}
