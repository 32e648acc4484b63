//! What the exception handler of a loop receives. Owns the report and its text; must not know the loop.

use std::fmt;
use std::panic::Location;

use thiserror::Error;

use super::task::Panic;

/// A report to the exception handler: asyncio's `context` dictionary.
///
/// # Examples
/// ```
/// use oneloop::EventLoop;
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// let (lp, reports) = (EventLoop::new()?, Rc::new(RefCell::new(Vec::new())));
/// let kept = reports.clone();
/// lp.set_exception_handler(move |context| kept.borrow_mut().push(context.exception.message().to_owned()));
/// lp.call_soon(|| panic!("a callback"));
/// lp.run_until_complete(oneloop::yield_now())?;
/// assert_eq!(*reports.borrow(), ["a callback"]);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExceptionContext {
    /// What happened, in asyncio's words.
    pub message: &'static str,
    /// What was raised.
    pub exception: Exception,
    /// The name of the task that raised it, if a task did.
    pub task: Option<String>,
    /// Where the task or callback was created.
    pub created: Option<&'static Location<'static>>,
}

/// A panic or error that no await sees.
///
/// # Examples
/// ```
/// use oneloop::{Exception, ExceptionContext};
///
/// /// A panic is a fault of the program, an error may be one of the network.
/// fn is_fault(context: &ExceptionContext) -> bool {
///     matches!(context.exception, Exception::Panic(_))
/// }
/// # let _ = is_fault;
/// ```
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Exception {
    /// A panic.
    #[error(transparent)]
    Panic(#[from] Panic),
    /// The text of an error.
    #[error("{0}")]
    Error(String),
}

impl Exception {
    /// The text of the panic or error.
    pub fn message(&self) -> &str {
        match self {
            Self::Panic(panic) => panic.message(),
            Self::Error(text) => text,
        }
    }
}

impl fmt::Display for ExceptionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if let Some(task) = &self.task {
            write!(f, " ({task})")?;
        }
        write!(f, ": {}", self.exception)?;
        self.created.map_or(Ok(()), |place| write!(f, ", created at {place}"))
    }
}
