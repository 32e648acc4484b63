//! Other threads: calls that block, and a loop as other threads see it. Must not know sockets.

mod callback; // a callback from another thread, as a handle
mod future; // a coroutine on a loop, as a handle for another thread
mod loop_handle; // a loop, as a handle for other threads
mod to_thread; // calls that block, on threads

pub use callback::ThreadsafeHandle;
pub use future::ThreadsafeFuture;
pub use loop_handle::LoopHandle;
pub(crate) use to_thread::has_default_threads;
pub use to_thread::to_thread;
