//! Data structures that do not know the loop. Owns values and memory; must not know tasks or descriptors.
//!
//! The files stand by themselves. To learn how the loop works, three are enough:
//!
//! - `task_key.rs`: a task is named by a number, so that wakers, timers and other threads need no pointer to it.
//! - `wake_target.rs`: what waits for anything is woken as a task, by its key, or by a waker of another crate.
//! - `pooled_rc.rs`: the counted pointer to what tasks, futures and primitives share, whose memory is reused.
//!
//! The others are for one part each: `clock.rs` for timers, `wait_queue.rs` for locks and queues, `byte_buffer.rs` for
//! streams, `context.rs` for context variables, `batch.rs` for the ready queue.

pub(crate) mod concurrency; // locks and atomic words
mod fact; // what is written down only for those who look inside
mod thread_id; // the number of a thread
mod static_ref; // a place for a reference to what is never freed
mod clock; // real and virtual time
mod task_key; // the number that names a task
mod wake_target; // what is to be woken: a task, or a foreign waker
mod blocks; // blocks of memory that are reused
mod pooled_rc; // a reference-counted pointer whose blocks are reused
mod lend; // a value that is out of its cell while code of a user looks at it
mod downcast; // a downcast for types that are not 'static
mod context; // a set of context variables
mod poll_with; // a future that is polled by a closure
mod remote_call; // a call for another thread
mod batch; // values that are taken one after another
mod wait_queue; // a FIFO queue of waiters, with O(1) removal
mod place; // whether a place in a source is the program's
mod random; // numbers that depend on a seed
mod in_order; // a sort by a number
mod numbered; // values under numbers that grow
mod id_map; // values by id, where ids only grow
mod memory_count; // the memory of several buffers together
mod byte_buffer; // a FIFO of bytes in one slice

pub(crate) use batch::Batch;
#[cfg(test)]
pub(crate) use blocks::block_size;
pub(crate) use byte_buffer::ByteBuffer;
pub use clock::Clock;
pub(crate) use clock::{NEVER, Ticker, nanos};
pub use context::Context;
pub(crate) use context::{ErasedValue, Identity, Parcel, Value, VariableId};
pub(crate) use downcast::{downcast, same_but_for_lifetimes};
pub(crate) use fact::{FACTS, Fact};
pub(crate) use id_map::IdMap;
pub(crate) use in_order::in_order;
pub(crate) use lend::lend;
#[cfg(feature = "tls")]
pub(crate) use lend::lend_mut;
pub(crate) use memory_count::MemoryCount;
pub(crate) use numbered::Numbered;
pub(crate) use place::in_the_program;
pub(crate) use poll_with::poll_with;
pub(crate) use pooled_rc::{PooledRc, Typed, unsize};
pub(crate) use random::Random;
pub(crate) use remote_call::{RemoteCall, RemoteFn};
pub(crate) use static_ref::StaticRef;
pub(crate) use task_key::TaskKey;
pub(crate) use thread_id::{ThreadId, this_thread};
pub(crate) use wait_queue::{WaitQueue, WaiterId, WaiterState};
pub(crate) use wake_target::WakeTarget;
