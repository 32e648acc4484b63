//! The state that tasks, futures and gatherings share: asyncio's `Future` as the loop sees it. Owns how a node ends and
//! what is told then; must not know how any kind of node gets its value.

mod ending; // how a node ends
mod watchers; // what is told when a node is done
mod task_state; // the state of a task, beside its coroutine
mod drop_flat; // dropping nested values without recursion
mod report; // code of a user that must not take the loop with it, and reports
mod node; // a node, and the kinds there are
mod pointer; // casts of pointers to nodes
mod user_handles; // handles, which are counted

pub(crate) use drop_flat::drop_flat;
pub(crate) use ending::{Ending, State};
pub(crate) use node::{
    Core, DoneCallback, Group, Kind, Loop, Node, NodeRef, Promise, PromiseRef, TaskState, Waits, Watch, WatchRef,
    Watcher, is_interrupted, same,
};
pub(crate) use pointer::{as_node, as_promise};
pub(crate) use report::{call_exception_handler, guarded, report, report_panic, wake, wake_task};
pub(crate) use task_state::Request;
pub(crate) use user_handles::{outcome, release, report_unretrieved};
