//! The parts of one loop: it registers, it never runs. Owns the loop's state; must not know what a task is.

mod ready; // the kinds of entry in the ready queue
mod handle; // a callback that can be cancelled
mod inbox; // messages from other threads
mod extensions; // what optional parts of the crate keep with a loop
mod ready_queue; // the ready queue
mod task_table; // the tasks, by number
mod from_threads; // taking in what other threads send
mod kernel; // all of these together

pub use handle::Handle;
pub(crate) use inbox::{Inbox, LoopSender, Message};
pub(crate) use kernel::{Alarm, Kernel, Leaf, Phase, Throw, WaitOutcome};
pub(crate) use ready::{Entry, Queued, Run};
pub(crate) use ready_queue::Batch;
