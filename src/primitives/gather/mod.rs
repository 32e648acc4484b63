//! All of several awaitables, in order: asyncio's `gather`.
//!
//! The functions [`gather`](fn@crate::gather) and [`try_gather`](fn@crate::try_gather), and the macros of these names
//! for children of several types, are at the root of the crate. Here are the types that they return: [`Gathering`], and
//! the three kinds of it.

mod children; // several children of one type, and how their results are put together
mod limit; // how many children run at a time
mod gathering_node; // when a gathering ends, and how
pub(crate) mod gather; // the functions, which `primitives` re-exports
mod tuple; // children of several types
pub(crate) mod macros; // the macros, which are at the root of the crate

pub use crate::awaitables::{FirstError, Gathering, Outcomes, Values};
#[doc(hidden)]
pub use tuple::{TryTuple, Tuple, gather_tuple, try_gather_tuple};
