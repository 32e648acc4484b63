//! Some of several tasks, on a condition or a time-out: asyncio's `wait`.
//!
//! The function [`wait`](fn@crate::wait) and the conditions, [`ReturnWhen`], are at the root of the crate. Here are the
//! types around them: the future [`Wait`], its result [`WaitSets`] with the [`PendingSet`], and the traits that say
//! what can be waited for and on which conditions.
//!
//! # Examples
//! ```
//! use oneloop::{Clock, EventLoop, ReturnWhen, create_task, sleep, wait};
//! use std::time::Duration;
//!
//! async fn page(n: u64) -> u64 {
//!     sleep(Duration::from_secs(n)).await;
//!     n
//! }
//!
//! EventLoop::builder().clock(Clock::Virtual).run(async {
//!     let tasks = [3, 1, 60].map(|n| create_task(page(n)));
//!     let sets = wait(tasks).return_when(ReturnWhen::FirstCompleted).await;
//!     assert_eq!((sets.done.len(), sets.pending.len()), (1, 2));
//!     let sets = wait(sets.pending).timeout(Duration::from_secs(10)).await; // the others
//!     assert!(sets.timed_out);
//!     for late in &sets.pending {
//!         late.cancel();
//!     }
//! })?;
//! # Ok::<(), oneloop::Error>(())
//! ```

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
pub use waitable::{Member, MemberCore, Sealed, Value};
