//! asyncio's functions over awaitables. Must not know the loop that runs them.

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
mod timeout; // time limits

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
pub use wait::{DecidesWait, MayBeError, Member, OpaqueDecider, Sealed, Value};
