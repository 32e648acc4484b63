//! Data structures that know no loop. Owns values only; must not know tasks or descriptors.

mod clock; // real and virtual time
mod task_key; // the number that names a task
mod pooled_rc; // a counted pointer whose blocks are used again
mod downcast; // a downcast for types with borrowed parts
mod context; // a set of context variables
mod poll_with; // a future that is polled through a function
mod remote_call; // a closure for another thread
mod thread_pool; // threads that run closures
mod wait_queue; // a FIFO list of waiters with O(1) removal
#[cfg(unix)]
mod byte_buffer; // bytes that are read at one end and written at the other

#[cfg(unix)]
pub(crate) use byte_buffer::ByteQueue;
pub use clock::Clock;
pub(crate) use clock::{Ticker, nanos};
pub use context::Context;
pub(crate) use context::{Identity, Value, VariableId};
pub(crate) use downcast::{downcast, same_but_for_lifetimes};
pub(crate) use poll_with::poll_with;
pub(crate) use pooled_rc::PooledRc;
pub(crate) use remote_call::{RemoteCall, SentCall};
pub(crate) use task_key::TaskKey;
pub(crate) use thread_pool::Job;
pub use thread_pool::ThreadPool;
pub(crate) use wait_queue::{WaitQueue, WaiterId, WaiterState};
