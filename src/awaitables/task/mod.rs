//! A coroutine that the loop steps: asyncio's `Task`. Owns the step, the memory of the coroutine and its handle; must
//! not know the loop that runs it.

mod throw; // the cancellation that a step delivers
mod step; // one step of any task
mod cell; // the one allocation of a task
mod eager; // a first step that is taken where the task is made
mod task; // the typed handle

pub use task::{Task, create_task};
pub(crate) use task::{begin_if_running, spawn, start, start_unawaited};
