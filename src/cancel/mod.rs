//! How a cancellation travels between tasks, how it is thrown inside one, and where it is caught; and what every leaf
//! has to do. Owns these rules; must not know coroutines or primitives.

mod propagate; // between tasks: from a task to what it awaits
mod leaf; // a future of the loop at the bottom of a task
mod raise; // a cancellation that a leaf raises
mod catch; // where a cancellation is caught

pub use catch::catch_cancelled;
pub(crate) use catch::{poll_catching, uncancel};
pub(crate) use leaf::{SingleWaiter, is_throwing, no_longer_waits_for, poll_leaf, wait_for_node};
pub(crate) use propagate::{cancel, deliver_to_wait, take_back_if_given_up};
#[doc(hidden)]
pub use raise::Returns;
pub(crate) use raise::{Never, Raise, Reraise};
