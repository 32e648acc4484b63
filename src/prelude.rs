//! What most programs use, for `use oneloop::prelude::*`.
//!
//! Locks, queues, streams, sockets and processes are not in it; import them by name. Nor is the type
//! [`Future`](crate::Future): the trait of that name is in Rust's own prelude, and a glob import would hide it.
//!
//! # Examples
//! ```
//! use oneloop::prelude::*;
//! use std::time::Duration;
//!
//! async fn fetch(i: u64) -> u64 {
//!     sleep(Duration::from_millis(i)).await;
//!     i * 10
//! }
//!
//! fn main() -> Result<(), Error> {
//!     run(async {
//!         let background = create_task(fetch(2));
//!         assert_eq!(gather((0..3).map(fetch)).await, [0, 10, 20]);
//!         assert_eq!(gather!(fetch(1), async { "two" }).await, (10, "two"));
//!         assert_eq!(timeout(Duration::from_millis(1), fetch(60_000)).await, Err(TimeoutError));
//!         assert_eq!(background.await, 20);
//!     })
//! }
//! ```

// The loop.
pub use crate::base::Clock;
pub use crate::event_loop::EventLoop;
pub use crate::run::run;

// Tasks, and what awaits them.
pub use crate::awaitables::{Task, create_future, create_task, current_task};
pub use crate::cancel::catch_cancelled;
pub use crate::primitives::gather::macros::{gather, try_gather};
pub use crate::primitives::{
    ReturnWhen, as_completed, gather, shield, sleep, task_group, timeout, try_gather, wait, yield_now,
};
pub use crate::threads::to_thread;

// The errors of these.
pub use crate::error::{Cancelled, Error, GroupError, TaskError, TimeoutError};
