//! The handles that users hold and await: Task, Future, Shared, Awaitable, Gathering. Owns these types; must not know
//! the loop that runs them.
//!
//! To read: `join_handle.rs`, the handle with a value that all typed ones wrap, and `any_future.rs`, the untyped ones.
//! Then `task/`: `cell.rs` is the one allocation of a task, and `step.rs` (with `throw.rs`) is what the loop does with
//! it, which is asyncio's `Task.__step`. `future.rs` is a node whose value the program sets. `recognise.rs` is why
//! `gather` takes a task as itself and makes a task of a coroutine: asyncio's `ensure_future`.

mod wait_detail; // what a task waits for, as a value
mod waits_for; // … found out, and in words
mod any_future; // handles without the type of the value
mod cancel_on_drop; // a handle that cancels when it is dropped
mod value_handle; // one handle with a value, without an await
mod join_handle; // one handle with a value and an await, which all typed handles wrap
mod future; // a result that is set by hand
mod task; // a coroutine that the loop steps
mod shared; // views of a value: copied for several awaiters, or mapped
mod gathering; // the handle on several awaitables
mod handles; // the list of the typed handles, and the methods that all of them have
mod recognise; // finds out whether a type parameter is a typed handle

pub(crate) use any_future::tasks_of;
pub use any_future::{AnyFuture, CallbackId, TaskHandle, all_tasks, current_task};
pub use cancel_on_drop::CancelOnDrop;
pub(crate) use future::pending_future;
pub use future::{Future, create_future};
pub use gathering::{FirstError, Gathering, Outcomes, Values};
pub(crate) use handles::for_each_handle;
pub(crate) use join_handle::{JoinHandle, Listed};
pub use recognise::ensure_future;
pub(crate) use recognise::{is_handle, joined, recognise, recognise_borrowed};
pub use shared::{Awaitable, Shared};
pub use task::{Task, create_task};
pub(crate) use task::{begin_if_running, spawn, start, start_unawaited};
pub(crate) use value_handle::ValueHandle;
pub use wait_detail::WaitDetail;
pub(crate) use wait_detail::{SHORTEST, in_words};
pub(crate) use waits_for::{detail, stands_for, waits_for, waits_in_detail};
