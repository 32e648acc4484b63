//! Values that are made of other values: of children, of what is behind a view or a shield. Owns the order in which
//! nested ones are made; must not know how any is made.

use super::ending::State;
use super::node::{Node, NodeRef};

/// A node on the way through what a value is made of.
enum Visit {
    /// What its value is made of has not been looked at.
    New(NodeRef),
    /// The values of its parts have been made.
    Ready(NodeRef),
}

/// Makes the values of the parts of `node`, the innermost first, with a stack of its own: a hundred thousand shields
/// in each other do not overflow the stack of the thread.
pub(crate) fn make_parts(node: &(impl Node + ?Sized)) {
    let mut visits = Vec::new();
    node.parts(&mut |part| visits.push(Visit::New(part)));
    while let Some(visit) = visits.pop() {
        match visit {
            Visit::New(node) => {
                if node.core().state() == State::Finished {
                    visits.push(Visit::Ready(node.clone()));
                    node.parts(&mut |part| visits.push(Visit::New(part)));
                }
            }
            Visit::Ready(node) => node.make(),
        }
    }
}
