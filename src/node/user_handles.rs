//! What users hold of a node: handles, which are counted. Owns what happens when the last one goes, and the look at an
//! ending; must not know the types of handles.

use super::ending::{Ending, State};
use super::node::{Core, Kind, Node, Promise};
use super::report::call_exception_handler;
use crate::error::{ExceptionContext, TaskError};

/// A user drops a handle. With the last one goes what only handles can reach; a panic that was not seen is reported.
pub(crate) fn release(node: &(impl Node + ?Sized)) {
    let core = node.core();
    if core.drop_handle() {
        report_unretrieved(core, &node.kind());
        node.orphaned();
    }
}

/// Tells the exception handler of a panic that no handle is left to show.
#[inline]
pub(crate) fn report_unretrieved(core: &Core, kind: &Kind<'_>) {
    if core.state() == State::Panicked && !core.set_retrieved() {
        report_ending(core, kind);
    }
}

#[cold]
fn report_ending(core: &Core, kind: &Kind<'_>) {
    let Some(Ending::Panicked(exception)) = core.ending() else { return };
    let exception = exception.into();
    let (message, task, created) = match kind {
        Kind::Task(s) => ("Task exception was never retrieved", Some(s.name()), Some(s.created())),
        _ => ("Future exception was never retrieved", None, None),
    };
    call_exception_handler(core.kernel(), &ExceptionContext { message, exception, task, created });
}

/// How a node with a value of type `T` ended. The ending counts as seen.
pub(crate) fn outcome<T>(promise: &dyn Promise<T>) -> Result<T, TaskError> {
    let core = promise.core();
    if core.state() == State::Pending {
        return Err(TaskError::NotDone);
    }
    core.set_retrieved();
    match core.ending() {
        None => promise.take().ok_or(TaskError::Taken),
        Some(ending) => Err(ending.into()),
    }
}
