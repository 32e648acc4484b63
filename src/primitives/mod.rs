//! What asyncio has as functions over awaitables. Must not know the loop that runs them.

mod sleep; // a task waits for a time
mod gather; // all of several awaitables
mod shield; // a cancellation does not pass
mod wait; // some of several tasks
mod as_completed; // tasks one by one as they end
mod staggered_race; // coroutines that start one after another
mod task_group; // tasks that end together
mod timeout; // a limit of time

pub use as_completed::{AsCompleted, as_completed};
#[doc(hidden)]
pub use gather::{TryTuple, Tuple, gather_tuple, try_gather_tuple};
pub use gather::{gather, try_gather};
pub use shield::shield;
pub use sleep::{Sleep, YieldNow, sleep, sleep_until, yield_now};
pub use staggered_race::{Attempt, Race, staggered_race};
pub use task_group::{TaskGroup, task_group};
pub use timeout::{Timeout, timeout, timeout_at, wait_for};
pub use wait::{
    AllCompleted, FirstCompleted, FirstException, Pending, PendingIntoIter, PendingIter, ReturnWhen, Wait,
    WaitCondition, WaitSets, Waitable, wait,
};
#[doc(hidden)]
pub use wait::{Judge, Judges, Member, Sealed, Value};
