#![doc = include_str!("../docs/rustdoc/pages.md")]
#![doc = include_str!("../docs/rustdoc/front.md")]
#![doc = include_str!("../README.md")]
#![doc(test(attr(deny(warnings))))]
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(unix))))]

#[cfg(not(unix))]
compile_error!(
    "oneloop is for Unix systems: Linux first, macOS and FreeBSD as far as mio carries it. What follows is due to that."
);

// The architecture: a folder names only folders above it in this list, and a file only files above it in the list of
// its folder's `mod.rs`. `tests/tidy/main.rs` reads these lists.
#[cfg(doc)]
pub mod guide; // the pages of docs/, which no code names
pub mod error; // every error type
mod sys; // system calls that mio lacks
mod base; // data structures that know no loop
mod timer_wheel; // deadlines, in order
mod reactor; // readiness of descriptors, and the wake from other threads
mod kernel; // the parts of one loop: ready queue, task table, timers, inbox; it registers, and runs nothing
mod node; // what tasks, futures and gatherings have in common: how they end, and what is told then
mod current; // which loop, task and context this thread is in; how a task is woken
mod cancel; // how a cancellation travels between tasks, is thrown, and is caught
mod awaitables; // Task, Future, Shared, Awaitable, Gathering
mod primitives; // sleep, interval, gather, wait, as_completed, shield, timeout, task_group, staggered_race
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
#[cfg(all(unix, any(feature = "futures-io", feature = "tokio-io", feature = "hyper", feature = "stream")))]
pub mod adapters; // the traits of other crates
mod run; // the function `run`, the runner, and Ctrl-C
pub mod prelude; // what most programs use

#[doc(hidden)]
pub mod __private; // what the macros and sealed traits of the crate name

// The loop.
pub use base::Clock;
pub use event_loop::{EnterGuard, EventLoop, EventLoopBuilder, Left, TimerHandle, TimerPrecision, Turn, TurnBudget};
pub use kernel::Handle;
pub use run::{Runner, run};

// Tasks and futures, and the context that they run in.
pub use awaitables::{
    AnyFuture, Awaitable, CallbackId, CancelOnDrop, Future, Shared, Task, TaskHandle, all_tasks, create_future,
    create_task, current_task, ensure_future,
};
pub use base::Context;
pub use cancel::catch_cancelled;
pub use current::{ContextToken, ContextVar, copy_context};

// Several awaitables at once. `gather` and `wait` are each a function and the module of its types.
pub use primitives::{
    AsCompleted, Attempt, Race, ReturnWhen, TaskGroup, as_completed, gather, shield, staggered_race, task_group,
    try_gather, wait,
};

// Time.
pub use primitives::{
    Interval, MissedTicks, Sleep, Timeout, YieldNow, interval, interval_at, sleep, sleep_until, timeout, timeout_at,
    wait_for, yield_now,
};

// Synchronisation.
pub use sync::{
    Barrier, BoundedSemaphore, ClosableSemaphore, Condition, Event, LifoQueue, Lock, LockGuard, OwnedLockGuard,
    PriorityQueue, Queue, Semaphore, SemaphorePermit,
};

// Other threads.
pub use threads::{LoopHandle, RemoteTaskHandle, ThreadPool, ThreadsafeFuture, ThreadsafeHandle, to_thread};

// Descriptors, streams and processes; sockets are in `net`.
#[cfg(unix)]
pub use net::{Descriptor, getaddrinfo};
#[cfg(all(unix, feature = "process"))]
pub use process::{Process, ProcessBuilder, create_subprocess_exec, create_subprocess_shell};
#[cfg(unix)]
pub use streams::{
    ClientResult, Listener, Server, ServerBuilder, Stdin, StreamReader, StreamWriter, open_connection,
    open_unix_connection, start_server, start_unix_server, stdin,
};

// The errors that most programs write; all others are in `error`.
#[doc(inline)]
pub use error::{
    Cancelled, Closed, Deadlock, Error, Exception, ExceptionContext, GroupError, Panic, QueueShutDown, TaskError,
    TimeoutError,
};
