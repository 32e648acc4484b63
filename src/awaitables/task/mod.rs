//! A coroutine that the loop steps: asyncio's `Task`. Must not know the loop.

mod step; // one step of any task
mod cell; // the one allocation of a task
mod task; // the typed handle

pub(crate) use task::spawn;
pub use task::{Task, create_task};
