//! Nodes: what tasks, futures and gatherings have in common, asyncio's `Future` as the loop sees it. Owns how a node
//! ends and what is told then; must not know how any kind of node gets its value.
//!
//! A node is pending until it ends: with a value, cancelled, or by a panic. Then its watchers are told, in the order in
//! which they came: what waits is woken, done callbacks are queued, gatherings and waits count one child less.
//!
//! To read: `ending.rs` and `watchers.rs`, then `node.rs`, where both are joined in `Core`. What a task has besides is
//! its `TaskState`: `task_state.rs` has the fields, `task_awaits.rs` and `task_requests.rs` the methods for what it
//! awaits and for the cancellations that were asked of it, `chores.rs` the flags by which a step sees at one glance
//! whether there is anything to do beside the poll, and `lending.rs` whether its coroutine or its value is there.
//! `report.rs` and `drop_flat.rs` are how code of a user is called, and its values dropped, so that a panic of it
//! leaves the loop whole.

mod ending; // how a node ends
mod flags; // what is noted of a node in single bits
mod lending; // what the memory of a task holds
mod watchers; // what is told when a node is done
mod chores; // what the steps of a task have to do beside the poll
mod task_state; // the state of a task, beside its coroutine
mod task_awaits; // what a task awaits
mod task_requests; // the cancellations that were asked of a task
mod report; // reports of panics, calls of code that may panic, and wakes
mod drop_flat; // drops of values of the program, without recursion and without unwinding
mod node; // the node itself, and its kinds
mod parts; // values that are made of other values
mod pointer; // casts of pointers to nodes
mod user_handles; // the handles that users hold

pub(crate) use drop_flat::drop_flat;
pub(crate) use ending::{Ending, State};
pub(crate) use lending::{Held, Loan};
pub(crate) use node::{
    Core, DoneCallback, Kind, Loop, Node, NodeRef, Parent, Promise, PromiseRef, TaskState, Watch, Watcher,
    default_name, is_interrupted, same,
};
pub(crate) use parts::make_parts;
pub(crate) use pointer::{as_node, as_promise};
pub(crate) use report::{
    IN_DESTRUCTOR, call_exception_handler, drop_guarded, guarded, report, report_panic, wake, wake_task,
};
pub(crate) use task_requests::Request;
pub(crate) use task_state::{FIRST_VARIANT, VARIANTS};
pub(crate) use user_handles::{outcome, release, report_ending, report_unretrieved, report_unretrieved_error};
