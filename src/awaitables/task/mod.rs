//! A coroutine that the loop steps: asyncio's `Task`. Owns the step, the memory of the coroutine and its handle; must
//! not know the loop that runs it.

mod step; // one step of any task
mod cell; // the one allocation of a task
mod task; // the typed handle

pub(crate) use task::spawn;
pub use task::{Task, create_task};
