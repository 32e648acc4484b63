//! How a cancellation travels between tasks, is thrown, and is caught; what a leaf must do. Must not know coroutines or
//! primitives.

mod propagate; // between tasks: from a task to what it awaits
mod leaf; // the bottom of a task: what waits for something of the loop
mod raise; // a cancellation that starts on its way up
mod catch; // where it is caught

pub use catch::catch_cancelled;
pub(crate) use catch::{poll_catching, uncancel};
pub(crate) use leaf::{SingleWaiter, is_throwing, no_longer_waits_for, poll_leaf, wait_for_node};
pub(crate) use propagate::{cancel, deliver_to_wait, take_back_if_given_up};
#[doc(hidden)]
pub use raise::Returns;
pub(crate) use raise::{Never, Raise, Reraise};
