//! How a cancellation travels between tasks, how it is thrown inside one, and where it is caught; and what every leaf
//! has to do. Owns these rules; must not know coroutines or primitives.
//!
//! asyncio raises `CancelledError` at the await at which a task is suspended. Here futures are dropped instead: all
//! between that await and the `catch_cancelled` around it, or the whole coroutine.
//!
//! To read, in this order:
//!
//! 1. `leaf.rs`: how a task knows what it awaits, since each leaf says so when it returns `Pending`.
//! 2. `propagate.rs`: how `cancel()` follows that from task to task, as asyncio's does.
//! 3. `catch.rs` and `raise.rs`: `catch_cancelled`, and the await of what was cancelled.
//! 4. `scope.rs`: a task may poll several futures side by side, so a cancellation is meant for a part of it.
//! 5. `own_throw.rs` and `poll_scope.rs`: limits and groups, which end what they hold, and how a poll meets all this.
//!
//! For a task that awaits one thing at a time, without limits and groups, the first three are the whole story.

mod leaf; // a future of the loop at the bottom of a task
mod propagate; // between tasks: from a task to what it awaits
mod raise; // a cancellation that a leaf raises
mod scope; // the parts of a task that cancellations are meant for
mod own_throw; // the throws of time limits and groups
mod poll_scope; // how a cancellation meets a scope
mod catch; // where a cancellation is caught

pub use catch::catch_cancelled;
pub(crate) use catch::uncancel;
pub(crate) use leaf::{Waiting, assert_wakes, leaf_fn, poll_leaf};
pub(crate) use own_throw::{ThrowingScope, throw_again_around};
pub(crate) use poll_scope::poll_scope;
pub(crate) use propagate::{cancel, cancel_at_the_end, cancel_here, deliver_to_wait, take_back_if_given_up};
#[doc(hidden)]
pub use raise::Returns;
pub(crate) use raise::{Never, Raise, Reraise};
pub(crate) use scope::{tell, wake_uncertain};
