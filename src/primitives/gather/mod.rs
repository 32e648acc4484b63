//! All of several awaitables, in order: asyncio's `gather`.
//!
//! The functions [`gather`](fn@crate::gather) and [`try_gather`](fn@crate::try_gather), and the macros of these names
//! for children of several types, are at the root of the crate. Here are the types that they return, [`Gathering`] and
//! the three kinds of it, and what they take, [`Awaitables`].
//!
//! | awaiting … | gives |
//! | --- | --- |
//! | `gather(aws)`, a [`Gathering`] of [`Values`] | the values, in the order of the arguments |
//! | `gather(aws).return_exceptions()`, of [`Outcomes`] | a `Result` for each, also of what was cancelled or has panicked |
//! | `try_gather(aws)`, of [`FirstError`] | all values, or the first error at once |
//!
//! # Examples
//! ```
//! use oneloop::{Clock, EventLoop, sleep, try_gather};
//! use std::time::Duration;
//!
//! async fn page(n: u64) -> Result<u64, String> {
//!     sleep(Duration::from_secs(n)).await;
//!     if n == 2 { Err(format!("no page {n}")) } else { Ok(n) }
//! }
//!
//! EventLoop::builder().clock(Clock::Virtual).run(async {
//!     assert_eq!(try_gather([page(3), page(1)]).await, Ok(vec![3, 1]));
//!     assert_eq!(try_gather([page(3), page(2)]).await, Err("no page 2".to_owned())); // page 3 goes on
//! })?;
//! # Ok::<(), oneloop::Error>(())
//! ```

mod several; // several awaitables of one type
mod children; // several children of one type, and how their results are put together
mod limit; // how many children run at a time
mod gathering_node; // when a gathering ends, and how
pub(crate) mod gather; // the functions, which `primitives` re-exports
mod tuple; // children of several types
pub(crate) mod macros; // the macros, which are at the root of the crate

pub use crate::awaitables::{FirstError, Gathering, Outcomes, Values};
pub use several::Awaitables;
#[doc(hidden)]
pub use tuple::{TryTuple, Tuple, gather_tuple, try_gather_tuple};
