//! Every error type of the crate.
//!
//! The errors that most programs write are also at the root of the crate: [`Error`], [`Cancelled`], [`TaskError`],
//! [`TimeoutError`], [`GroupError`], [`Panic`], [`Closed`], [`QueueShutDown`], [`Deadlock`], and the pair [`Exception`]
//! and [`ExceptionContext`] of the exception handler. All others are reached by this module alone.
//!
//! Every text ends with the remedy where there is one. Errors of sockets, streams and signals become an
//! [`std::io::Error`] by `?`, and so do those of time limits, task groups, runs, tasks and queues that are shut down.
//!
//! Errors of several kinds, and those with fields that have names, are `#[non_exhaustive]`: they may grow. Those that
//! are closed on purpose say so. An error without fields, or that holds nothing but the value that was refused, stays
//! as it is, so a program may make one, in a test say: `Err(TimeoutError)`.
//!
//! # Examples
//! A function that returns `io::Result` takes nearly all of them by `?`:
//! ```
//! use oneloop::{create_task, run, timeout};
//! use std::io;
//! use std::time::Duration;
//!
//! async fn answer() -> io::Result<u32> {
//!     let task = create_task(async { Ok::<u32, io::Error>(7) });
//!     timeout(Duration::from_secs(1), task).await?
//! }
//!
//! let answered = run(answer())?;
//! assert_eq!(answered?, 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Owns the types and texts; must not know what raises them.

mod inspect; // a loop that is looked into from outside
mod task; // the end of a task or future without a value
mod run; // the end of a run without a value
mod primitives; // time limits and task groups
mod sync; // semaphores, barriers and queues
mod net; // connections and watched descriptors
mod stream; // buffered streams
#[cfg(feature = "signal")]
mod signal; // signal handlers
#[cfg(feature = "tls")]
mod tls; // TLS
mod report; // what an exception handler receives

pub use inspect::InspectError;
pub use net::{ConnectError, WatchError};
pub use primitives::{GroupError, RescheduleError, TimeoutError};
pub use report::{Exception, ExceptionContext};
pub use run::{Closed, Deadlock, Error};
#[cfg(feature = "signal")]
pub use signal::SignalError;
pub(crate) use stream::SharedIoError;
pub use stream::{IncompleteReadError, LimitOverrunError, ReadError, SendfileError};
pub use sync::{BrokenBarrierError, GetError, PutError, QueueShutDown, ReleaseError, SemaphoreClosed, TaskDoneError};
pub use task::{Cancelled, InvalidState, Panic, TaskError};
#[cfg(feature = "tls")]
pub use tls::TlsError;
