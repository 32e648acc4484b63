//! Every error that a user can meet. Owns their types and texts; must not know what raises them.

mod error; // errors of runs, tasks and primitives
mod stream; // errors of streams
#[cfg(feature = "signal")]
mod signal; // errors of signal handlers

pub use error::{
    BrokenBarrierError, Cancelled, Closed, ConnectError, Deadlock, Error, Exception, ExceptionContext, GetError,
    GroupError, InvalidState, Panic, PutError, QueueShutDown, ReleaseError, RescheduleError, TaskDoneError, TaskError,
    TimeoutError, WatchError,
};
#[cfg(feature = "signal")]
pub use signal::SignalError;
pub(crate) use stream::KeptError;
pub use stream::{IncompleteReadError, LimitOverrunError, ReadError};
