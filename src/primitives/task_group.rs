//! Tasks that end together: asyncio's `TaskGroup`. Owns the run of a group and how tasks are started in it; must not
//! know `gather` or `wait`.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::group_coroutines::{catch_panic, result, value_or_error};
use super::group_state::{GroupState, Phase};
use crate::awaitables::{Task, begin_if_running, spawn};
use crate::base::PooledRc;
use crate::error::GroupError;

/// Runs `body` with a group in which it starts tasks, and returns when all of them have ended: asyncio's
/// `async with TaskGroup()`.
///
/// When the body or a child fails, the others are cancelled and waited for. Then all errors are returned together, in
/// the order in which the children ended, that of the body last. A child that was cancelled by other code has not
/// failed. If a child or the body panics, the others are cancelled and waited for too, and the panic is resumed here.
///
/// Of the task that runs the group, only the body is cancelled then. What a combinator polls beside the group, `join!`
/// for example, goes on. See [what a cancellation reaches](crate::guide::from_asyncio#what-a-cancellation-reaches).
///
/// # Examples
/// ```
/// use oneloop::{run, sleep, task_group};
/// use std::time::Duration;
///
/// run(async {
///     let ended: Result<(), _> = task_group(async |g| {
///         g.create_task(async { Err::<(), _>("boom") });
///         g.create_task(async { sleep(Duration::from_secs(3600)).await; Ok(()) }); // cancelled
///         Ok(())
///     }).await;
///     assert_eq!(ended.unwrap_err().errors, ["boom"]);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Errors
/// [`GroupError`] with the errors of the children and the body; without any if [`TaskGroup::cancel`] has ended the
/// body.
///
/// # Panics
/// If it is awaited outside a task, or if a child or the body panicked. Of several panics one is resumed, that of the
/// first child if there is one, and the others are reported to the exception handler.
///
/// # Cancel safety
/// A cancellation of the task, or of a time limit or a group around this one, cancels the body and the children, and is
/// raised again when they have ended. If there are errors then, they are returned, and the cancellation is raised at
/// the next await. If the group is dropped, it cancels its children and does not wait for them.
#[doc(alias = "JoinSet")]
pub async fn task_group<R, E, B>(body: B) -> Result<R, GroupError<E>>
where
    E: 'static,
    B: AsyncFnOnce(&TaskGroup<E>) -> Result<R, E>,
{
    let group = TaskGroup { state: GroupState::enter() };
    let state = &group.state;
    let _abandons = AbandonOnDrop(state.clone());

    let ended = state.catching(catch_panic(body(&group))).await;
    let (returned, mut cancelled) = match ended {
        Ok(Ok(returned)) => (Some(returned), None),
        Ok(Err(panic)) => {
            state.note_panic_of_body(panic);
            (None, None)
        }
        Err(cancelled) => (None, Some(cancelled)),
    };
    if !matches!(returned, Some(Ok(_))) && state.phase() == Phase::Running {
        state.abort();
    }

    state.wait_for_children(&mut cancelled).await;
    let others = state.other_requests();
    state.finish();
    if others == 0 && state.scope.has_thrown() {
        cancelled = None; // it was the group's own, which has ended the body
    }

    state.resume_panic();
    match state.conclude(returned, cancelled, others > 0) {
        Ok(result) => result,
        Err(cancelled) => cancelled.reraise().await,
    }
}

/// The group that [`task_group`](fn@task_group) passes to its body. Its clones are the same group, so that children can
/// start others.
///
/// # Examples
/// ```
/// use oneloop::{run, task_group, yield_now};
///
/// async fn download(page: u32) -> Result<u32, String> {
///     yield_now().await;
///     if page == 7 { Err("no page 7".to_owned()) } else { Ok(100 * page) }
/// }
///
/// let sum = run(task_group(async |group| {
///     let first = group.create_task(download(1));
///     let second = group.create_task(download(2));
///     Ok(first.await + second.await) // their values: an error of one would end the group
/// }))?;
/// assert_eq!(sum.unwrap(), 300);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// A child that starts others:
/// ```
/// use oneloop::{TaskGroup, run, task_group};
///
/// async fn count_down(group: TaskGroup<std::io::Error>, from: u32) -> std::io::Result<()> {
///     if from > 0 {
///         let rest = count_down(group.clone(), from - 1);
///         group.create_task(Box::pin(rest) as std::pin::Pin<Box<dyn Future<Output = _>>>);
///     }
///     Ok(())
/// }
///
/// run(async {
///     task_group(async |group| {
///         group.create_task(count_down(group.clone(), 3));
///         Ok(())
///     })
///     .await // all four have ended
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TaskGroup<E> {
    state: PooledRc<GroupState<E>>,
}

impl<E: 'static> TaskGroup<E> {
    /// Starts a task in the group: asyncio's `TaskGroup.create_task`. Its handle gives the value alone, as no error is
    /// left once the group has returned one: an error of the task goes to the group, which has any type of errors. For
    /// those that await it, a task that has failed ends cancelled; the body and the other children are cancelled then
    /// anyway.
    ///
    /// While the group is aborting, the task is cancelled before it starts, where asyncio raises an error.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{run, task_group};
    /// use std::io;
    /// async fn size(text: &'static str) -> io::Result<usize> {
    ///     if text.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(text.len()) }
    /// }
    ///
    /// async fn sizes(texts: [&'static str; 2]) -> io::Result<usize> {
    ///     let sum = task_group(async |g| {
    ///         let [first, second] = texts.map(|text| g.create_task(size(text)));
    ///         Ok::<_, io::Error>(first.await + second.await)
    ///     });
    ///     Ok(sum.await?)
    /// }
    ///
    /// run(async {
    ///     assert_eq!(sizes(["one", "three"]).await.unwrap(), 8);
    ///     assert_eq!(sizes(["one", ""]).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the group is finished.
    #[track_caller]
    pub fn create_task<F, V>(&self, future: F) -> Task<V>
    where
        F: Future<Output = Result<V, E>> + 'static,
        V: 'static,
    {
        let (place, group) = (self.place_for_child(), self.state.clone());
        let child = value_or_error(future, move |error| group.note_error(place, error));
        self.spawn(place, child, Location::caller())
    }

    /// Starts a task in the group whose handle gives what it returned, its error included: that goes to the group and
    /// to the awaiter of the task, hence the bound `Clone`; wrap an error that has none in an `Rc`. Otherwise as
    /// [`create_task`](Self::create_task).
    ///
    /// # Examples
    /// ```
    /// use oneloop::{run, task_group};
    ///
    /// run(async {
    ///     let ended: Result<(), _> = task_group(async |g| {
    ///         let mut child = g.create_result_task(async { Err::<(), _>("boom") });
    ///         oneloop::shield(async move { assert_eq!(child.outcome().await.unwrap(), Err("boom")) }).await;
    ///         Ok(())
    ///     }).await;
    ///     assert_eq!(ended.unwrap_err().errors, ["boom"]);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the group is finished.
    #[track_caller]
    pub fn create_result_task<F, V>(&self, future: F) -> Task<Result<V, E>>
    where
        F: Future<Output = Result<V, E>> + 'static,
        V: 'static,
        E: Clone,
    {
        let (place, group) = (self.place_for_child(), self.state.clone());
        let child = result(future, move |error: &E| group.note_error(place, error.clone()));
        self.spawn(place, child, Location::caller())
    }

    /// Cancels the children and what the body awaits: asyncio's `TaskGroup.cancel()`, of 3.15. It can be called by the
    /// body, by a child, or by any other code of the loop; after the group has finished, or a second time, it does
    /// nothing.
    ///
    /// The group waits for its children, and then returns what its body has returned. If the cancellation has ended the
    /// body, there is no value: the group returns a [`GroupError`] without errors. What fails meanwhile is in it.
    ///
    /// A cancellation or a time limit from around the group that comes meanwhile is not lost, as it may be in asyncio.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Event, run, sleep, task_group};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let ended: Result<(), _> = task_group(async |g| {
    ///         let group = g.clone();
    ///         g.create_task(async move {
    ///             sleep(Duration::from_millis(1)).await;
    ///             group.cancel(); // enough
    ///             Ok::<_, &str>(())
    ///         });
    ///         Event::new().wait().await; // never set
    ///         Ok(())
    ///     })
    ///     .await;
    ///     assert!(ended.unwrap_err().errors.is_empty());
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn cancel(&self) {
        self.state.cancel();
    }

    #[track_caller]
    fn place_for_child(&self) -> u32 {
        assert!(
            self.state.phase() != Phase::Finished,
            "the task group is finished, so it can start no task; use create_task"
        );
        self.state.next_place()
    }

    fn spawn<F>(&self, place: u32, child: F, created: &'static Location<'static>) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let state = &self.state;
        let task = spawn(Rc::clone(&state.kernel), child, created);
        GroupState::watch(state, place, task.join().node());
        if state.phase() == Phase::Aborting {
            task.cancel();
        }
        if state.kernel.life().is_eager() {
            begin_if_running(&task.join().node());
        }
        task
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone() }
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let children = self.state.children.borrow().len();
        f.debug_struct("TaskGroup").field("tasks", &children).finish_non_exhaustive()
    }
}

/// A group whose run is dropped before its end cancels the children, and takes back its request to end the body.
struct AbandonOnDrop<E: 'static>(PooledRc<GroupState<E>>);

impl<E: 'static> Drop for AbandonOnDrop<E> {
    fn drop(&mut self) {
        if self.0.phase() != Phase::Finished {
            self.0.abandon();
        }
    }
}
