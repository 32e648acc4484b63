//! All of several awaitables, in order: asyncio's `gather`. Must not know `wait`.

mod children; // several children of one type, and their results
mod countdown; // when a gathering ends, and how
mod gather; // the functions
mod tuple; // children of several types

pub use gather::{gather, try_gather};
#[doc(hidden)]
pub use tuple::{TryTuple, Tuple, gather_tuple, try_gather_tuple};
