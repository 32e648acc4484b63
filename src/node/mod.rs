//! What tasks, futures and gatherings have in common. Owns a node's state and its watchers; must not know how any kind gets its value.

mod pointer; // pointers to nodes
mod watchers; // what is told when a node is done
mod task_state; // the state of a task beside its coroutine
mod node; // a node

pub(crate) use node::{
    Core, Ending, Group, Kind, Loop, Node, Promise, State, call_exception_handler, drop_flat, guarded, is_interrupted,
    lend, outcome, release, report, report_panic, report_unretrieved, retain,
};
pub(crate) use pointer::{NodeRef, PromiseRef, as_node, as_promise, same};
pub(crate) use task_state::{Request, TaskState, Waits};
pub(crate) use watchers::{DoneCallback, Watch, Watcher};
