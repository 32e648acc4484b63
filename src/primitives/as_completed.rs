//! asyncio's `as_completed`: tasks one by one as they end. Owns the queue of those that have ended; must not know the
//! function `wait`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::wait::{Waitable, assert_same_loop, node_of};
use crate::base::{PooledRc, TaskKey, unsize};
use crate::cancel::leaf_fn;
use crate::current::{self, SingleWaiter, Timer, deadline_after};
use crate::error::TimeoutError;
use crate::kernel::{ChildTurn, ChildTurnRef, Leaf, Run, What};
use crate::node::{Core, Loop, Watch, Watcher};

/// Returns tasks in the order in which they end: asyncio's `as_completed` as an asynchronous iterator, which yields the
/// tasks that were passed to it.
///
/// # Examples
/// ```
/// use oneloop::{as_completed, create_task, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let tasks = [3, 1, 2].map(|ms| create_task(async move { sleep(Duration::from_millis(ms)).await; ms }));
///     let mut order = Vec::new();
///     let mut ended = as_completed(tasks);
///     while let Some(task) = ended.next().await {
///         order.push(task?.await);
///     }
///     assert_eq!(order, [1, 2, 3]);
///     Ok::<(), oneloop::TimeoutError>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// If this thread is in no loop, or a task belongs to another loop.
#[track_caller]
pub fn as_completed<I>(tasks: I) -> AsCompleted<I::Item>
where
    I: IntoIterator,
    I::Item: Waitable,
{
    let handles: Vec<Option<I::Item>> = tasks.into_iter().map(Some).collect();
    let state = PooledRc::new(Completions {
        kernel: current::expect(),
        queue: RefCell::default(),
        remaining: Cell::new(handles.len()),
        waiter: SingleWaiter::default(),
        timer: Cell::new(None),
        closed: Cell::new(false),
    });
    let mut numbers = Vec::with_capacity(handles.len());
    for (index, handle) in (0..).zip(handles.iter().flatten()) {
        let node = node_of(handle);
        assert_same_loop(&state.kernel, node.core());
        let number = state.kernel.next_watch();
        if node.core().is_done() {
            state.kernel.push_child_turn(unsize!(state.clone() => dyn ChildTurn), index);
        } else {
            node.core().watchers().add(number, Watcher::Watch(unsize!(state.clone() => dyn Watch), index));
        }
        numbers.push(number);
    }
    AsCompleted { left: handles.len(), handles, numbers, state }
}

/// Returned by [`as_completed`](fn@as_completed).
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, as_completed, create_task, sleep};
/// use std::time::Duration;
///
/// async fn page(n: u64) -> u64 {
///     sleep(Duration::from_secs(n)).await;
///     n
/// }
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// lp.run_until_complete(async {
///     let pages = [3, 1, 2].map(|n| create_task(page(n)));
///     let (mut ended, mut order) = (as_completed(pages), Vec::new());
///     while let Some(task) = ended.next().await {
///         order.push(task?.await);
///     }
///     assert_eq!(order, [1, 2, 3]);
///     Ok::<(), oneloop::TimeoutError>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it returns nothing unless next() is awaited"]
pub struct AsCompleted<H: Waitable> {
    /// `None` in place of a handle that was returned.
    handles: Vec<Option<H>>,
    /// The number of the state among the watchers of each handle.
    numbers: Vec<u64>,
    /// The number of tasks for which `next` has not returned.
    left: usize,
    state: PooledRc<Completions>,
}

impl<H: Waitable> AsCompleted<H> {
    /// Sets a time limit, counted from now; `None` for no limit. For each task that has not ended by then, `next`
    /// returns a [`TimeoutError`]. Nothing is cancelled.
    pub fn timeout(self, limit: impl Into<Option<Duration>>) -> Self {
        if let (Some(limit), true) = (limit.into(), self.state.remaining.get() > 0) {
            let kernel = &self.state.kernel;
            let time_is_up = unsize!(self.state.clone() => dyn Run);
            drop(self.state.timer.replace(Some(Timer::running(kernel, deadline_after(kernel, limit), time_is_up))));
        }
        self
    }

    /// The next task that has ended, or `None` if all were returned.
    ///
    /// # Errors
    /// [`TimeoutError`] if the time is up, once for each task that is left.
    ///
    /// # Cancel safety
    /// Nothing is lost: a task that has ended stays in the queue.
    pub async fn next(&mut self) -> Option<Result<H, TimeoutError>> {
        if self.left == 0 {
            return None;
        }
        let state = &self.state;
        let next = leaf_fn(&state.kernel, Leaf::of(What::NextCompleted), |cx| state.poll_next(cx)).await;
        self.left -= 1;
        Some(next.and_then(|index| self.handles[index as usize].take()).ok_or(TimeoutError))
    }

    /// The tasks that `next` has not returned, in the order of the arguments.
    pub fn into_rest(mut self) -> Vec<H> {
        self.deregister();
        std::mem::take(&mut self.handles).into_iter().flatten().collect()
    }

    fn deregister(&self) {
        for (handle, number) in self.handles.iter().zip(&self.numbers) {
            drop(handle.as_ref().and_then(|handle| node_of(handle).core().watchers().remove(*number)));
        }
        self.state.close();
    }
}

impl<H: Waitable> Drop for AsCompleted<H> {
    fn drop(&mut self) {
        self.deregister();
    }
}

impl<H: Waitable> fmt::Debug for AsCompleted<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The state that the tasks report their end to. The end of a task queues an entry of the ready queue, where asyncio
/// queues a callback; only when that entry runs, the task joins `queue`.
struct Completions {
    kernel: Rc<Loop>,
    /// What `next` returns: the indexes of tasks; `None` for a task that did not end in time.
    queue: RefCell<VecDeque<Option<u32>>>,
    /// The number of tasks that have not joined the queue.
    remaining: Cell<usize>,
    waiter: SingleWaiter,
    timer: Cell<Option<Timer>>,
    /// True if no task may join the queue any more: the time is up, or the handle was dropped.
    closed: Cell<bool>,
}

impl Completions {
    fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<u32>> {
        if let Some(next) = self.queue.borrow_mut().pop_front() {
            return Poll::Ready(next);
        }
        self.waiter.set(cx);
        Poll::Pending
    }

    fn close(&self) {
        self.closed.set(true);
        drop(self.timer.take());
    }
}

impl Watch for Completions {
    fn child_done(&self, index: u32, _child: &Core) -> Option<u32> {
        Some(index)
    }

    fn waiter(&self) -> Option<TaskKey> {
        self.waiter.task()
    }
}

/// Runs when the task with this index has ended.
impl ChildTurn for Completions {
    fn child_turn(&self, _me: &ChildTurnRef, index: u32) {
        if self.closed.get() {
            return;
        }
        self.queue.borrow_mut().push_back(Some(index));
        self.remaining.set(self.remaining.get() - 1);
        self.waiter.wake(&self.kernel);
        if self.remaining.get() == 0 {
            drop(self.timer.take());
        }
    }
}

/// Runs when the time is up.
impl Run for Completions {
    fn run(&self) {
        if self.closed.replace(true) {
            return;
        }
        drop(self.timer.take());
        let late = self.remaining.replace(0);
        self.queue.borrow_mut().extend(std::iter::repeat_n(None, late));
        self.waiter.wake(&self.kernel);
    }
}
