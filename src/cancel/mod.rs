//! How a cancellation travels between tasks, how it is thrown inside one, and where it is caught; and what every leaf
//! has to do. Owns these rules; must not know coroutines or primitives.

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
