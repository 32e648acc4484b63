//! The parts of one loop: ready queue, task table, timers, inbox. Owns the state of a loop; must not know what a task
//! is, nor run anything.
//!
//! These are the fields of asyncio's `BaseEventLoop`. What drives them is in `event_loop`, far below: here something is
//! registered, queued, counted or taken out, and no code of a user runs.
//!
//! To read, in this order:
//!
//! - what runs next: `ready_queue.rs`, `alarm.rs` (what a timer does when it is due), `handle.rs`, `task_table.rs`;
//! - what comes from other threads: `inbox.rs`, `loop_sender.rs`, `expected.rs`;
//! - all of it together: `kernel.rs`, with `life.rs` (running, stopping, closed) and `budget.rs` (when to poll);
//! - with the folder `cancel` beside it, what a task awaits in its step: `running_step.rs`, `await_tree.rs`,
//!   `scope.rs`, `enclosing.rs`, `throwing.rs`;
//! - for those who look inside: `leaf.rs`, `journal.rs`, `holders.rs`, `notes.rs`, `tally.rs`, `timetable.rs`;
//! - for hosts, which drive the loop by turns: `host.rs`, `outside.rs`.

mod leaf; // what a leaf waits for
mod journal; // when which steps were taken
mod ready_queue; // the entries that run next
mod alarm; // what happens when a timer is due
mod handle; // a callback that can be cancelled
mod inbox; // messages from other threads
mod loop_sender; // the way from other threads to each loop of the process
mod expected; // results that other threads will send
mod task_table; // the tasks, by key, and the running task
mod running_step; // what is counted in a step
mod await_tree; // what is awaited under wakers of other crates
mod scope; // what a scope keeps between its polls
mod enclosing; // the scopes that are being polled
mod throwing; // a cancellation on its way up through the running task
mod holders; // which task holds each lock that is waited for
mod life; // the phases of a loop
mod budget; // how much is done before descriptors are polled
mod extensions; // values that other parts of the crate keep with a loop
mod notes; // what an observed loop notes while an entry runs
mod deferred_drops; // values that are dropped one after another
mod tally; // what a loop counts of itself
mod host; // how a host learns that a turn is due
mod kernel; // all of these together
mod timetable; // what can be seen of tasks, timers and work
mod outside; // the waits for what is outside of the loop, in it and between its turns
mod nested_step; // a step inside another one
#[cfg(all(test, oneloop_loom))]
mod interleavings; // all interleavings of a loop with the threads that send to it

pub(crate) use alarm::Alarm;
pub(crate) use await_tree::{Awaited, Catches, Place, ScopeEntry, SoleAwait, ThrowMessage};
pub use handle::Handle;
pub(crate) use holders::{Hold, HoldCell, Lender};
pub(crate) use host::Pauses;
pub(crate) use inbox::Message;
pub(crate) use kernel::Kernel;
pub(crate) use leaf::{Leaf, What};
pub(crate) use life::Phase;
pub(crate) use loop_sender::{LoopSender, send_wake};
pub(crate) use nested_step::nested_step;
pub(crate) use notes::{AskedAt, Note, WantedNotes};
pub(crate) use ready_queue::{Batch, ChildTurn, ChildTurnRef, Deadline, Entry, Queued, Run, RunRef};
pub(crate) use running_step::{AwaitCounts, AwaitFlags, RunningStep, TaskAwaits};
pub(crate) use scope::{OwnState, OwnThrow, Scope};
pub(crate) use throwing::{PutAside, Throw};
pub(crate) use timetable::Numbers;
