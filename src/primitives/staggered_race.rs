//! Coroutines that start one after another and race: asyncio's `staggered_race`, which is private there. Owns when each
//! is started, and the end of the losers; must not know what the coroutines do.

use std::time::Duration;

use super::wait::ReturnWhen;
use super::wait::wait::wait;
use crate::awaitables::{Task, TaskHandle, create_task, current_task};
use crate::cancel::catch_cancelled;
use crate::current::{self, deadline_after};
use crate::error::{Cancelled, TaskError};
use crate::node::State;

/// The result of a race.
///
/// # Examples
/// ```
/// use oneloop::{Attempt, Race, run, staggered_race};
///
/// type Refusal = &'static str;
///
/// run(async {
///     let tries = [Err("refused"), Ok(7)].map(|answer: Result<u32, Refusal>| async move || answer);
///     let Race { winner, attempts, .. } = staggered_race(tries, None).await;
///     assert_eq!(winner, Some((1, 7)));
///     assert_eq!(attempts[0], Attempt::Failed("refused"));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Race<T, E> {
    /// The index of the winner among the starts, and its value; `None` if there is no winner.
    pub winner: Option<(usize, T)>,
    /// What became of each coroutine that was started, in order.
    pub attempts: Vec<Attempt<E>>,
}

/// What became of one coroutine of a race.
///
/// Without `#[non_exhaustive]` on purpose, so that a `match` needs no arm `_`: there are these three ways to end a
/// race.
///
/// # Examples
/// ```
/// use oneloop::Attempt;
///
/// fn told(attempt: &Attempt<std::io::Error>) -> String {
///     match attempt {
///         Attempt::Won => "connected".to_owned(),
///         Attempt::Failed(error) => error.to_string(),
///         Attempt::Cancelled => "another was faster".to_owned(),
///     }
/// }
/// # let _ = told;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt<E> {
    /// It was the first to return a value.
    Won,
    /// It returned an error.
    Failed(E),
    /// It was cancelled: because another coroutine had won, or by other code. Also a coroutine that returned a value in
    /// the same iteration as the winner, but after it.
    Cancelled,
}

/// Starts coroutines one after another and returns the value of the first that returns one: asyncio's `staggered_race`.
///
/// The first is started at once. Each of the others is started when the one before it has failed, or `delay` after the
/// start of that one; without a delay, only when it has failed. The first value wins: the other coroutines are
/// cancelled, and have ended when this returns. Connecting to one of several addresses (RFC 8305) is such a race.
///
/// # Examples
/// ```
/// use oneloop::{Attempt, Clock, EventLoop, sleep, staggered_race};
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// lp.run_until_complete(async {
///     let mirrors = [900, 200, 100].map(|ms| move || async move {
///         sleep(Duration::from_millis(ms)).await;
///         Ok::<_, String>(ms)
///     });
///     let race = staggered_race(mirrors, Duration::from_millis(250)).await;
///     assert_eq!(race.winner, Some((1, 200))); // started after 250 ms, done after 450
///     assert_eq!(race.attempts, [Attempt::Cancelled, Attempt::Won]);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If this thread is in no loop. A panic of a coroutine is resumed here, when the others have ended. If several panic,
/// the first is resumed, and the others are reported to the exception handler.
///
/// # Cancel safety
/// If it is cancelled, it cancels all coroutines, waits until they have ended, and raises the cancellation again. If it
/// is dropped, it cancels them.
pub async fn staggered_race<T, E, F, S>(
    starts: impl IntoIterator<Item = S>,
    delay: impl Into<Option<Duration>>,
) -> Race<T, E>
where
    S: FnOnce() -> F,
    F: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: 'static,
{
    let mut runners = Runners { tasks: Vec::new(), attempts: Vec::new(), winner: None, panicked: None };
    let (mut starts, delay) = (starts.into_iter().fuse(), delay.into());
    let mut next = starts.next();
    while let Some(start) = next.take().filter(|_| runners.is_undecided()) {
        runners.start(start());
        next = starts.next();
        let limit = delay.filter(|_| next.is_some());
        if let Err(cancelled) = catch_cancelled(runners.wait_for_next_start(limit)).await {
            runners.end_all().await;
            cancelled.reraise().await;
        }
    }
    if let Some(cancelled) = runners.end_all().await {
        cancelled.reraise().await;
    }
    runners.into_race()
}

/// The coroutines that were started. Those that have not ended are cancelled if this is dropped.
struct Runners<T: 'static, E: 'static> {
    /// Those that have not ended, with their indexes among the starts.
    tasks: Vec<(usize, Task<Result<T, E>>)>,
    attempts: Vec<Attempt<E>>,
    winner: Option<(usize, T)>,
    /// The first task that has panicked. Its panic is resumed at the end; that of another is reported.
    panicked: Option<Task<Result<T, E>>>,
}

impl<T: 'static, E: 'static> Runners<T, E> {
    /// Whether none has won and none has panicked.
    fn is_undecided(&self) -> bool {
        self.winner.is_none() && self.panicked.is_none()
    }

    fn start(&mut self, coroutine: impl Future<Output = Result<T, E>> + 'static) {
        self.tasks.push((self.attempts.len(), create_task(coroutine)));
        self.attempts.push(Attempt::Cancelled); // until `settle` notes another end
    }

    /// Waits until the race is decided, the coroutine that was started last has failed, or `limit` has passed. Without
    /// a limit, waits until the race is decided or all coroutines have ended.
    async fn wait_for_next_start(&mut self, limit: Option<Duration>) {
        let kernel = current::expect();
        let deadline = limit.map(|limit| deadline_after(&kernel, limit));
        let last = self.attempts.len() - 1;
        while self.is_undecided() && self.tasks.iter().any(|(index, _)| *index == last || limit.is_none()) {
            let left = deadline.map(|at| Duration::from_nanos(at.saturating_sub(kernel.clock().now())));
            let sets = wait(self.handles()).return_when(ReturnWhen::FirstCompleted).timeout(left).await;
            sets.done.iter().for_each(|handle| self.settle(handle.id()));
            if sets.timed_out {
                return;
            }
        }
    }

    fn handles(&self) -> Vec<TaskHandle> {
        self.tasks.iter().map(|(_, task)| task.handle()).collect()
    }

    /// Notes how the task with this number ended. A value after the first is dropped.
    fn settle(&mut self, id: u64) {
        let Some(at) = self.tasks.iter().position(|(_, task)| task.id() == id) else { return };
        let (index, task) = self.tasks.remove(at);
        if task.join().core().state() == State::Panicked {
            self.panicked.get_or_insert(task);
            return;
        }
        match task.into_result() {
            Ok(Ok(value)) if self.winner.is_none() => {
                self.winner = Some((index, value));
                self.attempts[index] = Attempt::Won;
            }
            Ok(Err(error)) => self.attempts[index] = Attempt::Failed(error),
            Ok(Ok(_)) | Err(_) => {}
        }
    }

    /// Cancels all tasks and waits until they have ended. Returns the last cancellation that arrived meanwhile. It is
    /// handed on to the tasks, unless it is their own that came back, since one of them awaits the task of the race:
    /// that would go round for ever.
    async fn end_all(&mut self) -> Option<Cancelled> {
        let mut interrupted = None;
        let mut has_come_back = false;
        while !self.tasks.is_empty() {
            if !std::mem::take(&mut has_come_back) {
                has_come_back = self.cancel_all();
            }
            let handles = self.handles();
            match catch_cancelled(async { drop(wait(handles).await) }).await {
                Ok(()) => {
                    let ids: Vec<_> = self.tasks.iter().map(|(_, task)| task.id()).collect();
                    for id in ids {
                        self.settle(id);
                    }
                }
                Err(cancelled) => interrupted = Some(cancelled),
            }
        }
        interrupted
    }

    /// Cancels all tasks. Returns whether that has cancelled the task of the race.
    fn cancel_all(&self) -> bool {
        let requests = || current_task().map_or(0, |task| task.cancelling());
        let before = requests();
        for (_, task) in &self.tasks {
            task.cancel();
        }
        requests() > before
    }

    fn into_race(mut self) -> Race<T, E> {
        if let Some(Err(TaskError::Panicked(panic))) = self.panicked.take().map(Task::into_result) {
            panic.resume();
        }
        Race { winner: self.winner.take(), attempts: std::mem::take(&mut self.attempts) }
    }
}

impl<T: 'static, E: 'static> Drop for Runners<T, E> {
    fn drop(&mut self) {
        for (_, task) in &self.tasks {
            task.cancel();
        }
    }
}
