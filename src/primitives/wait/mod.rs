//! Some of several tasks, on a condition or a time-out: asyncio's `wait`.
//!
//! The function [`wait`](fn@crate::wait) and the conditions, [`ReturnWhen`], are at the root of the crate. Here are the
//! types around them: the future [`Wait`], its result [`WaitSets`] with the [`PendingSet`], and the traits that say
//! what can be waited for and on which conditions.

mod waitable; // what can be waited for
mod wait_state; // when a wait ends
mod return_when; // the conditions
mod pending_set; // the tasks of a wait, which stay registered from one wait to the next
pub(crate) mod wait; // the function, which `primitives` re-exports, and its future

pub use pending_set::{PendingIntoIter, PendingIter, PendingSet};
pub use return_when::{AllCompleted, FirstCompleted, FirstException, ReturnWhen, WaitCondition};
#[doc(hidden)]
pub use return_when::{DecidesWait, MayBeError, OpaqueDecider};
pub use wait::{Wait, WaitSets};
pub(crate) use wait_state::assert_same_loop;
pub use waitable::Waitable;
pub(crate) use waitable::node_of;
#[doc(hidden)]
pub use waitable::{Member, Sealed, Value};
