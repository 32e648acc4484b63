//! Nodes: what tasks, futures and gatherings have in common, asyncio's `Future` as the loop sees it. Owns how a node
//! ends and what is told then; must not know how any kind of node gets its value.

mod ending; // how a node ends
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
pub(crate) use node::{
    Core, DoneCallback, Kind, Loop, Node, NodeRef, Parent, Promise, PromiseRef, TaskState, Watch, WatchRef, Watcher,
    is_interrupted, same,
};
pub(crate) use parts::make_parts;
pub(crate) use pointer::{as_node, as_promise};
pub(crate) use report::{IN_DESTRUCTOR, call_exception_handler, guarded, report, report_panic, wake, wake_task};
pub(crate) use task_requests::Request;
pub(crate) use task_state::{FIRST_TURN, TURNS, default_name};
pub(crate) use user_handles::{outcome, release, report_unretrieved, report_unretrieved_error};
