//! Other threads: blocking calls, and the handle on a loop for other threads. Owns what crosses threads; must not know
//! sockets.
//!
//! Two ways cross the border. From the loop: `to_thread.rs` gives a job to the pool of the loop (`pool.rs`,
//! `default_executor.rs`), and `thread_job.rs` brings the result back into a future. From other threads:
//! `loop_handle.rs`, the one handle on a loop that is `Send`, with what it returns, `callback.rs`, `future.rs` and
//! `remote_task.rs`. Both send messages to the inbox of the kernel, and nothing of a loop is touched elsewhere than on
//! its thread.

mod ignoring_panic; // calls of code that may panic, outside of loops
mod pool; // a pool of threads that run jobs
mod callback; // the handle on a callback that another thread scheduled
mod report; // reports of panics to a loop
mod remote_task; // the handle on a task
mod future; // the handle on a coroutine that another thread started
mod loop_handle; // the handle on a loop
mod pender; // the function that is called when a loop wants a turn
mod thread_job; // a job on a thread of a pool, and the way of its result to the loop
mod default_executor; // the pool of a loop
mod to_thread; // blocking calls on threads of a pool
#[cfg(all(test, oneloop_loom))]
mod interleavings; // all interleavings of the threads

pub use callback::ThreadsafeHandle;
pub(crate) use default_executor::has_default_threads;
pub use future::ThreadsafeFuture;
pub use loop_handle::LoopHandle;
pub use pool::ThreadPool;
pub use remote_task::RemoteTaskHandle;
pub(crate) use thread_job::submit;
pub use to_thread::to_thread;
