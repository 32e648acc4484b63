#![doc = include_str!("../README.md")]
#![doc(test(attr(deny(warnings))))]

// The architecture: a folder may name only folders above its own, and inside a folder a file only those above it in the
// list of its `mod.rs`. `tests/tidy.rs` reads all these lists.
mod error; // every error that a user can meet
mod sys; // system calls that mio lacks
mod base; // data structures that know no loop
mod timer_wheel; // deadlines, in order
mod reactor; // readiness of descriptors, and the wake from other threads
mod kernel; // the parts of one loop: ready queue, task table, inbox; it registers, it never runs
mod node; // the state that tasks, futures and gatherings share
mod current; // which loop, task and context this thread is in; how a task is woken
mod cancel; // how a cancellation travels between tasks, is thrown, and is caught
mod awaitables; // Task, Future, Shared, Awaitable, Gathering
mod primitives; // sleep, gather, wait, as_completed, shield, timeout, task_group, staggered_race
mod sync; // locks, events, conditions, semaphores, barriers, queues
mod event_loop; // one iteration, runs, closing, the builder
mod threads; // calls that block, and a loop as other threads see it
#[cfg(all(unix, any(feature = "signal", feature = "process")))]
pub mod signal; // signals of the process
#[cfg(unix)]
pub mod net; // sockets and pipes
#[cfg(unix)]
mod streams; // buffered streams and servers
#[cfg(all(unix, feature = "process"))]
mod process; // child processes
mod run; // the function `run`, and Ctrl-C

#[doc(hidden)]
pub mod __private; // what the macros and sealed traits of the crate name

pub use awaitables::{
    AnyFuture, Awaitable, CallbackId, FirstError, Future, Gathering, Outcomes, Shared, Task, TaskHandle, Values,
    all_tasks, create_future, create_task, current_task, ensure_future,
};
pub use base::{Clock, Context, ThreadPool};
pub use cancel::catch_cancelled;
pub use current::{ContextToken, ContextVar, copy_context};
#[cfg(feature = "signal")]
pub use error::SignalError;
pub use error::{
    BrokenBarrierError, Cancelled, Closed, ConnectError, Deadlock, Error, Exception, ExceptionContext, GetError,
    GroupError, IncompleteReadError, InvalidState, LimitOverrunError, Panic, PutError, QueueShutDown, ReadError,
    ReleaseError, RescheduleError, TaskDoneError, TaskError, TimeoutError, WatchError,
};
pub use event_loop::{EnterGuard, EventLoop, EventLoopBuilder, TimerHandle};
pub use kernel::Handle;
#[cfg(unix)]
pub use net::Descriptor;
#[cfg(unix)]
pub use net::getaddrinfo;
pub use primitives::{
    AllCompleted, AsCompleted, Attempt, FirstCompleted, FirstException, Pending, PendingIntoIter, PendingIter, Race,
    ReturnWhen, Sleep, TaskGroup, Timeout, Wait, WaitCondition, WaitSets, Waitable, YieldNow, as_completed, gather,
    shield, sleep, sleep_until, staggered_race, task_group, timeout, timeout_at, try_gather, wait, wait_for, yield_now,
};
#[cfg(all(unix, feature = "process"))]
pub use process::{Process, ProcessBuilder, create_subprocess_exec, create_subprocess_shell};
pub use run::run;
#[cfg(unix)]
pub use streams::{
    ClientResult, Listener, Server, ServerBuilder, StreamReader, StreamWriter, open_connection, open_unix_connection,
    start_server, start_unix_server,
};
pub use sync::{
    Barrier, BoundedSemaphore, Condition, Event, LifoQueue, Lock, LockGuard, PriorityQueue, Queue, Semaphore,
    SemaphorePermit,
};
pub use threads::{LoopHandle, ThreadsafeFuture, ThreadsafeHandle, to_thread};
