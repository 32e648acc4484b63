//! The first step of a task that begins where it is made: asyncio's eager tasks. Owns when that is possible; must not
//! know what a step does.

use crate::current;
use crate::kernel::{Queued, nested_step};
use crate::node::{IN_DESTRUCTOR, Kind, NodeRef, guarded};

/// Why a task could not begin at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CannotBegin {
    /// Its loop does not run, or this thread is in another loop inside a callback of it.
    LoopNotRunning,
    /// Something was queued since it was made, or it was made in an earlier iteration: so it takes its turn.
    NotLastInQueue,
}

/// Takes the first step of a task inside what is running now, if it has not been taken yet. Nothing else may have been
/// queued since the task was made: its entry is taken off the end of the queue.
pub(super) fn begin_now(task: &NodeRef) -> Result<(), CannotBegin> {
    let kernel = task.core().kernel();
    let has_begun = matches!(task.kind(), Kind::Task(state) if state.has_started());
    if has_begun || task.core().is_done() {
        return Ok(());
    }
    if !kernel.life().is_running() || !current::is_in(kernel) {
        return Err(CannotBegin::LoopNotRunning);
    }
    let entry = kernel.ready().pop_last(task.queued()).ok_or(CannotBegin::NotLastInQueue)?;
    task.queued().set(false);
    nested_step(kernel, || guarded(kernel, IN_DESTRUCTOR, || task.step(task)));
    kernel.notes().add_eager(task, task.core().is_done());
    drop(entry); // the handle keeps the task, so this drops nothing else
    Ok(())
}
