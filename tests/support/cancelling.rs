//! The running task's requests to end. Must not know who made them.

use oneloop::current_task;

/// How many requests to cancel the running task are pending: asyncio's `cancelling()`.
pub(crate) fn cancelling() -> u32 {
    current_task().expect("inside a task").cancelling()
}
