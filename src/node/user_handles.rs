//! The handles that users hold on a node, which are counted. Owns what happens when the last one is dropped, and how a
//! user sees an ending; must not know the types of handles.

use std::any::Any;

use super::ending::{Ending, State};
use super::node::{Core, Kind, Node, Promise, TaskState};
use super::report::{call_exception_handler, guarded};
use crate::error::{Exception, ExceptionContext, TaskError};

/// asyncio's words for the failure of a task that no await has seen.
const NEVER_RETRIEVED: &str = "Task exception was never retrieved";

/// Called when a user drops a handle. With the last handle, what only handles reach is dropped too, and a panic that no
/// await has seen is reported.
#[inline]
pub(crate) fn release(node: &(impl Node + ?Sized)) {
    let core = node.core();
    if core.drop_handle() {
        orphan(core, node);
    }
}

#[inline(never)] // so that the usual drop of a handle saves no registers
fn orphan(core: &Core, node: &(impl Node + ?Sized)) {
    report_unretrieved(core, || node.kind());
    node.orphaned();
}

/// Reports a panic that no await has seen, once no handle is left that could show it.
#[inline]
pub(crate) fn report_unretrieved<'a>(core: &Core, kind: impl FnOnce() -> Kind<'a>) {
    if core.state() == State::Panicked && !core.set_retrieved() {
        report_ending(core, &kind());
    }
}

/// Reports the panic with which a node ended.
#[cold]
pub(crate) fn report_ending(core: &Core, kind: &Kind<'_>) {
    let Some(Ending::Panicked(exception)) = core.ending() else { return };
    let exception = exception.into();
    let (message, task, created) = match kind {
        Kind::Task(state) => (NEVER_RETRIEVED, Some(state.name()), Some(state.created())),
        Kind::Plain | Kind::Gathering(_) => ("Future exception was never retrieved", None, None),
    };
    call_exception_handler(core.kernel(), &ExceptionContext { message, exception, task, created });
}

/// Reports the error of a task that has asked for that, since no handle is left that could show it.
#[inline]
pub(crate) fn report_unretrieved_error(core: &Core, state: &TaskState, value: &dyn Any) {
    if let Some(error_text) = state.error_text()
        && !core.was_retrieved()
    {
        report_error(core, state, || error_text(value));
    }
}

#[cold]
fn report_error(core: &Core, state: &TaskState, error_text: impl FnOnce() -> Option<String>) {
    // the text is made by code of the program
    guarded(core.kernel(), "Exception in Display of an error", || {
        let Some(text) = error_text() else { return };
        let (task, created) = (Some(state.name()), Some(state.created()));
        let exception = Exception::Error(text);
        call_exception_handler(core.kernel(), &ExceptionContext { message: NEVER_RETRIEVED, exception, task, created });
    });
}

/// Takes the outcome of a node out. From now on the program has seen how the node ended.
pub(crate) fn outcome<T>(promise: &dyn Promise<T>) -> Result<T, TaskError> {
    let core = promise.core();
    if core.state() == State::Pending {
        return Err(TaskError::NotDone);
    }
    core.set_retrieved();
    match core.ending() {
        None => promise.take().ok_or(TaskError::Taken),
        Some(ending) => Err(ending.into_error()),
    }
}
