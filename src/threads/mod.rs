//! Other threads: blocking calls, and the handle on a loop for other threads. Owns what crosses threads; must not know
//! sockets.

mod quietly; // calls of code that may panic, outside of loops
mod pool; // a pool of threads that run jobs
mod callback; // the handle on a callback that another thread scheduled
mod remote_task; // the handle on a task
mod future; // the handle on a coroutine that another thread started
mod loop_handle; // the handle on a loop
mod pender; // the function that is called when a loop wants a turn
mod to_thread; // blocking calls on threads of a pool
#[cfg(all(test, oneloop_loom))]
mod interleavings; // all interleavings of the threads

pub use callback::ThreadsafeHandle;
pub use future::ThreadsafeFuture;
pub use loop_handle::LoopHandle;
pub use pool::ThreadPool;
pub use remote_task::RemoteTaskHandle;
pub use to_thread::to_thread;
pub(crate) use to_thread::{has_default_threads, submit};
