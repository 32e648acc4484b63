//! The handle on a task for other threads. Owns the name by which a task is found again on its loop; must not know its
//! value.

use std::fmt;

use super::callback::ThreadsafeHandle;
use crate::awaitables::TaskHandle;
use crate::base::TaskKey;
use crate::cancel::cancel;
use crate::current;
use crate::error::Closed;
use crate::kernel::{LoopSender, Message};
use crate::node::Kind;

/// A handle on a task for other threads, from [`TaskHandle::remote`]. It is `Send`, can be cloned, and cancels: what
/// other libraries call an abort handle. It keeps neither the task nor the loop alive.
///
/// To have the task's value on another thread as well, make a [`ThreadsafeFuture`](crate::ThreadsafeFuture) of it by
/// [`Task::into_threadsafe`](crate::Task::into_threadsafe).
///
/// # Examples
/// ```
/// use oneloop::{catch_cancelled, create_task, run, sleep};
/// use std::{thread, time::Duration};
///
/// run(async {
///     let task = create_task(sleep(Duration::from_secs(3600)));
///     let remote = task.handle().remote();
///     thread::spawn(move || remote.cancel().expect("the loop is open"));
///     assert!(catch_cancelled(task).await.is_err());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[doc(alias = "AbortHandle")]
#[derive(Clone)]
pub struct RemoteTaskHandle {
    task: TaskName,
    sender: LoopSender,
}

impl TaskHandle {
    /// A handle on this task for other threads. It is `Send`, which this one is not.
    #[doc(alias = "abort_handle")]
    pub fn remote(&self) -> RemoteTaskHandle {
        RemoteTaskHandle { task: TaskName::of(self), sender: self.as_any().node().core().kernel().sender() }
    }
}

impl RemoteTaskHandle {
    /// Requests the cancellation of the task, on the loop's thread and in its next iteration: asyncio's
    /// `loop.call_soon_threadsafe(task.cancel)`. Does nothing if the task has ended by then.
    ///
    /// # Errors
    /// If the loop is closed, and its tasks are gone with it.
    #[doc(alias = "abort")]
    pub fn cancel(&self) -> Result<(), Closed> {
        self.task.cancel_from_anywhere(self.sender)
    }
}

impl fmt::Debug for RemoteTaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteTaskHandle").field("id", &self.task.id).finish_non_exhaustive()
    }
}

/// Names one task for ever: the key finds it, and the id tells it from a later task with the same key.
#[derive(Clone, Copy)]
pub(super) struct TaskName {
    key: TaskKey,
    id: u64,
}

impl TaskName {
    pub(super) fn of(task: &TaskHandle) -> Self {
        Self { key: task.state().key(), id: task.id() }
    }

    /// Sends the cancellation to the loop of the task.
    pub(super) fn cancel_from_anywhere(self, sender: LoopSender) -> Result<(), Closed> {
        let call = ThreadsafeHandle::new(move || self.cancel()).1;
        sender.send(Message::Run(call)).map_err(|_| Closed)
    }

    /// Cancels the task if it is alive. To be called on its loop's thread.
    fn cancel(self) {
        let kernel = current::expect();
        let task = kernel.task(self.key);
        let task = task.filter(|task| matches!(task.kind(), Kind::Task(state) if task.core().id_of(state) == self.id));
        if let Some(task) = task {
            cancel(&task, &None);
        }
    }
}
