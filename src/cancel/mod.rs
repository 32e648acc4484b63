//! How a cancellation travels between tasks, rises through one, and is caught. Must not know coroutines or primitives.

mod propagate; // from a task to what it awaits
mod throw; // through the awaits of one task

pub(crate) use propagate::{cancel, deliver_to_wait, take_back_if_given_up};
#[doc(hidden)]
pub use throw::Returns;
pub use throw::catch_cancelled;
pub(crate) use throw::{
    Never, Raise, Reraise, is_throwing, no_longer_waits_for, poll_catching, uncancel, wait_for, wait_for_node,
};
