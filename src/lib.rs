#![doc = include_str!("../docs/rustdoc/pages.md")]
#![doc = include_str!("../docs/rustdoc/front.md")]
#![doc = include_str!("../docs/rustdoc/timeline.md")]
#![doc = include_str!("../README.md")]
#![doc = include_str!("../docs/rustdoc/map.md")]
#![cfg_attr(
    all(
        feature = "signal",
        feature = "process",
        feature = "tls",
        any(feature = "hyper", feature = "stream", feature = "tokio-io", feature = "futures-io", feature = "tracing")
    ),
    doc = include_str!("../docs/rustdoc/map_of_features.md")
)]
#![doc(test(attr(deny(warnings))))]
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(unix))))]

// Elsewhere nothing of the crate is compiled, so that this stays the only error: hence all the `cfg(unix)`.
#[cfg(not(unix))]
compile_error!("oneloop is for Unix systems: Linux first, macOS and FreeBSD as far as mio carries it");

// The architecture: a folder names only folders above it in this list, and a file only files above it in the list of
// its folder's `mod.rs`. `tests/tidy/main.rs` reads these lists.
#[cfg(all(unix, doc))]
pub mod guide; // the pages of docs/, which no code names
#[cfg(unix)]
pub mod error; // every error type
#[cfg(unix)]
mod sys; // system calls that mio lacks
#[cfg(unix)]
mod base; // data structures that know no loop
#[cfg(unix)]
mod timer_wheel; // deadlines, in order
#[cfg(unix)]
mod reactor; // readiness of descriptors, and the wake from other threads
#[cfg(unix)]
mod kernel; // the parts of one loop: ready queue, task table, timers, inbox; it registers, and runs nothing
#[cfg(unix)]
mod node; // what tasks, futures and gatherings have in common: how they end, and what is told then
#[cfg(unix)]
mod current; // which loop, task and context this thread is in; how a task is woken
#[cfg(unix)]
mod cancel; // how a cancellation travels between tasks, is thrown, and is caught
#[cfg(unix)]
mod awaitables; // Task, Future, Shared, Awaitable, Gathering
#[cfg(unix)]
mod inspect; // the call graph: who waits for whom
#[cfg(unix)]
mod primitives; // sleep, interval, gather, wait, as_completed, shield, timeout, task_group, staggered_race
#[cfg(unix)]
mod sync; // locks, events, conditions, semaphores, barriers, queues
#[cfg(unix)]
pub mod observe; // what is told of what a loop does, and the recorder of a timeline
#[cfg(unix)]
mod event_loop; // one iteration, runs, closing, the builder
#[cfg(unix)]
mod threads; // calls that block, and a loop as other threads see it
#[cfg(all(unix, any(feature = "signal", feature = "process")))]
pub mod signal; // signals of the process
#[cfg(unix)]
pub mod net; // sockets and pipes
#[cfg(all(unix, feature = "tls"))]
pub mod tls; // sessions of TLS, without sockets
#[cfg(unix)]
mod streams; // buffered streams and servers
#[cfg(unix)]
pub mod console; // the socket by which a running program is looked into
#[cfg(all(unix, feature = "process"))]
mod process; // child processes
#[cfg(all(
    unix,
    any(feature = "futures-io", feature = "tokio-io", feature = "hyper", feature = "stream", feature = "tracing")
))]
pub mod adapters; // the traits of other crates
#[cfg(unix)]
mod run; // the function `run`, the runner, and Ctrl-C
#[cfg(unix)]
pub mod prelude; // what most programs use

#[cfg(unix)]
#[doc(hidden)]
pub mod __private; // what the macros and sealed traits of the crate name

// The loop.
#[cfg(unix)]
pub use base::Clock;
#[cfg(unix)]
pub use event_loop::{
    EnterGuard, EventLoop, EventLoopBuilder, Left, TimerHandle, TimerPrecision, Turn, TurnBudget, explore,
};
#[cfg(unix)]
pub use kernel::Handle;
#[cfg(unix)]
pub use observe::{Moment, ObservedTask, Observer, Recorder, Timeline};
#[cfg(unix)]
pub use run::{Runner, run};

// Tasks and futures, and the context that they run in.
#[cfg(unix)]
pub use awaitables::{
    AnyFuture, Awaitable, CallbackId, CancelOnDrop, Future, Shared, Task, TaskHandle, WaitDetail, all_tasks,
    create_future, create_task, current_task, ensure_future,
};
#[cfg(unix)]
pub use base::Context;
#[cfg(unix)]
pub use cancel::catch_cancelled;
#[cfg(unix)]
pub use current::{ContextToken, ContextVar, copy_context};

// Seeing inside.
#[cfg(unix)]
pub use inspect::{CallGraph, GraphNode, NodeKind, NodeState};

// Several awaitables at once. `gather` and `wait` are each a function and the module of its types.
#[cfg(unix)]
pub use primitives::{
    AsCompleted, Attempt, Race, ReturnWhen, TaskGroup, as_completed, gather, shield, staggered_race, task_group,
    try_gather, wait,
};

// Time.
#[cfg(unix)]
pub use primitives::{
    Interval, MissedTicks, Sleep, Timeout, YieldNow, interval, interval_at, sleep, sleep_until, timeout, timeout_at,
    wait_for, yield_now,
};

// Synchronisation.
#[cfg(unix)]
pub use sync::{
    Barrier, BoundedSemaphore, ClosableSemaphore, Condition, Event, LifoQueue, Lock, LockGuard, OwnedLockGuard,
    PriorityQueue, Queue, Semaphore, SemaphorePermit,
};

// Other threads.
#[cfg(unix)]
pub use threads::{LoopHandle, RemoteTaskHandle, ThreadPool, ThreadsafeFuture, ThreadsafeHandle, to_thread};

// Descriptors, streams and processes; sockets are in `net`.
#[cfg(unix)]
pub use net::{Descriptor, getaddrinfo};
#[cfg(all(unix, feature = "process"))]
pub use process::{Process, ProcessBuilder, create_subprocess_exec, create_subprocess_shell};
#[cfg(unix)]
pub use streams::{
    ClientResult, Listener, Server, ServerBuilder, ServerSocket, Stdin, StreamReader, StreamWriter, open_connection,
    open_unix_connection, start_server, start_unix_server, stdin,
};

// The errors that most programs write; all others are in `error`.
#[cfg(unix)]
#[doc(inline)]
pub use error::{
    Cancelled, Closed, Deadlock, Error, Exception, ExceptionContext, GroupError, Panic, QueueShutDown, TaskError,
    TimeoutError,
};
