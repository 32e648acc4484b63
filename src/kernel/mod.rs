//! The parts of one loop: ready queue, task table, timers, inbox. Owns the state of a loop; must not know what a task
//! is, nor run anything.

mod ready_queue; // the entries that run next
mod alarm; // what happens when a timer is due
mod handle; // a callback that can be cancelled
mod inbox; // messages from other threads
mod expected; // results that other threads will send
mod task_table; // the tasks, by key, and the running task
mod throwing; // a cancellation on its way up through the running task
mod life; // the phases of a loop
mod budget; // how much is done before descriptors are polled
mod extensions; // values that other parts of the crate keep with a loop
mod deferred_drops; // values that are dropped one after another
mod kernel; // all of these together

pub(crate) use alarm::Alarm;
pub use handle::Handle;
pub(crate) use inbox::{Inbox, LoopSender, Message};
pub(crate) use kernel::Kernel;
pub(crate) use life::Phase;
pub(crate) use ready_queue::{Batch, ChildTurn, ChildTurnRef, Entry, Queued, Run, RunRef};
pub(crate) use task_table::Leaf;
pub(crate) use throwing::Throw;
