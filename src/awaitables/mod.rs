//! What users hold and await: Task, Future, Shared, Awaitable, Gathering. Must not know the loop that runs them.

mod any_future; // a handle without the type of the value
mod join_handle; // a handle with a value, which all others are made of
mod future; // a future that is settled by hand
mod task; // a coroutine that the loop steps
mod shared; // a handle that can be awaited many times
mod gathering; // the handle on several awaitables
mod recognise; // which of these is behind a type parameter

pub(crate) use any_future::tasks_of;
pub use any_future::{AnyFuture, CallbackId, TaskHandle, all_tasks, current_task};
pub(crate) use future::pending_future;
pub use future::{Future, create_future};
pub use gathering::{FirstError, Gathering, Outcomes, Values};
pub(crate) use join_handle::JoinHandle;
pub use recognise::ensure_future;
pub(crate) use recognise::{joined, recognise, recognise_borrowed};
pub use shared::{Awaitable, Shared};
pub(crate) use task::spawn;
pub use task::{Task, create_task};
