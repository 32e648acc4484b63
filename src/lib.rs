#![doc = include_str!("../docs/rustdoc/pages.md")]
#![doc = include_str!("../docs/rustdoc/front.md")]
#![doc = include_str!("../README.md")]
#![doc(test(attr(deny(warnings))))]

// pages of documentation, which no code can name
#[cfg(all(doc, not(doctest)))]
pub mod guide;

// The architecture. A module may name only modules of the groups above its own; `tests/tidy.rs` reads this list.

// system calls that the libraries below us lack
mod sys;

// values: none knows that a loop exists
mod byte_queue;
mod cast;
mod clock;
mod counted;
mod errand;
mod error;
#[cfg(feature = "signal")]
mod kept;
mod key;
mod poll_with;
mod thread_pool;
mod timer_wheel;
mod variables;
mod wait_list;

// parts: each owns one resource of a loop and knows no other part
mod inbox;
mod reactor;
mod ready;

// a callback that can be cancelled
mod handle;
mod threadsafe_handle;

// the parts of one loop: it registers, it never runs
mod kernel;

// what tasks, futures and gatherings have in common
mod node;

// which loop this thread is in, and which context of variables
mod context;

// how a node is woken; a callback with a deadline; variables whose values the context has
mod context_var;
mod timer_handle;
mod waker;

// cancellation: how it travels between tasks, how it rises through one
mod cancel;
mod throw;

// a share of a node without its type
mod any_future;

// a share of a node with a value
mod join;

// the two kinds of node that users make: one is settled, one runs
mod future;
mod task;

// views of a value
mod shared;

// the handle on several at once
mod gathering;

// whatever can be awaited, as one of the above
mod ensure;

// the loop: it runs
mod event_loop;

// a coroutine, and a loop, as other threads see them
mod threadsafe_future;

mod loop_handle;

// the primitives
#[cfg(unix)]
mod descriptor;
mod gather;
#[cfg(unix)]
mod readers;
mod shield;
mod time;
mod wait;

// the primitives that are made of those
mod as_completed;
mod staggered;
mod task_group;
mod timeout;

// what the system tells the process
#[cfg(all(unix, any(feature = "signal", feature = "process")))]
pub mod signal;

// Ctrl-C and the main future
#[cfg(feature = "signal")]
mod interrupt;

// tasks in line, in front of something
mod line;

// locks and what is like them
mod event;
mod lock;
mod queue;
mod semaphore;

// a lock that is let go while its holder waits
mod condition;

// a round of waits on that
mod barrier;

// calls that block, on threads
mod executor;

// one of them: names to addresses
mod resolver;

// sockets and pipes
#[cfg(unix)]
pub mod net;

// what a stream moves its bytes over
#[cfg(unix)]
mod wire;

// a connection as its reader and its writer see it
#[cfg(unix)]
mod stream;

// the two handles on that
#[cfg(unix)]
mod stream_reader;
#[cfg(unix)]
mod stream_writer;

// both of a new connection
#[cfg(unix)]
mod connection;

// the same for those who connect to us
#[cfg(unix)]
mod server;

// child processes, whose pipes are streams
#[cfg(all(unix, feature = "process"))]
mod process;

// the main future
mod run;

// what the crate's macros and sealed traits name, and nobody else
#[doc(hidden)]
pub mod hidden;

pub use any_future::{AnyFuture, CallbackId, TaskHandle, all_tasks, current_task};
pub use as_completed::{AsCompleted, as_completed};
pub use barrier::Barrier;
pub use clock::Clock;
pub use condition::Condition;
#[cfg(unix)]
pub use connection::{open_connection, open_unix_connection};
pub use context_var::{ContextToken, ContextVar, copy_context};
#[cfg(unix)]
pub use descriptor::Descriptor;
pub use ensure::ensure_future;
#[cfg(feature = "signal")]
pub use error::SignalError;
pub use error::{
    BrokenBarrierError, Cancelled, Closed, ConnectError, Deadlock, Error, Exception, ExceptionContext, GetError,
    GroupError, IncompleteReadError, InvalidState, LimitOverrunError, Panic, PutError, QueueShutDown, ReadError,
    ReleaseError, RescheduleError, TaskDoneError, TaskError, TimeoutError, WatchError,
};
pub use event::Event;
pub use event_loop::{Builder, Entered, EventLoop};
pub use executor::to_thread;
pub use future::{Future, create_future};
pub use gather::{gather, try_gather};
pub use gathering::{FirstError, Gathering, Outcomes, Values};
pub use handle::Handle;
pub use lock::{Lock, LockGuard};
pub use loop_handle::LoopHandle;
#[cfg(all(unix, feature = "process"))]
pub use process::{Process, ProcessBuilder, create_subprocess_exec, create_subprocess_shell};
pub use queue::{LifoQueue, PriorityQueue, Queue};
pub use resolver::getaddrinfo;
pub use run::run;
pub use semaphore::{BoundedSemaphore, Semaphore, SemaphorePermit};
#[cfg(unix)]
pub use server::{Listener, Served, Server, ServerBuilder, start_server, start_unix_server};
pub use shared::{Awaitable, Shared};
pub use shield::shield;
pub use staggered::{Attempt, Race, staggered_race};
#[cfg(unix)]
pub use stream_reader::StreamReader;
#[cfg(unix)]
pub use stream_writer::StreamWriter;
pub use task::{Task, create_task};
pub use task_group::{TaskGroup, task_group};
pub use thread_pool::ThreadPool;
pub use threadsafe_future::ThreadsafeFuture;
pub use threadsafe_handle::ThreadsafeHandle;
pub use throw::catch_cancelled;
pub use time::{Sleep, YieldNow, sleep, sleep_until, yield_now};
pub use timeout::{Timeout, timeout, timeout_at, wait_for};
pub use timer_handle::TimerHandle;
pub use variables::Context;
pub use wait::{
    AllCompleted, FirstCompleted, FirstException, Pending, PendingIntoIter, PendingIter, ReturnWhen, Wait,
    WaitCondition, WaitSets, Waitable, wait,
};
