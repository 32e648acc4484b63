//! Coroutines that start one after another and race: asyncio's `staggered_race`, which is private there. Owns the order
//! of the starts and the end of the losers; must not know what they do.

use std::time::Duration;

use crate::awaitables::{Task, create_task};
use crate::base::nanos;
use crate::cancel::catch_cancelled;
use crate::current;
use crate::error::{Cancelled, Panic, TaskError};
use crate::primitives::wait::{ReturnWhen, wait};

/// How a race ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Race<T, E> {
    /// The value of the winner and its place among the starts; `None` if nobody won.
    pub winner: Option<(usize, T)>,
    /// What became of each that was started, in order.
    pub attempts: Vec<Attempt<E>>,
}

/// What became of one who raced.
///
/// Closed on purpose, so that a `match` needs no arm `_`: a race ends for each in one of these three ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt<E> {
    /// It was the first to return a value.
    Won,
    /// It failed.
    Failed(E),
    /// Another had won; or, of two values in one iteration, another came first; or somebody cancelled its task.
    Cancelled,
}

/// Starts coroutines one after another, and gives the value of the first that returns one: asyncio's `staggered_race`.
///
/// The first is started at once; each of the others when the one before it has failed, or `delay` after that was started.
/// Without a delay each waits for the failure of the one before. The first value wins: the others are cancelled, and have
/// ended when this returns. How a connection picks among addresses (RFC 8305) is such a race.
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
/// If this thread is in no loop. A panic of a coroutine goes on here, when the others have ended.
///
/// # Cancel safety
/// Cancelled, it cancels all who race, waits until they have ended, and goes on with the cancellation. Dropped, it cancels
/// them.
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
    let mut running = Running { tasks: Vec::new(), attempts: Vec::new(), winner: None, panic: None };
    let (mut starts, delay) = (starts.into_iter().fuse(), delay.into());
    let mut next = starts.next();
    while let Some(start) = next.take().filter(|_| running.is_open()) {
        running.start(start());
        next = starts.next();
        let limit = delay.filter(|_| next.is_some());
        if let Err(cancelled) = catch_cancelled(running.until_the_last_fails(limit)).await {
            running.end_all().await;
            cancelled.reraise().await;
        }
    }
    if let Some(cancelled) = running.end_all().await {
        cancelled.reraise().await;
    }
    running.into_race()
}

/// What runs, under its place among the starts, and what has become of the rest.
struct Running<T: 'static, E: 'static> {
    tasks: Vec<(usize, Task<Result<T, E>>)>,
    attempts: Vec<Attempt<E>>,
    winner: Option<(usize, T)>,
    panic: Option<Panic>,
}

impl<T: 'static, E: 'static> Running<T, E> {
    /// Whether nobody has won, and nobody has panicked.
    fn is_open(&self) -> bool {
        self.winner.is_none() && self.panic.is_none()
    }

    fn start(&mut self, coroutine: impl Future<Output = Result<T, E>> + 'static) {
        self.tasks.push((self.attempts.len(), create_task(coroutine)));
        self.attempts.push(Attempt::Cancelled); // unless it comes to another end
    }

    /// Waits until somebody has won, the one that was started last has failed, or `limit` has passed.
    async fn until_the_last_fails(&mut self, limit: Option<Duration>) {
        let kernel = current::expect();
        let deadline = limit.map(|limit| kernel.clock().now().saturating_add(nanos(limit)));
        let last = self.attempts.len() - 1;
        while self.is_open() && self.tasks.iter().any(|(place, _)| *place == last || limit.is_none()) {
            let left = deadline.map(|at| Duration::from_nanos(at.saturating_sub(kernel.clock().now())));
            let handles = self.tasks.iter().map(|(_, task)| task.handle());
            let sets = wait(handles).return_when(ReturnWhen::FirstCompleted).timeout(left).await;
            sets.done.iter().for_each(|handle| self.settle(handle.id()));
            if sets.timed_out {
                return;
            }
        }
    }

    /// A task has ended: notes how. A value that is not the first comes too late.
    fn settle(&mut self, id: u64) {
        let Some(at) = self.tasks.iter().position(|(_, task)| task.id() == id) else { return };
        let (place, task) = self.tasks.remove(at);
        match task.into_result() {
            Ok(Ok(value)) if self.winner.is_none() => {
                self.winner = Some((place, value));
                self.attempts[place] = Attempt::Won;
            }
            Ok(Err(error)) => self.attempts[place] = Attempt::Failed(error),
            Err(TaskError::Panicked(panic)) => self.panic = self.panic.take().or(Some(panic)),
            Ok(Ok(_)) | Err(_) => {}
        }
    }

    /// Cancels all that run, waits until they have ended, and answers the cancellation that came meanwhile.
    async fn end_all(&mut self) -> Option<Cancelled> {
        let mut interrupted = None;
        while !self.tasks.is_empty() {
            let handles: Vec<_> = self.tasks.iter().map(|(_, task)| task.handle()).collect();
            for handle in &handles {
                handle.cancel();
            }
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

    fn into_race(mut self) -> Race<T, E> {
        if let Some(panic) = self.panic.take() {
            panic.resume();
        }
        Race { winner: self.winner.take(), attempts: std::mem::take(&mut self.attempts) }
    }
}

impl<T: 'static, E: 'static> Drop for Running<T, E> {
    fn drop(&mut self) {
        for (_, task) in &self.tasks {
            task.cancel();
        }
    }
}
