//! Seeing inside: the call graph, which is who waits for whom. Owns what is taken down of a loop and how it is printed;
//! must not know how anything is waited for.
//!
//! `capture.rs` takes the graph down, on the thread of the loop. The result, `call_graph.rs`, is plain data, which may
//! go to another thread. All other files print it: each is one format, and none knows another.

mod drawing; // what pictures and pages have in common
mod call_graph; // the graph as a value
mod rows; // … as the rows of a tree
mod tree; // … as text
mod table; // … as a table of the tasks
mod formats; // … as JSON and DOT
mod svg; // … as a picture
mod html; // … as a page
mod capture; // how it is taken down

pub use call_graph::{CallGraph, GraphNode, NodeKind, NodeState};
pub(crate) use capture::capture;
pub(crate) use drawing::{begun, escaped, shortened};
pub(crate) use formats::quoted;
