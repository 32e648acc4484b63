//! The parts of one loop: it registers, it never runs. Owns the loop's state; must not know what a task is.

mod ready_queue; // what runs next
mod alarm; // what a timer does when it is due
mod handle; // a callback that can be cancelled
mod inbox; // messages from other threads
mod expected; // results that are expected from other threads
mod task_table; // the tasks, by key, and the one that runs
mod throwing; // a cancellation on its way through the running task
mod life; // open, running, closing, closed
mod budget; // how much may be done before others get their turn
mod extensions; // what parts of the crate above keep with a loop
mod deferred_drops; // values that are dropped one after another
mod kernel; // all of these together

pub(crate) use alarm::Alarm;
pub use handle::Handle;
pub(crate) use inbox::{Inbox, LoopSender, Message};
pub(crate) use kernel::{Kernel, Leaf};
pub(crate) use life::Phase;
pub(crate) use ready_queue::{Batch, ChildTurn, ChildTurnRef, Entry, Queued, Run, RunRef};
pub(crate) use throwing::Throw;
