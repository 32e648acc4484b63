//! asyncio's functions over awaitables: `sleep`, `gather`, `wait`, `shield`, `timeout`, `TaskGroup` and their kin. Owns
//! what each of them waits for and returns; must not know the loop that runs them.
//!
//! There are three kinds:
//!
//! - what waits for time: `sleep.rs`, `interval.rs`, `timeout.rs`;
//! - what watches other nodes, and takes a turn in the ready queue when one of them decides: `gather/`, `wait/`,
//!   `shield.rs`, `as_completed.rs`, `group_state.rs`;
//! - what is made of the others, as a program could: `staggered_race.rs`, and `task_group.rs` over `group_state.rs`.
//!
//! To read: `sleep.rs`, which is the simplest leaf; then `gather/gathering_node.rs`, which is a node and a watcher;
//! then `wait/wait_state.rs`; and `timeout.rs` with `limit_state.rs`, which is a scope that throws.

mod sleep; // waits for time to pass
mod interval; // ticks at a steady pace
pub mod gather; // all of several awaitables
mod shield; // keeps a cancellation from what is awaited
pub mod wait; // some of several tasks
mod as_completed; // tasks one by one as they end
mod staggered_race; // coroutines that start one after another
mod group_coroutines; // the body and the children of a task group
mod group_state; // the children of a task group, and what follows when one fails
mod task_group; // tasks that end together
mod limit_state; // the deadline of a time limit, and what it ends
mod timeout; // time limits, as users hold them

pub use as_completed::{AsCompleted, as_completed};
pub use gather::gather::{gather, try_gather};
#[doc(hidden)]
pub use gather::{TryTuple, Tuple, gather_tuple, try_gather_tuple};
pub use interval::{Interval, MissedTicks, interval, interval_at};
pub use shield::shield;
pub use sleep::{Sleep, YieldNow, sleep, sleep_until, yield_now};
pub use staggered_race::{Attempt, Race, staggered_race};
pub use task_group::{TaskGroup, task_group};
pub use timeout::{Timeout, timeout, timeout_at, wait_for};
pub use wait::ReturnWhen;
pub use wait::wait::wait;
#[doc(hidden)]
pub use wait::{DecidesWait, MayBeError, Member, MemberCore, OpaqueDecider, Sealed, Value};
