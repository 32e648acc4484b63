//! Branches of one task side by side, in two ways, and what most branches here are made of. Must not know what is
//! shown.

use std::cell::Cell;
use std::future::{pending, ready};
use std::rc::Rc;

use futures::FutureExt as _;
use futures::future::{LocalBoxFuture, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use oneloop::{catch_cancelled, create_task, sleep, yield_now};

use crate::polls::counted;
use crate::time::{now, secs};

/// One branch of a task.
pub(crate) type Branch<T> = LocalBoxFuture<'static, T>;

/// How branches are polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// All of them in each step, under the task's own waker.
    Join,
    /// Each under a waker of its own, and only if that was woken.
    Unordered,
}

impl Beside {
    pub(crate) const WAYS: [Self; 2] = [Self::Join, Self::Unordered];

    /// Awaits all branches. The values are in the order of the branches.
    pub(crate) async fn all<T: 'static>(self, branches: Vec<Branch<T>>) -> Vec<T> {
        match self {
            Self::Join => join_all(branches).await,
            Self::Unordered => {
                let numbered = branches.into_iter().enumerate().map(|(i, branch)| branch.map(move |value| (i, value)));
                let mut values: Vec<_> = numbered.collect::<FuturesUnordered<_>>().collect().await;
                values.sort_by_key(|(i, _)| *i);
                values.into_iter().map(|(_, value)| value).collect()
            }
        }
    }
}

/// Sleeps for `seconds`; whether it was cancelled before.
pub(crate) async fn caught(seconds: u64) -> bool {
    catch_cancelled(sleep(secs(seconds))).await.is_err()
}

/// A future of another crate's kind that is never ready, and the number of its polls.
pub(crate) fn spy() -> (impl Future<Output = ()> + Unpin + use<>, Rc<Cell<usize>>) {
    let polls = Rc::default();
    (Box::pin(counted(&polls, pending())), polls)
}

/// Runs a task for two iterations, and cancels it. `Some` if it returns a value for all that.
pub(crate) async fn cancelled_soon<T: 'static>(future: impl Future<Output = T> + 'static) -> Option<T> {
    let mut task = create_task(future);
    yield_now().await;
    yield_now().await;
    task.cancel();
    task.outcome().await.ok()
}

/// Runs a task, and cancels it after `seconds`. `Some` if it returns a value for all that.
pub(crate) async fn cancelled_after<T: 'static>(seconds: u64, future: impl Future<Output = T> + 'static) -> Option<T> {
    let mut task = create_task(future);
    sleep(secs(seconds)).await;
    task.cancel();
    task.outcome().await.ok()
}

/// Polls `future` once beside what is ready, and no more. It is not dropped.
pub(crate) async fn give_up(future: impl Future + Unpin) {
    drop(select(future, ready(())).await);
}

/// What `future` returns, and how many seconds it took.
pub(crate) async fn timed<T>(future: impl Future<Output = T>) -> (T, u64) {
    let start = now();
    let value = future.await;
    (value, (now() - start).as_secs())
}
